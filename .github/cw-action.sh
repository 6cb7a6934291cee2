#!/usr/bin/env bash
# What action.yml runs: a plan, then what was asked for; the plan goes into the summary of the job.
set -uo pipefail

cw() {
  if command -v cw >/dev/null 2>&1; then command cw "$@"; else npx --yes "coddiwomple@$CW_VERSION" "$@"; fi
}
# All lines: a flag such as --no-plugins must not get lost. `read` ends with 1 at the end of the text.
read -r -d '' -a args <<<"$CW_ARGS" || true

case "$CW_MODE" in
  plan | run | validate) ;;
  *)
    echo "::error::mode must be plan, run or validate, not $CW_MODE" >&2
    exit 64
    ;;
esac

changed=false
# What a plan would change and what a run has made, in words or, with `-o json` among the flags, in lines of JSON. The
# exit code does not tell: what is partial (3) or refused (4) can have changes all the same.
if [ "$CW_MODE" = run ]; then
  counts='^.+: [0-9]+ services? in [0-9]+ clusters?, [1-9][0-9]* applied|^\{"type":"apply_complete"'
else
  counts='^Changes:.* [1-9][0-9]* to (create|update|delete)|^Changes: .*; [0-9]+ sinks? that cannot say'
  counts+='|^\{"type":"change_summary".*"(create|update|delete)":[1-9]'
fi

if [ "$CW_MODE" = validate ]; then
  cw validate ${args[@]+"${args[@]}"} "$CW_CONFIG"
  code=$?
else
  # SOURCE_DATE_EPOCH: commits of the Git sink carry the date of this commit.
  SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || true)}"
  if [ -n "$SOURCE_DATE_EPOCH" ]; then export SOURCE_DATE_EPOCH; else unset SOURCE_DATE_EPOCH; fi
  report="$(mktemp)"
  cw plan --exit-code ${args[@]+"${args[@]}"} "$CW_CONFIG" >"$report" 2>&1
  code=$?
  cat "$report"
  {
    echo "### cw $CW_MODE"
    echo '```'
    # A job summary may have 1 MiB.
    head -c 900000 "$report"
    echo '```'
  } >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
  if [ "$CW_MODE" = run ]; then
    cw run ${args[@]+"${args[@]}"} "$CW_CONFIG" 2>&1 | tee "$report"
    code=${PIPESTATUS[0]}
  fi
  if grep -Eq "$counts" "$report"; then changed=true; fi
  rm -f "$report"
fi

{
  echo "changed=$changed"
  echo "exit-code=$code"
} >>"${GITHUB_OUTPUT:-/dev/null}"

# Changes alone are no failure unless that was asked for.
if [ "$code" -eq 2 ] && [ "$CW_FAIL" != true ]; then exit 0; fi
exit "$code"

#!/usr/bin/env bash
# What action.yml runs: a plan, then what was asked for; the plan goes into the summary of the job.
set -uo pipefail

cw() {
  if command -v cw >/dev/null 2>&1; then command cw "$@"; else npx --yes "coddiwomple@$CW_VERSION" "$@"; fi
}
read -r -a args <<<"$CW_ARGS"

case "$CW_MODE" in
  plan | run | validate) ;;
  *)
    echo "::error::mode must be plan, run or validate, not $CW_MODE" >&2
    exit 64
    ;;
esac

if [ "$CW_MODE" = validate ]; then
  cw validate "$CW_CONFIG"
  code=$?
  changed=false
else
  # SOURCE_DATE_EPOCH: commits of the Git sink carry the date of this commit.
  SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || true)}"
  if [ -n "$SOURCE_DATE_EPOCH" ]; then export SOURCE_DATE_EPOCH; else unset SOURCE_DATE_EPOCH; fi
  report="$(mktemp)"
  cw plan --exit-code ${args[@]+"${args[@]}"} "$CW_CONFIG" >"$report" 2>&1
  code=$?
  cat "$report"
  changed=false
  [ "$code" -eq 2 ] && changed=true
  {
    echo "### cw $CW_MODE"
    echo '```'
    # A job summary may have 1 MiB.
    head -c 900000 "$report"
    echo '```'
  } >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
  if [ "$CW_MODE" = run ]; then
    cw run ${args[@]+"${args[@]}"} "$CW_CONFIG"
    code=$?
  fi
fi

{
  echo "changed=$changed"
  echo "exit-code=$code"
} >>"${GITHUB_OUTPUT:-/dev/null}"

# Changes alone are no failure unless that was asked for.
if [ "$code" -eq 2 ] && [ "$CW_FAIL" != true ]; then exit 0; fi
exit "$code"

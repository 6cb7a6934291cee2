#!/bin/sh
# A check that reads a YAML stream, as validators do: only its exit code counts.
if grep -n "$(printf '\t')"; then
  echo "tabs are not for YAML" >&2
  exit 1
fi

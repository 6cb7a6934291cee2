#!/bin/sh
# A sink: one run per cluster, with everything that the cluster should have.
input=$(cat)
cluster=$(printf '%s\n' "$input" | sed -n 's/^      name: //p' | head -n 1)
mkdir -p tickets
printf '%s objects for %s\n' "$(printf '%s\n' "$input" | sed '1,/^items:/d' | grep -c '^  kind: ')" "$cluster" > "tickets/$cluster"

#!/usr/bin/env python3
"""A transform: a label on every object. Standard error goes to the log of cw."""
import json, sys

rl = json.load(sys.stdin)
team = rl["functionConfig"]["spec"]["config"]["team"]
for item in rl["items"]:
    item["metadata"].setdefault("labels", {})["acme.example/team"] = team
print("labelled", len(rl["items"]), "objects", file=sys.stderr)
json.dump(rl, sys.stdout)

#!/bin/sh
# An inventory script that knows everything at once.
cat <<'EOF'
{"web": {"hosts": ["a", "b"], "vars": {"v": 1, "t": "True"}}, "db": ["c"], "top": {"children": ["web", "db"]},
 "empty": {"hosts": []},
 "_meta": {"hostvars": {"a": {"x": [1, "2"], "y": null}, "c": {"__ansible_note": "no tag"}}}}
EOF

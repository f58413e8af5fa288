#!/bin/sh
echo 'a deprecated option' >&2
echo '{"web": {"hosts": ["w-1", "w-2:22", "w[1:2]"], "vars": {"a": null}}, "_meta": {"hostvars": {"w-1": {"b": [1]}, "gone": {"c": 1}}}}'

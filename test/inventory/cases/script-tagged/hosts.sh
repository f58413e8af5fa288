#!/bin/sh
echo '{"web": {"hosts": ["a"]}, "_meta": {"hostvars": {"a": {"u": {"__ansible_unsafe": "{{ x }}"}, "k": "v"}}}}'

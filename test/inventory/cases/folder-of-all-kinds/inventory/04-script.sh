#!/bin/sh
echo '{"web": {"hosts": ["s"]}, "_meta": {"hostvars": {"s": {"x": 4}}}}'

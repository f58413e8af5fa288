#!/bin/sh
echo '{"web": ["w-1"], "all": {"vars": {"a": 1}}, "_meta": {}}'

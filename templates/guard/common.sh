# shellcheck shell=sh
# What all parts of the guard stand on. Parts are put one behind the other into one program (src/guard/program.ts), which
# runs by itself on the host: from a session, from the timer, at boot. It needs POSIX sh, awk, sed, and whatever
# tool a piece of state belongs to; a tool that is not there has no state to keep.
set -eu
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin${PATH:+:$PATH}
export LC_ALL PATH
umask 077

newline='
'

# have TOOL...: whether all of them are there.
have() {
  for have_tool; do
    command -v "$have_tool" >/dev/null 2>&1 || return 1
  done
}

# What could not be put back, one line each. Nobody stops for it: the rest still goes back.
failures=

# try COMMAND...: runs it; when it fails, that is one more of the failures, with what it said first.
try() {
  try_said=$("$@" 2>&1 >/dev/null) && return 0
  failures="$failures$*: ${try_said%%"$newline"*}$newline"
}

# spoilt FILE: what could not be written to its end is not there. Status 1.
spoilt() {
  rm -f "$1"
  return 1
}

# refuse LINE: nothing was changed, and why.
refuse() {
  echo "$*" >&2
  exit 1
}

# missing A B: lines of file A that B has not, as often as they are missing, in the order of A.
missing() {
  awk -v other="$2" 'BEGIN { while ((getline line < other) > 0) count[line]++ } count[$0]-- <= 0' "$1"
}

# same A B: whether the two files hold the same.
same() { cmp -s "$1" "$2"; }

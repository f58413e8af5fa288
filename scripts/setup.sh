#!/bin/sh
# Makes a fresh Debian or Ubuntu ready: npm's packages, the Debian packages that are missing, the build.
# Says what it does; does nothing twice. Arguments: more Debian packages, as PACKAGE:PROGRAM.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*"; }

need_node='20.19'
command -v node >/dev/null || { say "fairlead needs Node.js $need_node or newer" >&2; exit 2; }
node -e '
  const [major, minor] = process.versions.node.split(".").map(Number);
  process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1);
' || { say "fairlead needs Node.js $need_node or newer, this is $(node --version)" >&2; exit 2; }

installed=node_modules/.package-lock.json
if [ ! -e "$installed" ] || [ -n "$(find package-lock.json -newer "$installed")" ]; then
  say 'npm ci'
  npm ci --no-fund --no-audit --loglevel=error
  touch "$installed"
fi

say 'build'
npm run --silent build

# Without root or apt there is no lab; whoever needs one says so.
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then exit 0; fi
missing=
for wanted in $(node dist/main.js lab packages) "$@"; do
  [ -n "$(PATH="$PATH:/usr/sbin:/sbin" command -v "${wanted#*:}" || :)" ] || missing="$missing ${wanted%%:*}"
done
if [ -n "$missing" ]; then
  say "apt-get install$missing"
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp)
  # A server that starts by itself while it is installed is of no use here.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  # shellcheck disable=SC2086 # a list of names
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1 || {
    cat "$log" >&2
    exit 2
  }
  rm -f "$log"
fi

# shellcheck shell=sh disable=SC2154
# Groups that a link hears because somebody said so (`ip maddr add`): DIR/multicast has `LINK ADDRESS` lines. Those that
# programs and the kernel join are theirs. BusyBox ip knows none of it.

take_multicast() {
  snap_multicast "$1"
  shape_multicast "$1"
}

shape_multicast() {
  told "$1" multicast ip || return 0
  awk '/^[0-9]+:\t.*\tlink .* static$/ {
      name = $2
      sub(/\\$/, "", name)
      print name, $4
    }' "$told" | sort >"$1/multicast" || spoilt "$1/multicast"
}

put_multicast() {
  [ ! -e "$1/multicast" ] || settle "$1" multicast -o
}

plan_multicast() { # WANTED NOW
  awk '
    FILENAME == ARGV[1] { wanted[$0]; order[++count] = $0; next }
    FILENAME == ARGV[2] { known[$1]; next }
    { now[$0] }
    $1 in known && !($0 in wanted) { print "maddr del " $2 " dev " $1 }
    END { for (i = 1; i <= count; i++) if (!(order[i] in now)) { split(order[i], part, " "); print "maddr add " part[2] " dev " part[1] } }' \
    "$1/multicast" "$1/interfaces" "$2/multicast"
}

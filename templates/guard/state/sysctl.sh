# shellcheck shell=sh
# Settings under /proc/sys/net: DIR/sysctl has `PATH = VALUE` lines. Left out is what cannot be read, what counts, what
# follows from other settings, and secrets. A setting that was not there came with a link or a module, and has no value
# to go back to; one that is not there any more comes back with its link.

take_sysctl() {
  snap_sysctl "$1"
  shape_sysctl "$1"
}

# Where head was asked, a file's first line stands below its name, and an empty line above the next name; where grep was,
# behind it.
shape_sysctl() {
  [ -e "$1/.raw.sysctl" ] || return 0
  awk '
    function keep(path, value,   name) {
      name = path
      sub(/.*\//, "", name)
      if (name ~ /^(flush|stable_secret|tcp_fastopen_key|nf_conntrack_count|(tcp_)?available_.*)$/) return
      # The same in seconds, rounded.
      if (name ~ /^(base_reachable_time|retrans_time|gc_min_interval)$/) return
      print path " = " value
    }
    function end_file() {
      # Of a file that gives nothing there is the empty line above the next name, and no more.
      if (lines > 1 || lines && (is_last || first != "")) keep(path, first)
      lines = 0
    }
    /^==> .* <==$/ {
      # The first one that a head is asked for has nothing above it.
      is_last = $2 == "/dev/null"
      end_file()
      path = "net" substr($2, 2)
      is_told = 1
      next
    }
    $0 == "# whole" { next }
    is_told { if (!lines++) first = $0; next }
    { at = index($0, ":"); keep(substr($0, 11, at - 11), substr($0, at + 1)) }
    END { is_last = 1; end_file() }' "$1/.raw.sysctl" | sort >"$1/sysctl" || spoilt "$1/sysctl"
}

# Some settings set those of all interfaces: they come first, and then it is looked again.
put_sysctl() {
  [ -e "$1/sysctl" ] || return 0
  [ -d "$1/now" ] || mkdir "$1/now"
  sysctl_last=0
  while [ "$sysctl_last" -lt 4 ]; do
    take_sysctl "$1/now"
    ! same "$1/sysctl" "$1/now/sysctl" || break
    plan_settings "$1/sysctl" "$1/now/sysctl" "$sysctl_last" >"$1/now/plan"
    [ -s "$1/now/plan" ] || break
    while read -r sysctl_rank sysctl_path sysctl_value; do
      sysctl_last=$sysctl_rank
      [ -w "/proc/sys/$sysctl_path" ] || continue
      write_setting "$sysctl_path" "$sysctl_value" 2>/dev/null || try write_setting "$sysctl_path" "$sysctl_value"
    done <"$1/now/plan"
  done
  rm -rf "$1/now"
}

# plan_settings WANTED NOW LAST: those of the next rank after LAST in which something differs, `RANK PATH VALUE` lines.
plan_settings() {
  awk -v last="$3" 'function rank_of(path) {
      # Forwarding sets the redirects of all and of each.
      if (path ~ /\/(ip_forward|all\/forwarding)$/) return 1
      if (path ~ /\/all\/[^\/]*$/) return 2
      return path ~ /\/default\/[^\/]*$/ ? 3 : 4
    }
    { at = index($0, " = "); path = substr($0, 1, at - 1); value = substr($0, at + 3) }
    FILENAME == ARGV[1] { wanted[path] = value; next }
    path in wanted && wanted[path] != value {
      rank = rank_of(path)
      if (rank <= last) next
      text[rank] = text[rank] rank " " path " " wanted[path] "\n"
    }
    END { for (rank = 1; rank <= 4; rank++) if (text[rank] != "") { printf "%s", text[rank]; exit } }' "$1" "$2"
}

# Without a newline: some kernels (6.1) take the value of a setting and fail for what comes behind it. But nothing at all
# would not be written.
write_setting() {
  case $2 in '') echo ;; *) printf %s "$2" ;; esac >"/proc/sys/$1"
}

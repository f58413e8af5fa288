# shellcheck shell=sh
# Virtual services and their real servers: DIR/ipvs has the lines of `ipvsadm -S -n` in order, then the timeouts and the
# synchronisation in the words that set them. Services and servers that differ are edited, so that connections live on.
# Where nobody has used IPVS yet there is nothing, with the timeouts that it begins with.

take_ipvs() {
  snap_ipvs "$1"
  shape_ipvs "$1"
}

shape_ipvs() {
  [ -e "$1/.raw.ipvs" ] || return 0
  ipvs_thresholds=$1/.raw.ipvs-thresholds
  [ -e "$ipvs_thresholds" ] || ipvs_thresholds=/dev/null
  {
    # A service stands before its servers: A before a. How many connections a server takes `-S` does not say.
    awk 'BEGIN { option["TCP"] = "-t"; option["UDP"] = "-u"; option["SCTP"] = "--sctp-service"; option["FWM"] = "-f" }
    FILENAME == ARGV[1] {
      if ($1 in option) service = option[$1] " " $2 ($3 == "IPv6" ? " -6" : "")
      if ($1 == "->" && $3 + $4 > 0) limits[service " " $2] = " -x " $3 " -y " $4
      next
    }
    $1 == "-A" || $1 == "-a" {
      line = $0
      sub(/[ \t]+$/, "", line)
      service = $2 " " $3 ($4 == "-6" ? " -6" : "")
      for (i = 4; i < NF; i++) if ($i == "-r") line = line limits[service " " $(i + 1)]
      print service "\t" line
    }' "$ipvs_thresholds" "$1/.raw.ipvs" | sort | cut -f 2-
    [ ! -e "$1/.raw.ipvs-timeouts" ] || sed -n 's/^Timeout (tcp tcpfin udp): */--set /p' "$1/.raw.ipvs-timeouts"
    [ ! -e "$1/.raw.ipvs-daemons" ] || sed -n '/^[mb]a.* sync daemon (/{
      s/^\([a-z]*\) sync daemon (/--start-daemon \1, /
      s/)[ \t]*$//
      s/, mcast=/ --mcast-interface /
      s/, syncid=/ --syncid /
      s/, maxlen=/ --sync-maxlen /
      s/, group=/ --mcast-group /
      s/, port=/ --mcast-port /
      s/, ttl=/ --mcast-ttl /
      p
    }' "$1/.raw.ipvs-daemons"
  } >"$1/ipvs" || spoilt "$1/ipvs"
}

put_ipvs() {
  [ -e "$1/ipvs" ] || return 0
  [ -d "$1/now" ] || mkdir "$1/now"
  take_ipvs "$1/now"
  [ -e "$1/now/ipvs" ] || : >"$1/now/ipvs"
  if ! same "$1/ipvs" "$1/now/ipvs"; then
    plan_services "$1/ipvs" "$1/now/ipvs" >"$1/now/plan"
    while IFS= read -r ipvs_line; do
      # shellcheck disable=SC2086 # words
      try ipvsadm $ipvs_line
    done <"$1/now/plan"
  fi
  rm -rf "$1/now"
}

# plan_services WANTED NOW: the words of ipvsadm's calls. What is new comes first, what is surplus goes last.
plan_services() {
  awk 'function key_of(line,   words, count, i) {
      count = split(line, words, " ")
      service = words[2] " " words[3] (words[4] == "-6" ? " -6" : "")
      for (i = 4; i < count; i++) if (words[i] == "-r") return service " -r " words[i + 1]
      return service
    }
    function say(phase, line) { text[phase] = text[phase] line "\n" }
    FILENAME == ARGV[1] { wanted[key = $1 ~ /^--/ ? $1 ($1 == "--set" ? "" : $2) : key_of($0)] = $0; order[++count] = key; next }
    { now[key = $1 ~ /^--/ ? $1 ($1 == "--set" ? "" : $2) : key_of($0)] = $0; surplus[++number] = key }
    END {
      for (i = 1; i <= count; i++) {
        line = wanted[order[i]]
        if (line == now[order[i]]) continue
        if (line ~ /^--start-daemon/ && order[i] in now && now[order[i]] != "") say(6, "--stop-daemon " substr(order[i], 15))
        if (line ~ /^--/) say(7, line)
        else if (now[order[i]] == "") say(line ~ /^-A/ ? 1 : 2, line)
        else say(line ~ /^-A/ ? 1 : 2, (line ~ /^-A/ ? "-E" : "-e") substr(line, 3))
      }
      for (i = 1; i <= number; i++) {
        key = surplus[i]
        line = now[key]
        if (key in wanted) continue
        if (line ~ /^--start-daemon/) say(6, "--stop-daemon " substr(key, 15))
        else if (line ~ /^-A/) say(5, "-D " key)
        else if (line ~ /^-a/) {
          key_of(line)
          if (service in wanted) say(4, "-d " key)
        }
      }
      for (i = 1; i <= 7; i++) printf "%s", text[i]
    }' "$1" "$2"
}

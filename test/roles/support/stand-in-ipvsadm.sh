#!/bin/sh
# Beside what the stand-in of the modules' tests knows (services and servers): lists with counts of connections from the file
# `connections` (KEY SERVER ACTIVE INACTIVE), timeouts in `set`, synchronisation in `master` and `backup`.
folder=@FOLDER@
list() {
  awk -v counts="$folder/connections" '
    BEGIN { while ((getline line <counts) > 0) { split(line, word, " "); count[word[1], word[2]] = word[3] " " word[4] } }
    { kind = $2 == "-t" ? "TCP" : $2 == "-u" ? "UDP" : $2 == "-f" ? "FWM" : "SCTP" }
    $1 == "-A" { printf "%s  %s%s %s\n", kind, $3, $4 == "-6" ? " IPv6" : "", "rr" }
    $1 == "-A" { key = kind == "FWM" ? ($4 == "-6" ? "mark6/" : "mark/") $3 : tolower(kind) "/" $3 }
    $1 == "-a" {
      for (i = 4; i < NF; i++) { if ($i == "-r") server = $(i + 1); if ($i == "-w") weight = $(i + 1) }
      printf "  -> %-28s %-7s %-6d %s\n", server, "Route", weight, (key, server) in count ? count[key, server] : "0 0"
    }' "$folder/ipvs"
}
case "$1 ${2-}" in
'-L -n') list ;;
'-L --timeout') echo "Timeout (tcp tcpfin udp): $(cat "$folder/set")" ;;
'-L --daemon')
  for kind in master backup; do
    [ ! -e "$folder/$kind" ] ||
      echo "$kind sync daemon (mcast=$(cat "$folder/$kind"), maxlen=1472, group=224.0.0.81, port=8848, ttl=1)  "
  done
  ;;
--set*) echo "$*" >>"$folder/ipvs.calls"; shift; echo "$*" >"$folder/set" ;;
--start-daemon*) echo "$*" >>"$folder/ipvs.calls"; echo "$4, syncid=$6" >"$folder/$2" ;;
--stop-daemon*) echo "$*" >>"$folder/ipvs.calls"; rm "$folder/$2" ;;
*) exec sh "$folder/services" "$@" ;;
esac

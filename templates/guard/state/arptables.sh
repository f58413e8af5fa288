# shellcheck shell=sh
# Tables of arptables, in both backends, and of ebtables where it stands on nft: DIR/arptables-legacy, arptables-nft,
# ebtables-nft; their lines are those of iptables.sh. The old ebtables is not kept: to ask it is to load its tables.

take_arptables() {
  snap_arptables "$1"
  shape_arptables "$1"
}

shape_arptables() {
  shape_xtables "$1" arptables legacy || return 1
  shape_xtables "$1" arptables nft || return 1
  shape_xtables "$1" ebtables nft
}

put_arptables() {
  [ -d "$1/now" ] || mkdir "$1/now"
  take_arptables "$1/now"
  put_xtables "$1" "$1/now" arptables legacy
  put_xtables "$1" "$1/now" arptables nft
  put_xtables "$1" "$1/now" ebtables nft
  rm -rf "$1/now"
}

# shellcheck shell=sh disable=SC2034,SC2154
# The kernel's state as a whole: what state/*.sh do, in an order in which it can be done. Snapped is what the tools say,
# which costs little; only what is put back or compared is shaped.

# Kinds of state in the order in which they can be put back: what is named by others comes first.
KINDS='links sysctl addresses neighbours multicast routes rules ipset iptables arptables nft ipvs'

# take DIR: the kernel's state.
take() {
  snap_state "$1"
  shape_state "$1"
}

# shape_state DIR: makes what was snapped comparable, once.
shape_state() {
  shape_dir=$1
  set -- "$1"/.raw.*
  [ -e "$1" ] || return 0
  shape_lost=
  for shape_kind in $KINDS; do "shape_$shape_kind" "$shape_dir" || shape_lost="$shape_lost $shape_kind"; done
  if [ -n "$shape_lost" ]; then
    failures="${failures}what was kept cannot be read:$shape_lost$newline"
  else
    rm -f "$@"
  fi
}

# put DIR: the kernel's state.
put() {
  for put_kind in $KINDS; do
    case $put_kind in
      iptables | arptables) ;;
      nft) stage "$1" put_filters ;;
      *) stage "$1" "put_$put_kind" ;;
    esac
  done
}

# In one stage: which tables are nft's own it knows from those before it, and where they ended early it must not guess.
put_filters() {
  put_iptables "$1"
  put_arptables "$1"
  put_nft "$1"
}

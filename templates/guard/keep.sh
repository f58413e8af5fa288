# shellcheck shell=sh
# What the run is about to touch, as it is now. Of files, folders and links DIR/paths says what was where, DIR/files/N has
# the copy:
#   kept N PATH        it was there
#   absent - PATH      nothing was there
#   empty FOLDER PATH  nor was its folder: FOLDER is the last one on the way that was there
# A path that the program has seen before stays as it was then. Of services DIR/services has a line
# `NAME exists|absent running|stopped` for each. What starts them at boot are links, which are kept as files.

# keep DIR WANTS: `file PATH` or `service NAME` a line. `read` would ask the kernel for each letter.
keep() {
  keep_wanted='' keep_asked=''
  keep_ifs=$IFS IFS=$newline
  set -f
  for keep_line in $2; do
    case $keep_line in
      'file '*) keep_wanted=$keep_wanted${keep_line#file }$newline ;;
      'service '*) keep_asked=$keep_asked${keep_line#service }$newline ;;
    esac
  done
  set +f
  IFS=$keep_ifs
  keep_files "$1/before" <<END
$keep_wanted
END
  keep_services "$1/before" <<END
$keep_asked
END
}

# Kilobytes. More is no configuration, and would fill somebody's disk.
FOLDER_LIMIT=65536

# keep_files DIR: reads one path a line.
keep_files() {
  [ -d "$1/files" ] || mkdir -p "$1/files"
  [ -e "$1/paths" ] || : >"$1/paths"
  keep_count=0
  keep_known=$newline
  while read -r keep_kind keep_word keep_path; do
    [ "$keep_kind" != kept ] || keep_count=$((keep_word + 1))
    keep_known=$keep_known$keep_path$newline
  done <"$1/paths"
  while IFS= read -r keep_path; do
    case $keep_path in
      /proc/* | /sys/* | /dev/* | / | "$STATE" | "$GUARD" | "$GUARD"/*) continue ;;
      /*) ;;
      *) continue ;;
    esac
    case $keep_known in *"$newline$keep_path$newline"*) continue ;; esac
    keep_file "$1" "$keep_path"
    keep_known=$keep_known$keep_path$newline
  done
}

keep_file() {
  if [ -e "$2" ] || [ -h "$2" ]; then
    if [ -d "$2" ] && [ ! -h "$2" ]; then
      keep_size=$(du -skx "$2") || keep_size=0
      [ "${keep_size%%[!0-9]*}" -le "$FOLDER_LIMIT" ] || refuse "$2 is too large to be kept: $keep_size"
    fi
    cp -a "$2" "$1/files/$keep_count" || refuse "$2 cannot be kept"
    echo "kept $keep_count $2" >>"$1/paths"
    keep_count=$((keep_count + 1))
    return 0
  fi
  keep_folder=${2%/*}
  if [ -d "${keep_folder:-/}" ]; then
    echo "absent - $2" >>"$1/paths"
    return 0
  fi
  until [ -d "${keep_folder:-/}" ]; do keep_folder=${keep_folder%/*}; done
  echo "empty ${keep_folder:-/} $2" >>"$1/paths"
}

find_manager() {
  if [ -d /run/systemd/system ]; then manager=systemd
  elif [ -d /run/openrc ]; then manager=openrc
  else manager=sysv; fi
}

# service_links NAME: sets $links to what makes it start at boot, and what says how; as they are now.
service_links() {
  links=
  for links_path in /etc/rc?.d/[SK][0-9][0-9]"$1" /etc/runlevels/*/"$1" \
    /etc/systemd/system/*.wants/"$1".* /etc/systemd/system/*.requires/"$1".* \
    /etc/systemd/system/"$1".* /etc/init.d/"$1"; do
    [ ! -e "$links_path" ] && [ ! -h "$links_path" ] || links=$links$links_path$newline
  done
}

is_running() {
  case $manager in
    systemd) systemctl -q is-active "$1" ;;
    openrc) rc-service "$1" status ;;
    *) "/etc/init.d/$1" status ;;
  esac </dev/null >/dev/null 2>&1
}

is_service() {
  case $manager in
    systemd) systemctl cat "$1" >/dev/null 2>&1 || [ -x "/etc/init.d/$1" ] ;;
    *) [ -x "/etc/init.d/$1" ] ;;
  esac
}

# keep_services DIR: reads one name a line.
keep_services() {
  find_manager
  [ -e "$1/services" ] || : >"$1/services"
  while IFS= read -r keep_name; do
    keep_name=${keep_name%.service}
    case $keep_name in '' | *[!A-Za-z0-9@_.:-]*) continue ;; esac
    ! knows_service "$1" "$keep_name" || continue
    keep_state='absent stopped'
    if is_service "$keep_name"; then
      keep_state='exists stopped'
      ! is_running "$keep_name" || keep_state='exists running'
    fi
    echo "$keep_name $keep_state" >>"$1/services"
    service_links "$keep_name"
    [ -n "$links" ] || continue
    printf %s "$links" >>"$1/links"
    keep_files "$1" <<END
$links
END
  done
}

knows_service() { # DIR NAME
  while read -r knows_name _; do
    [ "$knows_name" != "$2" ] || return 0
  done <"$1/services"
  return 1
}

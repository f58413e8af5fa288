// How the three init systems are told to start, stop and register a service, as sh functions.
// `service` and `boot_script` share them. They expect $init (init-system.ts) and run under `set -eu`.

/** What a service's name may be made of: nothing that a shell, an rc link or a unit would take for something else. */
export const SERVICE_NAME = /^[A-Za-z0-9][A-Za-z0-9@._:+-]{0,127}$/;

/**
 * Defines `service_do ACTION NAME`: start, stop, restart or reload. What it prints goes to a file first, because
 * a daemon that keeps its output open would keep the session waiting; it is shown where the action fails.
 */
export const SERVICE_DO = `service_do() {
  log=$(mktemp)
  status=0
  case $init in
    systemd) systemctl "$1" "$2" </dev/null >"$log" 2>&1 || status=$? ;;
    openrc)
      # OpenRC takes a crashed service (status 32) for a started one until it is told otherwise.
      if [ "$1" = start ]; then
        rc-service "$2" status >/dev/null 2>&1 || [ $? -ne 32 ] || rc-service "$2" zap >/dev/null 2>&1 || :
      fi
      rc-service "$2" "$1" </dev/null >"$log" 2>&1 || status=$?
      ;;
    *) "$(init_script "$2")" "$1" </dev/null >"$log" 2>&1 || status=$? ;;
  esac
  if [ "$status" -ne 0 ]; then
    cat "$log" >&2
    if [ "$init" = systemd ]; then systemctl status --no-pager -n 20 "$2" >&2 || :; fi
  fi
  rm -f "$log"
  return "$status"
}
init_script() {
  if [ -e "/etc/init.d/$1" ]; then echo "/etc/init.d/$1"; else echo "/etc/rc.d/init.d/$1"; fi
}`;

/** Sets `$enabled` to yes or no for the service `$name`, by the links that the init system will follow. No forks. */
export const SERVICE_ENABLED_BY_LINKS = `enabled=no
case $init in
  openrc) for link in /etc/runlevels/*/"$name"; do if [ -e "$link" ]; then enabled=yes; fi; done ;;
  *)
    for link in /etc/rc[2345].d/S[0-9][0-9]"$name" /etc/rc.d/rc[2345].d/S[0-9][0-9]"$name"; do
      if [ -e "$link" ] || [ -L "$link" ]; then enabled=yes; fi
    done
    if ! { [ -d /etc/rc2.d ] || [ -d /etc/rc3.d ] || [ -d /etc/rc.d/rc3.d ]; }; then
      for link in /etc/rcS.d/S[0-9][0-9]"$name"; do if [ -L "$link" ]; then enabled=yes; fi; done
    fi
    ;;
esac`;

/**
 * Defines `service_enable NAME` and `service_disable NAME`. On SysV the links are made by hand
 * where neither update-rc.d nor chkconfig is there, or where they made none.
 */
export const SERVICE_REGISTER = `service_enable() {
  case $init in
    systemd) systemctl enable "$1" >/dev/null ;;
    openrc) rc-update add "$1" default >/dev/null ;;
    *)
      if command -v update-rc.d >/dev/null 2>&1; then
        update-rc.d "$1" defaults >/dev/null
        # Links that were there, disabled, are left so by that. Not called in vain: it is 15 ms of Perl.
        set -- "$1" /etc/rc[2345].d/S[0-9][0-9]"$1"
        if ! [ -e "$2" ]; then update-rc.d "$1" enable >/dev/null 2>&1 || :; fi
      elif command -v chkconfig >/dev/null 2>&1; then
        chkconfig --add "$1"
        chkconfig "$1" on
      fi
      sysv_links "$1" enable
      ;;
  esac
}
service_disable() {
  case $init in
    systemd) systemctl disable "$1" >/dev/null ;;
    openrc)
      for link in /etc/runlevels/*/"$1"; do
        [ -e "$link" ] || [ -L "$link" ] || continue
        level=\${link%/*}
        rc-update del "$1" "\${level##*/}" >/dev/null
      done
      ;;
    *)
      if command -v update-rc.d >/dev/null 2>&1; then
        update-rc.d "$1" disable >/dev/null 2>&1 || :
      elif command -v chkconfig >/dev/null 2>&1; then
        chkconfig "$1" off || :
      fi
      sysv_links "$1" disable
      ;;
  esac
}
sysv_links() {
  base=/etc
  [ -d /etc/rc2.d ] || [ -d /etc/rc3.d ] || base=/etc/rc.d
  if ! [ -d "$base" ]; then
    # Run levels are unknown here: what rcS.d has is run at each boot.
    case $2 in
      enable) ls /etc/rcS.d/S[0-9][0-9]"$1" >/dev/null 2>&1 || ln -s "../init.d/$1" "/etc/rcS.d/S99$1" ;;
      *) rm -f /etc/rcS.d/S[0-9][0-9]"$1" ;;
    esac
    return 0
  fi
  up=no
  for link in "$base"/rc[2345].d/S[0-9][0-9]"$1"; do
    if [ -L "$link" ] || [ -e "$link" ]; then up=yes; fi
  done
  target=../init.d/$1
  for level in 0 1 2 3 4 5 6; do
    folder=$base/rc$level.d
    [ -d "$folder" ] || continue
    case $2-$up-$level in
      enable-no-[2345])
        rm -f "$folder"/K[0-9][0-9]"$1"
        ln -s "$target" "$folder/S99$1"
        ;;
      enable-no-*)
        if ! ls "$folder"/K[0-9][0-9]"$1" >/dev/null 2>&1; then ln -s "$target" "$folder/K01$1"; fi
        ;;
      disable-yes-[2345])
        rm -f "$folder"/S[0-9][0-9]"$1"
        if ! ls "$folder"/K[0-9][0-9]"$1" >/dev/null 2>&1; then ln -s "$target" "$folder/K01$1"; fi
        ;;
      remove-*) rm -f "$folder"/[SK][0-9][0-9]"$1" ;;
    esac
  done
}`;

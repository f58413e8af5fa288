# shellcheck shell=sh
# A host that went down in the middle comes up with the old files: this runs before the network's own scripts. It is
# installed once, with the first transaction, and does nothing while none is pending.

# Counts up when what is installed changes.
HOOK_VERSION=2

install_boot_hook() {
  read -r hook_version 2>/dev/null <"$GUARD/hook" || hook_version=
  [ "$hook_version" != "$HOOK_VERSION" ] || return 0
  # shellcheck disable=SC2016 # it is for the script
  printf '%s\n' '#!/bin/sh' \
    '# fairlead: guard, what a reboot interrupted goes back before the network starts' \
    "guard=$GUARD" \
    '[ "${1:-start}" = start ] && [ -e "$guard/current" ] || exit 0' \
    'id=$(sed -n "s/^id=//p" "$guard/current")' \
    'exec sh "$guard/$id/program" boot "$guard/$id"' >"$GUARD/boot"
  if [ -d /run/systemd/system ]; then
    hook_units=/etc/systemd/system
    chmod 755 "$GUARD/boot"
    mkdir -p "$hook_units/sysinit.target.wants"
    cat >"$hook_units/fairlead-guard.service" <<END
# fairlead: guard
[Unit]
Description=Undo what nobody confirmed before the reboot
DefaultDependencies=no
RequiresMountsFor=$GUARD
After=local-fs.target systemd-remount-fs.service
Before=network-pre.target sysinit.target systemd-sysctl.service systemd-networkd.service
Wants=network-pre.target
ConditionPathExists=$GUARD/current

[Service]
Type=oneshot
ExecStart=$GUARD/boot start
END
    chmod 644 "$hook_units/fairlead-guard.service"
    ln -sf "$hook_units/fairlead-guard.service" "$hook_units/sysinit.target.wants/fairlead-guard.service"
  elif [ -d /etc/runlevels ]; then
    install_openrc_hook
  else
    install_sysv_hook
  fi
  echo "$HOOK_VERSION" >"$GUARD/hook"
}

# In the runlevel that the network starts in: the scripts that Debian's OpenRC takes over from SysV are all in the first one.
# Nothing is needed, for what mounts /var goes by another name there.
install_openrc_hook() {
  hook_level=boot
  [ ! -e /etc/runlevels/sysinit/networking ] || hook_level=sysinit
  cat >/etc/init.d/fairlead-guard <<END
#!/sbin/openrc-run
# fairlead: guard
description="Undo what nobody confirmed before the reboot"
depend() {
	use localmount mountall
	before net networking procps sysctl iptables ip6tables nftables
}
start() {
	$GUARD/boot start
}
END
  chmod 755 "$GUARD/boot" /etc/init.d/fairlead-guard
  rm -f /etc/runlevels/*/fairlead-guard
  mkdir -p "/etc/runlevels/$hook_level"
  ln -s /etc/init.d/fairlead-guard "/etc/runlevels/$hook_level/fairlead-guard"
}

# rcS.d where there is one, and insserv where that orders it; an init that reads none of these runs inittab, whose admin has to
# call GUARD/boot.
install_sysv_hook() {
  if [ ! -d /etc/init.d ]; then
    chmod 755 "$GUARD/boot"
    return 0
  fi
  # shellcheck disable=SC2016 # it is for insserv
  printf '%s\n' '#!/bin/sh' '# fairlead: guard' \
    '### BEGIN INIT INFO' \
    '# Provides:          fairlead-guard' \
    '# Required-Start:    $local_fs' \
    '# Required-Stop:' \
    '# X-Start-Before:    procps networking ifupdown' \
    '# Default-Start:     S' \
    '# Default-Stop:' \
    '# Short-Description: Undo what nobody confirmed before the reboot' \
    '### END INIT INFO' \
    "exec $GUARD/boot \"\$@\"" >/etc/init.d/fairlead-guard
  chmod 755 "$GUARD/boot" /etc/init.d/fairlead-guard
  set -- /etc/rcS.d/S[0-9][0-9]fairlead-guard
  [ ! -h "$1" ] || return 0
  # Without insserv all it does is to make the link.
  if have update-rc.d && { [ ! -d /etc/rcS.d ] || [ -x /usr/lib/insserv/insserv ] || [ -x /sbin/insserv ]; }; then
    update-rc.d fairlead-guard defaults >/dev/null 2>&1 || :
    set -- /etc/rcS.d/S[0-9][0-9]fairlead-guard
  fi
  [ ! -h "$1" ] && [ -d /etc/rcS.d ] || return 0
  ln -sf ../init.d/fairlead-guard /etc/rcS.d/S00fairlead-guard
}

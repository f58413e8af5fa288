# shellcheck shell=sh
# A host that went down in the middle comes up with the old files: this runs before the network's own scripts. It is
# installed once, with the first transaction, and does nothing while none is pending.

# Counts up when what is installed changes.
HOOK_VERSION=1

install_boot_hook() {
  read -r hook_version 2>/dev/null <"$GUARD/hook" || hook_version=
  [ "$hook_version" != "$HOOK_VERSION" ] || return 0
  cat >"$GUARD/boot" <<'END'
#!/bin/sh
# fairlead: guard, what a reboot interrupted goes back before the network starts
guard=/var/lib/fairlead/guard
[ "${1:-start}" = start ] && [ -e "$guard/current" ] || exit 0
id=$(sed -n 's/^id=//p' "$guard/current")
exec sh "$guard/$id/program" boot "$guard/$id"
END
  chmod 755 "$GUARD/boot"
  if [ -d /run/systemd/system ]; then
    hook_units=/etc/systemd/system
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
    cat >/etc/init.d/fairlead-guard <<END
#!/sbin/openrc-run
# fairlead: guard
description="Undo what nobody confirmed before the reboot"
depend() {
	need localmount
	before net sysctl iptables ip6tables
}
start() {
	$GUARD/boot start
}
END
    chmod 755 /etc/init.d/fairlead-guard
    mkdir -p /etc/runlevels/boot
    ln -sf /etc/init.d/fairlead-guard /etc/runlevels/boot/fairlead-guard
  else
    install_sysv_hook
  fi
  echo "$HOOK_VERSION" >"$GUARD/hook"
}

# rcS.d where there is one; an init that reads none of these runs inittab, whose admin has to call GUARD/boot.
install_sysv_hook() {
  [ -d /etc/init.d ] || return 0
  {
    echo '#!/bin/sh'
    echo '# fairlead: guard'
    echo '### BEGIN INIT INFO'
    echo '# Provides:          fairlead-guard'
    echo '# Required-Start:    $local_fs'
    echo '# Required-Stop:'
    echo '# X-Start-Before:    procps networking ifupdown'
    echo '# Default-Start:     S'
    echo '# Default-Stop:'
    echo '# Short-Description: Undo what nobody confirmed before the reboot'
    echo '### END INIT INFO'
    echo "exec $GUARD/boot \"\$@\""
  } >/etc/init.d/fairlead-guard
  chmod 755 /etc/init.d/fairlead-guard
  if have update-rc.d; then
    update-rc.d fairlead-guard defaults >/dev/null 2>&1 || :
  fi
  set -- /etc/rcS.d/S[0-9][0-9]fairlead-guard
  [ ! -h "$1" ] && [ -d /etc/rcS.d ] || return 0
  ln -sf ../init.d/fairlead-guard /etc/rcS.d/S00fairlead-guard
}

# boot DIR: what was confirmed stays.
boot() {
  if [ -e "$1/armed" ] || [ -e "$1/undoing" ]; then
    undo "$1" 'the host rebooted and nobody had confirmed it'
  else
    [ ! -e "$1/confirmed" ] || number_generation "$1" || :
    release "$1"
  fi
}

# shellcheck shell=sh
# What there is on a host that may have changed files, rules or routes behind our back. Only looks. Lines of
#   now S, booted S                       seconds since 1970
#   unit KEY=VALUE...                     of a service, as systemd tells
#   process NAME S                        when it began
#   boots NAME                            it is run at boot (SysV, OpenRC)
#   networkd KEY=VALUE                    what it does with what it did not make
#   flush FILE                            which empties all of nftables when it is loaded
#   sets KEY=VALUE FILE                   of a setting, at boot
#   file S OWNER PATH, gone S PATH        last written; the folder of what is not there
#   package NAME PATH, upgraded S NAME    whose it is; when it was last installed or upgraded
#   generation N STARTED OWNER PLAYBOOK   confirmed changes of ours
#   confirmed N TIME
#   rolledback TIME WORDS
LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
GUARD=/var/lib/fairlead/guard

observe() {
  echo "now $(date +%s)"
  booted=$(sed -n 's/^btime //p' /proc/stat)
  echo "booted $booted"
  observe_services
  observe_networkd
  observe_guard
}

observe_services() {
  if [ -d /run/systemd/system ]; then
    for name in $SERVICES; do
      echo "unit $(systemctl show -p Id -p ActiveState -p UnitFileState -p ActiveEnterTimestampMonotonic \
        "$name.service" 2>/dev/null | tr '\n' ' ')"
    done
  else
    for name in $SERVICES; do
      for link in /etc/rc[2345].d/S??"$name" /etc/runlevels/*/"$name"; do
        [ ! -e "$link" ] || echo "boots $name"
      done
    done
  fi
  # Field 22 is hundredths of a second since boot; the name in field 2 may hold anything.
  for file in /proc/[0-9]*/comm; do
    read -r name 2>/dev/null <"$file" || continue
    case " $PROCESSES " in *" $name "*) ;; *) continue ;; esac
    read -r stat 2>/dev/null <"${file%comm}stat" || continue
    # shellcheck disable=SC2086 # fields
    set -- ${stat##*) }
    echo "process $name $((booted + ${20} / 100))"
  done
}

observe_networkd() {
  [ -e /run/systemd/netif/state ] || return 0
  for file in /etc/systemd/networkd.conf /etc/systemd/networkd.conf.d/*.conf; do
    [ ! -r "$file" ] || sed -n 's/^ *\(ManageForeign[A-Za-z]*\) *= *\(.*\)$/networkd \1=\2/p' "$file"
  done
}

observe_guard() {
  for dir in "$GUARD"/*/; do
    read -r number 2>/dev/null <"${dir}number" || continue
    echo "generation $number $(sed -n 's/^started=//p' "${dir}about") $(sed -n 's/^owner=//p' "${dir}about") $(sed -n 's/^playbook=//p' "${dir}about")"
    [ ! -r "${dir}confirmed" ] || echo "confirmed $number $(cat "${dir}confirmed")"
  done
  [ ! -r "$GUARD/journal" ] || sed -n 's/^\([^ ]*\) [^ ]* rolled back/rolledback \1 rolled back/p' "$GUARD/journal" | tail -n 1
}

# What empties the tables is a file that is loaded at boot or by hand.
observe_filters() {
  for file in /etc/nftables.conf /etc/sysconfig/nftables.conf; do
    if grep -q '^[[:space:]]*flush ruleset' "$file" 2>/dev/null; then echo "flush $file"; fi
  done
}

# observe_settings KEY...: `net.ipv4.conf.eth0/1.rp_filter`, slashes and dots changed places, as in sysctl files.
observe_settings() {
  for key; do
    for file in /run/sysctl.d/*.conf /etc/sysctl.d/*.conf /usr/local/lib/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf \
      /lib/sysctl.d/*.conf /etc/sysctl.conf; do
      [ -r "$file" ] || continue
      KEY=$key FILE=$file awk -F= '
        { name = $1; gsub(/^[ \t-]+|[ \t]+$/, "", name) }
        name == ENVIRON["KEY"] { gsub(/^[ \t]+|[ \t]+$/, "", $2); print "sets " name "=" $2 " " ENVIRON["FILE"] }' "$file"
    done
  done
}

observe_files() {
  for path; do
    if [ -e "$path" ] || [ -L "$path" ]; then
      stat -c 'file %Y %U %n' -- "$path"
      observe_package "$path"
    else
      stat -c "gone %Y" -- "${path%/*}/" 2>/dev/null | tr '\n' ' '
      echo "$path"
    fi
  done
}

observe_package() {
  grep -lxF -- "$1" /var/lib/dpkg/info/*.list 2>/dev/null | while read -r list; do
    name=${list##*/}
    name=${name%.list}
    echo "package $name $1"
    stat -c "upgraded %Y $name" "$list"
  done
}

#!/bin/sh
# Runs a command beside a running openCryptoki with a new soft token, in namespaces of its own: the machine's folders lie
# below overlays in memory, and its daemon, shared memory and tokens end with the command. To be started by
#   unshare --mount --ipc --pid --fork --kill-child --mount-proc sh opencryptoki.sh UNPACKED SCRATCH LABEL PIN COMMAND...
# UNPACKED: Debian's packages; SCRATCH: an empty folder. Exit status 77: it cannot be set up here.
unpacked=$1 scratch=$2 label=$3 pin=$4
shift 4

overlay() {
  place=$scratch/$(echo "$1" | tr / _)
  lower=$1
  [ -d "$unpacked$1" ] && lower=$unpacked$1:$1
  mkdir -p "$place/upper" "$place/scratch" &&
    mount -t overlay overlay -o "lowerdir=$lower,upperdir=$place/upper,workdir=$place/scratch" "$1"
}
set_up() {
  mount -t tmpfs tmpfs "$scratch" && mount -t tmpfs tmpfs /dev/shm || return
  for folder in /etc /usr/sbin /usr/lib/x86_64-linux-gnu /var/lib /var/log /run; do overlay "$folder" || return; done
  echo 'pkcs11:x:4711:root' >>/etc/group
  mkdir -p /var/lib/opencryptoki/swtok/TOK_OBJ /run/lock/opencryptoki/swtok /var/log/opencryptoki
  chgrp -R pkcs11 /var/lib/opencryptoki /run/lock/opencryptoki /var/log/opencryptoki
  chmod -R 770 /var/lib/opencryptoki /run/lock/opencryptoki
  printf 'version opencryptoki-3.1\nslot 0\n{\nstdll = libpkcs11_sw.so\n}\n' >/etc/opencryptoki/opencryptoki.conf
  pkcsslotd || return
  # the security officer's first PIN is the same in every new token, and neither PIN is longer than 8
  tries=50
  until pkcsconf -t >/dev/null; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] && sleep 0.1 || return
  done
  echo "$label" | pkcsconf -c 0 -I -S 87654321 &&
    pkcsconf -c 0 -P -S 87654321 -n 76543210 &&
    pkcsconf -c 0 -u -S 76543210 -n 11111111 &&
    pkcsconf -c 0 -p -U 11111111 -n "$pin"
}
set_up >&2 || exit 77
"$@"

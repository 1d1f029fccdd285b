#!/bin/sh
# Becomes a machine with systemd: this one's files, with all that is written kept apart and gone afterwards. Run in namespaces of its own, see machine.ts.
#   boot-machine.sh FOLDER, which is empty
set -eu
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
root=$1/root
mkdir "$root" "$1/upper" "$1/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$root"

# A bare machine: nothing of ours, and no unit that would look for its hardware or its networks.
rm -rf "$root/etc/fairway" "$root/opt/fairway" "$root"/var/lib/fairway-* "$root/usr/local/bin/fairway" \
  "$root"/etc/systemd/system/fairway* "$root"/etc/systemd/system/*.service.d/fairway.conf "$root"/etc/systemd/system/*.wants
for unit in systemd-modules-load systemd-remount-fs systemd-sysctl systemd-udevd systemd-networkd networking; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit.service"
done

mount -t proc proc "$root/proc"
# What a machine of one's own may set, others on this one would notice. Networks have their own.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount --bind /proc/sys/net "$root/proc/sys/net"
mount -t sysfs -o ro sysfs "$root/sys"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
  mount -t tmpfs tmpfs "$root/sys/fs/cgroup"
  mkdir "$root/sys/fs/cgroup/systemd"
  mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
fi
for place in run tmp dev; do mount -t tmpfs tmpfs "$root/$place"; done
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  chroot "$root" /lib/systemd/systemd --system --unit=basic.target --log-target=journal --show-status=no

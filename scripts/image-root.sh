#!/bin/sh
# Lays out in a folder what the image has beside the program: Node and the libraries that it is linked with, from the root of a Debian image of any
# architecture, and what Debian says of them for scanners and lawyers.
#
#   sh scripts/image-root.sh /node /root-of-image
set -eu
from=$1
to=$2

# As `ldd node` has them. All are of the packages below.
libraries='libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 libstdc++.so.6 libgcc_s.so.1'
packages='libc6 libstdc++6 libgcc-s1'

libc=$(find "$from/usr/lib" -name libc.so.6 | head -n 1)
folder=${libc%/*}
triplet=${folder##*/}
case $triplet in
  x86_64-linux-gnu) loader=lib64/ld-linux-x86-64.so.2 ;;
  aarch64-linux-gnu) loader=lib/ld-linux-aarch64.so.1 ;;
  *) echo "image-root: not known where the loader of \"$triplet\" belongs" >&2 && exit 1 ;;
esac

mkdir -p "$to/usr/local/bin" "$to/lib/$triplet" "$to/${loader%/*}" "$to/etc" "$to/var/lib/dpkg/status.d"
install -d -m 1777 "$to/tmp"
cp "$from/usr/local/bin/node" "$to/usr/local/bin/node"
cp "$folder/${loader##*/}" "$to/$loader"
for library in $libraries; do cp -L "$folder/$library" "$to/lib/$triplet/$library"; done

cp "$from/usr/lib/os-release" "$to/etc/os-release"
echo 'hosts: files dns' >"$to/etc/nsswitch.conf"
echo 'fairway:x:65532:65532::/app:/nonexistent' >"$to/etc/passwd"
echo 'fairway:x:65532:' >"$to/etc/group"

for package in $packages; do
  awk -v name="$package" 'BEGIN { RS = ""; ORS = "\n\n" } index($0, "Package: " name "\n") == 1' "$from/var/lib/dpkg/status" \
    >"$to/var/lib/dpkg/status.d/$package"
  [ -s "$to/var/lib/dpkg/status.d/$package" ] || { echo "image-root: dpkg does not know $package" >&2 && exit 1; }
  copyright=usr/share/doc/$package/copyright
  if [ -f "$from/$copyright" ]; then install -D -m 0644 "$from/$copyright" "$to/$copyright"; fi
done
if [ -f "$from/usr/local/LICENSE" ]; then install -D -m 0644 "$from/usr/local/LICENSE" "$to/usr/share/doc/node/LICENSE"; fi

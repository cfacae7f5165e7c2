#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make.sh FOLDER: a machine for QEMU in FOLDER: disk.img (Debian 12 with systemd), and a kernel-X.Y and an initrd-X.Y for each
# kernel that it can be started with: 6.1 of Debian 12, 5.10 of Debian 11 and 6.12 of Debian 12's backports (where one of these two
# cannot be had, nothing is missing but that kernel).
#
# Nothing else opens the console: a getty there would hang up what the tests print to. A system of the packages that a user of sbx would have, and an NFS server; sbx itself is not in it but comes over a
# shared folder at each start. Made once; made again when this file changes.
# shellcheck disable=SC1091,SC2016 # $1 is for the shell that runs the hook
set -eu

folder=$1
here=$(dirname "$0")
mark=$(sha256sum "$0" | cut -c1-16)
packages=linux-image-amd64,systemd-sysv,dbus,dbus-user-session,libpam-systemd,uidmap,procps,util-linux,busybox-static
packages=$packages,libjansson4,libcurl4,libarchive13,libfuse3-3,libslirp0,libisal2,libseccomp2,libzstd1,libssl3,ca-certificates
packages=$packages,python3-minimal,iproute2,nfs-kernel-server,nfs-common,acl,quota,e2fsprogs

[ "$(cat "$folder/made" 2>/dev/null)" != "$mark" ] || exit 0
rm -rf "$folder"
mkdir -p "$folder"
. /etc/os-release
mirror=${SBX_VM_MIRROR:-http://deb.debian.org/debian}
# Each kernel has the name that its suite's linux-image-amd64 depends on; the system around it stays Debian 12.
kernel_of() { # SUITE
	curl -fsS -m 120 "$mirror/dists/$1/main/binary-amd64/Packages.xz" | xz -dc |
		awk '/^Package: / { p = $2 } p == "linux-image-amd64" && /^Depends: / { print $2 }'
}
set -- "deb $mirror $VERSION_CODENAME main"
for suite in bullseye bookworm-backports; do
	kernel=$(kernel_of "$suite") || kernel=
	if [ -n "$kernel" ]; then
		packages=$packages,$kernel
		set -- "$@" "deb $mirror $suite main"
	else
		echo "the list of packages of $suite cannot be read from $mirror: no kernel of it"
	fi
done
mmdebstrap --quiet --mode=auto --variant=minbase --include="$packages" \
	--customize-hook='chroot "$1" useradd -m -u 1000 -s /bin/bash tester' \
	--customize-hook='chroot "$1" sh -c "grep -q tester /etc/subuid || usermod --add-subuids 100000-165535 --add-subgids 100000-165535 tester"' \
	--customize-hook='printf "9p\n9pnet_virtio\nfuse\ntun\noverlay\n" >"$1/etc/modules-load.d/sbx.conf"' \
	--customize-hook='printf "9p\n9pnet_virtio\nvirtio_blk\nvirtio_pci\next4\n" >>"$1/etc/initramfs-tools/modules"' \
	--customize-hook='copy-in '"$here"'/sbx-test.service /etc/systemd/system' \
	--customize-hook='chroot "$1" systemctl enable sbx-test.service' \
	--customize-hook='chroot "$1" systemctl disable apt-daily.timer apt-daily-upgrade.timer || :' \
	--customize-hook='chroot "$1" systemctl mask getty@tty1.service serial-getty@ttyS0.service systemd-firstboot.service' \
	--customize-hook='echo "/dev/vda / ext4 rw 0 1" >"$1/etc/fstab"' \
	--customize-hook='chroot "$1" systemctl disable nfs-server.service rpcbind.service rpcbind.socket || :' \
	--customize-hook='chroot "$1" systemctl mask e2scrub_reap.service rpc-statd-notify.service fstrim.timer nfs-blkmap.service' \
	--customize-hook='chroot "$1" update-initramfs -u -k all' \
	--customize-hook='echo sbx-vm >"$1/etc/hostname"' \
	"$VERSION_CODENAME" "$folder/root.tar" "$@"
# Owners of the files: as root, or as root of a user namespace.
lead=
[ "$(id -u)" = 0 ] || lead="unshare --map-root-user --map-auto"
$lead sh -euc '
	mkdir "$1/root"
	tar -C "$1/root" --exclude="./dev/*" -xf "$1/root.tar"
	for kernel in "$1"/root/boot/vmlinuz-*; do
		version=${kernel##*/vmlinuz-}
		short=$(echo "$version" | cut -d. -f1,2)
		cp "$kernel" "$1/kernel-$short"
		cp "$1/root/boot/initrd.img-$version" "$1/initrd-$short"
	done
	truncate -s 4G "$1/disk.img"
	/usr/sbin/mkfs.ext4 -q -d "$1/root" "$1/disk.img"
	rm -rf "$1/root" "$1/root.tar"' sh "$folder"
echo "$mark" >"$folder/made"

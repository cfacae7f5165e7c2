#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh CACHE BUILD: starts the machine of make.sh on emulated processors and prints the TAP of inside.sh.
set -u

cache=$1 build=$2
here=$(cd "$(dirname "$0")" && pwd)

missing() {
	echo "ok 1 - vm # SKIP $1"
	echo "1..1"
	exit 0
}

command -v qemu-system-x86_64 >/dev/null || missing "qemu-system-x86_64 is not installed (packages: tests/setup/packages, group vm)"
command -v mmdebstrap >/dev/null || missing "mmdebstrap is not installed"
mkdir -p "$cache"
sh "$here/make.sh" "$cache/machine" >"$cache/make.log" 2>&1 || {
	tail -20 "$cache/make.log"
	echo "not ok 1 - the machine cannot be made"
	echo "1..1"
	exit 1
}
share=$cache/share
rm -rf "$share"
mkdir -p "$share/sbx" "$share/tree/bin" "$share/tree/etc" "$share/tree/tmp"
for program in sbx sbx-image sbx-fuse sbx-netstack sbx-seccomp; do
	cp "$build/$program" "$share/sbx"
done
cp /bin/busybox "$share/tree/bin"
for name in $(/bin/busybox --list); do
	[ "$name" = busybox ] || ln -sf busybox "$share/tree/bin/$name"
done
printf 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n' >"$share/tree/etc/passwd"
tar -C "$share/tree" --owner=0 --group=0 -cf "$share/busybox.tar" .
cp "$here/inside.sh" "$share"
accel=${SBX_VM_ACCEL:-tcg,thread=multi}
timeout "${SBX_VM_SECONDS:-1500}" qemu-system-x86_64 -accel "$accel" -cpu max -m 1024 -smp 2 -nodefaults -no-reboot \
	-display none -serial stdio -monitor none -snapshot -kernel "$cache/machine/kernel" \
	-initrd "$cache/machine/initrd" -append "root=/dev/vda rw console=ttyS0 loglevel=4 no_timer_check panic=1" \
	-drive "file=$cache/machine/disk.img,format=raw,if=virtio" -virtfs \
	"local,path=$share,mount_tag=host,security_model=none,readonly=on" </dev/null >"$cache/console.log" 2>&1
tr -d '\r' <"$cache/console.log" | grep -E '^(ok|not ok|#|1\.\.)' >"$cache/tap"
cat "$cache/tap"
grep -q "VM DONE" "$cache/console.log" || {
	echo "not ok 99 - the machine did not come to an end; its last words:"
	tail -5 "$cache/console.log" | sed 's/^/#   /'
	echo "1..99"
}

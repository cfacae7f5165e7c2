#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh CACHE BUILD: starts the machine of make.sh on emulated processors, once with each kernel (or those whose
# X.Y is in SBX_VM_KERNELS), and prints the TAP of inside.sh. SBX_VM_PARTS chooses among its parts.
set -u

cache=$1 build=$2
kernels=${SBX_VM_KERNELS:-5.10 6.1 6.12} parts=${SBX_VM_PARTS:-kernel nfs limits}
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
cp "$here"/*.sh "$share"
echo "$parts" >"$share/parts"

# The lines of TAP on the console; each gets the kernel in front, and the numbers run over all machines.
number=0
number_lines() { # KERNEL
	tr -d '\r' <"$cache/console-$1.log" | awk -v kernel="$1" -v number="$number" '
		/^ok - / { printf "ok %d - linux %s: %s\n", ++number, kernel, substr($0, 6); next }
		/^not ok - / { printf "not ok %d - linux %s: %s\n", ++number, kernel, substr($0, 10); next }
		/^#/ { print }'
}

boot() { # KERNEL
	timeout --foreground "${SBX_VM_SECONDS:-1500}" qemu-system-x86_64 -accel "${SBX_VM_ACCEL:-tcg,thread=multi}" -cpu max -m 1024 -smp 2 \
		-nodefaults -no-reboot -display none -serial stdio -monitor none -snapshot -kernel "$cache/machine/kernel-$1" \
		-initrd "$cache/machine/initrd-$1" -append "root=/dev/vda rw console=ttyS0 quiet loglevel=3 systemd.show_status=false no_timer_check panic=1" \
		-drive "file=$cache/machine/disk.img,format=raw,if=virtio" -virtfs \
		"local,path=$share,mount_tag=host,security_model=none,readonly=on" </dev/null >"$cache/console-$1.log" 2>&1
}

for kernel in $kernels; do
	if [ ! -e "$cache/machine/kernel-$kernel" ]; then
		number=$((number + 1))
		echo "ok $number - linux $kernel # SKIP its package could not be fetched"
		continue
	fi
	begun=$(date +%s)
	boot "$kernel"
	number_lines "$kernel" >"$cache/tap-$kernel"
	cat "$cache/tap-$kernel"
	number=$((number + $(grep -cE '^(ok|not ok)' "$cache/tap-$kernel")))
	echo "# linux $kernel took $(($(date +%s) - begun)) s"
	grep -q "VM DONE" "$cache/console-$kernel.log" || {
		number=$((number + 1))
		echo "not ok $number - linux $kernel: the machine did not come to an end; its last words:"
		tail -5 "$cache/console-$kernel.log" | sed 's/^/#   /'
	}
done
echo "1..$number"

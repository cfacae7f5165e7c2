#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# In the machine, as root: prints TAP about what sbx does on this kernel as the user `tester`. /host holds the programs,
# the parts and an image; started by sbx-test.service. Each part is a file; what a part needs of the machine it makes itself.
# shellcheck disable=SC1090,SC1091,SC2013,SC2154
. /host/tap.sh

mkdir -p /opt/sbx
cp -r /host/sbx/. /opt/sbx
PATH=/opt/sbx:$PATH
export PATH
modprobe -a fuse tun overlay
chmod 666 /dev/fuse /dev/net/tun
loginctl enable-linger tester
for _ in $(seq 300); do
	[ -S /run/user/1000/bus ] && break
	sleep 0.2
done
release=$(uname -r)
echo "# kernel $release, $(stat -fc %T /sys/fs/cgroup), controllers of the user: $(cat /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cgroup.controllers 2>/dev/null)"
cp /host/busybox.tar /home/tester
expect "an image can be imported" 0 in_session sh -c 'sbx import /home/tester/busybox.tar busybox >/dev/null; echo $?'
for part in $(cat /host/parts); do
	echo "# $part"
	. "/host/$part.sh"
done
echo "VM DONE $failed"

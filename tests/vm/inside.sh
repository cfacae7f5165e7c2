#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what stands in quotes is for the shell inside
# In the machine, as root: prints TAP about what sbx does there as the user `tester`. /host holds the programs and
# images; started by sbx-test.service, once with cgroups delegated to the user's manager and once without one.
number=0
failed=0

report() { # STATUS NAME [TEXT-FILE]
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		failed=$((failed + 1))
		echo "not ok $number - $2"
		[ -z "${3:-}" ] || sed 's/^/#   /' "$3"
	fi
}

skip() { # NAME REASON
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}

in_session() { # COMMAND...: with the user's manager, which owns a delegated cgroup
	runuser -u tester -- env HOME=/home/tester XDG_RUNTIME_DIR=/run/user/1000 \
		DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus PATH="$PATH" timeout 300 "$@"
}

without_session() { # COMMAND...: as from cron on a machine without linger
	runuser -u tester -- env -u XDG_RUNTIME_DIR HOME=/home/tester PATH="$PATH" timeout 300 "$@"
}

expect() { # NAME WANTED COMMAND...: the last line of stdout
	expect_name=$1 wanted=$2
	shift 2
	"$@" >/tmp/out 2>/tmp/err
	status=$?
	got=$(tail -n 1 /tmp/out)
	{
		echo "status $status, wanted '$wanted', stdout:"
		cat /tmp/out
		echo "stderr:"
		cat /tmp/err
	} >/tmp/story
	[ "$status" = 0 ] && [ "$got" = "$wanted" ]
	report $? "$expect_name" /tmp/story
}

refuses() { # NAME TEXT COMMAND...: fails, and says so
	refuse_name=$1 text=$2
	shift 2
	"$@" >/tmp/out 2>/tmp/err
	status=$?
	{
		echo "status $status, wanted a failure that says '$text'; stderr:"
		cat /tmp/err
	} >/tmp/story
	[ "$status" != 0 ] && grep -qi -- "$text" /tmp/err
	report $? "$refuse_name" /tmp/story
}

echo "TAP version 13"
mkdir -p /opt/sbx
cp -r /host/sbx/. /opt/sbx
PATH=/opt/sbx:$PATH
export PATH
modprobe -a fuse tun overlay
chmod 666 /dev/fuse /dev/net/tun
loginctl enable-linger tester
for _ in $(seq 100); do
	[ -S /run/user/1000/bus ] && break
	sleep 0.2
done
echo "# kernel $(uname -r), $(stat -fc %T /sys/fs/cgroup), controllers of the user: $(cat /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cgroup.controllers 2>/dev/null)"

cp /host/busybox.tar /home/tester
expect "an image can be imported" 0 in_session sh -c 'sbx import /home/tester/busybox.tar busybox >/dev/null; echo $?'
expect "run works on this kernel" fine in_session sbx run --rm busybox echo fine
expect "run works with the fuse driver" fine in_session sbx run --rm --storage-driver fuse busybox echo fine
in_session sbx run -d --name web -p 8080:80 busybox nc -l -p 80 -e echo hello >/dev/null
expect "a published port leads into the container" hello sh -c 'for i in $(seq 50); do busybox nc -w 5 127.0.0.1 8080 </dev/null | grep hello && exit; sleep 0.2; done'
in_session sbx rm -f web >/dev/null
mkdir -p /home/tester/w && chown tester: /home/tester/w
expect "files of -u on a bind mount are the caller's" tester in_session sh -c 'sbx run --rm -u 999 -v /home/tester/w:/w busybox touch /w/f && stat -c %U /home/tester/w/f'
expect "squash works on this kernel" tester in_session sh -c 'sbx run --rm -v /home/tester/w:/w:squash busybox sh -c "touch /w/g; chown 999 /w/g" && stat -c %U /home/tester/w/g'

if sbx run --help | grep -q -- "--memory"; then
	own='cat /sys/fs/cgroup$(sed -n "s/^0:://p" /proc/self/cgroup)'
	expect "-m is the limit of the container's cgroup" 67108864 in_session sbx run --rm -m 64m busybox sh -c "$own/memory.max"
	expect "--pids-limit is" 50 in_session sbx run --rm --pids-limit 50 busybox sh -c "$own/pids.max"
	expect "--cpus is" "50000 100000" in_session sbx run --rm --cpus 0.5 busybox sh -c "$own/cpu.max"
	refuses "too many processes are stopped by it" "resource temporarily unavailable\|can't fork" in_session sbx run --rm --pids-limit 5 busybox sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; wait'
	in_session sbx run --name oom -m 16m busybox sh -c 'dd if=/dev/zero of=/dev/null bs=64M count=1' >/dev/null 2>&1
	status=$?
	echo "status $status" >/tmp/story
	[ "$status" = 137 ]
	report $? "a container over its memory is killed: 137" /tmp/story
	loginctl disable-linger tester
	systemctl stop user@1000.service
	refuses "without a delegated cgroup a limit is refused, with the way out" "best-effort" without_session sbx run --rm -m 64m busybox true
	expect "with --limits=best-effort it is a warning" fine without_session sbx run --rm --limits=best-effort -m 64m busybox echo fine
	expect "without any limit all is as ever" fine without_session sbx run --rm busybox echo fine
else
	skip "limits of memory, processors and processes" "this sbx has no --memory"
fi
echo "1..$number"
echo "VM DONE $failed"

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2016,SC2154 # what stands in quotes is for the shell inside; tap.sh and inside.sh set the rest
# Limits where cgroup v2 is delegated to the user's systemd, then without one: the last part, for it takes the manager away.
own='cat /sys/fs/cgroup$(sed -n "s/^0:://p" /proc/self/cgroup)'
expect "doctor foretells that limits are enforced" true foretold limits
expect "-m is the limit of the container's cgroup" 67108864 in_session sbx run --rm -m 64m busybox sh -c "$own/memory.max"
expect "--pids-limit is" 50 in_session sbx run --rm --pids-limit 50 busybox sh -c "$own/pids.max"
expect "--cpus is" "50000 100000" in_session sbx run --rm --cpus 0.5 busybox sh -c "$own/cpu.max"
refuses "too many processes are stopped by it" "resource temporarily unavailable\|can't fork" in_session sbx run --rm --pids-limit 5 busybox sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; wait'
in_session sbx run --name oom -m 16m busybox sh -c 'dd if=/dev/zero of=/dev/null bs=64M count=1' >/tmp/out 2>/tmp/err
status=$?
tell $status 137 >/tmp/story
[ "$status" = 137 ]
report $? "a container over its memory is killed: 137" /tmp/story
expect "and inspect says OOMKilled" true in_session sbx inspect --format '{{.State.OOMKilled}}' oom
expect "each of ten times" "10 true" in_session sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do sbx start -a oom >/dev/null 2>&1; sbx inspect --format "{{.State.OOMKilled}}" oom; done | sort | uniq -c | sed "s/^ *//"'
in_session sbx run -d --name grows -m 32m busybox sleep 1000 >/dev/null
expect "update changes a limit while it runs" 50331648 in_session sh -c 'sbx update -m 48m grows >/dev/null && sbx exec grows sh -c '"'$own/memory.max'"
expect "stats reads it from the cgroup" 48MiB in_session sh -c 'sbx stats --no-stream --format "{{.MemUsage}}" grows | sed "s,.*/ *,,"'
in_session sbx rm -f grows oom >/dev/null
expect "no cgroup stays behind" 0 sh -c 'for i in $(seq 100); do n=$(find /sys/fs/cgroup/user.slice -name "sbx*" | wc -l); [ "$n" = 0 ] && break; sleep 0.1; done; echo "$n"'
loginctl disable-linger tester
systemctl stop user@1000.service
refuses "without a delegated cgroup a limit is refused, with the way out" "best-effort" without_session sbx run --rm -m 64m busybox true
expect "with --limits=best-effort it is a warning" fine without_session sbx run --rm --limits=best-effort -m 64m busybox echo fine
expect "without any limit all is as ever" fine without_session sbx run --rm busybox echo fine

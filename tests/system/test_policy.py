#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a container may do: capabilities, the system call filter, masked paths, descriptors, terminals; from inside
real containers. The calls one by one are in tests/unit/policy/apply.c."""

import json
import os
import time

from sbxtest import SBX, Terminal, expect, main, test, wait_for

ELEVEN = 0x800405fb


def status(box, *options, command=("cat", "/proc/self/status")):
    """Fields of a container's /proc/self/status."""
    text = box.ok("run", "--rm", *options, "busybox", *command)
    return dict(line.split(":\t", 1) for line in text.split("\n") if ":\t" in line)


@test()
def capabilities_are_podmans_eleven(box):
    fields = status(box)
    for name, want in (("CapPrm", ELEVEN), ("CapEff", ELEVEN), ("CapBnd", ELEVEN), ("CapInh", 0), ("CapAmb", 0)):
        expect(int(fields[name], 16) == want, name, fields)
    expect(fields["Seccomp"] == "2" and fields["NoNewPrivs"] == "0", fields)


@test("overlay", "fuse")
def other_users_have_none_but_may_become_root_by_setuid_programs(box):
    fields = status(box, "-u", "33")
    expect(int(fields["CapEff"], 16) == 0 and int(fields["CapBnd"], 16) == ELEVEN, fields)
    fields = status(box, "-u", "33", "--security-opt", "no-new-privileges")
    expect(fields["NoNewPrivs"] == "1" and fields["Seccomp"] == "2", fields)


@test("overlay")
def capabilities_are_added_and_dropped(box):
    def effective(*options):
        return int(status(box, *options)["CapEff"], 16)
    expect(effective("--cap-add", "NET_RAW") == ELEVEN | 1 << 13)
    expect(effective("--cap-drop", "CAP_CHOWN") == ELEVEN & ~1)
    expect(effective("--cap-drop", "all") == 0)
    expect(effective("--cap-drop=ALL", "--cap-add=kill") == 1 << 5)
    expect(effective("--privileged") & ELEVEN == ELEVEN and effective("--privileged") >> 21 & 1)
    box.fails(125, "run", "--rm", "--cap-add", "FLY", "busybox", "true", says='invalid CapAdd: unknown capability: "FLY"')


@test("overlay")
def the_filter_follows_the_capabilities(box):
    box.fails(1, "run", "--rm", "busybox", "mount", "-t", "tmpfs", "x", "/tmp", says="permission denied|not permitted")
    box.ok("run", "--rm", "--cap-add", "SYS_ADMIN", "busybox", "mount", "-t", "tmpfs", "x", "/tmp")
    box.ok("run", "--rm", "--cap-add", "SYS_ADMIN", "busybox", "unshare", "-m", "true")  # this time from the cache
    cache = os.path.join(box.env["SBX_ROOT"], "cache", "seccomp")
    expect(len(os.listdir(cache)) == 1, os.listdir(cache))


@test("overlay")
def nested_namespaces_are_refused(box):
    for what in "-U", "-m", "-n", "-p":
        result = box.sbx("run", "--rm", "busybox", "unshare", what, "true")
        expect(result.code != 0 and "not permitted" in result.err, result)


@test("overlay")
def seccomp_is_chosen_by_option(box):
    expect(status(box, "--security-opt", "seccomp=unconfined")["Seccomp"] == "0")
    profile = os.path.join(box.top, "p.json")
    with open(profile, "w", encoding="ascii") as f:
        json.dump({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}, f)
    os.chmod(profile, 0o644)
    box.fails(1, "run", "--rm", "--security-opt", "seccomp=" + profile, "busybox", "mkdir", "/x", says="no space left")
    with open(profile, "w", encoding="ascii") as f:
        f.write('{"defaultAction": "SCMP_ACT_DANCE"}')
    box.fails(125, "run", "--rm", "--security-opt", "seccomp=" + profile, "busybox", "true", says="SCMP_ACT_DANCE")
    box.fails(125, "run", "--rm", "--security-opt", "seccomp=/no/such", "busybox", "true",
              says="opening seccomp profile")
    box.fails(125, "run", "--rm", "--security-opt", "secomp=unconfined", "busybox", "true",
              says="invalid --security-opt")
    expect(box.ok("ps", "-aq") == "")


@test()
def masked_paths_show_nothing_and_read_only_ones_stay_so(box):
    script = """
for f in /proc/kcore /proc/keys /proc/timer_list /proc/kallsyms /proc/config.gz /proc/interrupts; do
	[ ! -e $f ] || [ -z "$(head -c 1 $f 2>/dev/null)" ] || echo shows $f
done
for d in /proc/acpi /sys/firmware /proc/scsi; do [ -z "$(ls $d 2>/dev/null)" ] || echo shows $d; done
for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/irq/default_smp_affinity; do
	[ ! -e $f ] || ! (echo 1 >$f) 2>/dev/null || echo wrote $f
done
mount -o remount,rw /proc/sys 2>/dev/null && echo remounted
umount /proc/kcore 2>/dev/null && echo unmasked
true"""
    expect(box.ok("run", "--rm", "busybox", "sh", "-c", script) == "")


@test("overlay")
def inherited_descriptors_stay_outside(box):
    box.ok("pull", "busybox")
    script = 'exec 5</etc 7</ 9</home; "$0" run --rm busybox ls /proc/self/fd'
    result = box.run(["sh", "-c", script, SBX])
    expect(result.code == 0 and result.out.split() == ["0", "1", "2", "3"], result)  # 3: ls's own


@test("overlay")
def exec_keeps_its_descriptors_and_rights_to_itself(box):
    name = box.ok("run", "-d", "--cap-drop", "CHOWN", "busybox", "sleep", "100")
    script = 'exec 5</etc 7</ 9</home; "$0" exec %s ls /proc/self/fd' % name
    result = box.run(["sh", "-c", script, SBX])
    expect(result.code == 0 and result.out.split() == ["0", "1", "2", "3"], result)
    text = box.ok("exec", name, "cat", "/proc/self/status")
    expect("CapEff:\t%016x" % (ELEVEN & ~1) in text and "Seccomp:\t2" in text, text)


@test("overlay")
def nobody_inside_looks_into_a_joining_process(box):
    """Threat X03. The watcher has every capability of the namespace, and uses no forks, so that it is quick: of a
    process that it may look into, it can follow exe. Only processes that have been executed inside are such."""
    watch = """
while :; do
	for p in /proc/[0-9]*; do
		[ -e $p/exe ] && ! [ $p/exe -ef /bin/busybox ] && [ -e $p/exe ] && echo "looked into $p"
	done
done"""
    name = box.ok("run", "-d", "--privileged", "busybox", "sh", "-c", watch)
    end = time.monotonic() + 5
    while time.monotonic() < end:
        box.ok("exec", "--privileged", name, "/bin/true")
    expect(box.ok("logs", name) == "", box.ok("logs", name))


@test("overlay")
def what_exec_brings_in_leads_nowhere_outside(box):
    """Threat X03: after its execve a joined process may be looked into, as any other of the container's. A watcher with
    every capability of the namespace, and no second wall, finds nothing of the host in what it holds."""
    name = box.ok("run", "-d", "--privileged", "busybox", "sleep", "100")
    box.ok("exec", name, "sh", "-c", "echo inside >/mark")
    box.ok("exec", "-d", name, "sh", "-c", "echo $$ >/joined; exec sleep 99")
    wait_for(lambda: box.ok("exec", name, "sh", "-c", "tr '\\0' ' ' </proc/$(cat /joined)/cmdline; true").strip() == "sleep 99",
             "the joined process", 60)
    look = """p=/proc/$(cat /joined)
cat $p/root/mark $p/cwd/mark
for ns in mnt pid net ipc uts user; do [ $(readlink $p/ns/$ns) = $(readlink /proc/1/ns/$ns) ] || echo "another $ns"; done
[ $p/exe -ef /bin/sleep ] || echo "another program"
for fd in $p/fd/*; do [ -d $fd ] && echo "directory $fd"; [ ${fd##*/} -gt 2 ] && echo "descriptor $fd"; done
grep -E ' /(home|root|etc/passwd) ' $p/mountinfo
true"""
    out = box.ok("exec", "--privileged", name, "sh", "-c", look)
    expect(out.splitlines() == ["inside", "inside"], out)


@test("overlay")
def arguments_of_exec_are_not_in_ps_for_long(box):
    name = box.ok("run", "-d", "busybox", "sleep", "100")
    term = Terminal(box, SBX, "exec", "-it", "-e", "SECRET=hush%d" % os.getpid(), name, "sh")
    term.send("echo re''ady\n")
    term.wait_text("ready\r")
    term.send("\x10\x11")
    expect(term.wait_end() == 0, term.code)

    def seen():
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as f:
                    if b"hush%d" % os.getpid() in f.read():
                        found.append(pid)
            except OSError:
                pass
        return found
    wait_for(lambda: not seen(), "the secret to be gone from ps", 3)
    expect("sh" in box.ok("exec", name, "ps", "-o", "args"))  # it goes on without us


if __name__ == "__main__":
    main()

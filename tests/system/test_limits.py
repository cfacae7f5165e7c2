#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Limits, namespaces left to the host, devices, kernel parameters: what run and create take besides."""

import os
import subprocess

from sbxtest import SBX, USER, Skip, expect, main, test, wait_for


def cgroup2():
    """Where cgroup2 is mounted, or None."""
    with open("/proc/self/mountinfo", encoding="ascii") as f:
        for line in f:
            if " - cgroup2 " in line and line.split()[3] == "/":
                return line.split()[4]
    return None


@test("overlay")
def a_limit_is_enforced_or_refused_but_never_ignored(box):
    for option, file in (("--memory=64m", "memory.max"), ("--cpus=0.5", "cpu.max"), ("--pids-limit=50", "pids.max")):
        result = box.sbx("run", "--rm", option, "busybox", "sh", "-c",
                         "cat /sys/fs/cgroup/%s" % file)
        if result.code == 0:
            expect(result.line in ("67108864", "50000 100000", "50"), result)
        else:
            expect(result.code == 125 and "E-LIMIT: %s cannot be enforced" % option.split("=")[0] in result.err and
                   "--limits=best-effort" in result.err, result)
    expect(box.ok("ps", "-aq") == "", "what was refused leaves nothing")


@test("overlay")
def best_effort_goes_on_and_says_so(box):
    result = box.sbx("run", "--rm", "--limits", "best-effort", "-m", "64m", "busybox", "echo", "on")
    expect(result.code == 0 and result.line == "on", result)
    probe = box.sbx("run", "--rm", "-m", "64m", "busybox", "true")
    expect(("are not enforced" in result.err) == (probe.code != 0), result, probe)


@test("overlay")
def wrong_limits_are_refused_before_anything_starts(box):
    for says, *args in (("Minimum memory limit allowed is 6MB", "-m", "1m"),
                        ("larger than memory limit", "-m", "64m", "--memory-swap", "32m"),
                        ("set the Memory limit", "--memory-swap", "1g"), ("--cpus cannot be used", "--cpus", "1", "--cpu-quota", "5000"),
                        ("failed to parse x", "--cpus", "x"), ("invalid value 2-1", "--cpuset-cpus", "2-1"),
                        ("between 10 and 1000", "--blkio-weight", "5"), ("must be strict or best-effort", "--limits", "x")):
        box.fails(125, "run", *args, "busybox", "true", says=says)


@test("overlay", "single")
def a_processor_set_holds_without_a_cgroup(box):
    cpu = sorted(os.sched_getaffinity(0))[-1]
    got = box.ok("run", "--rm", "--cpuset-cpus", str(cpu), "busybox", "grep", "Cpus_allowed_list", "/proc/self/status")
    expect(got.split() == ["Cpus_allowed_list:", str(cpu)], got)


@test("overlay")
def oom_score_is_adjusted_and_limits_are_on_record(box):
    expect(box.ok("run", "--rm", "--oom-score-adj", "500", "busybox", "cat", "/proc/self/oom_score_adj") == "500")
    box.ok("create", "--name", "c1", "-m", "64m", "--cpus", "1.5", "--pids-limit", "9", "--ulimit", "nofile=100:200", "busybox")
    host = box.inspect("c1")["HostConfig"]
    expect((host["Memory"], host["MemorySwap"], host["NanoCpus"], host["PidsLimit"]) == (64 << 20, 128 << 20, 1500000000, 9), host)
    expect(host["Ulimits"] == [{"Name": "nofile", "Hard": 200, "Soft": 100}], host)


@test("overlay", seconds=90)
def a_cgroup_of_its_own_is_frozen_joined_and_removed(box):
    mount = cgroup2()
    if not mount:
        raise Skip("cgroup2 is not mounted with its root here")
    top = "%s/sbx-test-%d" % (mount, os.getpid())
    setup = ("mkdir -p {0}/caller {0}/c 2>/dev/null || true; chown -R {1}:{2} {0}; echo $$ >{0}/caller/cgroup.procs"
             .format(top, USER.pw_uid, USER.pw_gid))
    parent = top[len(mount):] + "/c"

    def sbx(*args):
        result = box.as_root(setup, [SBX, *args], **box.env)
        if "Read-only file system" in result.err or "Permission denied" in result.err and "cgroup.procs" in result.err:
            raise Skip("root may not make cgroups here: " + result.err.strip())
        expect(result.code == 0, result)
        return result.out.strip()
    try:
        sbx("run", "-d", "--name", "c1", "--cgroup-parent", parent, "busybox", "sh", "-c", "while :; do echo x >>/n; sleep 0.02; done")
        made = [d for d in os.listdir(top + "/c") if d.startswith("sbx-")]
        expect(len(made) == 1, os.listdir(top + "/c"))
        mine = "%s/c/%s" % (top, made[0])
        expect(sbx("exec", "c1", "cat", "/proc/self/cgroup").split("\n")[-1] == "0::/", "it sees itself as the root")
        sbx("pause", "c1")
        with open(mine + "/cgroup.events", encoding="ascii") as f:
            expect("frozen 1" in f.read())
        pid = box.inspect("c1")["State"]["Pid"]
        with open("/proc/%d/stat" % pid, encoding="ascii") as f:
            expect(f.read().rsplit(")", 1)[1].split()[0] in "SRD", "frozen, not stopped: nobody inside can see it")
        sbx("unpause", "c1")
        with open(mine + "/cgroup.events", encoding="ascii") as f:
            expect("frozen 0" in f.read())
        sbx("rm", "-f", "c1")
        wait_for(lambda: not os.path.exists(mine), "the cgroup's removal")
    finally:
        box.sbx("rm", "-f", "c1")
        for name in ("/c", "/caller", ""):
            subprocess.call(["sh", "-c", "rmdir %s%s 2>/dev/null || sudo -n rmdir %s%s 2>/dev/null" % (top, name, top, name)])


# ---- namespaces, devices, parameters ----

@test("overlay", "single")
def sysctls_are_the_container_s_own(box):
    expect(box.ok("run", "--rm", "--sysctl", "net.ipv4.ip_unprivileged_port_start=80", "busybox", "cat",
                  "/proc/sys/net/ipv4/ip_unprivileged_port_start") == "80")
    box.fails(125, "run", "--sysctl", "kernel.panic=1", "busybox", says="not of a namespace")
    box.fails(125, "run", "--network", "host", "--sysctl", "net.ipv4.ip_forward=1", "busybox", says="with the network of the host")
    box.fails(125, "run", "--rm", "--sysctl", "net.nosuch=1", "busybox", says="--sysctl net.nosuch=1")


@test("overlay", "single")
def a_device_of_the_host_is_shown_inside(box):
    got = box.ok("run", "--rm", "--device", "/dev/fuse:/dev/other:rw", "--device", "/dev/net/tun", "busybox", "sh", "-c",
                 "test -c /dev/other && test -c /dev/net/tun && exec 3<>/dev/other && echo opened")
    expect(got == "opened", got)
    box.fails(125, "run", "--rm", "--device", "/dev/nosuch", "busybox", says="/dev/nosuch")
    box.fails(125, "run", "--device", "fuse", "busybox", says="not an absolute path")
    box.ok("create", "--name", "c1", "--device", "/dev/fuse", "busybox")
    expect(box.inspect("c1")["HostConfig"]["Devices"] == [{"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse",
                                                             "CgroupPermissions": "rwm"}])


@test("overlay", "single")
def namespaces_of_the_host_can_be_kept(box):
    def same(option, kind):
        return box.ok("run", "--rm", *option, "busybox", "readlink", "/proc/self/ns/" + kind) == os.readlink("/proc/self/ns/" + kind)
    expect(same(["--uts", "host"], "uts") and not same([], "uts"))
    expect(same(["--ipc", "host"], "ipc") and not same(["--ipc", "private"], "ipc"))
    expect(same(["--cgroupns", "host"], "cgroup") and not same([], "cgroup"))
    expect(box.ok("run", "--rm", "--domainname", "example.org", "busybox", "cat", "/proc/sys/kernel/domainname") == "example.org")
    expect(box.ok("run", "--rm", "-h", "web", "--domainname", "example.org", "busybox", "hostname", "-f") == "web.example.org")
    box.fails(125, "run", "--uts", "host", "-h", "x", "busybox", says="conflicting options")
    box.fails(125, "run", "--ipc", "container:x", "busybox", says=["--ipc container:NAME is not there", "--ipc host"])
    box.fails(125, "run", "--ipc", "nobody", "busybox", says="invalid IPC mode")
    box.fails(125, "run", "--pid", "host", "busybox", says=["--pid host is not there", "sbx top"])
    box.fails(125, "create", "--pid=container:x", "busybox", says=["--pid container:NAME is not there", "sbx exec"])
    box.fails(125, "run", "--pid=other", "busybox", says="invalid PID mode: other")
    expect(not same(["--pid", "private"], "pid"))


@test("overlay", "single")
def ipc_none_leaves_the_shared_memory_out(box):
    look = ("busybox", "sh", "-c", "test -e /dev/shm && echo there; readlink /proc/self/ns/ipc")
    out = box.ok("run", "--name", "c", "--ipc", "none", *look)
    expect(out.startswith("ipc:[") and out != os.readlink("/proc/self/ns/ipc"), "no /dev/shm, and an IPC namespace of its own", out)
    expect(box.inspect("c")["HostConfig"]["IpcMode"] == "none")
    expect(box.ok("start", "-a", "c").startswith("ipc:["))
    expect(box.ok("run", "--rm", "--ipc", "shareable", *look).startswith("there\n"))


@test("overlay")
def labels_annotations_and_the_environment_come_from_files_and_the_caller(box):
    box.file("labels", "# no\n a=1\nb\n")
    box.ok("create", "--name", "c1", "--label-file", "labels", "-l", "c=3", "--annotation", "x=y", "busybox", "env")
    now = box.inspect("c1")
    expect(now["Config"]["Labels"] == {"a": "1", "b": "", "c": "3"} and now["HostConfig"]["Annotations"] == {"x": "y"}, now)
    os.unlink(box.path("labels"))
    box.ok("start", "c1")
    got = box.ok("run", "--rm", "--env-host", "-e", "LANG=mine", "busybox", "env", env={"FROM_HOST": "yes"})
    expect("FROM_HOST=yes" in got and "LANG=mine" in got and "SBX_ROOT" not in got, got)


@test("overlay")
def variables_that_nobody_asked_for_are_left_out(box):
    box.file("Dockerfile", "FROM busybox\nENV A=1 AB=2 C=3\n")
    box.ok("build", "-q", "-t", "with-env", ".")
    got = box.ok("run", "--rm", "--unsetenv", "A", "--unsetenv=HOSTNAME", "-e", "C=mine", "with-env", "/bin/env").split()
    expect("AB=2" in got and "C=mine" in got and not [v for v in got if v.startswith(("A=", "HOSTNAME="))], got)
    box.ok("create", "--name", "c", "--unsetenv-all", "-e", "D=4", "with-env", "/bin/env")
    expect(sorted(box.ok("start", "-a", "c").split()) == ["D=4", "HOME=/root"], "the record knows it too")


@test("overlay")
def row_32_exposed_ports_are_published_by_P(box):
    box.ok("run", "-d", "--name", "c1", "--expose", "8080", "--expose", "9000-9001/udp", "-P", "busybox", "sleep", "100")
    got = box.ok("port", "c1")
    expect(all(port in got for port in ("8080/tcp", "9000/udp", "9001/udp")), got)
    box.fails(125, "run", "--expose", "x", "busybox", says="invalid range format")


@test("overlay")
def a_timeout_kills_the_container(box):
    box.ok("run", "-d", "--name", "c1", "--timeout", "1", "busybox", "sleep", "100")
    expect(box.ok("wait", "c1") == "137")


@test("overlay")
def an_update_that_no_start_could_read_is_refused(box):
    box.ok("create", "--name", "c", "-m", "20m", "--memory-swap", "30m", "--cpu-quota", "50000", "--limits=best-effort", "busybox", "true")
    box.fails(1, "update", "-m", "40m", "c", says="memoryswap")
    box.fails(1, "update", "--cpus", "1", "c", says="conflicting options")
    box.ok("start", "-a", "c")
    box.ok("update", "-m", "40m", "--memory-swap", "50m", "c")
    box.ok("start", "-a", "c")


if __name__ == "__main__":
    main()

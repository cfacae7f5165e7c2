#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""run --report, report and --policy-learn: what a container did, as far as its filter and its layers tell."""

import json
import os
import subprocess

from sbxtest import SBX, expect, main, test, wait_for

DOES = "touch /a; mkdir /d; echo hello >/d/f; rm /bin/awk; ls >/dev/null; unshare -U true; unshare -m true; exit 3"


@test("overlay", "fuse", "single")
def a_report_tells_files_programs_and_refused_calls(box):
    result = box.sbx("run", "--name", "c", "--report", "busybox", "sh", "-c", DOES)
    expect(result.code == 3 and result.out == "", result)
    for want in ("image busybox: exit code 3", "System calls refused (1)", "unshare", "Files changed (5)", "deleted",
                 "/bin/awk", "  /d/f"):
        expect(want in result.err, want, result)
    doc = json.loads(box.ok("report", "--format", "json", "c"))
    expect(doc["refused"] == {"unshare": 2} and doc["exitCode"] == 3 and doc["image"] == "busybox", doc)
    expect(doc["started"].get("sh") == 1, doc["started"])
    files = {row["path"]: (row["change"], row["size"]) for row in doc["files"]}
    expect(files["/d/f"] == ("added", 6) and files["/bin/awk"][0] == "deleted" and files["/a"] == ("added", 0), files)
    expect(box.ok("report", "c").split("\n")[1:] == result.err.strip().split("\n")[-len(box.ok("report", "c").split("\n")) + 1:])


@test("overlay")
def a_report_outlives_rm_and_waits_for_the_end(box):
    result = box.sbx("run", "--rm", "--report", "busybox", "true")
    expect(result.code == 0 and "exit code 0" in result.err and box.ok("ps", "-aq") == "", result)
    box.ok("run", "-d", "--name", "c", "--report", "busybox", "sleep", "100")
    box.fails(1, "report", "c", says="running")
    box.ok("kill", "c")
    expect("exit code 137" in box.ok("report", "c"))
    box.ok("run", "--name", "d", "busybox", "true")
    box.fails(1, "report", "d", says=["not watched", "--report"])
    box.fails(1, "report", "nosuch", says="nosuch")


@test("overlay")
def a_probe_of_a_watched_container_is_refused_what_the_policy_refuses(box):
    profile = box.file("no-mkdir.json", json.dumps({
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat", "unshare"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}))
    box.ok("run", "-d", "--name", "c", "--report", "--security-opt", "seccomp=" + profile, "--health-interval", "100ms",
           "--health-cmd", "mkdir /made 2>&1; unshare -U true 2>&1; test ! -d /made", "busybox", "sleep", "100")
    wait_for(lambda: json.loads(box.ok("inspect", "c"))[0]["State"]["Health"]["Log"], "a probe")
    probe = json.loads(box.ok("inspect", "c"))[0]["State"]["Health"]["Log"][0]
    expect(probe["ExitCode"] == 0 and probe["Output"].count("not permitted") == 2, probe)


@test("overlay")
def what_a_report_shows_cannot_drive_the_terminal(box):
    result = box.sbx("run", "--rm", "--report", "busybox", "sh", "-c", "touch \"$(printf '/\\033[31mx')\"")
    expect("\033" not in result.err and "\\x1b[31mx" in result.err, result)


@test("overlay")
def a_watcher_ends_with_its_container_whatever_kills_it(box):
    name = box.ok("run", "-d", "--report", "--init", "busybox", "sh", "-c", "unshare -U true; echo up; while true; do unshare -U true; done")
    pid = box.inspect(name)["State"]["Pid"]
    wait_for(lambda: "up" in box.ok("logs", name), "the loop")
    os.kill(pid, 9)
    wait_for(lambda: box.inspect(name)["State"]["Status"] == "exited", "the end")
    expect(json.loads(box.ok("report", "--format", "json", name))["refused"]["unshare"] > 0)


@test("overlay", "single")
def a_learned_policy_lets_the_same_run_and_no_more(box):
    path = os.path.join(box.top, "learned.json")
    ask = ("run", "--rm", "busybox", "sh", "-c", "ls / | wc -l; cat /etc/passwd >/dev/null")
    first = box.ok("run", "--policy-learn", path, *ask[1:])
    with open(path, encoding="ascii") as f:
        learned = json.load(f)
    only = learned["seccomp"]["only"]
    expect("openat" in only or "open" in only, only)
    expect("mkdir" not in only and "sendmsg" not in only and "ptrace" not in only, only)
    expect(learned["network"] == {"mode": "none"} and learned["files"] == {"readOnlyRoot": True}, learned)
    expect(box.ok("policy", "check", path).startswith(path + ": ok"))
    expect(box.ok("run", "--policy", path, *ask[1:]) == first)
    box.fails(1, "run", "--rm", "--policy", path, "busybox", "mkdir", "/tmp/x", says="not permitted")
    box.ok("run", "--rm", "--policy-learn", path, "busybox", "sh", "-c", "mkdir /x; wget -q -O- http://127.0.0.1:9/ || true")
    with open(path, encoding="ascii") as f:
        learned = json.load(f)
    expect(learned["network"] == {"egress": []} and "files" not in learned and "mkdir" in learned["seccomp"]["only"], learned)


@test("overlay")
def a_policy_that_cannot_be_written_is_told(box):
    box.fails(125, "run", "--rm", "--policy-learn", "/proc/none/x.json", "busybox", "true", says="/proc/none/x.json")
    where = os.path.join(box.top, "where")
    box.run(["mkdir", where])
    program = box.start("run", "--name", "c", "--policy-learn", where + "/x.json", "busybox", "sh", "-c", "echo up; sleep 100",
                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    wait_for(lambda: "up" in box.sbx("logs", "c").out, "the start")
    box.run(["rm", "-r", where])
    box.ok("kill", "c")
    _, text = program.communicate(timeout=20)
    expect(program.returncode == 137 and where.encode() in text, program.returncode, text)
    expect(where in box.inspect("c")["State"]["Error"], box.inspect("c")["State"])


@test("overlay")
def a_learned_policy_stays_where_it_was_asked_for(box):
    result = box.run(["sh", "-c", 'cd "$1" && "$0" run --name c --policy-learn ./l.json busybox true', SBX, box.top])
    path = os.path.join(box.top, "l.json")
    expect(result.code == 0 and os.path.exists(path), result)
    os.unlink(path)
    result = box.run(["sh", "-c", 'cd / && "$0" start -a c', SBX])
    expect(result.code == 0 and os.path.exists(path), "written again by start, which runs elsewhere")


def watchers(box, name):
    """Children of the container's monitor that hold a seccomp listener, which is the monitor itself and its watcher."""
    with open(os.path.join(box.env["SBX_ROOT"], "containers", box.inspect(name)["Id"], "state.json"), encoding="utf-8") as f:
        monitor = json.load(f)["monitor"]
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid, encoding="utf-8", errors="replace") as f:
                state, parent = f.read().rpartition(")")[2].split()[:2]
            links = [os.readlink("/proc/%s/fd/%s" % (pid, fd)) for fd in os.listdir("/proc/%s/fd" % pid)]
        except OSError:
            continue
        if parent == str(monitor) and state != "Z" and any("seccomp" in link for link in links):
            found.append(int(pid))
    return found


@test("overlay")
def a_killed_watcher_is_replaced_and_no_call_gets_lost(box):
    box.ok("run", "-d", "--name", "c", "--report", "busybox", "sh", "-c",
           "echo up; i=0; while [ $i -lt 400 ]; do i=$((i+1)); unshare -U true 2>/tmp/e; /bin/true || echo failed; "
           "grep -q 'not permitted' /tmp/e || cat /tmp/e; [ ! -e /stop ] || break; done; echo done; exec sleep 100")
    wait_for(lambda: "up" in box.ok("logs", "c"), "the start")
    killed = 0
    for _ in range(5):
        one = wait_for(lambda: watchers(box, "c"), "a watcher")
        expect(len(one) == 1, one)
        box.run(["kill", "-9", str(one[0])])
        killed += 1
        wait_for(lambda one=one: watchers(box, "c") not in ([], one), "another one")
    box.ok("exec", "c", "touch", "/stop")
    wait_for(lambda: "done" in box.ok("logs", "c"), "the loop", 30)
    expect(box.ok("logs", "c").split() == ["up", "done"], "calls failed", box.ok("logs", "c"))
    box.ok("kill", "c")
    doc = json.loads(box.ok("report", "--format", "json", "c"))
    expect(doc["watcherKilled"] == killed and "killed 5 times" in box.ok("report", "c"), doc)


@test("overlay")
def limits_that_end_a_program_are_told(box):
    result = box.sbx("run", "--name", "c", "--report", "--ulimit", "fsize=1000", "busybox", "sh", "-c",
                     "dd if=/dev/zero of=/x bs=4096 count=10; exit $?")  # not as pid 1, which such signals spare
    doc = json.loads(box.ok("report", "--format", "json", "c"))
    expect(result.code == 153 and doc["limits"]["fileSize"] == 1, result, doc)
    expect("Limits hit (1)" in result.err and "--ulimit fsize" in result.err, result)
    expect(doc["limitsCounted"] or "not counted" in result.err, "what is not known is said", result)
    result = box.sbx("run", "--rm", "--report", "busybox", "true")
    expect("Limits hit (0)" in result.err, result)


@test("overlay")
def watching_allows_nothing_that_is_refused(box):
    deny = ("--security-opt", "seccomp-deny=execve", "busybox", "true")
    box.fails(126, "run", "--rm", *deny, says="not permitted")
    box.fails(126, "run", "--rm", "--report", *deny, says="not permitted")


@test("overlay")
def a_report_that_was_never_written_says_so(box):
    box.ok("create", "--name", "c", "--report", "busybox", "true")
    box.fails(1, "report", "c", says="has not run")
    box.ok("run", "-d", "--name", "d", "--report", "busybox", "sleep", "100")
    folder = os.path.join(box.env["SBX_ROOT"], "containers", box.inspect("d")["Id"])
    with open(folder + "/state.json", encoding="utf-8") as f:
        monitor = json.load(f)["monitor"]
    box.run(["kill", "-9", str(monitor)])
    wait_for(lambda: box.inspect("d")["State"]["Status"] == "exited", "the end")
    box.fails(1, "report", "d", says="was killed")


if __name__ == "__main__":
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Faults of threats.md part D that are not a SIGKILL: few descriptors (F-R1), clocks that jump (F-T1), a store that cannot be
written (F-E3), several at once (F-C1), a lock whose holder is stopped (F-C2), records of another version (F-C3)."""

import json
import os
import re
import signal
import subprocess

from sbxtest import SBX, SLOWNESS, Skip, command_for, expect, main, test, wait_for

QUIET = ["--network", "none"]


def record(box, ident, name):
    path = os.path.join(box.env["SBX_ROOT"], "containers", ident, name)
    with open(path, encoding="utf-8") as f:
        return path, json.load(f)


def change(box, ident, name, **fields):
    path, doc = record(box, ident, name)
    doc.update(fields)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(doc, f)


@test("overlay", "fuse", seconds=180)
def f_r1_few_descriptors_are_an_error_or_enough(box):
    if SLOWNESS > 1:
        raise Skip("sanitizers need descriptors themselves, and say so in their own words")
    box.ok("run", "--rm", *QUIET, "busybox", "true")
    box.ok("run", "-d", "--name", "up", *QUIET, "busybox", "sleep", "1000")
    ran = []
    for limit in (4, 6, 8, 10, 12, 14, 16, 18, 20, 24, 32, 64):
        for words in (["run", "--rm", *QUIET, "busybox", "echo", "ran"], ["exec", "up", "echo", "ran"], ["ps", "-q"]):
            got = box.run(["sh", "-c", 'ulimit -n %d; exec "$@"' % limit, "sh", SBX, *words])
            if got.code == 0:
                ran.append((limit, words[0]))
                expect(words[0] == "ps" or got.out == "ran\n", got)
            else:
                expect(got.code in (1, 125, 126, 127), got)
                expect(got.out == "" and re.search("Too many open files|open /dev/null", got.err), "limit %d" % limit, got)
    expect((64, "run") in ran and (64, "exec") in ran and (64, "ps") in ran, "64 are not enough", ran)
    expect(box.ok("ps", "-a", "--format", "{{.Names}} {{.State}}") == "up running")
    box.ok("rm", "-f", "up")


@test("overlay")
def f_t1_clocks_that_have_jumped_confuse_nobody(box):
    ident = box.ok("run", "-d", "--name", "up", *QUIET, "busybox", "sh", "-c", "echo said; exec sleep 1000")
    old = box.ok("create", "--name", "old", *QUIET, "busybox", "echo", "again")
    wait_for(lambda: box.ok("logs", "up") == "said", "its word")
    second, year = 1000000000, 365 * 24 * 3600
    _, state = record(box, ident, "state.json")
    for years, created in ((-49, "1970-01-01T00:00:00.5Z"), (50, "2085-03-04T05:06:07.000000008Z")):
        change(box, ident, "state.json", started=state["started"] + years * year * second)
        change(box, old, "config.json", created=created)
        os.utime(os.path.join(box.env["SBX_ROOT"], "containers", old), (2 ** 33, 2 ** 33) if years > 0 else (0, 0))
        shown = box.ok("ps", "-a", "--format", "{{.Names}}|{{.RunningFor}}|{{.Status}}|{{.CreatedAt}}").split("\n")
        expect(len(shown) == 2 and all(len(line.split("|")) == 4 for line in shown), shown)
        expect(not [line for line in shown if re.search(r"-\d+ (sec|min|hour|day|year)", line)], "a negative time", shown)
        expect(box.inspect("old")["Created"] == created and box.inspect("up")["State"]["Running"])
        box.ok("stats", "--no-stream", "up")
        box.ok("events", "--since", "1970-01-01", "--until", "0s")
        expect(box.ok("logs", "--since", "2085-01-01T00:00:00Z", "up") == "" and box.ok("logs", "--until", "2085-01-01T00:00:00Z", "up") == "said")
    expect("old" not in box.ok("container", "prune", "-f", "--filter", "until=24h") and box.ok("ps", "-aq", "-f", "name=old"))
    expect(box.ok("start", "-a", "old") == "again")
    box.ok("restart", "-t", "0", "up")
    box.ok("rm", "-f", "up", "old")


@test("overlay", seconds=500)
def f_c1_two_hundred_at_once_are_all_there(box):
    count = 200 if SLOWNESS == 1 else 30 # with sanitizers each takes thirty times the memory
    box.ok("pull", "-q", "busybox")
    script = 'for i in $(seq %d); do "$0" run -d --name n$i --network none busybox sleep 1000 2>>errors & done; wait' % count
    real, drop = command_for(["sh", "-c", script, SBX])
    done = subprocess.run(real, env=box.env, cwd=box.top, preexec_fn=drop, stdout=subprocess.PIPE, timeout=200, check=False)
    ids = done.stdout.decode().split()
    with open(os.path.join(box.top, "errors"), encoding="utf-8") as f:
        said = f.read()
    expect(done.returncode == 0 and len(ids) == count and said == "", len(ids), said[-2000:])
    expect(sorted(box.ok("ps", "-q", "--no-trunc").split()) == sorted(ids), "not all of them run")
    expect(len(box.ok("rm", "-f", *ids, seconds=200).split()) == count)
    expect(os.listdir(os.path.join(box.env["SBX_ROOT"], "names")) == [])


@test("overlay")
def f_c2_a_lock_whose_holder_is_stopped_hides_nothing_and_goes_with_it(box):
    ident = box.ok("create", "--name", "c", *QUIET, "busybox", "true")
    folder = os.path.join(box.env["SBX_ROOT"], "containers", ident)
    holder = box.start_other(["flock", "-F", folder, "sh", "-c", "echo held; exec sleep 1000"], stdout=subprocess.PIPE)
    expect(holder.stdout.readline() == b"held\n")
    os.kill(holder.pid, signal.SIGSTOP)
    expect(box.ok("ps", "-a", "--format", "{{.Names}}") == "c", "who only looks does not wait")
    starter = box.start("start", "-a", "c")
    expect(box.inspect("c")["State"]["Status"] == "created" and starter.poll() is None, "it did not wait")
    os.kill(holder.pid, signal.SIGKILL)
    expect(starter.wait(timeout=30) == 0)


@test("overlay")
def f_c3_records_of_a_later_version_are_read_or_refused_but_never_rewritten(box):
    ident = box.ok("create", "--name", "c", *QUIET, "busybox", "echo", "ran")
    change(box, ident, "config.json", version=99, novelty={"a": 1})
    path, before = record(box, ident, "config.json")
    got = box.sbx("start", "-a", "c")
    expect(got.code == 0 and got.out == "ran\n" or re.search("version", got.err), got)
    box.ok("ps", "-a")
    box.ok("inspect", "c")
    expect(record(box, ident, "config.json") == (path, before), "the record was rewritten without what it did not know")


@test("overlay")
def f_e3_a_store_that_cannot_be_written_is_said_and_does_not_keep_containers_alive(box):
    box.ok("run", "-d", "--name", "up", *QUIET, "busybox", "sh", "-c", "echo said; exec sleep 1000")
    wait_for(lambda: box.ok("logs", "up") == "said", "its word")
    pid = box.inspect("up")["State"]["Pid"]
    setup = "mount --bind {0} {0}; mount -o remount,bind,ro {0}".format(box.env["SBX_ROOT"])

    def inside(*words):
        return box.as_root(setup, [SBX, *words])

    for words, says in ((["ps", "--format", "{{.Names}}"], "up"), (["logs", "up"], "said"), (["exec", "up", "echo", "in"], "in"),
                        (["inspect", "-f", "{{.State.Running}}", "up"], "true")):
        got = inside(*words)
        expect(got.code == 0 and got.out.strip() == says, got)
    for code, *words in ((125, "run", "--rm", *QUIET, "busybox", "true"), (1, "create", "busybox"), (1, "volume", "create", "vol"),
                         (1, "pull", "layers"), (1, "rename", "up", "down")):
        got = inside(*words)
        expect(got.code in (code, 125) and "ead-only file system" in got.err, got)
    got = inside("kill", "up")
    expect(got.code == 0, got)
    wait_for(lambda: not os.path.exists("/proc/%d" % pid), "the process to end")
    expect(box.ok("wait", "up") == "137")


@test("overlay")
def f_c4_a_store_of_somebody_else_is_refused_and_stays_his(box):
    box.ok("create", "--name", "his", *QUIET, "busybox", "true")
    store = box.env["SBX_ROOT"]
    os.chmod(box.top, 0o755)

    def second_user(mode, *words):
        """The user 65534, who has a home and a run directory of his own, and the store of the first for --root."""
        setup = """chmod %s "$SBX_ROOT"; mount -t tmpfs -o uid=65534,mode=700 t /mnt; cd /mnt
            setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/mnt XDG_RUNTIME_DIR=/mnt SBX_RUNROOT=/mnt/run "$@" 2>&1 || echo "status $?"
            shift $#; set -- true""" % mode
        return box.as_root(setup, [SBX, "--root", store, *words])

    def tree():
        return sorted(os.path.join(at, n) for at, folders, files in os.walk(store) for n in folders + files)

    before = tree()
    for mode in ("700", "755", "1777"):
        for words in (["ps", "-a"], ["run", "--rm", *QUIET, "busybox", "true"], ["rm", "-f", "his"], ["volume", "create", "vol"],
                      ["system", "reset", "-f"]):
            got = second_user(mode, *words)
            expect("status" in got.out and re.search("sbx: .*(ermission denied|belongs to)", got.out), mode, words, got)
    os.chmod(store, 0o700)
    made = [path for path in tree() if path not in before]
    expect(not made, "made by the second user", made)
    expect(box.ok("ps", "-a", "--format", "{{.Names}}") == "his")


if __name__ == "__main__":
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""SIGKILL of any process of ours at any moment of run, stop, rm and commit: the next command works, nothing is
lost, nothing is left (F-K1, F-K2). Six seeded moments for each driver here; with SBX_TEST_MOMENTS=100 (the soak suite)
a hundred for each verb and each kind of process, alone and all of a kind at once."""

import json
import os
import random
import signal
import subprocess
import time

from sbxtest import SBX, command_for, command_of, expect, main, process_table, test, wait_for

MOMENTS = int(os.environ.get("SBX_TEST_MOMENTS", "0"))
SEED = int(os.environ.get("SBX_TEST_SEED", "7"))
VERBS = ("run", "stop", "rm", "commit")
KINDS = ("command", "monitor", "payload", "sbx-netstack", "sbx-fuse", "sbx-image")


def combinations(variant):
    """What there is to kill while what works: sbx-fuse with its driver only, sbx-image where it is started."""
    return [(verb, kind) for verb in VERBS for kind in KINDS
            if not (kind == "sbx-fuse" and variant != "fuse") and not (kind == "sbx-image" and verb != "commit")]


def kind(command, is_command):
    for name in ("sbx-netstack", "sbx-fuse", "sbx-image"):
        if name in command:
            return name
    if "/sbx " not in command + " ":
        return "payload"
    return "command" if is_command else "monitor"


def victims(box, wanted, session, known):
    """known: what was there before. Only what is new is looked at, so that the moment is over before the command is."""
    table = process_table()
    for pid in table:
        if pid not in known and pid != os.getpid():
            known[pid] = command_of(pid, box.top)
    return [pid for pid, (_, its) in table.items() if known.get(pid) and kind(known[pid], its == session) == wanted]


def chosen(box, wanted, child, known):
    """What runs since before the command is known, and needs no search in the middle of it."""
    if wanted == "command":
        return [child.pid] if child.poll() is None else []
    before = [pid for pid, command in known.items() if command and kind(command, False) == wanted]
    return before or victims(box, wanted, child.pid, known)


def one_moment(box, choice, number, verb, wanted, lasts):
    """Starts a command, kills one process of one kind (or all) while it works, then looks at what is there."""
    name = "c%d" % number
    words = {"run": ["run", "-d", "--name", name, "-p", "127.0.0.1::80", "-v", "v%d:/data" % number, "busybox", "sleep", "1000"],
             "stop": ["stop", "-t", "0", name], "rm": ["rm", "-f", name], "commit": ["commit", name, "image%d" % number]}
    if verb != "run":
        box.ok(*words["run"])
        box.ok("exec", name, "sh", "-c", "echo kept > /data/f; echo more > /new; sync")
    known = {pid: command_of(pid, box.top) for pid in process_table() if pid != os.getpid()}
    real, drop = command_for([SBX, *words[verb]])
    begun = time.monotonic()
    child = subprocess.Popen(real, env=box.env, preexec_fn=drop, cwd=box.top, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    time.sleep(choice.random() ** choice.choice([1, 3]) * lasts.get(verb, 0.1))  # half of them early: rm is quick with the payload
    killed = 0
    for pid in chosen(box, wanted, child, known)[:choice.choice([1, 1, 9])]:
        try:
            if wanted != "command" and command_of(pid, box.top) is None:
                continue  # over, and its number perhaps another's by now
            os.kill(pid, signal.SIGKILL)
            killed += 1
        except ProcessLookupError:
            pass
    try:
        out, err = child.communicate(timeout=40)
    except subprocess.TimeoutExpired:
        child.kill()
        raise AssertionError("moment %d: %s hangs after SIGKILL of %s" % (number, verb, wanted))
    if not killed:
        lasts[verb] = 1.2 * (time.monotonic() - begun)
    check(box, "moment %d: %s, SIGKILL of %d %s, status %d\n%s%s" % (
        number, verb, killed, wanted, child.returncode, out.decode(), err.decode()), verb, name, child.returncode)
    return killed


def check(box, what, verb, name, status):
    begun = time.monotonic()
    listed = box.sbx("ps", "-a", "--format", "{{json .}}")
    expect(listed.code == 0, what, listed)
    expect(time.monotonic() - begun < 20, what, "the next command took too long")
    there = [json.loads(line)["Names"] for line in listed.out.split("\n") if line]
    if verb == "run" and status == 0 or verb in ("stop", "commit"):
        expect(name in there, what, "the container is lost", there)
    if verb == "rm" and status == 0:
        expect(name not in there, what, "the container is still there")
    if verb != "run":
        out = box.sbx("run", "--rm", "--network", "none", "-v", "%s:/data" % name.replace("c", "v"), "busybox", "cat", "/data/f")
        expect(out.out == "kept\n", what, "what was in the volume is lost", out)
    if verb == "commit" and status == 0:
        out = box.sbx("run", "--rm", "--network", "none", name.replace("c", "image"), "cat", "/new")
        expect(out.out == "more\n", what, "a commit that was reported is not whole", out)
    if name in there:
        again = box.sbx("start", name)
        expect(again.code == 0, what, "cannot be started again", again)
        removed = box.sbx("rm", "-f", name)
        expect(removed.code == 0, what, "cannot be removed", removed)
    expect(box.sbx("ps", "-aq").out == "", what, "still listed")
    try:
        wait_for(lambda: not leftovers(box), "all processes and mounts to go", 12)
    except AssertionError:
        raise AssertionError("%s\nleft behind: %s" % (what, leftovers(box)))
    for folder in (os.path.join(box.env["SBX_ROOT"], "names"), box.env["SBX_RUNROOT"]):
        left = [n for n in os.listdir(folder) if len(n) == 64 or n.startswith("c")]
        expect(not left, what, "left in %s: %s" % (folder, left))


def leftovers(box):
    """A network waits two seconds for its next member; that it ends at last is seen when the test does."""
    return [leak for leak in box.leaks() if "sbx-netstack" not in leak]


@test("overlay", "fuse", seconds=14400)
def f_k2_sigkill_at_any_moment_loses_and_leaves_nothing(box):
    choice = random.Random("%d-%s" % (SEED, box.variant))
    box.ok("run", "--rm", "busybox", "true")
    every = combinations(box.variant)
    moments = [pair for pair in every for _ in range(MOMENTS)] if MOMENTS else choice.sample(every, 6)
    struck = {pair: 0 for pair in every}
    lasts = {}
    for number, (verb, wanted) in enumerate(moments):
        struck[verb, wanted] += one_moment(box, choice, number, verb, wanted, lasts) > 0
    if MOMENTS:
        print("#   killed in %d moments: %s" % (len(moments), ", ".join("%s %s %d" % (*pair, n) for pair, n in struck.items())))
        met = [pair for pair, n in struck.items() if n]
        expect(MOMENTS < 20 or {verb for verb, _ in met} == set(VERBS) and {one for _, one in met} == {one for _, one in every},
               "some were never there to be killed", struck)


if __name__ == "__main__":
    main()

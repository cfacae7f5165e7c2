#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""SIGKILL of any process of ours at any moment of run, stop, rm and commit: the next command works, nothing is
lost, nothing is left (F-K1, F-K2). A few seeded moments here; SBX_TEST_MOMENTS=100 for a soak by hand."""

import json
import os
import random
import signal
import subprocess
import time

from sbxtest import SBX, command_for, expect, main, processes_with, test, wait_for

MOMENTS = int(os.environ.get("SBX_TEST_MOMENTS", "6"))
SEED = int(os.environ.get("SBX_TEST_SEED", "7"))


def kind(command):
    for name in ("sbx-netstack", "sbx-fuse", "sbx-image"):
        if name in command:
            return name
    return "sbx" if "/sbx " in command + " " else "payload"


def victims(box, wanted):
    found = [(pid, command) for pid, command in processes_with(box.top) if pid != os.getpid()]
    return [pid for pid, command in found if kind(command) == wanted]


def one_moment(box, choice, number):
    """Starts a command, kills one process of one kind while it works, then looks at what is there."""
    verb = choice.choice(["run", "stop", "rm", "commit"])
    wanted = choice.choice(["sbx", "sbx", "payload", "sbx-netstack", "sbx-fuse", "sbx-image"])
    name = "c%d" % number
    words = {"run": ["run", "-d", "--name", name, "-p", "127.0.0.1::80", "-v", "v%d:/data" % number, "busybox", "sleep", "1000"],
             "stop": ["stop", "-t", "0", name], "rm": ["rm", "-f", name], "commit": ["commit", name, "image%d" % number]}
    if verb != "run":
        box.ok(*words["run"])
        box.ok("exec", name, "sh", "-c", "echo kept > /data/f; echo more > /new; sync")
    real, drop = command_for([SBX, *words[verb]])
    child = subprocess.Popen(real, env=box.env, preexec_fn=drop, cwd=box.top, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    time.sleep(choice.random() * 0.12)
    for pid in victims(box, wanted)[:choice.choice([1, 1, 9])]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    try:
        out, err = child.communicate(timeout=40)
    except subprocess.TimeoutExpired:
        child.kill()
        raise AssertionError("moment %d: %s hangs after SIGKILL of %s" % (number, verb, wanted))
    check(box, "moment %d: %s, SIGKILL of %s, status %d\n%s%s" % (number, verb, wanted, child.returncode, out.decode(), err.decode()),
          verb, name, child.returncode)


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
    return box.leaks()


@test("overlay", "fuse", seconds=3000)
def f_k2_sigkill_at_any_moment_loses_and_leaves_nothing(box):
    choice = random.Random("%d-%s" % (SEED, box.variant))
    box.ok("run", "--rm", "busybox", "true")
    for number in range(MOMENTS):
        one_moment(box, choice, number)


if __name__ == "__main__":
    main()

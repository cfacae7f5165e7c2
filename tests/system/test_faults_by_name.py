#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The faults of part D that test_faults.py does not have: kills of every verb (K1), lost terminals (K4) and run roots (K5),
damage (D1), full disks (E1) and failing ones (E2), torn files (P2), no memory (R3) and no processes (R2), a network that
fails (N1), the same thing again and again (L1), and the exit codes that remain (X1). Short here; SBX_TEST_MOMENTS and
SBX_TEST_ROUNDS make them long (the soak suite)."""

import glob
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time

from registrytest import NAME, image_of, noise  # sets the path
from bad_registry import BadRegistry
from sbxtest import SBX, SLOWNESS, USER, Skip, Terminal, command_for, expect, main, test, wait_for

MOMENTS = int(os.environ.get("SBX_TEST_MOMENTS", "1"))
ROUNDS = int(os.environ.get("SBX_TEST_ROUNDS", "4"))
CHOICE = random.Random(os.environ.get("SBX_TEST_SEED", "7"))
QUIET = ["--network", "none"]


def names(box):
    return sorted(box.ok("ps", "-a", "--format", "{{.Names}}").split())


def quiet_again(box, what):
    """Nothing runs but what is meant to (`up`), and networks, which wait for their next member."""
    def left():
        return [leak for leak in box.leaks() if "sbx-netstack" not in leak and leak != box.kept]
    try:
        wait_for(lambda: not left(), "quiet", 15)
    except AssertionError:
        raise AssertionError("%s left behind: %s" % (what, left())) from None


def killed(box, words, lasts):
    """sbx, killed somewhere within the time that it needs; by itself, or with all that it has started in its session."""
    real, drop = command_for([SBX, *words])
    begun = time.monotonic()
    child = subprocess.Popen(real, env=box.env, preexec_fn=drop, cwd=box.top, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, start_new_session=True)
    box.sessions.add(child.pid)
    try:
        child.wait(CHOICE.random() * lasts)
    except subprocess.TimeoutExpired:
        (os.killpg if CHOICE.random() < 0.5 else os.kill)(child.pid, signal.SIGKILL)
    out, err = child.communicate(timeout=60)
    took = time.monotonic() - begun
    expect(child.returncode in (0, -9), words, child.returncode, out, err)
    return child.returncode == 0, 1.2 * took if child.returncode == 0 else lasts


@test("overlay", seconds=3600)
def f_k1_a_kill_at_any_moment_of_any_verb_leaves_what_was_or_what_is_to_be(box):
    box.kept = ""
    box.ok("run", "--name", "kept", *QUIET, "-v", "data:/data", "busybox", "sh", "-c", "echo kept >/data/f; echo more >/new")
    box.ok("save", "-o", "saved.tar", "busybox")
    box.file("in", "x" * 100000)
    box.file("Dockerfile", "FROM busybox\nRUN echo built >/built\n")
    verbs = {  # before it, itself, and what must succeed afterwards, whether it was done or not
        "pull": (["rmi", "-f", "config"], ["pull", "-q", "config"], ["pull", "-q", "config"]),
        "load": (None, ["load", "-q", "-i", "saved.tar"], ["load", "-q", "-i", "saved.tar"]),
        "create": (None, ["create", "--name", "x", *QUIET, "busybox", "true"], ["create", "--replace", "--name", "x", *QUIET, "busybox", "true"]),
        "run": (None, ["run", "-d", "--replace", "--name", "x", "busybox", "sleep", "1000"], ["run", "-d", "--replace", "--name", "x", "busybox", "true"]),
        "start": (["create", "--replace", "--name", "x", *QUIET, "busybox", "sleep", "1000"], ["start", "x"], ["start", "x"]),
        "rm": (["run", "-d", "--replace", "--name", "x", *QUIET, "busybox", "sleep", "1000"], ["rm", "-f", "x"], ["rm", "-f", "x"]),
        "build": (["builder", "prune", "-af"], ["build", "-q", "-t", "built", "."], ["build", "-q", "-t", "built", "."]),
        "commit": (None, ["commit", "kept", "committed"], ["commit", "kept", "committed"]),
        "tag": (None, ["tag", "busybox", "other"], ["tag", "busybox", "other"]),
        "rmi": (["tag", "busybox", "gone"], ["rmi", "gone"], ["images", "-q"]),
        "volume create": (["volume", "rm", "-f", "vol"], ["volume", "create", "vol"], ["volume", "rm", "-f", "vol"]),
        "volume rm": (["volume", "create", "vol"], ["volume", "rm", "vol"], ["volume", "create", "vol"]),
        "cp in": (None, ["cp", "in", "kept:/in"], ["cp", "in", "kept:/in"]),
        "cp out": (None, ["cp", "kept:/bin", "out"], ["cp", "kept:/bin", "out"]),
        "prune": (["create", "--label", "old", *QUIET, "busybox"], ["container", "prune", "-f", "--filter", "label=old"],
                  ["container", "prune", "-f", "--filter", "label=old"]),
    }
    for verb, (before, words, again) in verbs.items():
        lasts = 0.05
        for _ in range(MOMENTS):
            if before:
                box.sbx(*before)
            done, lasts = killed(box, words, lasts)
            what = "%s that was %s:" % (verb, "done" if done else "killed")
            begun = time.monotonic()
            found = names(box)
            expect(time.monotonic() - begun < 5 * SLOWNESS, what, "the next command takes long")
            expect("kept" in found, what, found)
            expect(verb != "rm" or not done or "x" not in found, what, found)
            box.ok("system", "check", "-q")
            box.ok(*again)
            box.sbx("rm", "-f", "x")
            quiet_again(box, what)
        shutil.rmtree(box.path("out"), ignore_errors=True)
    expect(box.ok("run", "--rm", *QUIET, "-v", "data:/data", "busybox", "cat", "/data/f") == "kept")
    box.ok("system", "prune", "-f")
    left = [path for path in glob.glob(box.env["SBX_ROOT"] + "/**/tmp/*", recursive=True)]
    expect(not left, "temporary files of the dead", left)


@test("overlay")
def f_k4_a_lost_terminal_ends_its_container_and_nothing_else(box):
    box.kept = ""
    box.ok("pull", "-q", "busybox")
    terminal = Terminal(box, SBX, "run", "-it", "--name", "lost", *QUIET, "busybox", "sh", "-c", "trap 'exit 9' HUP; echo ready; while :; do sleep 0.1; done")
    terminal.wait_text("ready")
    os.close(terminal.fd)  # what a broken connection does: SIGHUP
    wait_for(lambda: terminal.ended() != 0, "the client to end")
    expect(box.inspect("lost")["State"]["Running"], "as Docker's, the container goes on without its client")
    box.ok("kill", "-s", "HUP", "lost")
    expect(box.ok("wait", "lost") == "9")
    # a container that ends while its client has changed the terminal's settings leaves them as they were
    terminal = Terminal(box, "sh", "-c", 'stty -g; "$0" run -it --name raw --network none busybox sh -c "echo ready; exec sleep 1000"; echo; stty -g', SBX)
    before = terminal.wait_text("([0-9a-f:]{30,})").group(1)
    terminal.wait_text("ready")
    box.ok("kill", "raw")
    expect(terminal.wait_text("([0-9a-f:]{30,})").group(1) == before, "the terminal is not as it was")
    expect(terminal.wait_end() == 0)
    # ctrl-c and ctrl-\\ are the container's, three times too
    terminal = Terminal(box, SBX, "run", "-it", "--name", "keys", *QUIET, "busybox", "sh", "-c",
                        "trap 'echo got2' INT; trap 'echo got3' QUIT; echo ready; n=0; while [ $n -lt 1000 ]; do sleep 0.05; done")
    terminal.wait_text("ready")
    for key, says in (("\x03", "got2"), ("\x03", "got2"), ("\x1c", "got3")):
        terminal.send(key)
        terminal.wait_text(says)
    box.ok("rm", "-f", "lost", "raw", "keys")
    expect(terminal.wait_end() == 137)
    # a pull that is interrupted says so by its status, and can be given again
    with BadRegistry() as registry:
        registry.add(NAME, image_of(3000000))

        def stall(handler):
            handler.reply(200, noise(1000), length=3000000)
            time.sleep(0.2)
        registry.on("/blobs/", stall, times=1)
        child = box.start("pull", "-q", "%s/%s" % (registry.host, NAME), stderr=subprocess.PIPE, start_new_session=True)
        wait_for(lambda: registry.requests("/blobs/"), "the transfer")
        os.killpg(child.pid, signal.SIGINT)
        expect(child.wait(timeout=20) in (1, 130, -2), child.returncode)
        box.ok("pull", "-q", "%s/%s" % (registry.host, NAME))
    quiet_again(box, "a pull")


@test("overlay")
def f_k5_a_run_root_that_vanishes_costs_no_container(box):
    box.ok("run", "-d", "--name", "up", *QUIET, "busybox", "sh", "-c", "echo said; exec sleep 1000")
    box.ok("run", "--name", "down", *QUIET, "busybox", "sh", "-c", "echo kept >/f; cat /f")
    box.ok("ps", "-a")
    shutil.rmtree(box.env["SBX_RUNROOT"])  # a logout; a reboot takes the processes too, which the next lines do not
    expect(names(box) == ["down", "up"])
    expect(box.ok("ps", "--format", "{{.Names}}") == "up", "it runs on")
    expect(box.ok("start", "-a", "down") == "kept" and box.ok("exec", "up", "echo", "in") == "in" and box.ok("logs", "up") == "said")
    box.ok("stop", "-t", "0", "up")
    expect(box.ok("ps", "-q") == "")
    shutil.rmtree(box.env["SBX_RUNROOT"])
    box.ok("start", "up")
    expect(box.ok("ps", "--format", "{{.Names}}") == "up")
    box.ok("rm", "-f", "up", "down")


def all_files(folder):
    return sorted(os.path.join(at, name) for at, _, found in os.walk(folder) for name in found
                  if not os.path.islink(os.path.join(at, name)) and os.path.isfile(os.path.join(at, name)))


def damage(path):
    """A byte flipped, the end lost, or all of it; times and owner stay."""
    how = CHOICE.choice(["flip", "cut", "delete"])
    if how == "delete":
        os.unlink(path)
        return how
    with open(path, "r+b") as f:
        data = f.read()
        at = CHOICE.randrange(len(data)) if data else 0
        if how == "cut":
            f.truncate(at)
        elif data:
            f.seek(at)
            f.write(bytes([data[at] ^ 1 << CHOICE.randrange(8)]))
    return how


@test("overlay", seconds=3600)
def f_d1_damage_anywhere_in_the_store_is_found_or_harmless(box):
    store = box.env["SBX_ROOT"]
    box.ok("volume", "create", "data")
    box.ok("run", "--name", "kept", *QUIET, "-v", "data:/data", "busybox", "sh", "-c", "echo kept >/data/f")
    for _ in range(MOMENTS * 6):
        # index.json is the one file whose damage is said but not mended: what the names were is nowhere else
        files = [path for path in all_files(store) if "/volumes/data/_data/" not in path and not path.endswith("/images/index.json")]
        path = CHOICE.choice([p for p in files if "/layers/" not in p] if CHOICE.random() < 0.7 else files)
        what = "%s of %s" % (damage(path), path[len(store):])
        for words in (["ps", "-a"], ["images"], ["volume", "ls"], ["inspect", "kept"], ["system", "df"], ["system", "check"],
                      ["system", "check", "--repair"], ["run", "--rm", *QUIET, "busybox", "true"]):
            got = box.sbx(*words)
            expect(got.code in (0, 1, 125, 126, 127), what, got)
            expect(got.code == 0 or "sbx: " in got.err, what, "nothing is said", got)
        got = box.sbx("rm", "-f", "kept")  # a container whose record is lost needs not be removed
        expect(got.code in (0, 1), what, got)
        got = box.sbx("pull", "-q", "busybox")
        if got.code != 0:
            box.ok("system", "check", "--repair")
            got = box.sbx("pull", "-q", "busybox")
        expect(got.code == 0, what, "a pull does not mend it", got)
        got = box.sbx("run", "--replace", "--name", "kept", *QUIET, "-v", "data:/data", "busybox", "cat", "/data/f")
        if got.code != 0:  # a layer that was damaged below its record: found by the check, mended by another pull
            box.sbx("rmi", "-f", "busybox")
            box.ok("pull", "-q", "busybox")
            got = box.sbx("run", "--replace", "--name", "kept", *QUIET, "-v", "data:/data", "busybox", "cat", "/data/f")
        expect(got.out == "kept\n", what, "the volume, or what runs", got)


@test("overlay", seconds=120)
def f_e1_a_full_disk_is_said_and_space_is_all_it_needs(box):
    setup = 'mkdir -p "$SBX_ROOT"; mount -t tmpfs -o size=24m,mode=700,uid=%d,gid=%d none "$SBX_ROOT"' % (USER.pw_uid, USER.pw_gid)
    script = r"""
        "$0" pull -q busybox >/dev/null
        "$0" run -d --name up --network none busybox sh -c 'while :; do sleep 1; done' >/dev/null
        "$0" create --name kept --network none busybox true >/dev/null
        head -c 100000 /dev/zero >/dev/shm/e1.$$
        for left in 0 4 16 64; do
            dd if=/dev/zero of="$SBX_ROOT/fill" bs=4k 2>/dev/null
            truncate -s -${left}k "$SBX_ROOT/fill"
            for words in 'run --rm --network none busybox true' 'create busybox' 'volume create vol' 'commit up i' 'tag busybox i' \
                    "cp /dev/shm/e1.$$ up:/f" 'rename kept other' 'rename other kept' 'start kept' 'pull -q config' 'exec up dd if=/dev/zero of=/g bs=1k count=200'; do
                text=$("$0" $words 2>&1 >/dev/null); code=$?
                echo "$left $code ${words%% *} $(echo "$text" | tr '\n' ' ')"
            done
            "$0" ps --format 'running {{.Names}}'
            rm -f "$SBX_ROOT/fill"
            "$0" exec up rm -f /g; "$0" rename other kept 2>/dev/null
        done
        rm -f /dev/shm/e1.$$
        "$0" run --rm --network none busybox echo ran && "$0" exec up echo in && "$0" commit up i >/dev/null && "$0" start -a kept && echo started
        "$0" system check -q && "$0" rm -f up kept"""
    got = box.as_root(setup, ["bash", "-c", script, SBX])
    lines = got.out.split("\n")
    failed = [line for line in lines if re.match(r"\d+ [^0]", line)]
    expect(len(failed) >= 8, "it was never full", got)
    for line in failed:
        expect(re.match(r"\d+ (1|125|126) ", line) and re.search("no space left|E-DISK-FULL|E-WONT-FIT", line, re.I) or
               "rename sbx: No such container: other" in line, line, got)
    expect(lines.count("running up") == 4, "a container that has nothing to do with it has ended", got)
    expect(lines[-6:] == ["ran", "in", "started", "up", "kept", ""], got)


@test("overlay", seconds=240, root=True)
def f_e2_a_disk_that_fails_is_no_success(box):
    """The N-th of a call fails with EIO: the command fails and says so, or did not need it; what it reports is whole. What
    strace fails has no number any more for the filters of the helpers, hence SBX_CONFINE."""
    if SLOWNESS > 1 or not shutil.which("strace") or os.getuid() != 0:
        raise Skip("needs strace, root, and no sanitizers, which strace disturbs")
    box.ok("pull", "-q", "busybox")

    def failing(call, when, *words):
        trace = ["strace", "-f", "-qq", "-o", "/dev/null", "-u", USER.pw_name, "-e", "trace=" + call, "-e", "signal=none",
                 "-e", "inject=%s:error=EIO:when=%d" % (call, when)]
        done = subprocess.run([*trace, SBX, *words], env=dict(box.env, SBX_CONFINE="off"), cwd=box.top, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()
    if failing("fsync", 99, "create", "--name", "probe", *QUIET, "busybox")[0] != 0:
        raise Skip("strace cannot trace here")
    told = 0
    for number, (call, when, words) in enumerate([(call, when, words) for call in ("fsync", "rename,renameat,renameat2") for when in (1, 2)
                                                  for words in (["create", "--name", "x", *QUIET, "busybox"], ["volume", "create", "vol"],
                                                                ["tag", "busybox", "t"], ["pull", "-q", "config"])]):
        box.sbx("rm", "-f", "x")
        box.sbx("volume", "rm", "-f", "vol")
        box.sbx("rmi", "-f", "t", "config")
        code, out, err = failing(call, when, *words)
        what = "%d: %s, no. %d, of %s: status %d\n%s%s" % (number, call, when, " ".join(words), code, out, err)
        expect(code in (0, 1, 125), what)
        if code:
            told += 1
            expect(re.search("Input/output error|E-", err), what)
        else:  # what it says is done is there
            there = {"create": ["inspect", "x"], "volume": ["volume", "inspect", "vol"], "tag": ["image", "inspect", "t"],
                     "pull": ["run", "--rm", *QUIET, "config", "true"]}[words[0]]
            box.ok(*there)
        box.ok("system", "check", "-q")
        box.ok("ps", "-a")
    expect(told >= 4, "no failure was ever seen", told)


@test("overlay")
def f_p2_torn_files_are_the_old_or_the_new_and_never_a_mixture(box):
    box.fails(3, "run", "--name", "c", *QUIET, "busybox", "sh", "-c", "for i in 1 2 3 4 5; do echo line $i; done; exit 3")
    folder = os.path.join(box.env["SBX_ROOT"], "containers", box.inspect("c")["Id"])
    with open(folder + "/log", "rb") as f:
        whole = f.read()
    for at in sorted(CHOICE.sample(range(len(whole)), 6)):
        with open(folder + "/log", "wb") as f:
            f.write(whole[:at])
        lines = box.ok("logs", "c").split("\n")
        want = ["line %d" % i for i in range(1, 1 + whole[:at].count(b"\n"))]
        expect([line for line in lines if line][:len(want)] == want, "a torn log hides what is before", at, lines)
    with open(folder + "/log", "wb") as f:
        f.write(whole[:-20])
    box.fails(3, "start", "-a", "c")
    expect(box.ok("logs", "c").split("\n")[-5:] == ["line %d" % i for i in range(1, 6)], "what is written after a torn line", box.ok("logs", "c"))
    for name in ("state.json", "config.json"):
        with open(os.path.join(folder, name), "rb") as f:
            whole = f.read()
        for at in (0, 1, len(whole) // 2, len(whole) - 2):
            with open(os.path.join(folder, name), "wb") as f:
                f.write(whole[:at])
            listed = box.ok("ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.State}}").split()
            expect(listed == [os.path.basename(folder), "exited"], name, at, listed)
        with open(os.path.join(folder, name), "wb") as f:
            f.write(whole)
        expect(box.inspect("c")["State"]["ExitCode"] == 3, "the whole file is believed again")
    # a temporary file that a power cut left beside them is in nobody's way
    for name in (".state.json.12345678.tmp", ".config.json.12345678.tmp"):
        with open(os.path.join(folder, name), "w", encoding="ascii") as f:
            f.write("{")
    box.fails(3, "start", "-a", "c")
    box.ok("rm", "c")
    expect(not os.path.exists(folder))


@test("overlay", seconds=120)
def f_r2_no_more_processes_is_said_and_leaves_nothing(box):
    box.ok("run", "--rm", *QUIET, "busybox", "true")
    box.kept = ""
    own = sum(1 for path in glob.glob("/proc/[0-9]*") if owner(path) == USER.pw_uid)
    ran = said = 0
    for more in (0, 1, 2, 3, 4, 6, 9, 400):
        got = box.run(["sh", "-c", 'ulimit -u %d; exec "$@"' % (own + more), "sh", SBX, "run", "--rm", *QUIET, "busybox", "echo", "ran"])
        ran += got.code == 0
        if got.code:
            said += 1
            expect(got.code in (125, 126, 127, 1, 2, 137, 255) and got.err, more, got)
        else:
            expect(got.out == "ran\n", more, got)
        quiet_again(box, "%d more processes" % more)
        wait_for(lambda: box.ok("ps", "-aq") == "", "its container to go")
    expect(ran, "400 more are not enough", said)


def owner(path):
    try:
        return os.stat(path).st_uid
    except OSError:
        return -1


@test("overlay", seconds=180)
def f_r3_no_memory_is_said_and_damages_nothing(box):
    if SLOWNESS > 1:
        raise Skip("sanitizers reserve terabytes of addresses")
    box.kept = ""
    box.ok("run", "--name", "kept", *QUIET, "busybox", "true")

    def limited(kb, *words):
        return box.run(["sh", "-c", 'ulimit -v %d; exec "$@"' % kb, "sh", SBX, *words])
    least = next(kb for kb in range(1000, 1000000, 200) if limited(kb, "version").code == 0)  # less is not enough for execve
    ran = 0
    for kb in [least + more for more in (300, 600, 900, 1200, 1600, 2000, 3000, 6000, 20000, 400000)]:
        for words in (["ps", "-a"], ["inspect", "kept"], ["run", "--rm", *QUIET, "busybox", "true"], ["tag", "busybox", "t"]):
            got = limited(kb, *words)
            ran += got.code == 0
            expect(got.code in (0, 1, 2, 125, 126, 127), "%d kB" % kb, got)
            expect(got.code == 0 or got.err, "%d kB" % kb, got)
        quiet_again(box, "%d kB" % kb)
    expect(ran >= 8, "it never had enough", ran)
    expect(names(box) == ["kept"])
    box.ok("system", "check", "-q")


@test("overlay", seconds=120)
def f_n1_a_network_that_fails_costs_time_and_no_data(box):
    with BadRegistry() as registry:
        registry.add(NAME, image_of(40000, 300000))
        registry.on("/blobs/", lambda h: h.cut(h.server.documents[h.path][1], 20000), times=1)
        registry.on("/manifests/", lambda h: h.error(503, "UNAVAILABLE", "later", {"Retry-After": "1"}), times=1)
        got = box.sbx("pull", "-q", "%s/%s" % (registry.host, NAME))
        expect(got.code == 0, got)
        box.ok("system", "check", "-q")
    gone = box.fails(1, "pull", "-q", "%s/%s" % (registry.host, "other/image"))
    expect("E-" in gone.err, gone)
    script = """ip link set eth0 down; ip link set eth0 up
        for i in 1 2 3; do ip route add default via $(ip -4 addr show eth0 | sed -n 's/.*inet \\([0-9]*\\.[0-9]*\\.\\).*/\\1/p')0.1 && break; done 2>/dev/null
        nslookup up 2>&1 | grep -c Address"""
    box.ok("network", "create", "--subnet", "10.231.0.0/24", "flap")
    box.ok("run", "-d", "--name", "up", "--network", "flap", "busybox", "sleep", "1000")
    got = box.sbx("run", "--rm", "--network", "flap", "--cap-add", "NET_ADMIN", "busybox", "sh", "-c", script)
    expect(got.code == 0 and int(got.out.split()[-1]) >= 2, "names are not found after the link came back", got)
    box.ok("rm", "-f", "up")
    box.ok("network", "rm", "flap")


def open_files(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def resident(pid):
    with open("/proc/%d/statm" % pid, encoding="ascii") as f:
        return int(f.read().split()[1]) * 4


@test("overlay", seconds=3600, root=True)
def f_l1_the_same_thing_again_and_again_costs_nothing_more(box):
    ident = box.ok("run", "-d", "--name", "up", "busybox", "sleep", "100000")
    with open(os.path.join(box.env["SBX_ROOT"], "containers", ident, "state.json"), encoding="utf-8") as f:
        monitor = json.load(f)["monitor"]
    stacks = [int(p) for p in os.listdir("/proc") if p.isdigit() and is_stack(p, box.top)]
    watched = [monitor, *stacks]

    def turn():
        box.ok("exec", "up", "true")
        box.ok("run", "--rm", "busybox", "true")
        box.ok("run", "-d", "--name", "other", "busybox", "sleep", "1000")
        box.ok("restart", "-t", "0", "other")
        box.ok("rm", "-f", "other")
        box.ok("logs", "up")
    for _ in range(3):  # what is kept for later is kept now
        turn()
    files, memory = [open_files(p) for p in watched], [resident(p) for p in watched]
    for _ in range(ROUNDS):
        turn()
    wait_for(lambda: [open_files(p) for p in watched] == files, "descriptors %s of monitor and network to be %s" % (
        [open_files(p) for p in watched], files))
    grown = [resident(p) - before for p, before in zip(watched, memory)]
    expect(max(grown) < 400 * SLOWNESS, "kB more after %d rounds" % ROUNDS, grown)
    for folder in (os.path.join(box.env["SBX_ROOT"], "containers"), os.path.join(box.env["SBX_ROOT"], "names")):
        expect(len(os.listdir(folder)) == 1, os.listdir(folder))
    expect(sorted(n for n in os.listdir(box.env["SBX_RUNROOT"]) if len(n) == 64) == [ident])
    box.ok("rm", "-f", "up")


def is_stack(pid, text):
    try:
        with open("/proc/%s/cmdline" % pid, "rb") as f, open("/proc/%s/environ" % pid, "rb") as g:
            return b"sbx-netstack" in f.read() and text.encode() in g.read()
    except OSError:
        return False


@test("overlay", "fuse")
def f_x1_exit_codes_are_dockers_for_all_who_ask(box):
    box.ok("pull", "-q", "busybox")
    cases = [(0, ["true"]), (3, ["sh", "-c", "exit 3"]), (127, ["/no/such"]), (126, ["/etc"]), (143, ["sh", "-c", "kill -TERM $$; sleep 9"]),
             (137, ["sh", "-c", "kill -KILL $$; sleep 9"]), (139, ["sh", "-c", "kill -SEGV $$; sleep 9"]), (255, ["sh", "-c", "exit 255"])]
    for code, words in cases:
        alone = code in (137, 139, 143)  # signals that pid 1 has no handler for pass it by
        got = box.sbx("run", "--name", "c", *QUIET, *(["--init"] if alone else []), "busybox", *words)
        expect(got.code == code, "run", got)
        expect(box.inspect("c")["State"]["ExitCode"] == code and box.ok("wait", "c") == str(code), code)
        expect(code in (126, 127) or "Exited (%d)" % code in box.ok("ps", "-a", "--format", "{{.Status}}"), code)
        box.ok("rm", "c")
        got = box.sbx("run", "--rm", *QUIET, *(["--init"] if alone else []), "busybox", *words)
        expect(got.code == code, "run --rm", got)
    box.fails(125, "run", "--no-such-flag", "busybox")
    box.ok("run", "-d", "--name", "c", *QUIET, "busybox", "sleep", "1000")
    waiter = box.start("wait", "c", stdout=subprocess.PIPE)
    os.kill(box.inspect("c")["State"]["Pid"], signal.SIGKILL)
    expect(waiter.communicate(timeout=20)[0] == b"137\n" and box.inspect("c")["State"]["ExitCode"] == 137)
    box.ok("start", "c")
    ident = box.inspect("c")["Id"]
    with open(os.path.join(box.env["SBX_ROOT"], "containers", ident, "state.json"), encoding="utf-8") as f:
        monitor = json.load(f)["monitor"]
    waiter = box.start("wait", "c", stdout=subprocess.PIPE)
    os.kill(monitor, signal.SIGKILL)
    expect(waiter.communicate(timeout=20)[0] == b"137\n", "who waits for a container whose monitor is killed")
    state = box.inspect("c")["State"]
    expect((state["ExitCode"], state["Error"]) == (137, "monitor was killed"), "it is said that nobody saw the end", state)
    box.ok("rm", "c")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""What the tests of the built program stand on: a box per test, a terminal, TAP.

    @test("overlay", "fuse", "single")          # variants; none means all three
    def row_24_name_conflict_is_125(box): ...

Each test gets its own HOME, XDG directories, SBX_ROOT and SBX_RUNROOT, and leaves nothing: no process,
no mount, no file; what is left is a failure of that test. No sleeps: wait_for() polls a condition.
Started by tests/run.sh, which sets SBX_BIN, SBX_TEST_REGISTRY and SBX_TEST_TMP. Started as root (with
SBX_TEST_USER) every command still runs as that user; root is for the set-up some faults need.
"""

import contextlib
import ctypes
import fcntl
import fnmatch
import inspect
import json
import os
import pty
import pwd
import re
import secrets
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
import traceback

SBX = os.environ.get("SBX_BIN") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/sbx")
REGISTRY = os.environ.get("SBX_TEST_REGISTRY", "http://127.0.0.1:21400")
TMP = os.environ.get("SBX_TEST_TMP", "/var/tmp")
USER = pwd.getpwnam(os.environ["SBX_TEST_USER"]) if os.environ.get("SBX_TEST_USER") else pwd.getpwuid(os.getuid())
PORTS = int(os.environ.get("SBX_TEST_PORTS", "21410"))
TEST_SECONDS = int(os.environ.get("SBX_TEST_SECONDS", "60"))
SLOWNESS = max(1, TEST_SECONDS // 60)  # factor for bounds in seconds; above 1 with sanitizers only
VARIANTS = {
    "overlay": {"SBX_STORAGE_DRIVER": "overlay"},
    "fuse": {"SBX_STORAGE_DRIVER": "fuse"},
    "single": {"SBX_USERNS": "single"},
}


class Skip(Exception):
    """The machine lacks what the test needs; the text says what."""


class Result:
    def __init__(self, command, code, out, err):
        self.command, self.code, self.out, self.err = command, code, out, err

    def __str__(self):
        return "$ %s\nstatus %s\nstdout: %s\nstderr: %s" % (" ".join(self.command), self.code, self.out, self.err)

    @property
    def line(self):
        return self.out.strip()


def expect(condition, *what):
    if not condition:
        raise AssertionError("\n".join(str(w) for w in what))


def wait_for(condition, what="condition", seconds=10):
    """Polls until condition() is true and returns its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        expect(time.monotonic() < end, "waited %d s for %s" % (seconds, what))
        time.sleep(0.02)


def become_user():
    """In a child started by root: the test user, all of it."""
    if os.getuid() == 0:
        os.initgroups(USER.pw_name, USER.pw_gid)
        os.setgid(USER.pw_gid)
        os.setuid(USER.pw_uid)


def command_for(argv):
    """(argv, preexec) that run it as the test user; under the filter of SBX_TEST_DENY when that is set, which root
    installs before it drops: a filter with no_new_privs would take newuidmap's setuid bit away as well."""
    denied = os.environ.get("SBX_TEST_DENY", "").split()
    if not denied or argv[0] != SBX:
        return list(argv), become_user
    lead = [] if os.getuid() == 0 else ["sudo", "-n", "--preserve-env"]
    return [*lead, os.environ["SBX_TEST_DENY_BIN"], *denied, "--", "setpriv", "--reuid", str(USER.pw_uid), "--regid",
            str(USER.pw_gid), "--init-groups", "--", *argv], None


def listener(port):
    """A socket that holds the port on every address; what another test left in TIME_WAIT is no hindrance."""
    return socket.create_server(("0.0.0.0", port))


def free_port():
    """A host port that nobody holds, from this session's range, each at most once per process."""
    while free_port.next < PORTS + 90:
        port, free_port.next = free_port.next, free_port.next + 1
        with contextlib.suppress(OSError), listener(port):
            return port
    free_port.next = PORTS
    return free_port()


free_port.next = PORTS


def sub_ids():
    """The user's subordinate (start, count) or None."""
    with contextlib.suppress(OSError), open("/etc/subuid", encoding="ascii") as f:
        for line in f:
            name, start, count = line.strip().split(":")
            if name in (USER.pw_name, str(USER.pw_uid)) and int(count) >= 65536:
                return int(start), int(count)
    return None


def in_userns(argv):
    """Runs argv as root of a user namespace with all of the user's ids, to remove what belongs to them."""
    ids = sub_ids()
    if os.getuid() == 0 or not ids:
        return subprocess.call(argv)
    ready, go = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        ctypes.CDLL(None, use_errno=True).unshare(0x10000000)  # CLONE_NEWUSER
        os.write(ready[1], b"x")
        os.read(go[0], 1)
        os.setgid(0)
        os.setuid(0)
        os.execvp(argv[0], argv)
    os.read(ready[0], 1)
    for tool, own in (("newuidmap", USER.pw_uid), ("newgidmap", USER.pw_gid)):
        subprocess.check_call([tool, str(pid), "0", str(own), "1", "1", str(ids[0]), str(ids[1])])
    os.write(go[1], b"x")
    for fd in ready + go:
        os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def process_table():
    """{pid: (parent, session)}, which can be read of everybody, also of those that have locked themselves in."""
    table = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open("/proc/%s/stat" % pid, encoding="utf-8", errors="replace") as f:
            state, parent, _, session = f.read().rpartition(")")[2].split()[:4]
            if state not in "ZX":
                table[int(pid)] = int(parent), int(session)
    return table


def descendants(pid):
    """The process and all below it."""
    table, found = process_table(), [pid]
    for one in found:
        found += [child for child, (parent, _) in table.items() if parent == one]
    return found


def command_of(pid, text):
    """The command line of a process that knows this text: by command line, environment, or (a container's payload knows
    nothing else) the sources of its mounts. None: it does not, or is gone."""
    known = {}
    for name in ("cmdline", "environ", "mountinfo"):
        with contextlib.suppress(OSError), open("/proc/%s/%s" % (pid, name), "rb") as f:
            known[name] = f.read()
    if text.encode() not in b"\0".join(known.values()):
        return None
    return known.get("cmdline", b"").replace(b"\0", b" ").decode(errors="replace").strip()


def processes_with(text):
    """(pid, command line) of those processes."""
    found = [(int(pid), command_of(pid, text)) for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid()]
    return [(pid, command) for pid, command in found if command is not None]


class Box:
    """One test's world."""

    def __init__(self, variant, name):
        os.makedirs(TMP, exist_ok=True)
        self.variant, self.name = variant, name
        # its last part names repositories and containers: mkdtemp's "_" at an end would be no valid name
        self.top = os.path.join(TMP, "t-" + secrets.token_hex(4))
        os.mkdir(self.top, 0o700)
        os.chown(self.top, USER.pw_uid, USER.pw_gid)
        self.env = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8", "TERM": "xterm",
                    "USER": USER.pw_name, "SBX_CONFIG": self.path("config.json"),
                    "SBX_CONFINE": "kill"}  # a call that a helper's list lacks is a failure
        for key, folder in (("HOME", "home"), ("XDG_RUNTIME_DIR", "run"), ("XDG_DATA_HOME", "data"),
                            ("XDG_CONFIG_HOME", "conf"), ("SBX_ROOT", "root"), ("SBX_RUNROOT", "rr")):
            self.env[key] = self.folder(folder, 0o700)
        self.env.update(VARIANTS.get(variant, {}))
        for key in os.environ:
            if key.endswith("SAN_OPTIONS"):
                self.env.update({key: os.environ[key], "SBX_CONFINE": "off"})
        self.mirror(REGISTRY)
        self.begun = time.clock_gettime(time.CLOCK_BOOTTIME)
        self.children, self.sessions = [], set()

    def path(self, *names):
        return os.path.join(self.top, *names)

    def folder(self, name, mode=0o755):
        os.makedirs(self.path(name), exist_ok=True)
        os.chmod(self.path(name), mode)
        os.chown(self.path(name), USER.pw_uid, USER.pw_gid)
        return self.path(name)

    def file(self, name, text, mode=0o644):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.path(name), mode)
        os.chown(self.path(name), USER.pw_uid, USER.pw_gid)
        return self.path(name)

    def mirror(self, url):
        """Where docker.io is looked for."""
        self.file("config.json", json.dumps({"registries": {"docker.io": {"mirrors": [url] if url else []}}}))

    def run(self, argv, data=None, seconds=TEST_SECONDS, env=None, **more):
        """Any host command as the test user; never raises for a status."""
        real, drop = command_for(argv)
        child = subprocess.Popen(real, stdin=subprocess.PIPE if data is not None else subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(self.env, **(env or {})),
                                 preexec_fn=drop, cwd=self.top, start_new_session=True, **more)
        self.sessions.add(child.pid)
        try:
            out, err = child.communicate(data.encode() if isinstance(data, str) else data, timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            out, err = child.communicate()
            raise AssertionError("no end after %d s: %s\nstdout: %s\nstderr: %s" % (seconds, " ".join(argv), out, err))
        return Result(argv, child.returncode, out.decode(errors="replace"), err.decode(errors="replace"))

    def sbx(self, *args, **more):
        return self.run([SBX, *args], **more)

    def ok(self, *args, **more):
        """sbx, which must succeed; returns stdout without the last newline."""
        result = self.sbx(*args, **more)
        expect(result.code == 0, result)
        return result.out[:-1] if result.out.endswith("\n") else result.out

    def fails(self, status, *args, says=(), **more):
        """sbx, which must fail with this status and say all of these on stderr."""
        result = self.sbx(*args, **more)
        expect(result.code == status, "wanted status %d" % status, result)
        for text in [says] if isinstance(says, str) else says:
            expect(re.search(text, result.err, re.I), "stderr lacks %r" % text, result)
        return result

    def start(self, *args, **more):
        """A background process of sbx; ended with the test."""
        real, drop = command_for([SBX, *args])
        child = subprocess.Popen(real, env=dict(self.env, **more.pop("env", {})), preexec_fn=drop, cwd=self.top, **more)
        self.children.append(child)
        return child

    def start_other(self, argv, **more):
        """Any host command in the background as the test user; ended with the test."""
        child = subprocess.Popen(argv, env=dict(self.env), preexec_fn=become_user, cwd=self.top, **more)
        self.children.append(child)
        return child

    def as_root(self, setup, argv, seconds=TEST_SECONDS, **more):
        """argv as the test user inside a mount namespace that root has prepared with shell lines."""
        lead, env = [], dict(self.env, **more)
        if os.getuid() != 0:
            if not shutil.which("sudo") or subprocess.call(["sudo", "-n", "true"], stderr=subprocess.DEVNULL) != 0:
                raise Skip("needs root (or sudo without a password) for: %s" % setup.strip().split("\n")[0])
            lead = ["sudo", "-n", "env", *("%s=%s" % pair for pair in env.items())]
        script = "%s\nexec setpriv --reuid %d --regid %d --init-groups -- \"$@\"" % (setup, USER.pw_uid, USER.pw_gid)
        child = subprocess.run([*lead, "unshare", "-m", "--propagation", "private", "sh", "-ec", script, "sh", *argv],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.top,
                               env=env, timeout=seconds, check=False)
        return Result(["(root: %s)" % setup, *argv], child.returncode, child.stdout.decode(errors="replace"),
                      child.stderr.decode(errors="replace"))

    def inspect(self, name):
        return json.loads(self.ok("inspect", name))[0]

    def outliving(self):
        """What lives on of commands that have ended, and has not made a session of its own as monitors do."""
        return [pid for pid, (_, session) in process_table().items() if session in self.sessions]

    def leaks(self):
        found = ["process %d: %s" % p for p in processes_with(self.top)]
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            found += ["mount " + line.split()[4] for line in f if self.top in line]
        return found

    def close(self):
        """Removes the containers with the product's own means, then says what is still there."""
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()
        trouble = []
        listed = self.sbx("ps", "-aq", seconds=20)
        for name in listed.out.split():
            removed = self.sbx("rm", "-f", name, seconds=20)
            if removed.code != 0:
                trouble.append("clean-up: %s" % removed)
        try:
            wait_for(lambda: not self.leaks(), seconds=5)
        except AssertionError:
            trouble += ["left behind: " + leak for leak in self.leaks()]
            for pid, _ in processes_with(self.top):
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
        if not os.environ.get("SBX_TEST_KEEP"):
            if in_userns(["sh", "-c", "chmod -R u+rwX \"$0\" 2>/dev/null; rm -rf \"$0\"", self.top]) != 0:
                trouble.append("cannot remove " + self.top)
        return trouble


class Terminal:
    """A program on a pseudo-terminal of its own."""

    def __init__(self, box, *argv, rows=24, columns=80):
        self.seen, self.code = b"", None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                real, drop = command_for(argv)
                if drop:
                    drop()
                os.chdir(box.top)
                os.execvpe(real[0], real, box.env)
            finally:
                os._exit(99)
        self.resize(rows, columns)

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, text):
        os.write(self.fd, text.encode() if isinstance(text, str) else text)

    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            more = os.read(self.fd, 65536)
        except OSError:  # EIO: the other side is closed
            more = b""
        self.seen += more
        return bool(more)

    def wait_text(self, pattern, seconds=10):
        """Until the output since the last match has the pattern; returns the match."""
        end = time.monotonic() + seconds
        while True:
            match = re.search(pattern.encode(), self.seen)
            if match:
                self.seen = self.seen[match.end():]
                return match
            expect(time.monotonic() < end, "no %r on the terminal, only %r" % (pattern, self.seen))
            expect(self.read(0.1) or re.search(pattern.encode(), self.seen),
                   "terminal closed without %r: %r" % (pattern, self.seen))

    def wait_end(self, seconds=15):
        """Reads to the end; returns the exit status."""
        end = time.monotonic() + seconds
        while self.read(0.1) and time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        if self.code is None:
            with contextlib.suppress(AssertionError):
                wait_for(self.ended, "the end of the program", max(1, end - time.monotonic()))
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            raise AssertionError("no end on the terminal; last: %r" % self.seen[-400:])
        os.close(self.fd)
        return self.code

    def ended(self):
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            self.code = os.waitstatus_to_exitcode(status)
        return pid


TESTS = []


def test(*variants, seconds=TEST_SECONDS, root=False):
    """root: the set-up needs root, though the test does not call as_root itself."""
    def register(function):
        function.needs_root = root or "as_root(" in inspect.getsource(function)
        TESTS.append((function, variants or tuple(VARIANTS), seconds))
        return function
    return register


def too_long(_signal, _frame):
    raise AssertionError("the test took too long")


def run_one(function, variant, seconds):
    """Returns (verdict, text): "ok", "skip" with its reason, "not ok" with the story."""
    box = Box(variant, function.__name__)
    verdict, story = "ok", []
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
    try:
        function(box)
    except Skip as reason:
        verdict, story = "skip", [str(reason)]
    except Exception as fault:  # any fault is a failed test, and the next one still runs
        verdict, story = "not ok", ["".join(traceback.format_exception(fault)[-3:])]
    signal.alarm(60)
    try:
        trouble = box.close()
    except AssertionError as fault:
        trouble = [str(fault)]
    signal.alarm(0)
    return ("not ok", "\n".join(story + trouble)) if trouble else (verdict, "\n".join(story))


def with_chances(function, variant, seconds, chances):
    """run_one(); while there are chances left a failed test gets a second try, and both stories are told. Returns
    what run_one() does and the chances left."""
    verdict, text = run_one(function, variant, seconds)
    if verdict == "not ok" and chances > 0:
        verdict, second = run_one(function, variant, seconds)
        return verdict, "first try:\n%s\nsecond try: %s %s" % (text, verdict, second), chances - 1
    return verdict, text, chances


def main():
    """[PATTERN...]: names with an optional [variant], as printed. SBX_TEST_VARIANTS limits the variants; SBX_TEST_ROOT
    is "only" for the tests whose set-up needs root, "without" for the others. SBX_TEST_CHANCES: so many failed tests of
    this program get a second try (decision 0008)."""
    for signo, action in ((signal.SIGINT, signal.default_int_handler), (signal.SIGQUIT, signal.SIG_DFL)):
        if signal.getsignal(signo) == signal.SIG_IGN:  # a script's `… &`; children would ignore it as well
            signal.signal(signo, action)
    root = os.environ.get("SBX_TEST_ROOT")
    patterns = sys.argv[1:]
    wanted = os.environ.get("SBX_TEST_VARIANTS", " ".join(VARIANTS)).split()
    failed = number = 0
    chances = int(os.environ.get("SBX_TEST_CHANCES", "0"))
    for function, variants, seconds in TESTS:
        if root and (root == "only") != function.needs_root:
            continue
        for variant in variants:
            name = "%s[%s]" % (function.__name__, variant)
            if variant not in wanted or \
                    (patterns and not any(fnmatch.fnmatch(name, p) or p in name for p in patterns)):
                continue
            number += 1
            begun = time.monotonic()
            verdict, text, chances = with_chances(function, variant, seconds, chances)
            took = "%.1f s" % (time.monotonic() - begun)
            if verdict == "skip":
                print("ok %d - %s # SKIP %s" % (number, name, text.replace("\n", " ")))
            elif verdict == "ok" and text:
                print("ok %d - %s # FLAKY: failed once, then passed: %s" % (number, name, took))
            else:
                print("%s %d - %s # %s" % (verdict, number, name, took))
            failed += verdict == "not ok"
            if text and verdict != "skip":
                print("\n".join("#   " + line for line in text.split("\n")))
            sys.stdout.flush()
    print("1..%d" % number)
    sys.exit(1 if failed else 0)

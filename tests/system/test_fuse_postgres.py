#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL on sbx-fuse whose server is killed with -9 under the writer: no acknowledged transaction is lost, all
indexes and checksums are right. A few cycles here; SBX_TEST_KILLS=50 by `tests/run.sh --suite soak`."""

import glob
import os
import signal
import subprocess
import time

from fusetest import LIBC, Skip, Stack, expect, main, mount, same, test

USER = 1000  # PostgreSQL refuses root; inside this is a subordinate id
MS_BIND = 4096
CYCLES = int(os.environ.get("SBX_TEST_KILLS", "2"))


def programs():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    if not found:
        raise Skip("PostgreSQL is not installed (Debian: postgresql)")
    return found[-1]


def stat_of(pid):
    """State and parent of a process; None when it is gone."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return None


def children(parent):
    all_of_them = [(int(name), stat_of(int(name))) for name in os.listdir("/proc") if name.isdigit()]
    return [pid for pid, about in all_of_them if about and about[1] == str(parent)]


def alive(pid):
    about = stat_of(pid)
    return about is not None and about[0] != "Z"


class Postgres:
    def __init__(self, top, data):
        self.bin, self.top, self.data = programs(), top, data
        self.server = None
        self.socket = os.path.join(top, "socket")
        os.mkdir(self.socket)
        os.chown(self.socket, USER, USER)
        # nothing of the caller's; above all no PGDATA, no locale that is not there
        self.env = {"PATH": self.bin + ":/usr/bin:/bin", "LC_ALL": "C", "HOME": self.socket, "PGHOST": self.socket,
                    "PGUSER": "postgres", "PGDATABASE": "postgres"}

    def popen(self, *command, **more):
        return subprocess.Popen(command, env=self.env, user=USER, group=USER, extra_groups=[], cwd=self.socket,
                                start_new_session=True, **more)

    def init(self, where):
        out = self.popen("initdb", "-D", where, "-U", "postgres", "-k", "-A", "trust", "-E", "UTF8", "--no-sync",
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        text = out.communicate(timeout=120)[0]
        expect(out.returncode == 0, "initdb", text)
        with open(where + "/postgresql.conf", "a") as f:
            f.write("listen_addresses = ''\nunix_socket_directories = '%s'\nmax_connections = 10\nshared_buffers = 2MB\n"
                    "dynamic_shared_memory_type = mmap\nmin_dynamic_shared_memory = 0\nfull_page_writes = on\n" % self.socket)

    def start(self):
        """Until it has recovered and answers."""
        self.log = open(os.path.join(self.top, "log"), "ab")
        self.server = self.popen("postgres", "-D", self.data, stdout=self.log, stderr=self.log)
        while self.server.poll() is None:
            if self.popen("pg_isready", "-q", "-t", "10").wait(30) == 0:
                return
            try:
                self.server.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
        with open(os.path.join(self.top, "log"), "rb") as f:
            raise AssertionError("PostgreSQL does not start: %s" % f.read()[-2000:].decode())

    def ask(self, question):
        out = self.popen("psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", question, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT)
        text = out.communicate(timeout=100)[0].decode().strip()
        expect(out.returncode == 0, question, text)
        return text

    def kill(self):
        """With its children, which are in sessions of their own: one that is left would keep the next from starting."""
        all_of_it = [self.server.pid] + children(self.server.pid)
        for pid in all_of_it:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.server.wait(20)
        end = time.monotonic() + 60
        while any(alive(pid) for pid in all_of_it):
            expect(time.monotonic() < end, "PostgreSQL's processes do not end")
            time.sleep(0.01)
        self.log.close()

    def stop(self):
        self.server.send_signal(signal.SIGINT)
        same(self.server.wait(60), 0, "PostgreSQL ended")
        self.log.close()


def kill_cycle(s, db, rows):
    """Kills sbx-fuse after so many acknowledged rows. Returns the last acknowledged."""
    script = os.path.join(db.top, "script")
    with open(script, "w") as f:  # one transaction each; the number is printed when it is committed
        f.write("insert into t select coalesce(max(n), 0) + 1, repeat('x', (random() * 2000)::int) from t returning n;\n"
                * (rows + 5000))
    writer = db.popen("psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-f", script, stdout=subprocess.PIPE,
                      stderr=subprocess.DEVNULL)
    last = 0
    for number, line in enumerate(writer.stdout, 1):
        last = int(line)
        if number == rows:
            s.kill()
            db.kill()
    writer.wait(60)
    return last


@test
def no_acknowledged_transaction_of_postgresql_is_lost_when_the_server_is_killed(top):
    programs()
    os.chmod(top, 0o755)
    mount(top, "/mnt", "", MS_BIND, "")  # where that user gets to, whatever is above
    try:
        run("/mnt")
    finally:
        LIBC.umount2(b"/mnt/pg/mnt", 2)
        LIBC.umount2(b"/mnt", 2)


def run(top):
    s = Stack(top, "pg")
    lower = os.path.join(s.lowers[0], "data")
    db = Postgres(top, s("data"))
    os.mkdir(lower, 0o700)
    os.chown(lower, USER, USER)
    db.init(lower)
    s.start("fd")
    db.start()
    db.ask("create table t(n integer primary key, text text)")
    db.ask("create index on t(text)")
    last = 0
    for n in range(CYCLES):
        acknowledged = kill_cycle(s, db, 20 + 13 * (n % 7))
        expect(acknowledged > last, "rows were written", acknowledged, last)
        s.start("fd")
        db.start()
        count, last = (int(word) for word in db.ask("select count(*), max(n) from t").split("|"))
        expect(count == last and count >= acknowledged, "rows", count, last, "acknowledged", acknowledged)
        same(db.ask("set enable_seqscan = off; select count(*) from t where n > 0"), str(count), "rows by the index")
    same(db.ask("select coalesce(sum(checksum_failures), 0) from pg_stat_database"), "0", "checksums")
    db.stop()
    s.stop()


if __name__ == "__main__":
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""hours.py BUILD CORPORA RECORD SECONDS [WORKERS]: fuzzes for SECONDS and adds the time to RECORD.

BUILD is a build folder as tests/fuzz/run.sh makes it, CORPORA a folder that keeps what was found worth keeping
(CORPORA/<target>/corpus; inputs that break a target land in CORPORA/<target>). The target with the least
processor time in RECORD is next, for two minutes at a time. RECORD is a table with a line for each target:
name, processor seconds, inputs, findings; it is written anew after each turn and sums up over runs."""

import fcntl
import os
import re
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TURN = 120
HEAD = "target\tprocessor seconds\tinputs\tfindings\n"


def targets():
    with open(HERE + "/meson.build", encoding="utf-8") as f:
        return re.findall(r"^  \['([a-z0-9_-]*)'", f.read(), re.M)


def read_record(path):
    record = {name: [0, 0, 0] for name in targets()}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            for line in list(f)[1:]:
                name, *counts = line.rstrip("\n").split("\t")
                if name in record:  # a target that is gone takes its time with it
                    record[name] = [int(c) for c in counts]
    return record


def write_record(path, record):
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(HEAD)
        for name in sorted(record):
            f.write("%s\t%d\t%d\t%d\n" % (name, *record[name]))
    os.rename(path + ".new", path)


class Hours:
    def __init__(self, build, corpora, path, until):
        self.build, self.corpora, self.path, self.until = build, corpora, path, until
        self.lock = threading.Lock()
        self.running = set()

    def take(self):
        with self.lock:
            record = read_record(self.path)
            name = min((n for n in record if n not in self.running), key=lambda n: record[n][0])
            self.running.add(name)
            return name

    def add(self, name, seconds, inputs, found):
        with self.lock:
            record = read_record(self.path)
            record[name] = [a + b for a, b in zip(record[name], (seconds, inputs, found))]
            write_record(self.path, record)
            self.running.discard(name)

    def fuzz(self, name, seconds):
        folder = "%s/%s" % (self.corpora, name)
        os.makedirs(folder + "/corpus", exist_ok=True)
        log = folder + "/log"
        with open(log, "wb") as out:
            child = subprocess.Popen(
                ["%s/tests/fuzz/fuzz-%s" % (self.build, name), "-max_total_time=%d" % seconds, "-timeout=60", "-rss_limit_mb=1024",
                 "-print_final_stats=1", "-artifact_prefix=%s/" % folder, folder + "/corpus", "%s/corpus/%s" % (HERE, name)],
                stdout=out, stderr=out, env={**os.environ, "UBSAN_OPTIONS": "halt_on_error=1"})
            status, usage = os.wait4(child.pid, 0)[1:]
        with open(log, encoding="utf-8", errors="replace") as f:
            text = f.read()
        units = re.findall(r"stat::number_of_executed_units: (\d+)", text) or re.findall(r"^#(\d+)\s", text, re.M) or ["0"]
        if status:
            print("%s: see %s" % (name, log), flush=True)
        self.add(name, int(usage.ru_utime + usage.ru_stime), int(units[-1]), int(status != 0))

    def work(self):
        while time.time() < self.until - 5:
            self.fuzz(self.take(), min(TURN, int(self.until - time.time())))


def main():
    if len(sys.argv) not in (5, 6):
        sys.exit(__doc__)
    build, corpora, path, seconds = sys.argv[1:5]
    os.makedirs(corpora, exist_ok=True)
    with open(path + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        hours = Hours(build, corpora, path, time.time() + int(seconds))
        workers = [threading.Thread(target=hours.work) for _ in range(int(sys.argv[5]) if len(sys.argv) > 5 else os.cpu_count())]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()


main()

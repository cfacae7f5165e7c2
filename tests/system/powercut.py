#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""powercut.py record STORE DISK COPIES COMMAND...: runs the command and, whenever a name in the store appears, stops all
its processes and copies the disk's backing file: what a machine would find that lost power then. An fsync of a stranger
comes first, which makes the file system write its journal, names included, but no contents that nobody asked for.
powercut.py judge STORE: everything that has a name must be what the name says; prints what is not."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

COPIES_MAX = int(os.environ.get("COPIES_MAX", "4"))


def names(store):
    found = []
    for folder in ("layers", "images/blobs/sha256", "images"):
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(os.path.join(store, folder)):
                if not name.startswith("."):
                    found.append((folder, name, os.stat(os.path.join(store, folder, name)).st_ino))
    return sorted(found)


def session(sid):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open("/proc/%s/stat" % pid, encoding="utf-8", errors="replace") as f:
            if int(f.read().rpartition(")")[2].split()[3]) == sid:
                yield int(pid)


def signal_all(sid, number):
    for pid in session(sid):
        with contextlib.suppress(OSError):
            os.kill(pid, number)


def cut(store, disk, copies):
    with open(os.path.join(store, "stranger"), "a", encoding="ascii") as f:
        f.write("x")
        f.flush()
        os.fsync(f.fileno())
    subprocess.run(["cp", "--sparse=always", disk, "%s/%d" % (copies, len(os.listdir(copies)))], check=True)


def record(store, disk, copies, command):
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    seen = names(store)
    while child.poll() is None:
        now = names(store)
        if now != seen and len(os.listdir(copies)) < COPIES_MAX - 1:
            signal_all(child.pid, signal.SIGSTOP)
            cut(store, disk, copies)
            signal_all(child.pid, signal.SIGCONT)
        seen = now
        time.sleep(0.002)
    cut(store, disk, copies)
    return child.returncode


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def judge(store):
    bad = []
    blobs = os.path.join(store, "images/blobs/sha256")
    for name in os.listdir(blobs) if os.path.isdir(blobs) else []:
        if len(name) == 64 and digest(os.path.join(blobs, name)) != name:
            bad.append("blob " + name)
    layers = os.path.join(store, "layers")
    for name in os.listdir(layers) if os.path.isdir(layers) else []:
        record_of = os.path.join(layers, name + ".json")
        if "." in name or not os.path.exists(record_of) or os.path.getsize(record_of) == 0:
            continue  # has no name yet
        for folder, _, files in os.walk(os.path.join(layers, name)):
            bad += ["%s of layer %s" % (f, name) for f in files
                    if digest(os.path.join(folder, f)) != f.split("-")[1]]  # the fixture's files are called so
    index = os.path.join(store, "images/index.json")
    if os.path.exists(index):
        with open(index, encoding="utf-8") as f:
            text = f.read()
        with contextlib.suppress(ValueError):
            for entry in json.loads(text)["manifests"]:
                blob = os.path.join(blobs, entry["digest"][7:])
                if not os.path.exists(blob):
                    bad.append("an image without its manifest")
            text = None
        if text is not None:
            bad.append("index.json")
    print("\n".join(bad))


if __name__ == "__main__":
    if sys.argv[1] == "record":
        shutil.rmtree(sys.argv[4], ignore_errors=True)
        os.mkdir(sys.argv[4])
        sys.exit(record(sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:]))
    judge(sys.argv[2])

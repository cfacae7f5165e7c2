# SPDX-License-Identifier: Apache-2.0
"""What the tests of sbx build share."""

import contextlib
import glob
import os
import re

from sbxtest import expect


def write(box, text, folder="ctx", name="Dockerfile"):
    """A context with this Dockerfile; returns its path."""
    box.folder(folder)
    box.file(os.path.join(folder, name), text)
    return box.path(folder)


def build(box, text, *args, folder="ctx", **more):
    """Without a network, which would outlive the test by seconds, unless the test asks for one."""
    args = args if "--network" in args else ("--network", "none", *args)
    return box.sbx("build", "--progress", "plain", *args, write(box, text, folder), **more)


def built(box, text, *args, **more):
    """Progress of a build that must succeed."""
    result = build(box, text, *args, **more)
    expect(result.code == 0, result)
    return result.err


def steps(progress):
    """{"RUN true": "CACHED" or "DONE"} of plain progress."""
    names, ends = {}, {}
    for line in progress.splitlines():
        m = re.match(r"#(\d+) (?:\[[^\]]*\d+/\d+\] )(.*)", line)
        if m:
            names[m.group(1)] = m.group(2)
        m = re.match(r"#(\d+) (CACHED|DONE|ERROR)", line)
        if m and m.group(1) in names:
            ends[names[m.group(1)]] = m.group(2)
    return ends


def shown_secrets(secret):
    """Files of secrets that a build has left in memory, whoever's it was."""
    found = []
    for path in glob.glob("/dev/shm/.sbx-*/secret"):
        # those of others are theirs, and go while we look
        with contextlib.suppress(FileNotFoundError, PermissionError), open(path, "rb") as f:
            if secret in f.read():
                found.append(path)
    return found


def tree_has(box, secret):
    """Files below the box's folders, its own inputs aside, that hold the text."""
    found = []
    for top in ("root", "rr", "run", "home"):
        for folder, _, names in os.walk(box.path(top)):
            for path in (os.path.join(folder, name) for name in names):
                if not os.path.isfile(path) or os.path.islink(path):
                    continue
                # a container that is being removed may go while we look
                with contextlib.suppress(FileNotFoundError), open(path, "rb") as f:
                    if secret in f.read():
                        found.append(path)
    return found

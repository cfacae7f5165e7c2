# SPDX-License-Identifier: Apache-2.0
"""Templates: for each of a corpus (formats.py) the same output, or the same error, as Docker's command line.

tests/fixtures/formats.json has what docker 28.2 printed for the data made here, ids and times replaced by words of
the same length. With SBX_TEST_DOCKER=PROGRAM that program is asked itself, over a fake Engine API (fakeengine.py) that
serves the same data, and SBX_TEST_RECORD=FILE writes down what it says."""

import json
import os
import re
import sys

import fakeengine
import formats
from sbxtest import Skip, expect, free_port, main, test

STORED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures/formats.json")
DOCKER = os.environ.get("SBX_TEST_DOCKER")


def key(args, template):
    return "%s :: %s" % (" ".join(args), template)


def prepare(box):
    """One running container, one that was never started, one that has ended; returns the words that differ each time."""
    port = free_port()
    box.ok("pull", "-q", "busybox")
    box.ok("volume", "create", "--label", "a=b", "data1")
    box.ok("network", "create", "--label", "n=1", "--subnet", "10.253.77.0/24", "backend")
    made = {
        "web": ["run", "-d", "--name", "web", "--label", "app=web", "--label", "tier=front", "-e", "A=b", "-p",
                "127.0.0.1:%d:80" % port, "-v", "data1:/data", "--network", "backend", "busybox", "sleep", "1000"],
        "db": ["create", "--name", "db", "--label", "app=db", "-v", "/usr:/mnt:ro", "busybox", "sh", "-c",
               "echo 'a long <command> line' & true"],
        "done": ["create", "--name", "done", "busybox", "sh", "-c", "exit 3"]}
    ids = {name: box.ok(*argv) for name, argv in made.items()}
    box.sbx("start", "-a", "done")
    ids["image"] = box.ok("image", "inspect", "busybox", "--format", "{{.Id}}").partition(":")[2]
    ids["net"] = box.ok("network", "inspect", "backend", "--format", "{{.Id}}")
    return port, ids


def neutral(text, box, port, ids):
    """What differs from machine to machine and run to run, replaced; by words of the same length where columns may
    depend on it."""
    for name, value in ids.items():
        text = text.replace(value, (name.upper() + "-ID-" * 16)[:64]).replace(value[:12], (name.upper() + "-ID-" * 3)[:12])
    text = re.sub(r"sha256:[0-9a-f]{64}", "sha256:" + "DIGEST--" * 8, text)
    text = re.sub(r"(?<!\d)%d(?!\d)" % port, "PPPPP", text.replace(box.top, "/BOX"))  # not within a longer number
    text = re.sub(r"\b20[2-9]\d-\d\d-\d\d([ T])\d\d:\d\d:\d\d(\.\d+)?", r"YYYY-MM-DD\1HH:MM:SS", text)
    text = re.sub(r'("execDuration": ?)"\d+"', r'\1"0"', text)  # whole seconds: more than none on a slow machine
    text = re.sub(r"\b\d{5,19}\b", "NUMBER", text)
    text = re.sub(r"\b\d+(\.\d+)?[kMG]B\b", "SIZE", text)
    return re.sub(r"(Less than a second|About an? \w+|\d+ (second|minute|hour|day|week|month|year)s?)( ago)?",
                  r"SOMETIME\3", text)


def outcome(result):
    """(success, stdout, stderr without the program's name)."""
    return [result.code == 0, result.out.rstrip("\n") if result.code == 0 else "",
            "" if result.code == 0 else re.sub(r"(?m)^(sbx|docker): |^Error( response from daemon)?: ", "", result.err).strip()]


def ask(box, args, template, program=()):
    return outcome(box.run([*program, *args, "--format", template]) if program else
                   box.sbx(*args, "--format", template))


@test("overlay", seconds=240)
def templates_give_what_dockers_command_line_gives(box):
    with open(STORED, encoding="utf-8") as f:
        stored = json.load(f)
    port, ids = prepare(box)
    faults, missing = [], []
    for args, template in formats.PLAIN:
        want = stored.get(key(args, template))
        if want is None:
            missing.append(key(args, template))
            continue
        got = [neutral(x, box, port, ids) if isinstance(x, str) else x for x in ask(box, args, template)]
        if got != want:
            faults.append("%s\n  docker %r\n  sbx    %r" % (key(args, template), want, got))
    expect(not missing, "not in %s: %s" % (STORED, missing))
    expect(not faults, "%d of %d differ" % (len(faults), len(formats.PLAIN)), *faults)


@test("overlay", seconds=900)
def templates_give_what_the_installed_docker_gives(box):
    if not DOCKER:
        raise Skip("asked for with SBX_TEST_DOCKER=PROGRAM only: what it says is stored in tests/fixtures/formats.json")
    port, ids = prepare(box)
    faults, record = [], {}
    with fakeengine.serving(box, box.path("engine")) as address:
        os.chmod(box.path("engine"), 0o666)
        for args, template in formats.PLAIN:
            want = ask(box, args, template, [DOCKER, "-H", address])
            got = ask(box, args, template)
            record[key(args, template)] = [neutral(x, box, port, ids) if isinstance(x, str) else x for x in want]
            now = [neutral(x, box, port, ids) if isinstance(x, str) else x for x in got]
            if now != record[key(args, template)]:
                faults.append("%s\n  docker %r\n  sbx    %r" % (key(args, template), want, got))
    if os.environ.get("SBX_TEST_RECORD"):
        with open(os.environ["SBX_TEST_RECORD"], "w", encoding="utf-8") as f:
            json.dump(record, f, indent=0, sort_keys=True, ensure_ascii=False)
            f.write("\n")
    print("# %d of %d the same" % (len(formats.PLAIN) - len(faults), len(formats.PLAIN)), file=sys.stderr)
    expect(not faults, "%d differ" % len(faults), *faults)


if __name__ == "__main__":
    main()

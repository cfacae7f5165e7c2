#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""sbx doctor and sbx explain. What doctor foretells is done, and must come so; tests/system/homes.py does the same on machines
that lack something."""

import json
import os
import pathlib
import re

from sbxtest import SBX, expect, main, test


def foretold(box, **more):
    result = box.sbx("doctor", "--json", **more)
    return json.loads(result.out), result


@test("overlay", "fuse", "single")
def doctor_foretells_what_run_does(box):
    told, result = foretold(box)
    seen = told["prediction"]
    expect(result.code == 0 and seen["run"] is True and "runError" not in seen, result)
    box.ok("run", "--name", "c", "busybox", "sh", "-c", "cat /proc/self/uid_map; ls /sys/class/net")
    out = box.ok("logs", "c")
    ranges = re.findall(r"(?m)^ *\d+ +\d+ +\d+$", out)
    expect(seen["ids"] == ("subordinate" if len(ranges) > 1 else "single"), seen, out)
    expect(("eth0" in out) == (seen["network"] == "bridge"), seen, out)
    expect(box.inspect("c")["GraphDriver"]["Name"] == seen["driver"], seen)
    limited = box.sbx("run", "--rm", "--pids-limit", "50", "busybox", "true")
    expect((limited.code == 0) == seen["limits"], seen, limited)


@test("overlay", "single")
def each_rung_is_as_doctor_found_it(box):
    """What is named by hand works where doctor found it, and is refused with doctor's message where not."""
    found = {check["name"]: check for check in foretold(box)[0]["checks"]}
    for driver, ident in (("overlay", "E-OVERLAY-REFUSED"), ("fuse", "E-FUSE-NODEV")):
        result = box.sbx("run", "--rm", "--storage-driver", driver, "busybox", "true")
        expect(result.code == (0 if found["driver " + driver]["status"] == "ok" else 125), found, result)
        expect(result.code == 0 or ident in result.err, result)
    result = box.sbx("run", "--rm", "busybox", "true")
    expect(("W-NEST-PROC" in result.err) == (found["/proc of its own"]["status"] != "ok"), found, result)
    lowest = int(re.search(r"published from (\d+) on", found["ports"]["found"])[1])
    if lowest > 1:
        box.fails(125, "run", "--rm", "-p", "%d:80" % (lowest - 1), "busybox", "true", says="E-PORT-LOW: .*%d" % (lowest - 1))
    result = box.sbx("run", "--rm", "--pids-limit", "50", "busybox", "true")
    expect((result.code == 0) == (found["limits"]["status"] == "ok") and (result.code == 0 or "E-LIMIT" in result.err), found, result)


@test("overlay")
def doctor_tells_people_and_leaves_nothing(box):
    result = box.sbx("doctor")
    expect(result.code == 0 and re.search(r"Here `sbx run` will work: \w+ ids, driver overlay", result.out), result)
    for name in ("user namespaces", "subordinate ids", "store: hard links", "driver fuse", "/dev/net/tun", "seccomp", "limits"):
        expect(re.search(r"(?m)^(ok|less|fails) +%s " % name, result.out), "no line for " + name, result)
    expect(os.listdir(box.path("root", "tmp")) == [], os.listdir(box.path("root", "tmp")))


@test("overlay")
def doctor_knows_that_user_namespaces_are_off(box):
    """In a user namespace that may have no further ones: what is foretold is what run ends with."""
    box.ok("pull", "busybox")
    without = ["unshare", "-Ur", "sh", "-c", "echo 0 > /proc/sys/user/max_user_namespaces; exec \"$@\"", "sh", SBX]
    doctor = box.run([*without, "doctor", "--json"])
    run = box.run([*without, "run", "--rm", "busybox", "true"])
    told = json.loads(doctor.out)["prediction"]
    expect(doctor.code == 1 and told["run"] is False, doctor)
    expect(run.code == 125 and told["runError"].startswith("E-USERNS") and told["runError"] in run.err, told, run)


@test("overlay")
def the_mail_for_the_administrator_has_lines_to_type(box):
    without = ["unshare", "-Ur", "sh", "-c", "echo 0 > /proc/sys/user/max_user_namespaces; exec \"$@\"", "sh", SBX]
    mail = box.run([*without, "doctor", "--for-admin"])
    expect(mail.code == 0 and mail.out.startswith("Subject: "), mail)
    expect("sysctl -w user.max_user_namespaces=15000" in mail.out and "Thank you" in mail.out, mail)
    box.fails(125, "doctor", "--json", "--for-admin", says="exclude each other")


@test("overlay")
def every_message_is_explained(box):
    page = pathlib.Path(__file__).resolve().parents[2] / "docs/errors.md"
    ids = re.findall(r"(?m)^\| ([EWI]-[A-Z-]+) \|", page.read_text(encoding="utf-8"))
    listed = box.ok("explain")
    expect(len(ids) > 30 and [line.split()[0] for line in listed.split("\n")] == ids, listed)
    for text in box.ok("explain", *ids).split("What it means\n")[1:]:
        expect(re.match(r"    \S.*\n(    .*\n)*  What to do\n    \S", text), text)
    expect(box.ok("explain", "e-port-used").startswith("E-PORT-USED\n"), "capitals do not matter")
    box.fails(1, "explain", "E-NO-SUCH", says="no message 'E-NO-SUCH'")


main()

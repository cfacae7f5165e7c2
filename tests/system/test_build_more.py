#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""sbx build: odd bases and outputs, limits and policies of RUN, caches of others; threats B04, B05, B07, B09."""

import json
import os
import re
import tarfile

from buildtest import build, built, steps, write
from sbxtest import REGISTRY, expect, main, test


@test("overlay", "fuse")
def scratch_without_a_layer_is_an_image_to_build_on(box):
    built(box, "FROM scratch\nLABEL a=b\nCMD [\"/x\"]\n", "-t", "none:1")
    doc = box.inspect("none:1")
    expect(not doc["RootFS"].get("Layers") and doc["Config"]["Labels"] == {"a": "b"}, doc)
    box.fails(127, "run", "--rm", "--net", "none", "none:1", says="no layers: there is nothing to run")
    box.ok("save", "-o", box.path("n.tar"), "none:1")
    box.ok("rmi", "none:1")
    box.ok("load", "-i", box.path("n.tar"))
    built(box, "FROM none:1\nCOPY Dockerfile /d\n", "-t", "one:1", "-o", "type=tar,dest=" + box.path("o.tar"), "--load")
    with tarfile.open(box.path("o.tar")) as tar:
        expect(tar.getnames() == ["d"], tar.getnames())
    expect(box.inspect("one:1")["Config"]["Cmd"] == ["/x"])


@test("overlay")
def a_folder_may_be_a_base(box):
    box.folder("base/sub")
    box.file("base/sub/f", "from a folder\n")
    box.file("base/.dockerignore", "no\n")
    box.file("base/no", "ignored\n")
    built(box, "FROM base AS b\nFROM b\nCOPY --from=base sub/f /g\n", "--build-context", "base=" + box.path("base"),
          "-o", "type=tar,dest=" + box.path("o.tar"))
    with tarfile.open(box.path("o.tar")) as tar:
        names = {m.name.strip("/"): m for m in tar}
        expect({"sub", "sub/f", "g"} <= set(names) and "no" not in names, list(names))
        expect(names["sub/f"].uid == 0 and names["g"].uid == 0, names["g"].uid)


@test("overlay")
def outputs_may_name_the_image(box):
    name = REGISTRY.split("//")[1] + "/named/by-output:1"
    text = "FROM scratch\nCOPY Dockerfile /%s\n"
    built(box, text % 1, "-o", "type=image,name=%s,push=true" % name)
    box.ok("rmi", name)
    box.ok("pull", "-q", name)
    built(box, text % 2, "-o", "type=registry,name=" + name)
    box.ok("rmi", name)
    box.ok("pull", "-q", name)
    built(box, text % 3, "-o", "type=docker,name=in:tar,dest=" + box.path("d.tar"))
    with tarfile.open(box.path("d.tar")) as tar:
        expect(json.load(tar.extractfile("manifest.json"))[0]["RepoTags"] == ["in:tar"])
    box.fails(125, "build", "-o", "type=image,compression=zstd", box.path("ctx"), says="compression=zstd' is not supported")


@test("overlay")
def stop_signals_are_what_buildkit_takes(box):
    for good in ("9", "99", "-3", "SIGRTMIN+3", "rtmax-1", "sigkill"):
        built(box, "FROM scratch\nSTOPSIGNAL %s\n" % good, "-t", "s")
        expect(box.inspect("s")["Config"]["StopSignal"] == good, good)
    for bad in ("0", "00", "SIGNONE", "9x", "-"):
        result = build(box, "FROM scratch\nSTOPSIGNAL %s\n" % bad)
        expect(result.code == 1 and "invalid signal: " + bad in result.err and "Dockerfile:2" in result.err, result)


@test("overlay")
def b07_a_policy_and_limits_hold_for_run(box):
    text = "FROM busybox\nRUN ulimit -c; ulimit -n; grep CapBnd /proc/self/status; touch /written\n"
    out = built(box, text, "--policy", "build", "--ulimit", "nofile=77:77", "-t", "a")
    expect(re.search(r"^#\d+ [\d.]+ 0\n#\d+ [\d.]+ 77\n#\d+ [\d.]+ CapBnd:\t00000000800400fb$", out, re.M), out)
    box.ok("run", "--rm", "--net", "none", "a", "test", "-e", "/written")
    again = built(box, text, "--ulimit", "nofile=77:77")  # another policy is another RUN
    expect("CapBnd:\t00000000800400fb" not in again and "CapBnd" in again, again)
    result = build(box, text, "--policy", "nosuch")
    expect(result.code != 0 and "no policy named 'nosuch'" in result.err and "RUN" not in result.err, result)
    box.fails(125, "build", "--memory", "5x", box.path("ctx"), says="invalid size")
    built(box, text, "--no-cache", "-m", "64m", "--cpu-shares", "100", "--limits", "best-effort")


if __name__ == "__main__":
    main()

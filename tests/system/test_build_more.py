#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""sbx build: odd bases and outputs, limits and policies of RUN, caches of others; threats B04, B05, B07, B09."""

import glob
import json
import os
import re
import socket
import tarfile
import threading

from buildtest import build, built, steps, write
from sbxtest import REGISTRY, expect, main, test, wait_for


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


@test("overlay", "fuse", "single")
def copy_link_is_a_layer_of_its_own(box):
    text = ("ARG BASE\nFROM $BASE\nRUN mkdir /d; echo old > /d/old; ln -s /d /ln\n"
            "COPY --link --chown=7:8 f e /d/\nCOPY --link f /ln/f\nADD --link t /t/\nCOPY --link --from=busybox /bin/busybox /bb\n"
            "COPY --link --chown=nobody f /named\nRUN cat /d/f /d/old /base > /all; stat -c %u /named >> /all\n")
    write(box, "")
    box.file("ctx/f", "f\n")
    box.folder("ctx/e/deep")
    box.file("ctx/e/deep/er", "er\n")
    with tarfile.open(box.path("ctx/t"), "w") as archive:
        archive.add(box.path("ctx/f"), "in/it")
    for name in ("one", "two"):
        built(box, "FROM busybox\nRUN echo %s > /base\n" % name, "-t", name)
    first = built(box, text, "--build-arg", "BASE=one", "-t", "a")
    expect([k for k, v in steps(first).items() if v == "CACHED"] == ["FROM one"], first)
    again = steps(built(box, text, "--build-arg", "BASE=two", "-t", "b"))
    linked = {k for k in again if "--link" in k and "nobody" not in k}
    expect(len(linked) == 4 and all(again[k] == "CACHED" for k in linked), again)
    expect(all(v == "DONE" for k, v in again.items() if k not in linked and k != "FROM two"), again)
    ids = [box.inspect(name)["RootFS"]["Layers"][-6:-2] for name in ("a", "b")]
    expect(ids[0] == ids[1] and len(set(ids[0])) == 4, ids)
    for name, word in (("a", "one"), ("b", "two")):
        said = box.ok("run", "--rm", "--net", "none", name, "sh", "-c",
                      "cat /all /d/deep/er /t/in/it /base; test -d /ln -a ! -L /ln && cat /ln/f; test ! -e /d/x; stat -c %u:%g /d/f")
        expect(said.split()[:3] + said.split()[4:] == ["f", "old", word, "er", "f", word, "f", "7:8"], said)
    box.ok("rmi", "a", "one")  # the layers stay for those who still use them
    box.ok("run", "--rm", "--net", "none", "b", "cat", "/d/deep/er")
    expect(set(steps(built(box, text, "--build-arg", "BASE=two", "-t", "b")).values()) == {"CACHED"})
    box.file("ctx/f", "changed\n")
    other = steps(built(box, text, "--build-arg", "BASE=two"))
    expect(other["ADD --link t /t/"] == "CACHED" and other["COPY --link f /ln/f"] == "DONE", other)


@test("overlay", "fuse", "single")
def binds_show_the_place_itself(box):
    """Read-only binds of the context and of stages are no copies, and lead nowhere else."""
    write(box, "")
    box.folder("ctx/d")
    box.file("ctx/d/f", "mine\n")
    os.symlink("/etc", box.path("ctx/out"))
    text = ("FROM busybox AS one\nRUN mkdir -p /s/t /run; echo theirs > /s/t/f; ln -s /etc/passwd /s/link; ln -s / /run/m0; chmod 755 /s\n"
            "FROM busybox\nRUN --mount=type=bind,target=/c --mount=type=bind,from=one,source=/s,target=/s "
            "--mount=type=bind,from=one,source=/s/t/f,target=/file cat /c/d/f /s/t/f /file; cat /s/link /c/out/hostname >/dev/null; "
            "touch /s/x /c/x /file 2>&1; stat -c %a /s; df /c | tail -1 | sed s/^/place:/ && true\n"
            "RUN --mount=type=bind,source=d,target=/c,rw --mount=type=bind,from=one,source=/s,target=/s,rw echo x > /c/f; echo x > /s/t/f; cat /c/f\n"
            "RUN --mount=from=one,source=/s/t,target=/s cat /s/f; ls /\n")
    out = built(box, text, "-t", "a")
    expect(re.search(r"^#\d+ [\d.]+ mine\n#\d+ [\d.]+ theirs\n#\d+ [\d.]+ theirs\n", out, re.M), out)
    expect(out.count("Read-only file system") == 3, out)
    with open(box.path("ctx", "d", "f"), encoding="ascii") as f:
        expect(f.read() == "mine\n" and sorted(os.listdir(box.path("ctx"))) == ["Dockerfile", "d", "out"])
    expect(set(steps(built(box, text, "-t", "a")).values()) == {"CACHED"})
    box.file("ctx/d/f", "other\n")
    ends = list(steps(built(box, text)).values())
    expect(ends[-3:] == ["DONE", "DONE", "DONE"], ends)
    for source, said in (("out/passwd", "passwd"), ("nosuch", "nosuch")):
        for way in ("", "from=one,"):
            result = build(box, text + "RUN --mount=%ssource=%s,target=/x cat /x\n" % (way, source))
            expect(result.code == 1 and said in result.err and "root:x" not in result.err and "not found" in result.err, result)
    for folder, word in (("ctx/[id]", "brackets"), ("ctx/i", "letter")):  # a source is a name, no pattern
        box.folder(folder)
        box.file(folder + "/f", word + "\n")
    for more in ("", ",rw"):
        out = built(box, "FROM busybox\nRUN --mount=source=[id],target=/x%s cat /x/f\n" % more)
        expect("brackets" in out and "letter" not in out, out)
    box.file("ctx/[id]/f", "other\n")
    expect("other" in built(box, "FROM busybox\nRUN --mount=source=[id],target=/x cat /x/f\n"), "another key")
    listener = socket.socket(socket.AF_UNIX)  # a socket would lead out of the container
    listener.bind(box.path("ctx/sock"))
    built(box, "FROM busybox\nRUN --mount=target=/c test -e /c/Dockerfile -a ! -e /c/sock\n")
    listener.close()


@test("overlay")
def a_context_that_changes_under_a_run_is_not_remembered(box):
    write(box, "")
    box.folder("ctx/d")
    box.file("ctx/d/f", "before\n")
    args = ("-v", box.folder("here") + ":/v")
    text = "FROM busybox\nRUN --mount=source=d,target=/d cp /d/f /b; mv /b /a; until grep after /d/f || test -e /v/go; do :; done\n"
    done, exported = [], "dest=" + box.path("cache")
    thread = threading.Thread(
        target=lambda: done.append(build(box, text, *args, "--cache-to", "type=local,mode=max," + exported, "-t", "a")))
    thread.start()
    wait_for(lambda: glob.glob(box.path("root", "tmp", "*", "0-0", "upper", "a")), "the first copy")
    box.file("ctx/d/f", "after\n")
    thread.join()
    expect(done[0].code == 0, done[0])
    expect(box.ok("run", "--rm", "--net", "none", "a", "cat", "/a") == "before")
    box.file("ctx/d/f", "before\n")
    box.file("here/go", "")
    for env, more in (({}, ()), (elsewhere(box, "there"), ("--cache-from", "type=local,src=" + box.path("cache")))):
        ends = steps(built(box, text, *args, *more, env=env))
        expect([v for k, v in ends.items() if k.startswith("RUN")] == ["DONE"], "found again", more, ends)
    box.file("ctx/d/f", "after\n")
    built(box, text, *args, "-t", "a")
    expect(box.ok("run", "--rm", "--net", "none", "a", "cat", "/a") == "after")


@test("overlay")
def volumes_and_a_time_of_the_command_line(box):
    here = box.folder("here")
    box.file("here/f", "given\n")
    text = "FROM busybox\nRUN cat /v/f > /a; echo left > /v/g; touch /w/x 2>/dev/null && exit 1; true\n"
    args = ("-v", here + ":/v", "--volume", here + ":/w:ro")
    out = built(box, text, *args, "--timestamp", "86400", "-t", "a")
    with open(box.path("here", "g"), encoding="ascii") as f:
        expect(f.read() == "left\n")
    expect(box.inspect("a")["Created"].startswith("1970-01-02T00:00:00"), box.inspect("a")["Created"])
    expect(box.ok("run", "--rm", "--net", "none", "a", "sh", "-c", "cat /a; ls /v 2>&1; true").split("\n")[0] ==
           "given", out)
    first = box.inspect("a")["Id"]
    built(box, text, *args, "--timestamp", "86400", "--no-cache", "-t", "a")
    expect(box.inspect("a")["Id"] == first, "another digest")
    expect(steps(built(box, text, *args, "--timestamp", "86400"))["RUN " + text.split("RUN ")[1].strip()] == "CACHED")
    box.fails(1, "build", "--timestamp", "soon", box.path("ctx"), says="not a number of seconds")
    box.fails(125, "build", "-v", "relative:x:y:z", box.path("ctx"), says="invalid volume")
    result = build(box, text, "-v", box.path("nosuch") + ":/v", "-v", here + ":/w:ro", "--no-cache")
    expect(result.code == 1 and "nosuch' does not exist, and a build makes none" in result.err, result)
    expect(not os.path.exists(box.path("nosuch")), "made on the host")
    box.fails(125, "build", "-v", "/alone", box.path("ctx"), says="SOURCE:PATH")  # a volume without a name would stay for ever


CACHED_TEXT = ("FROM busybox AS one\nARG WORD=a\nRUN echo $WORD-$(cat /proc/sys/kernel/random/uuid) > /one\nFROM busybox\nWORKDIR /w\n"
               "COPY f /f\nCOPY --from=one /one /one\nRUN cat /f /one > /both; cat /proc/sys/kernel/random/uuid >> /both\nCMD cat /both\n")


def elsewhere(box, name):
    """Another machine's store."""
    return {"SBX_ROOT": box.folder(name, 0o700)}


@test("overlay", "fuse", "single")
def a_folder_carries_the_cache_to_another_machine(box):
    write(box, "")
    box.file("ctx/f", "content\n")
    to = "type=local,dest=%s,mode=max" % box.path("cache")
    built(box, CACHED_TEXT, "--cache-to", to, "-t", "a")
    said = box.ok("run", "--rm", "--net", "none", "a")
    there = elsewhere(box, "there")
    again = built(box, CACHED_TEXT, "--cache-from", "type=local,src=" + box.path("cache"), "-t", "b", env=there)
    expect(set(steps(again).values()) == {"CACHED"} and len(steps(again)) == 6, again)
    expect(box.ok("run", "--rm", "--net", "none", "b", env=there) == said)
    box.file("ctx/f", "changed\n")  # what depends on it is carried out, what does not is not
    other = steps(built(box, CACHED_TEXT, "--cache-from", "type=local,src=" + box.path("cache"), env=elsewhere(box, "third")))
    expect(other["WORKDIR /w"] == "CACHED" and other["COPY f /f"] == "DONE", other)
    box.file("ctx/f", "content\n")
    other = steps(built(box, CACHED_TEXT, "--build-arg", "WORD=b", "--cache-from", "type=local,src=" + box.path("cache"),
                        env=elsewhere(box, "fourth")))
    expect([v for k, v in other.items() if k.startswith("RUN echo")] == ["DONE"] and other["COPY f /f"] == "CACHED" and
           other["COPY --from=one /one /one"] == "DONE", other)


@test("overlay")
def an_image_or_a_registry_carries_the_cache(box):
    text = "FROM busybox\nRUN cat /proc/sys/kernel/random/uuid > /u\nENV A=b\nRUN cat /u > /v\nCMD cat /v\n"
    host = REGISTRY.split("//")[1]
    built(box, text, "--cache-to", "type=inline", "--push", "-t", host + "/cache/inline:1")
    built(box, text, "--cache-to", "type=registry,ref=%s/cache/own:1,mode=min" % host, "-t", "a")
    said = box.ok("run", "--rm", "--net", "none", "a")
    for name, way in (("x", host + "/cache/inline:1"), ("y", "type=registry,ref=%s/cache/own:1" % host)):
        there = elsewhere(box, name)
        again = built(box, text, "--cache-from", way, "-t", "b", env=there)
        expect(set(steps(again).values()) == {"CACHED"} and len(steps(again)) == 3, again)
        expect(box.ok("run", "--rm", "--net", "none", "b", env=there) == said)
        box.ok("run", "--rm", "--net", "none", "b", "true", env=there)
    expect("sbx.build.cache.v1" not in json.dumps(box.inspect("a")))
    child = built(box, "FROM %s/cache/inline:1\nRUN true\n" % host, "-t", "child")
    expect("DONE" in child)
    fresh = built(box, text, "--no-cache", "--cache-from", host + "/cache/inline:1", env=elsewhere(box, "z"))
    expect([v for k, v in steps(fresh).items() if k.startswith("RUN")] == ["DONE", "DONE"], fresh)


@test("overlay")
def a_cache_that_cannot_be_had_is_told_and_done_without(box):
    box.folder("empty")
    for way in ("type=local,src=" + box.path("empty"), "127.0.0.1:1/none:1", "busybox"):
        out = built(box, "FROM busybox\nRUN true\n", "--cache-from", way)
        expect("no cache from " in out and "RUN true" in out, out)
    for bad, says in (("type=gha", "unknown cache type 'gha'"), ("type=local", "dest= is required"), ("type=registry,mode=max,ref=x", "mode=max")):
        box.fails(125, "build", "--cache-to", bad, box.path("ctx"), says=says)
    box.fails(125, "build", "--cache-from", "type=inline", box.path("ctx"), says="with its name")
    result = build(box, "FROM busybox\n", "--cache-to", "type=local,dest=/proc/none")
    expect(result.code == 1 and "/proc/none" in result.err, result)


@test("overlay")
def b04_b05_a_context_that_changes_meanwhile_shows_nothing_else(box):
    """A folder of the context is swapped for a symlink to a secret, again and again, while builds read it."""
    secret = box.folder("secret")
    box.file("secret/f", "canary-of-the-host\n")
    write(box, "")
    for i in range(50):
        box.file("ctx/f%d" % i, "mine\n")
    box.folder("ctx/d")
    box.file("ctx/d/f", "mine\n")
    link = os.path.join(box.path("ctx"), "link")
    os.symlink(secret, link)
    stop = threading.Event()

    def swap():
        d, kept = box.path("ctx", "d"), box.path("ctx", "kept")
        while not stop.is_set():
            os.rename(d, kept)
            os.rename(link, d)
            os.rename(d, link)
            os.rename(kept, d)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for i in range(6):
            text = ("FROM busybox\nRUN --mount=type=bind,source=d,target=/m,rw echo theirs >> /m/f; cat /m/f >/a; true\n"
                    "COPY d /b/\nCOPY . /c/\nRUN cat /a /b/* /c/d/f 2>/dev/null; true\n")
            result = build(box, text, "--no-cache", "--build-arg", "N=%d" % i)
            expect("canary" not in result.err, result)
            expect(result.code == 0 or re.search("not found|No such file|Not a directory|symbolic link|has changed|went away",
                                                 result.err), result)
    finally:
        stop.set()
        thread.join()
    with open(box.path("secret", "f"), encoding="ascii") as f:
        expect(f.read() == "canary-of-the-host\n", "written through the link")
    with open(box.path("ctx", "d", "f"), encoding="ascii") as f:
        expect(f.read() == "mine\n", "a rw bind was written through")


@test("overlay")
def b04_what_a_run_saw_of_a_context_that_was_replaced_is_not_cached(box):
    """The whole folder is another one when the RUN ends, and the same again at the next build."""
    text = ("FROM busybox\nRUN --mount=type=bind,source=d,target=/m touch /v/ready; while [ ! -e /v/go ]; do :; done; "
            "cat /m/f >/a\n")
    write(box, text)
    box.folder("ctx/d")
    box.file("ctx/d/f", "mine\n")
    args = ("-v", box.folder("here") + ":/v", "-t", "a")

    def swap():
        wait_for(lambda: os.path.exists(box.path("here/ready")), "the RUN")
        os.rename(box.path("ctx"), box.path("old"))
        box.folder("ctx")
        box.file("here/go", "")

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        result = box.sbx("build", "--progress", "plain", "--network", "none", *args, box.path("ctx"))
    finally:
        thread.join()
    expect(result.code == 0 and box.ok("run", "--rm", "--net", "none", "a", "cat", "/a") == "mine", result)
    os.rmdir(box.path("ctx"))
    os.rename(box.path("old"), box.path("ctx"))
    for wanted in ("DONE", "CACHED"):
        again = steps(built(box, text, *args))
        expect([v for k, v in again.items() if k.startswith("RUN")] == [wanted], again)


@test("overlay")
def b04_sources_of_mounts_stay_in_their_stage(box):
    box.folder("home/.ssh")
    canary = box.file("canary", "untouched\n")
    text = ("FROM busybox AS evil\nRUN mkdir /l && ln -s / /l/root && ln -s ../../../../../../../../ /l/up && ln -s %s /l/file\nFROM busybox\n"
            "RUN --mount=type=bind,from=evil,source=/l/root,target=/r,rw test -e /r/l/root && ! test -e /r%s\n"
            "RUN --mount=type=bind,from=evil,source=/l/up,target=/r,rw test -e /r/l/root && ! test -e /r%s\n"
            "RUN --mount=type=cache,id=../../../../x,target=/k --mount=type=cache,target=../../k2 touch /k/a /k2/b\n"
            "RUN ! test -e /k/a && ! test -e /k2/b\n") % (canary, canary, canary)
    built(box, text)
    result = build(box, "FROM busybox AS evil\nRUN mkdir /l && ln -s %s /l/file\nFROM busybox\n"
                   "RUN --mount=type=bind,from=evil,source=/l/file,target=/r cat /r\n" % canary)
    expect(result.code == 1 and "untouched" not in result.err, result)
    result = build(box, "FROM busybox\nRUN --mount=type=bind,target=/x,bind-propagation=shared true\n")
    expect(result.code == 1 and "bind-propagation" in result.err, result)
    with open(canary, encoding="ascii") as f:
        expect(f.read() == "untouched\n")


@test("overlay", "fuse")
def b09_a_step_ends_with_all_it_started_and_leaves_only_its_changes(box):
    text = ("FROM busybox\nRUN rm -f /etc/resolv.conf; ln -s /made-by-step /etc/resolv.conf; (trap '' TERM HUP; sleep 77777) & "
            "kill -9 $PPID; mount -t tmpfs none /mnt && echo mounted; echo x > /proc/1/comm; chmod 4755 /bin/busybox; echo end > /end\n"
            "RUN cat /end; ls -l /etc/resolv.conf; stat -c %a /bin/busybox\n")
    out = built(box, text, "-o", "type=tar,dest=" + box.path("o.tar"))
    expect(" mounted\n" not in out and " end\n" in out and " 4755\n" in out, out)
    wait_for(lambda: not box.leaks(), "the end of the step's processes")
    with tarfile.open(box.path("o.tar")) as tar:
        names = {m.name.strip("/") for m in tar}
        expect("end" in names and "made-by-step" not in names and "etc/hosts" not in names, sorted(names)[:80])


if __name__ == "__main__":
    main()

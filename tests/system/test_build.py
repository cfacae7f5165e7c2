#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""sbx build: stages, RUN, the cache, outputs and errors; acceptance rows 102 to 118, threats B04 to B07 and B09."""

import concurrent.futures
import glob
import hashlib
import io
import json
import os
import re
import signal
import subprocess
import tarfile

from buildtest import build, built, shown_secrets, steps, tree_has, write
from sbxtest import REGISTRY, SBX, Terminal, expect, main, test, wait_for


@test("overlay", "fuse", "single")
def run_changes_become_one_layer_and_settings_stay(box):
    progress = built(box, "FROM busybox\nENV WORD=hi\nRUN echo $WORD > /word && rm -rf /bin/vi && mkdir /d\n"
                     "RUN cat /word; echo more >> /word\nCMD cat /word\n", "-t", "own:1")
    expect("#" in progress and " hi" in progress, progress)
    expect(box.ok("run", "--rm", "--net", "none", "own:1") == "hi\nmore")
    doc, base = box.inspect("own:1"), box.inspect("busybox")
    expect(len(doc["RootFS"]["Layers"]) == len(base["RootFS"]["Layers"]) + 2, doc["RootFS"])
    expect(doc["Config"]["Cmd"] == ["/bin/sh", "-c", "cat /word"] and "WORD=hi" in doc["Config"]["Env"], doc["Config"])
    history = [json.loads(line)["CreatedBy"] for line in
               box.ok("history", "--no-trunc", "--format", "json", "own:1").splitlines()]
    expect(history[:3] == ['CMD ["/bin/sh" "-c" "cat /word"]', "RUN /bin/sh -c cat /word; echo more >> /word # buildkit",
                           "RUN /bin/sh -c echo $WORD > /word && rm -rf /bin/vi && mkdir /d # buildkit"], history)


@test("overlay", "fuse")
def nothing_of_the_mounts_gets_into_the_layer(box):
    built(box, "FROM busybox\nRUN --mount=type=cache,target=/var/deep/er --mount=type=tmpfs,target=/t touch /t/x\n", "-t", "e",
          "-o", "type=docker,dest=" + box.path("e.tar"))
    with tarfile.open(box.path("e.tar")) as tar:
        last = json.load(tar.extractfile("manifest.json"))[0]["Layers"][-1]
        with tarfile.open(fileobj=tar.extractfile(last)) as layer:
            expect(layer.getnames() == [], layer.getnames())


@test("overlay")
def row_102_the_base_is_pulled_when_it_is_missing(box):
    """A short name is docker.io's; what is here wins, also where there is no registry at all."""
    progress = built(box, "FROM busybox\nRUN true\n", "-t", "a")
    expect("busybox" in box.ok("images") and "FROM busybox" in progress, progress)
    box.ok("tag", "a", "docker.io/library/mine:latest")
    offline = {"SBX_CONFIG": box.file("none.json", '{"registries": {"docker.io": {"mirrors": ["http://127.0.0.1:1"]}}}')}
    for name in ("busybox", "mine", "library/mine", "docker.io/library/mine:latest"):
        built(box, "FROM %s\nRUN true\n" % name, "-t", "b", env=offline)
    result = build(box, "FROM nothere\nRUN true\n", env=offline)
    expect(result.code == 1 and "nothere" in result.err and "Dockerfile:1" in result.err, result)


@test("overlay")
def row_103_maintainer_is_the_author(box):
    """It is deprecated, which is said once."""
    text = "FROM busybox AS one\nMAINTAINER somebody\nFROM one\nMAINTAINER  gtl<1@qq.com>\n"
    said = built(box, text, "-t", "a")
    expect(box.inspect("a")["Author"] == "gtl<1@qq.com>", box.inspect("a"))
    expect(said.count("MAINTAINER is deprecated") == 1 and "Dockerfile:2: MAINTAINER" in said, said)
    expect(box.sbx("build", "-q", box.path("ctx")).err == "")


@test("overlay")
def row_104_109_110_env_expands_in_order(box):
    built(box, "FROM busybox\nENV MYPATH /home/gtl\nENV PATH /usr/local/go/bin:$PATH\nENV GOROOT /usr/local/go\n"
          "ENV GOPATH $MYPATH/go\nENV PATH $GOROOT/bin:$PATH\nENV A=1\nENV A=2 B=$A\n", "-t", "a")
    env = dict(e.split("=", 1) for e in box.inspect("a")["Config"]["Env"])
    expect(env["MYPATH"] == "/home/gtl" and env["GOPATH"] == "/home/gtl/go" and env["B"] == "1" and env["A"] == "2", env)
    expect(env["PATH"].startswith("/usr/local/go/bin:/usr/local/go/bin:/"), env)


@test("overlay")
def row_111_112_113_expose_last_cmd_and_names(box):
    build_ok = built(box, "FROM busybox\nEXPOSE 80\nCMD echo $MYPATH\nCMD echo \"success\"\n", "-t", "name:tag", "-t", "b:2")
    expect("naming to docker.io/library/name:tag" in build_ok, build_ok)
    expect(box.inspect("name:tag")["Config"]["ExposedPorts"] == {"80/tcp": {}})
    expect(box.ok("run", "--rm", "--net", "none", "b:2") == "success")
    steps_of = box.ok("history", "--no-trunc", "--format", "{{.CreatedBy}}", "b:2").splitlines()
    expect(steps_of[:3] == ['CMD ["/bin/sh" "-c" "echo \\"success\\""]', 'CMD ["/bin/sh" "-c" "echo $MYPATH"]', "EXPOSE [80/tcp]"],
           steps_of[:3])
    box.fails(125, "build", "-t", "Name:tag", box.path("ctx"), says=["must be lowercase", "Try: -t name:tag"])
    box.fails(1, "build", "-t", "x", says="requires 1 argument")


@test("overlay")
def row_117_unchanged_steps_are_cached(box):
    text = "FROM busybox\nRUN echo 1 > /a\nRUN echo 2 > /b\nLABEL x=%s\nRUN echo 3 > /c\n"
    built(box, text % 1, "-t", "a")
    again = built(box, text % 1, "-t", "a")
    expect(set(steps(again).values()) == {"CACHED"} and len(steps(again)) == 4, again)
    label = built(box, text % 2, "-t", "b")  # a label is no input of RUN
    expect(set(steps(label).values()) == {"CACHED"}, label)
    change = steps(built(box, text.replace("echo 2", "echo 22") % 1, "-t", "c"))
    expect(change["RUN echo 1 > /a"] == "CACHED" and change["RUN echo 22 > /b"] == "DONE" and
           change["RUN echo 3 > /c"] == "DONE", change)
    fresh = steps(built(box, text % 1, "--no-cache", "-t", "d"))
    expect([v for k, v in fresh.items() if k.startswith("RUN")] == ["DONE"] * 3, fresh)
    expect(box.ok("run", "--rm", "--net", "none", "c", "cat", "/a", "/b", "/c") == "1\n22\n3")


@test("overlay")
def a_cached_build_starts_no_other_program(box):
    built(box, "FROM busybox\nRUN true\nENV A=b\n", "-t", "a")
    traced = box.run(["strace", "-f", "-e", "trace=execve,clone,clone3,fork,vfork", "-o", box.path("trace"), SBX, "build", "-q",
                      "--network", "none", "-t", "a", box.path("ctx")],
                     env={"ASAN_OPTIONS": "detect_leaks=0"})  # which does not work under strace
    expect(traced.code == 0, traced)
    with open(box.path("trace"), encoding="utf-8") as f:
        calls = [line for line in f if "exited" not in line]
    expect(len(calls) == 1, calls)


@test("overlay")
def row_118_a_failing_run_shows_step_code_and_tail_and_tags_nothing(box):
    result = build(box, "FROM busybox\nRUN echo fine\n\nRUN echo last words; exit 7\n", "-t", "bad")
    expect(result.code == 1, result)
    for text in ("RUN echo last words; exit 7:\nlast words\n", "did not complete successfully: exit code: 7", "Dockerfile:4\n",
                 ">>> RUN echo last words; exit 7", "--on-error shell"):
        expect(text in result.err, text, result)
    expect("bad" not in box.ok("images"))
    missing = build(box, "FROM busybox\nRUN [\"/no/such\"]\n")
    expect(missing.code == 1 and "exit code: 127" in missing.err, missing)
    expect(os.listdir(box.path("root/tmp")) == [], os.listdir(box.path("root/tmp")))


@test("overlay")
def stages_that_are_not_needed_are_not_built_and_others_run_side_by_side(box):
    text = ("FROM busybox AS a\nRUN --mount=type=cache,target=/m,id=m echo a > /m/a; until [ -e /m/b ]; do sleep 0.05; done\n"
            "FROM busybox AS b\nRUN --mount=type=cache,target=/m,id=m echo b > /m/b; until [ -e /m/a ]; do sleep 0.05; done; cp /m/b /b\n"
            "FROM b AS unused\nRUN exit 9\n"
            "FROM a\nRUN --mount=type=bind,from=b,target=/from cat /from/b > /got\nCMD cat /got\n")
    progress = built(box, text, "-t", "s")
    expect("unused" not in progress, progress)
    expect(box.ok("run", "--rm", "--net", "none", "s") == "b")
    result = build(box, text, "--target", "unused")
    expect(result.code == 1 and "exit code: 9" in result.err, result)
    result = build(box, text, "--target", "unuse")
    expect(result.code == 1 and "unused" in result.err, result)


@test("overlay")
def args_reach_run_and_the_cache_but_not_the_image(box):
    text = "ARG TAG=latest\nFROM busybox:$TAG\nARG A=1\nARG B\nRUN echo $A-$B-$HTTP_PROXY > /x\nARG TARGETARCH\nRUN echo $TARGETARCH >> /x\n"
    built(box, text, "--build-arg", "B=2", "--build-arg", "HTTP_PROXY=http://u:pw@h", "-t", "a")
    expect(box.ok("run", "--rm", "--net", "none", "a", "head", "-1", "/x") == "1-2-http://u:pw@h")
    expect(not [e for e in box.inspect("a")["Config"]["Env"] if e.startswith(("A=", "B="))])
    again = built(box, text, "--build-arg", "B=2", "-t", "a")  # a proxy is no input
    expect(set(steps(again).values()) == {"CACHED"}, again)
    other = steps(built(box, text, "--build-arg", "B=3", "-t", "a"))
    expect(other["RUN echo $A-$B-$HTTP_PROXY > /x"] == "DONE", other)
    expect("u:pw@h" not in box.ok("history", "--no-trunc", "a"))


@test("overlay")
def mounts_of_run(box):
    box.file("secret", "s3cret-value\n")
    text = ("FROM busybox\nRUN --mount=type=secret,id=s --mount=type=secret,id=e,env=WORD stat -c %a-%u /run/secrets/s; "
            "grep -q s3cret /run/secrets/s && echo $WORD | md5sum\nRUN ls /run/secrets 2>/dev/null; true\n"
            "RUN --mount=type=cache,target=/c echo x >> /c/n; wc -l < /c/n > /count\n"
            "RUN --mount=type=tmpfs,target=/t,size=1m dd if=/dev/zero of=/t/x bs=1M count=2 && exit 1; true\n"
            "RUN --network=none ls /sys/class/net\n")
    args = ("--secret", "id=s,src=" + box.path("secret"), "--secret", "id=e,env=HIDDEN")
    progress = built(box, text, *args, "-t", "a", env={"HIDDEN": "env-s3cret"})
    expect("400-0" in progress, progress)
    expect(re.search(r"DONE.*\n\n#\d+ .*RUN --network=none .*\n#\d+ [\d.]+ lo\n#\d+ DONE", progress), progress)
    expect(box.ok("run", "--rm", "--net", "none", "a", "cat", "/count") == "1")
    expect(tree_has(box, b"s3cret-value") == [] and tree_has(box, b"env-s3cret") == [])
    expect(shown_secrets(b"s3cret-value") == [], shown_secrets(b"s3cret-value"))
    progress = built(box, text.replace("x >>", "y >>"), *args, "-t", "a", env={"HIDDEN": "other"})
    expect(steps(progress)["RUN ls /run/secrets 2>/dev/null; true"] == "CACHED", progress)
    expect(box.ok("run", "--rm", "--net", "none", "a", "cat", "/count") == "2")
    result = build(box, "FROM busybox\nRUN --mount=type=secret,id=none,required=true true\n")
    expect(result.code == 1 and "secret none: not found" in result.err, result)


@test("overlay")
def the_dockerfile_gets_no_rights_by_itself(box):
    result = build(box, "FROM busybox\nRUN --network=host true\n")
    expect(result.code == 1 and "network.host is not allowed" in result.err, result)
    result = build(box, "FROM busybox\nRUN --security=insecure true\n")
    expect(result.code == 1 and "insecure" in result.err, result)
    box.fails(125, "build", "--ssh", "default", box.path("ctx"), says="--secret")
    built(box, "FROM busybox\nRUN --network=host true\n", "--network", "host")


@test("overlay")
def what_a_step_leaves_running_ends_with_it(box):
    built(box, "FROM busybox\nRUN sleep 1000 & echo started\n", "-t", "a")
    wait_for(lambda: not box.leaks(), "the end of everything")


@test("overlay")
def a_network_of_the_build_reaches_the_host(box):
    progress = built(box, "FROM busybox\nRUN wget -q -O - http://host.docker.internal:%s/v2/ && echo reached; cat /etc/resolv.conf\n" %
                     REGISTRY.rsplit(":", 1)[1], "--network", "default", "--add-host", "x.example:10.1.2.3")
    expect("nameserver 10." in progress, progress)


@test("overlay", "fuse")
def the_same_digest_twice_with_source_date_epoch(box):
    text = "FROM busybox\nWORKDIR /w\nRUN date +%s%N > /dev/null; echo x > f; mkdir d; ln f g; rm /bin/vi; touch /etc/new\n"
    ids = set()
    for root in ("one", "two"):
        built(box, text, "--no-cache", "--iidfile", "iid", "--metadata-file", "meta", env={"SOURCE_DATE_EPOCH": "1700000000",
              "SBX_ROOT": box.folder(root, 0o700)})
        with open(box.path("iid"), encoding="utf-8") as iid, open(box.path("meta"), encoding="utf-8") as meta:
            ids.add((iid.read(), json.load(meta)["containerimage.digest"]))
    expect(len(ids) == 1, ids)
    # whatever the driver
    first = {"overlay": "fuse", "fuse": "overlay"}[box.variant]
    built(box, text, "--no-cache", "--iidfile", "iid", env={"SOURCE_DATE_EPOCH": "1700000000", "SBX_STORAGE_DRIVER": first,
          "SBX_ROOT": box.folder("three", 0o700)})
    with open(box.path("iid"), encoding="utf-8") as iid:
        expect(iid.read() == next(iter(ids))[0], ids)


@test("overlay")
def outputs_of_a_build(box):
    text = "FROM busybox AS big\nRUN mkdir /out; echo data > /out/f; chmod 600 /out/f\n"
    built(box, text, "-o", "type=tar,dest=" + box.path("o.tar"))
    with tarfile.open(box.path("o.tar")) as tar:
        expect(tar.extractfile("out/f").read() == b"data\n")
    built(box, text, "-o", "type=oci,dest=" + box.path("i.tar"), "-t", "kept:1")
    with tarfile.open(box.path("i.tar")) as tar:
        expect("oci-layout" in tar.getnames() and "manifest.json" in tar.getnames(), tar.getnames()[:5])
    stream = box.run([SBX, "build", "-q", "-o", "-", box.path("ctx")])
    expect(stream.code == 0 and "data\n" in stream.out, stream.err)
    box.fails(125, "build", "-o", "type=wrong", box.path("ctx"), says="unknown output type")
    quiet = box.sbx("build", "-q", "-t", "q", box.path("ctx"))
    expect(re.fullmatch(r"sha256:[0-9a-f]{64}\n", quiet.out) and quiet.err == "", quiet)


@test("overlay")
def an_image_is_pushed_when_it_is_built(box):
    name = REGISTRY.split("//")[1] + "/pushed/built:1"
    text = "FROM busybox\nCOPY <<E /word\npushed\nE\nCMD cat /word\n"
    built(box, text, "--push", "-t", name)
    box.ok("rmi", name)
    expect(box.ok("run", "--rm", "--net", "none", "--pull", "always", "-q", name).splitlines()[-1] == "pushed")
    built(box, text.replace("pushed", "again"), "-o", "type=image,push=true", "-t", name)
    box.ok("rmi", name)
    expect(box.ok("run", "--rm", "--net", "none", "--pull", "always", "-q", name).splitlines()[-1] == "again")
    box.fails(1, "build", "--push", box.path("ctx"), says="--push needs a name")
    box.fails(1, "build", "-o", "type=image,push=true", box.path("ctx"), says="--push needs a name")
    box.fails(1, "build", "--push", "-t", "127.0.0.1:1/x", box.path("ctx"), says="E-OFFLINE")


@test("overlay", "single")
def a_result_is_written_into_a_folder(box):
    text = "FROM busybox AS b\nRUN mkdir -p /o/d && echo x >/o/d/f && chmod 640 /o/d/f && ln -s /etc/passwd /o/l && chown -h 5:6 /o/d/f /o/l\n" \
           "FROM scratch\nCOPY --from=b /o /\n"
    out = box.folder("out")
    box.file("out/kept", "kept")
    os.symlink(box.folder("elsewhere"), box.path("out/d"))
    built(box, text, "-o", out)
    built(box, text, "-o", "type=local,dest=" + box.path("new"))
    for top in (out, box.path("new")):
        expect(open(os.path.join(top, "d/f"), encoding="ascii").read() == "x\n" and os.readlink(os.path.join(top, "l")) == "/etc/passwd")
        expect(os.stat(os.path.join(top, "d/f")).st_mode & 0o777 == 0o640 and os.stat(os.path.join(top, "d/f")).st_uid == os.stat(out).st_uid)
    expect(os.listdir(box.path("elsewhere")) == [] and os.path.exists(box.path("out/kept")), "written through a link")
    box.fails(125, "build", "-o", "type=local", box.path("ctx"), says="dest= is required")
    expect(box.ok("images", "-q", "-f", "dangling=true") == "", "a folder is no image")


@test("overlay")
def build_args_that_nothing_asks_for_are_told(box):
    text = "ARG TAG=latest\nFROM busybox:$TAG\nARG A=1\nRUN echo a=$A\n"
    args = ("--build-arg", "TAG=latest", "--build-arg", "A=2", "--build-arg", "A=3", "--build-arg", "http_proxy=x")
    fine = built(box, text, *args)
    expect("a=3" in fine and "consumed" not in fine, fine)
    expect("build-args [a TAGG] were not consumed" in built(box, text, *args, "--build-arg", "a=1", "--build-arg", "TAGG=2"))


@test("overlay", seconds=120)
def row_101_to_113_the_dockerfile_of_the_notes(box):
    """With a repository of packages in the context instead of the network's."""
    box.folder("ctx")
    box.folder("pkg/DEBIAN")
    box.folder("pkg/usr/bin")
    control = "Package: vim\nVersion: 1\nArchitecture: all\nMaintainer: t <t@example.org>\nDescription: test\n"
    box.file("pkg/DEBIAN/control", control)
    box.file("pkg/DEBIAN/postinst", "#!/bin/sh\nchown daemon:daemon /usr/bin/vim\n", 0o755)
    box.file("pkg/usr/bin/vim", "#!/bin/sh\necho edited\n", 0o755)
    made = box.run(["dpkg-deb", "--root-owner-group", "-b", box.path("pkg"), box.path("ctx/vim_1_all.deb")])
    expect(made.code == 0, made)
    with open(box.path("ctx/vim_1_all.deb"), "rb") as f:
        data = f.read()
    box.file("ctx/Packages", "%sFilename: ./vim_1_all.deb\nSize: %d\nSHA256: %s\n" % (control, len(data), hashlib.sha256(data).hexdigest()))
    with tarfile.open(box.path("ctx/go1.20.3.linux-amd64.tar.gz"), "w:gz") as tar:
        go = tarfile.TarInfo("go/bin/go")
        go.size, go.mode = len(b"#!/bin/sh\necho go\n"), 0o755
        tar.addfile(go, io.BytesIO(b"#!/bin/sh\necho go\n"))
    text = """#基础镜像
FROM debian
#作者
MAINTAINER  gtl<2985496686@qq.com>
ENV MYPATH /home/gtl
WORKDIR $MYPATH
COPY Packages *.deb /repo/
RUN rm -rf /etc/apt/sources.list* && echo 'deb [trusted=yes] file:/repo ./' > /etc/apt/sources.list
RUN  apt-get update --fix-missing && apt-get install -y  vim --fix-missing
ADD  go1.20.3.linux-amd64.tar.gz /usr/local/
ENV PATH /usr/local/go/bin:$PATH
ENV  GOROOT  /usr/local/go
ENV GOPATH $MYPATH/go
EXPOSE 80
CMD echo $MYPATH
CMD echo "success"
"""
    built(box, text, "-t", "notes:1", seconds=100)
    expect(box.ok("run", "--rm", "--net", "none", "notes:1") == "success")
    out = box.ok("run", "--rm", "--net", "none", "notes:1", "sh", "-c", "pwd; vim; go; echo $GOPATH; stat -c %U /usr/bin/vim")
    expect(out == "/home/gtl\nedited\ngo\n/home/gtl/go\ndaemon", out)


@test("overlay")
def progress_as_json_and_on_a_terminal(box):
    path = write(box, "FROM busybox\nRUN echo hello\n")
    result = box.sbx("build", "--progress", "rawjson", path)
    messages = [json.loads(line) for line in result.err.splitlines()]
    names = [v["name"] for m in messages for v in m.get("vertexes", [])]
    logs = [m for m in messages if "logs" in m]
    expect("[2/2] RUN echo hello" in names and len(logs) > 0, result)
    terminal = Terminal(box, SBX, "build", "--no-cache", path)
    terminal.wait_text(r"\[\+\] Building [0-9.]+s \(\d+/\d+\) FINISHED")
    expect(terminal.wait_end() == 0)


@test("overlay")
def parallel_builds_share_the_cache_safely(box):
    box.ok("pull", "-q", "busybox")
    path = write(box, "FROM busybox\nRUN echo 1 > /a\nRUN echo 2 > /b\nRUN echo 3 > /c\n")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda i: box.sbx("build", "-q", "-t", "p%d" % i, path), range(8)))
    expect(all(r.code == 0 for r in results), *results)
    for i in range(8):
        expect(box.ok("run", "--rm", "--net", "none", "p%d" % i, "cat", "/a", "/b", "/c") == "1\n2\n3")


@test("overlay", "fuse")
def a_killed_build_leaves_nothing(box):
    sleep = "sleep %d" % (1000000 + os.getpid())  # nobody else's
    path = write(box, "FROM busybox\nRUN echo kept > /kept\nRUN %s\n" % sleep)
    child = box.start("build", "--progress", "plain", "--network", "none", path, stderr=subprocess.DEVNULL)
    wait_for(lambda: any(sleep in leak for leak in box.leaks()) or
             subprocess.run(["pgrep", "-f", "^%s$" % sleep], stdout=subprocess.DEVNULL, check=False).returncode == 0)
    child.send_signal(signal.SIGKILL)
    child.wait()
    wait_for(lambda: not box.leaks(), "the end of the worker and its RUN")
    again = steps(built(box, "FROM busybox\nRUN echo kept > /kept\nRUN true\n", "-t", "a"))
    expect(again["RUN echo kept > /kept"] == "CACHED", again)
    expect(os.listdir(box.path("root/tmp")) == [], os.listdir(box.path("root/tmp")))


@test("overlay")
def the_cache_is_shown_and_pruned(box):
    text = "FROM busybox\nRUN dd if=/dev/zero of=/big bs=1M count=3 2>/dev/null\nRUN exit %d\n"
    build(box, text % 1)
    shown = [json.loads(r) for r in box.ok("system", "df", "--format", "json").splitlines()]
    cache = [r for r in shown if r["Type"] == "Build Cache"][0]
    expect(cache["TotalCount"] == "1" and cache["Size"].startswith("3.1"), cache)
    out = box.ok("builder", "prune", "-f")
    expect("Total reclaimed space: 3.1" in out, out)
    built(box, text % 0, "-t", "kept")
    expect("0B" in box.ok("builder", "prune", "-f"))
    expect(set(steps(built(box, text % 0)).values()) == {"CACHED"})
    box.ok("buildx", "prune", "-af")
    expect(box.ok("run", "--rm", "--net", "none", "kept", "stat", "-c", "%s", "/big") == "3145728")
    box.ok("rmi", "kept")
    expect("DONE" in steps(built(box, text % 0)).values())


@test("overlay")
def row_20_after_a_prune_of_all_nothing_is_left_to_reclaim(box):
    """What the cache kept of an image that was removed, and what a killed pull left, which no image needs."""
    built(box, "FROM scratch\nCOPY <<E /f\n" + "x" * 119 + "\nE\n", "-t", "one")
    box.ok("rmi", "one")
    partial = box.path("root/images/.partial/" + "0" * 64)
    with open(partial, "wb") as f:
        f.write(b"x")
    box.ok("create", "--name", "user", "busybox")
    box.ok("system", "prune", "-af", "--filter", "until=2020-01-01")
    expect(os.path.exists(partial))
    box.ok("system", "prune", "-af")
    expect(box.ok("system", "df", "--format", "{{.Type}} {{.TotalCount}} {{.Size}} {{.Reclaimable}}").split("\n")[0] == "Images 0 0B 0B",
           box.ok("system", "df"))
    expect(os.listdir(box.path("root/layers")) == [] and not os.path.exists(partial), os.listdir(box.path("root/layers")))


@test("overlay")
def metadata_instructions(box):
    built(box, "FROM busybox\nWORKDIR /a\nWORKDIR b\nUSER 5:6\nLABEL x=1 \"y z\"=2\nVOLUME /v\nSTOPSIGNAL INT\n"
          "HEALTHCHECK --interval=3s --retries=2 CMD true\nSHELL [\"/bin/sh\", \"-ec\"]\nONBUILD RUN echo t > /tmp/t\n"
          "ENTRYPOINT [\"echo\"]\nCMD [\"q\"]\nRUN id -u > /tmp/u\n", "-t", "base", "--label", "more=3")
    c = box.inspect("base")["Config"]
    expect(c["WorkingDir"] == "/a/b" and c["User"] == "5:6" and c["Labels"] == {"x": "1", "y z": "2", "more": "3"}, c)
    expect(c["Volumes"] == {"/v": {}} and c["StopSignal"] == "INT" and c["Entrypoint"] == ["echo"] and c["Cmd"] == ["q"], c)
    expect(c["Healthcheck"] == {"Test": ["CMD-SHELL", "true"], "Interval": 3000000000, "Retries": 2}, c)
    expect(c["OnBuild"] == ["RUN echo t > /tmp/t"] and c["Shell"] == ["/bin/sh", "-ec"], c)
    built(box, "FROM base\nENTRYPOINT [\"cat\", \"/tmp/t\", \"/tmp/u\"]\n", "-t", "child")
    c = box.inspect("child")["Config"]
    expect(not c.get("OnBuild") and not c.get("Cmd"), c)
    expect(box.ok("run", "--rm", "--net", "none", "child") == "t\n5")


@test("overlay")
def triggers_may_name_stages_of_the_file_that_uses_them(box):
    """Such a stage is built because a trigger of the base, or of another stage, asks for it."""
    built(box, "FROM busybox\nONBUILD COPY --from=files /f /g\nONBUILD RUN --mount=from=tools,target=/t cat /t/t >/u\n", "-t", "base:1")
    use = "FROM busybox AS one\nRUN echo one >/f\nFROM busybox AS files\nCOPY --from=one /f /f\nFROM busybox AS tools\nRUN echo tool >/t\n"
    built(box, use + "FROM base:1\n", "-t", "a")
    expect(box.ok("run", "--rm", "--net", "none", "a", "cat", "/g", "/u") == "one\ntool")
    inside = use + "FROM busybox AS mid\nONBUILD COPY --from=files /f /h\nFROM mid\nRUN cat /h\n"
    expect(" one\n" in built(box, inside, "--no-cache"))
    box.fails(1, "build", write(box, "FROM base:1\n"), says="files")


@test("overlay")
def heredocs_of_run(box):
    built(box, "FROM busybox\nRUN <<EOT\necho one > /x\necho two >> /x\nEOT\nRUN <<EOT cat > /y\nbody $HOME\nEOT\n"
          "RUN <<EOT\n#!/bin/sh\necho $0 > /z\nEOT\n", "-t", "h")
    expect(box.ok("run", "--rm", "--net", "none", "h", "cat", "/x", "/y") == "one\ntwo\nbody /root")


@test("overlay")
def a_shell_where_a_run_has_failed(box):
    path = write(box, "FROM busybox\nRUN echo torn > /torn; false\n")
    terminal = Terminal(box, SBX, "build", "--on-error", "shell", path)
    terminal.wait_text(r"/ # ")
    terminal.send("cat /torn | tr to TO; exit\n")
    terminal.wait_text("TOrn")
    expect(terminal.wait_end() == 1)
    expect(os.listdir(box.path("root/tmp")) == [], os.listdir(box.path("root/tmp")))
    result = box.sbx("build", "--on-error", "shell", path, data="")  # nobody to ask
    expect(result.code == 1 and "exit code: 1. There is no shell: --on-error shell needs a terminal" in result.err, result)


@test("overlay")
def a_shell_after_a_failure_has_the_secrets_too(box):
    """They were removed when the program ran, and are again when the shell does."""
    box.file("secret", "s3cret-value\n")
    path = write(box, "FROM busybox\nRUN --mount=type=secret,id=s,required false\n")
    terminal = Terminal(box, SBX, "build", "--on-error", "shell", "--secret", "id=s,src=" + box.path("secret"), path)
    terminal.wait_text(r"/ # ")
    terminal.send("tr a-z A-Z </run/secrets/s; exit\n")
    terminal.wait_text("S3CRET-VALUE")
    expect(terminal.wait_end() == 1)
    expect(tree_has(box, b"s3cret-value") == [], tree_has(box, b"s3cret-value"))


@test("overlay")
def buildx_and_builder_build_are_build(box):
    path = write(box, "FROM busybox\nRUN true\n")
    for words in (["builder", "build"], ["buildx", "build"], ["image", "build"]):
        expect(box.ok(*words, "-q", "--rm", "--force-rm", path).startswith("sha256:"))


@test("overlay", "fuse", "single")
def row_105_107_117_copy_add_and_the_content_of_files(box):
    text = ("FROM busybox AS made\nRUN mkdir /out && echo made > /out/f\nFROM busybox\nWORKDIR /w/d\nCOPY . ctx/\nADD a.tgz /un/\n"
            "COPY --from=made /out/ /out/\nRUN pwd > /pwd\n")
    write(box, text)
    box.folder("ctx/sub")
    box.file("ctx/sub/file", "one\n")
    box.file("ctx/secret.key", "s3cret-in-context\n")
    box.file("ctx/.dockerignore", "*.key\n")
    with tarfile.open(box.path("ctx/a.tgz"), "w:gz") as tar:
        tar.add(box.path("ctx/sub/file"), "inner/file")
    os.chmod(box.path("ctx/a.tgz"), 0o644)
    built(box, text, "-t", "c")
    look = box.ok("run", "--rm", "--net", "none", "c", "sh", "-c", "cat /pwd /w/d/ctx/sub/file /un/inner/file /out/f; pwd; ls /w/d/ctx")
    expect(look == "/w/d\none\none\nmade\n/w/d\nDockerfile\na.tgz\nsub", look)
    expect(tree_has(box, b"s3cret-in-context") == [])
    os.utime(box.path("ctx/sub/file"), (1, 1))  # times are no input
    expect(set(steps(built(box, text)).values()) == {"CACHED"})
    box.file("ctx/sub/file", "two\n")
    again = steps(built(box, text, "-t", "c"))
    expect(again["COPY . ctx/"] == "DONE" and again["WORKDIR /w/d"] == "CACHED", again)
    result = build(box, "FROM busybox\nCOPY missing /x\n")
    expect(result.code == 1 and "missing" in result.err, result)


@test("overlay")
def a_bound_context_is_not_written_to(box):
    write(box, "")
    box.file("ctx/f", "mine\n")
    result = build(box, "FROM busybox\nRUN --mount=type=bind,target=/c,rw echo theirs > /c/f; echo x > /c/new; cat /c/f\n")
    expect(result.code == 0 and "theirs" in result.err, result)
    with open(box.path("ctx/f"), encoding="utf-8") as f:
        expect(f.read() == "mine\n" and not os.path.exists(box.path("ctx/new")))
    result = build(box, "FROM busybox\nRUN --mount=type=bind,source=../../../etc,target=/c ls /c\n")
    expect("shadow" not in result.err, result)
    result = build(box, "FROM busybox\nRUN --mount=type=cache,id=../../../x,target=/c touch /c/here\n", "-t", "a")
    expect(result.code == 0 and len(glob.glob(box.path("root/build/mounts/*/x/here"))) == 1, result)


if __name__ == "__main__":
    main()

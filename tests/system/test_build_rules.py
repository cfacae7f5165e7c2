#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Rules of Dockerfiles and flags of sbx build that no other file looks at."""

import os

from buildtest import build, built, steps, write
from sbxtest import expect, main, test


@test("overlay")
def args_are_seen_from_their_line_on_and_below_env(box):
    """Global ones only when they are declared again; a stage on another one has its ARGs."""
    text = ("ARG G=global\nFROM busybox AS one\nRUN echo \"[$G][$A][$B]\" >/o\nARG A=1 B=2\nRUN echo \"[$G][$A][$B]\" >>/o\nARG G\nENV A=env\n"
            "ARG A=arg\nRUN echo \"[$G][$A][$B]\" >>/o\nFROM one\nRUN echo \"[$G][$A][$B]\" >>/o\nARG G=mine\nRUN echo \"[$G]\" >>/o\n"
            "ENV X=old\nENV X=new Y=$X\nRUN echo \"$Y\" >>/o\nCMD echo $X ${X}\n")
    built(box, text, "-t", "a")
    said = box.ok("run", "--rm", "--net", "none", "a", "sh", "-c", "cat /o").splitlines()
    expect(said == ["[][][]", "[][1][2]", "[global][env][2]", "[global][env][2]", "[mine]", "old"], said)
    expect(box.ok("run", "--rm", "--net", "none", "a") == "new new")
    built(box, text, "-t", "a", "--build-arg", "G=given", "--build-arg", "B=b")
    said = box.ok("run", "--rm", "--net", "none", "a", "sh", "-c", "cat /o").splitlines()
    expect(said == ["[][][]", "[][1][b]", "[given][env][b]", "[given][env][b]", "[given]", "old"], said)


@test("overlay")
def another_value_of_an_arg_is_missed_from_its_line_on(box):
    text = "FROM busybox\nRUN echo before\nARG Z\nLABEL x=1\nRUN echo after\n"
    built(box, text, "--build-arg", "Z=1")
    again = steps(built(box, text, "--build-arg", "Z=2"))
    expect(again["RUN echo before"] == "CACHED" and again["RUN echo after"] == "DONE", again)


@test("overlay")
def a_stage_may_be_of_another_platform_than_its_neighbours(box):
    """FROM --platform, the same name for two; the one that is asked for is fetched, whatever has the name here."""
    text = ("FROM --platform=linux/arm64 multi AS arm\nFROM multi AS plain\nFROM --platform=$BUILDPLATFORM multi AS host\n"
            "FROM --platform=arm64 scratch\nCOPY --from=arm /platform /arm\nCOPY --from=plain /bin/true /plain\nCOPY --from=host /bin/true /host\n")
    built(box, text, "-t", "a")
    expect(box.inspect("a")["Architecture"] == "arm64", box.inspect("a"))
    for target, arch in (("arm", "arm64"), ("plain", "amd64"), ("host", "amd64")):
        built(box, text, "--target", target, "-t", target)
        expect(box.inspect(target)["Architecture"] == arch, target, box.inspect(target)["Architecture"])
    built(box, "FROM multi\n", "--platform", "linux/arm64", "-t", "b")
    expect(box.inspect("b")["Architecture"] == "arm64", box.inspect("b"))
    for bad, says in (("Li,x", "failed to parse platform Li,x"), ("$NONE", "empty platform value from expression \\$NONE")):
        box.fails(1, "build", write(box, "FROM --platform=%s busybox\n" % bad), says=[says, "Dockerfile:1"])


@test("overlay")
def how_a_mount_is_made_is_part_of_what_a_run_is(box):
    """Another owner, mode, size or source of a --mount is another RUN to the cache."""
    box.file("s", "x\n")
    line = "FROM busybox AS one\nRUN echo %s >/f\nFROM busybox\nRUN --mount=%s stat -c %%a-%%u /m >/o\n"
    seen = []
    for word, mount in (("a", "type=secret,id=s,target=/m"), ("a", "type=secret,id=s,target=/m,mode=444"), ("a", "type=secret,id=s,target=/m,uid=5"),
                        ("a", "type=cache,target=/m,id=1"), ("a", "type=cache,target=/m,id=1,sharing=locked"),
                        ("a", "type=cache,target=/m,id=2,from=one"), ("b", "type=cache,target=/m,id=2,from=one"),
                        ("b", "type=tmpfs,target=/m"), ("b", "type=tmpfs,target=/m,size=4096")):
        for expected in ("DONE", "CACHED"):
            ends = steps(built(box, line % (word, mount), "--secret", "id=s,src=" + box.path("s"), "-t", "a"))
            end = [v for k, v in ends.items() if "--mount" in k]
            expect(end == [expected], mount, ends)
        seen.append(box.ok("run", "--rm", "--net", "none", "a", "cat", "/o"))
    expect(seen[:3] == ["400-0", "444-0", "400-5"], seen)


@test("overlay")
def shared_memory_of_a_run_has_the_size_asked_for(box):
    built(box, "FROM busybox\nRUN df -k /dev/shm | tail -n 1 >/o\n", "--shm-size", "7m", "-t", "a")
    expect(box.ok("run", "--rm", "--net", "none", "a", "cat", "/o").split()[1] == "7168")


@test("overlay")
def cache_mounts_are_shared_private_or_locked(box):
    """Two stages at a time: each waits for the other where both may have the folder, and neither meets the other where not."""
    here = box.folder("here")
    text = "FROM busybox AS a\nRUN %s\nFROM busybox AS b\nRUN %s\nFROM busybox\nCOPY --from=a /o /a\nCOPY --from=b /o /b\n"
    both = "--mount=type=cache,id=%s,target=/c,sharing=%s touch /c/%s /v/%s; while [ ! -e /v/%s ]; do :; done; ls /c >/o"
    for sharing, wanted in (("shared", "x\ny\nx\ny"), ("private", "x\ny")):
        x, y = "x", "y"
        built(box, text % (both % (sharing, sharing, x, sharing + x, sharing + y), both % (sharing, sharing, y, sharing + y, sharing + x)),
              "-v", here + ":/v", "-t", sharing)
        expect(box.ok("run", "--rm", "--net", "none", sharing, "cat", "/a", "/b") == wanted, sharing)
    one = "--mount=type=cache,id=l,target=/c,sharing=locked for i in a b c d; do echo %s >>/c/log; done; cp /c/log /o"
    built(box, text % (one % "x", one % "y"), "-t", "locked")
    logs = [box.ok("run", "--rm", "--net", "none", "locked", "cat", name).replace("\n", "") for name in ("/a", "/b")]
    expect(sorted(logs, key=len) in (["xxxx", "xxxxyyyy"], ["yyyy", "yyyyxxxx"]), logs)


@test("overlay")
def a_context_may_be_an_image(box):
    box.ok("pull", "-q", "busybox")
    box.ok("tag", "busybox", "other:1")
    text = "FROM base\nCOPY --from=more /bin/busybox /bb\nRUN --mount=type=bind,from=more,target=/m test -x /m/bin/busybox\nRUN test -x /bb\n"
    built(box, text, "--build-context", "base=docker-image://other:1", "--build-context", "more=docker-image://busybox", "-t", "a")
    result = build(box, text, "--build-context", "base=docker-image://Not-Lower", "--build-context", "more=docker-image://busybox")
    expect(result.code == 1 and "must be lowercase" in result.err, result)


@test("overlay")
def a_folder_that_is_there_keeps_what_it_is_and_those_below_do_not(box):
    """At the destination itself its own metadata stay, below it the source's win; several sources make a folder."""
    text = ("FROM busybox\nRUN mkdir -p /d/e && chmod 700 /d /d/e\nCOPY s /d\nCOPY f g /two\nCOPY g* /one\nRUN stat -c %a /d /d/e >/o; "
            "test -d /two -a -f /two/f -a -f /two/g -a -f /one\n")
    write(box, text)
    os.makedirs(box.path("ctx/s/e"))
    for name in ("ctx/s", "ctx/s/e"):
        os.chmod(box.path(name), 0o755)
    box.file("ctx/f", "f")
    box.file("ctx/g", "g")
    built(box, text, "-t", "a")
    expect(box.ok("run", "--rm", "--net", "none", "a", "cat", "/o") == "700\n755")
    result = build(box, "FROM busybox\nCOPY nothing* /x\n")
    expect(result.code == 1 and "nothing*" in result.err and "Dockerfile:2" in result.err, result)


@test("overlay")
def a_volume_keeps_what_is_written_into_it_later(box):
    built(box, "FROM busybox\nVOLUME [\"/v\", \"/w\"]\nRUN mkdir /v && echo kept >/v/f\n", "-t", "a")
    expect(box.ok("run", "--rm", "--net", "none", "a", "cat", "/v/f") == "kept")
    expect(box.inspect("a")["Config"]["Volumes"] == {"/v": {}, "/w": {}})


@test("overlay")
def exec_form_is_valid_json_and_else_it_is_a_shell_line(box):
    text = "FROM busybox\nRUN [\"sh\", \"-c\", \"echo $0 >/o\", \"exec\"]\nRUN ['sh'] 2>/dev/null || echo shell >>/o\nENTRYPOINT [\"echo\", \"$HOME\"]\nCMD [\"x\"]\n"
    built(box, text, "-t", "a")
    expect(box.ok("run", "--rm", "--net", "none", "a") == "$HOME x")
    expect(box.ok("run", "--rm", "--net", "none", "--entrypoint", "cat", "a", "/o") == "exec\nshell")
    built(box, text + "ENTRYPOINT echo line\n", "-t", "b")
    expect(box.ok("run", "--rm", "--net", "none", "b", "y") == "line", "the shell form takes no arguments")


@test("overlay", "fuse", "single")
def names_of_one_file_are_copied_as_such(box):
    """From the context and from a stage; --chown and --chmod are those of all; a separate file stays one."""
    box.folder("ctx/d")
    box.file("ctx/a", "text\n")
    os.link(box.path("ctx/a"), box.path("ctx/d/b"))
    text = ("FROM busybox AS one\nRUN mkdir -p /o/p && echo x >/o/a && ln /o/a /o/p/b && ln /o/a /o/c && cp /o/a /o/alone\nFROM busybox\n"
            "COPY . /ctx/\nADD . /add/\nCOPY --from=one /o /o\nCOPY --from=one --chown=5:6 --chmod=640 /o /own\nCOPY --link --from=one /o /linked\n")
    built(box, text, "-t", "a")
    show = "for d in ctx add; do stat -c '%h %u %a' /$d/a /$d/d/b; done; for d in o own linked; do stat -c '%h %u:%g %a' /$d/a /$d/p/b /$d/c /$d/alone; done"
    said = box.ok("run", "--rm", "--net", "none", "a", "sh", "-c", show).splitlines()
    modes = [["2 0 644"] * 2] * 2 + [["3 %s" % what] * 3 + ["1 " + what] for what in ("0:0 644", "5:6 640", "0:0 644")]
    expect(said == sum(modes, []), said)


if __name__ == "__main__":
    main()

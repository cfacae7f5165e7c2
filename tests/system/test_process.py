#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a program is born with: streams, umask, time zone, proxies, descriptors; volumes that a mount makes."""

import json
import os

from sbxtest import SBX, Skip, expect, main, test


@test("overlay", "single")
def the_umask_is_0022_unless_it_is_given(box):
    expect(box.ok("run", "--rm", "--network", "none", "busybox", "sh", "-c", "umask") == "0022")
    box.ok("create", "--name", "c", "--network", "none", "--umask", "0077", "busybox", "sh", "-c", "umask; touch /f; stat -c %a /f")
    for _ in range(2):
        expect(box.ok("start", "-a", "c") == "0077\n600")
    box.fails(125, "run", "--umask", "99", "busybox", "true", says="invalid umask 99")


@test("overlay")
def the_time_zone_is_a_file_of_the_host(box):
    if not os.path.exists("/usr/share/zoneinfo/Asia/Tokyo"):
        raise Skip("there is no /usr/share/zoneinfo/Asia/Tokyo (package tzdata)")
    box.ok("create", "--name", "c", "--network", "none", "--tz", "Asia/Tokyo", "busybox", "tail", "-n", "1", "/etc/localtime")
    expect(box.ok("start", "-a", "c").endswith("JST-9"))
    box.fails(125, "run", "--tz", "Not/There", "busybox", "true", says="finding time zone Not/There")
    box.fails(125, "run", "--tz", "../../../etc/passwd", "busybox", "true", says="invalid time zone")


@test("overlay")
def the_callers_proxies_are_copied_when_asked_for(box):
    env = dict(http_proxy="http://p:1", NO_PROXY="local")
    show = ["--network", "none", "busybox", "env"]
    expect("proxy" not in box.ok("run", "--rm", *show, env=env).lower())
    got = box.ok("run", "--rm", "--http-proxy", "-e", "NO_PROXY=mine", *show, env=env).split("\n")
    expect("http_proxy=http://p:1" in got and "NO_PROXY=mine" in got and "NO_PROXY=local" not in got, got)


@test("overlay", "single")
def descriptors_of_the_caller_reach_the_program_when_asked_for(box):
    box.file("given", "from outside\n")

    def call(options, inside):
        """Its descriptor 4 is a pipe: the shell goes on when nobody holds the other end any more."""
        script = 'answer=$("$@" 3<given 4>&1 >seen); echo "<$answer>"; cat seen'
        words = ["sh", "-c", script, "sh", SBX, "run", *options.split(), "--network", "none", "busybox", "sh", "-c", inside]
        return box.run(words, seconds=50)

    got = call("--rm --preserve-fds 2", "cat <&3; echo answer >&4")
    expect(got.out == "<answer>\nfrom outside\n", got)
    got = call("--rm --init --preserve-fds=2", "cat <&3; echo answer >&4")
    expect(got.out == "<answer>\nfrom outside\n", got)
    got = call("-d --name c --preserve-fds=2", "echo answer >&4; exec 4>&-; exec sleep 1000")
    expect(got.out.startswith("<answer>\n") and box.inspect("c")["State"]["Running"], got)
    got = call("--rm", "cat <&3 2>/dev/null || echo none")
    expect(got.out == "<>\nnone\n", got)
    box.fails(125, "run", "--rm", "--preserve-fds", "900", "busybox", "true", says="is not open in the caller")
    box.fails(125, "run", "--preserve-fds", "1", "--restart", "always", "busybox", says="conflicting")


@test("overlay")
def attach_chooses_the_streams(box):
    both = ["busybox", "sh", "-c", "echo out; echo err >&2; cat"]
    run = ["run", "--rm", "-q", "--network", "none"]
    got = box.sbx(*run, "-a", "stdout", *both)
    expect(got.code == 0 and got.out == "out\n" and got.err == "", got)
    got = box.sbx(*run, "--attach", "STDERR", *both)
    expect(got.code == 0 and got.out == "" and got.err == "err\n", got)
    got = box.sbx(*run, "-i", "-a", "stdin", "-a", "stdout", *both, data="typed\n")
    expect(got.out == "out\ntyped\n" and got.err == "", got)
    box.fails(125, "run", "-d", "-a", "stdout", "busybox", says="--attach and --detach")
    box.fails(125, "run", "-a", "nothing", "busybox", says="valid streams are STDIN, STDOUT and STDERR")


@test("overlay")
def a_mount_makes_its_volume_with_labels_and_options(box):
    folder = box.folder("real")
    box.ok("run", "--rm", "--network", "none", "--mount",
           "type=volume,source=vol,target=/v,volume-label=a=1,\"volume-label=b=x,y\",volume-opt=type=none,volume-opt=o=bind,"
           "volume-opt=device=" + folder, "busybox", "sh", "-c", "echo here > /v/f")
    seen = json.loads(box.ok("volume", "inspect", "vol"))[0]
    expect(seen["Labels"] == {"a": "1", "b": "x,y"} and seen["Options"]["device"] == folder, seen)
    expect(os.path.exists(os.path.join(folder, "f")))
    box.ok("run", "--rm", "--network", "none", "--mount", "type=volume,source=vol,target=/v,volume-label=a=2", "busybox", "true")
    expect(json.loads(box.ok("volume", "inspect", "vol"))[0]["Labels"]["a"] == "1", "it keeps its own")
    box.ok("create", "--name", "c", "--mount", "type=volume,target=/v,volume-label=mine", "busybox")
    expect(len(box.ok("volume", "ls", "-q", "--filter", "label=mine").split("\n")) == 1)
    box.ok("rm", "-v", "c")
    expect(box.ok("volume", "ls", "-q", "--filter", "label=mine") == "", "an anonymous volume stays")
    box.fails(125, "run", "--mount", "type=bind,source=/tmp,target=/v,volume-label=a", "busybox", says="cannot mix")


if __name__ == "__main__":
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The command line of the built program: statuses, streams, where things are kept, what shells complete."""

import json
import os
import stat

from sbxtest import SBX, expect, main, test


@test("overlay")
def row_14_bare_image_lists_images(box):
    box.ok("pull", "-q", "busybox")
    expect(box.ok("image") == box.ok("images") == box.ok("image", "ls"))
    expect(box.ok("image", "--help").startswith("Usage:  sbx image COMMAND"))


@test("overlay")
def row_72_unknown_flags_are_125_with_a_suggestion(box):
    box.fails(125, "run", "--nam", "x", "busybox", says=["unknown flag: --nam", r"did you mean --name\?", "sbx run --help"])
    box.fails(125, "run", "--volumnes-from", "x", "busybox", says="unknown flag: --volumnes-from")
    box.fails(125, "ps", "-x", says="unknown shorthand flag: 'x' in -x")


@test("overlay")
def row_73_odd_characters_are_pointed_at(box):
    box.fails(125, "run", "-v", "/a:/b：ro", "busybox", "true", says=["character 6", "U\\+FF1A", "：", "is not ':'"])
    box.fails(125, "run", "-v", "/a: /b", "busybox", "true", says="character 4 is a blank")


@test("overlay")
def wrong_counts_are_1_and_unknown_commands_too(box):
    box.fails(1, "rm", says='"sbx rm" requires at least 1 argument')
    box.fails(1, "ps", "x", says='"sbx ps" accepts no arguments')
    box.fails(1, "rnu", says="did you mean 'run'")


@test("overlay")
def help_and_version_go_to_stdout_and_need_nothing(box):
    bare = {"HOME": "/nonexistent", "SBX_CONFIG": "/nonexistent", "SBX_ROOT": "/nonexistent", "SBX_RUNROOT": "/nonexistent"}
    for args in ([], ["--help"], ["run", "--help"], ["help", "container"], ["--version"]):
        result = box.sbx(*args, env=bare if args in ([], ["--help"], ["--version"]) else {})
        expect(result.code == 0 and result.out and not result.err, result)


@test("overlay")
def flags_follow_operands_except_where_a_program_follows(box):
    box.ok("run", "-d", "--name", "c1", "busybox", "sleep", "100")
    expect(box.ok("exec", "c1", "echo", "-e", "--help") == "--help")
    expect(box.ok("rm", "c1", "-f") == "c1")


@test("overlay")
def the_run_root_is_found_without_a_session(box):
    """users.md: the same output under env -i, with a wrong XDG_RUNTIME_DIR, with one of root's."""
    box.ok("run", "--name", "c1", "busybox", "true")
    wanted = box.ok("ps", "-aq")
    for wrong in ("/nonexistent", "/", "relative", ""):
        env = dict(box.env, XDG_RUNTIME_DIR=wrong)
        del env["SBX_RUNROOT"]
        result = box.run(["env", "-i", *("%s=%s" % pair for pair in env.items()), SBX, "ps", "-aq"])
        expect(result.code == 0 and result.line == wanted, wrong, result)
    mine = "/tmp/sbx-%d" % os.stat(box.top).st_uid
    if os.path.exists(mine):
        mode = os.stat(mine)
        expect(stat.S_IMODE(mode.st_mode) == 0o700 and mode.st_uid == os.stat(box.top).st_uid, mode)


@test("overlay")
def a_configuration_that_others_can_write_is_refused(box):
    """threats S10"""
    os.chmod(box.path("config.json"), 0o666)
    box.fails(125, "ps", says=["config.json", "can be written by others"])
    box.file("config.json", '{"registry": {}}')
    box.fails(125, "ps", says='unknown key "registry"')
    box.file("config.json", '{"registries": {}, "registries": {}}')
    box.fails(125, "ps", says="config.json")
    box.file("config.json", json.dumps({"storageDriver": "vfs"}))
    box.fails(125, "ps", env={"SBX_STORAGE_DRIVER": ""}, says=["config.json", "unknown storage driver"])
    box.mirror(None)


@test("overlay")
def hostile_words_reach_the_terminal_escaped(box):
    """threats S04"""
    result = box.fails(125, "run", "--name", "\x1b[2Jx", "busybox", says=r"\\x1b\[2Jx")
    expect("\x1b" not in result.err, result)
    result = box.fails(1, "\x1b]0;x\x07", says="is not an sbx command")
    expect("\x1b" not in result.err and "\x07" not in result.err, result)


@test("overlay")
def very_long_command_lines_work(box):
    """threats S12"""
    many = [word for i in range(20000) for word in ("-e", "V%d=%d" % (i, i))]
    expect(box.ok("run", "--rm", *many, "busybox", "sh", "-c", "echo $V19999") == "19999")


@test("overlay")
def bash_completes_names_of_containers_and_images(box):
    box.ok("run", "--name", "web1", "busybox", "true")
    script = box.file("complete", box.ok("completion", "bash") + "\n")
    for line, wanted in (("sbx rm we", "web1"), ("sbx run busy", "busybox:latest"), ("sbx run --net", "--network --network-alias")):
        code = ". %s; COMP_LINE='%s'; COMP_POINT=${#COMP_LINE}; _sbx; echo \"${COMPREPLY[*]}\"" % (script, line)
        result = box.run(["bash", "--norc", "-c", code], env={"PATH": os.path.dirname(SBX) + ":" + box.env["PATH"]})
        expect(result.line == wanted, line, result)


if __name__ == "__main__":
    main()

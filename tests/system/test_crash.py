#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a crash leaves is repaired by the next command; what is not ours is never signalled."""

import json
import os
import signal
import subprocess

from sbxtest import USER, expect, main, test, wait_for


def record(box, name):
    with open(os.path.join(box.env["SBX_ROOT"], "containers", name, "state.json"), encoding="utf-8") as f:
        return json.load(f)


def started(box, *options):
    name = box.ok("run", "-d", *options, "busybox", "sleep", "100")
    return name, record(box, name)


def gone(pid):
    """Ended, or a zombie whose parent does not look."""
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8") as f:
            return f.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


@test()
def a_dead_monitors_container_is_exited_and_starts_again(box):
    name, state = started(box, "--name", "c")
    os.kill(state["monitor"], signal.SIGKILL)
    wait_for(lambda: gone(state["pid"]), "the container to go with its monitor")
    now = box.inspect("c")["State"]
    expect((now["Status"], now["ExitCode"], now["Error"]) == ("exited", 137, "monitor was killed"), now)
    expect(not os.path.exists(os.path.join(box.env["SBX_RUNROOT"], name)))
    expect(box.ok("start", "c") == "c")
    expect(box.inspect("c")["State"]["Running"])


@test("overlay")
def a_dead_monitors_rm_container_is_removed(box):
    name, state = started(box, "--rm", "--name", "c")
    os.kill(state["monitor"], signal.SIGKILL)
    wait_for(lambda: gone(state["pid"]), "the container to go with its monitor")
    expect(box.ok("ps", "-aq") == "")
    expect(not os.path.exists(os.path.join(box.env["SBX_ROOT"], "containers", name)))
    box.ok("run", "--rm", "--name", "c", "busybox", "true")


@test("overlay")
def s03_a_reused_pid_is_not_signalled(box):
    name, state = started(box, "--name", "c")
    os.kill(state["monitor"], signal.SIGKILL)
    wait_for(lambda: gone(state["pid"]), "the container to go with its monitor")
    with subprocess.Popen(["sleep", "60"]) as innocent:
        state.update(pid=innocent.pid, monitor=innocent.pid)
        path = os.path.join(box.env["SBX_ROOT"], "containers", name, "state.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(state, f)
        box.fails(1, "kill", "c", says="not running")
        box.fails(1, "exec", "c", "true", says="not running")
        box.ok("stop", "c")
        box.ok("rm", "-f", "c")
        expect(innocent.poll() is None, "an innocent process was killed")
        innocent.kill()


@test("overlay")
def a_reboot_ends_what_ran(box):
    name, state = started(box, "--name", "c")
    os.kill(state["monitor"], signal.SIGKILL)
    wait_for(lambda: gone(state["pid"]), "the container to go with its monitor")
    state["bootId"] = "00000000-0000-0000-0000-000000000000"
    with open(os.path.join(box.env["SBX_ROOT"], "containers", name, "state.json"), "w", encoding="utf-8") as f:
        json.dump(state, f)
    now = box.inspect("c")["State"]
    expect((now["Status"], now["ExitCode"]) == ("exited", 255) and "restarted" in now["Error"], now)


@test("overlay")
def f_k3_a_stopped_monitor_does_not_keep_rm_from_working(box):
    name, state = started(box, "--name", "c")
    os.kill(state["monitor"], signal.SIGSTOP)
    expect("Up" in box.ok("ps"))
    expect(box.ok("rm", "-f", "c", seconds=15) == "c")
    expect(gone(state["monitor"]) and gone(state["pid"]))


@test("overlay")
def a_name_that_a_killed_remover_left_is_collected(box):
    names = os.path.join(box.env["SBX_ROOT"], "names")
    box.ok("create", "--name", "kept", "busybox")
    os.symlink("0" * 64, os.path.join(names, "dead"))
    expect(box.ok("ps", "-a", "--format", "{{.Names}}") == "kept")
    expect(os.listdir(names) == ["kept"])


@test("overlay")
def what_a_killed_maker_left_is_removed_by_the_next_listing(box):
    store = box.env["SBX_ROOT"]
    box.ok("create", "--name", "kept", "busybox")
    for ident, files in (("1" * 64, []), ("2" * 64, ["launch.json"])):
        folder = os.path.join(store, "containers", ident)
        os.mkdir(folder, 0o700)
        for name in files:
            with open(os.path.join(folder, name), "w", encoding="ascii"):
                pass
        os.symlink(ident, os.path.join(store, "names", "n" + ident[0]))
        subprocess.run(["chown", "-hR", str(USER.pw_uid), folder, os.path.join(store, "names", "n" + ident[0])], check=True)
    with subprocess.Popen(["flock", os.path.join(store, "containers", "2" * 64), "sh", "-c", "echo held; read x"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as maker:
        maker.stdout.readline()
        expect(box.ok("ps", "-a", "--format", "{{.Names}}") == "kept")
        expect(sorted(os.listdir(os.path.join(store, "names"))) == ["kept", "n2"], "the name of one that is being made")
        maker.communicate(b"go\n")
    box.ok("ps", "-a")
    expect(os.listdir(os.path.join(store, "names")) == ["kept"], "a name is still taken")
    expect(not os.path.exists(folder), "what has something in it needs not grow old")
    os.utime(os.path.join(store, "containers", "1" * 64), (1, 1))
    box.ok("ps", "-a")
    expect(len(os.listdir(os.path.join(store, "containers"))) == 1, "an old empty one stays")


@test("overlay")
def what_a_killed_remover_left_is_removed_by_the_next_listing(box):
    store, run = box.env["SBX_ROOT"], box.env["SBX_RUNROOT"]
    box.ok("create", "--name", "kept", "busybox")
    ident = box.ok("create", "--name", "half", "busybox")
    folder = os.path.join(store, "containers", ident)
    os.rename(folder + "/config.json", folder + "/dead.json")
    os.makedirs(os.path.join(run, ident), 0o700)
    expect(box.ok("ps", "-a", "--format", "{{.Names}}") == "kept")
    expect(os.listdir(os.path.join(store, "names")) == ["kept"], "the name is still taken")
    expect(not os.path.exists(folder) and not os.path.exists(os.path.join(run, ident)), "its folders are still there")


@test("overlay")
def a_container_whose_remover_died_too_early_is_shown_again(box):
    name, state = started(box, "--name", "c")
    folder = os.path.join(box.env["SBX_ROOT"], "containers", name)
    os.rename(folder + "/config.json", folder + "/dead.json")
    box.ok("ps", "-a")
    expect(box.ok("ps", "-a", "--format", "{{.Names}} {{.State}}") == "c running")
    box.ok("rm", "-f", "c")


@test("overlay")
def s08_rm_leaves_what_is_mounted_or_linked(box):
    kept = box.folder("kept")
    box.file("kept/data", "mine")
    box.ok("run", "-v", kept + ":/w", "--name", "c", "busybox", "sh", "-c", "ln -s /w/data /link; ln -s %s /out" % kept)
    box.ok("rm", "c")
    expect(os.path.exists(os.path.join(kept, "data")))


@test("overlay")
def damaged_records_are_shown_and_can_be_removed(box):
    for file in ("state.json", "config.json"):
        box.ok("run", "--name", "c", "busybox", "true")
        name = box.ok("ps", "-aq", "--no-trunc")
        with open(os.path.join(box.env["SBX_ROOT"], "containers", name, file), "w", encoding="utf-8") as f:
            f.write("{")
        expect(name[:12] in box.ok("ps", "-a"))
        box.ok("rm", name)
        expect(box.ok("ps", "-aq") == "")


@test("overlay")
def row_40_logs_choose_by_time_and_count(box):
    box.ok("run", "--name", "c", "busybox", "sh", "-c", "echo one; sleep 1.2; echo two; sleep 1.2; echo three")
    stamps = [line.split(" ")[0] for line in box.ok("logs", "-t", "c").split("\n")]
    expect(len(stamps) == 3 and all(s.endswith("Z") and len(s) == 30 for s in stamps), stamps)
    expect(box.ok("logs", "--since", stamps[1], "c") == "two\nthree")
    expect(box.ok("logs", "--until", stamps[1], "c") == "one\ntwo")
    expect(box.ok("logs", "-n", "1", "c") == "three")
    expect(box.ok("logs", "--tail", "0", "c") == "")


@test("overlay")
def wait_knows_the_status_of_a_container_that_removes_itself(box):
    box.ok("run", "-d", "--rm", "--name", "c", "busybox", "sh", "-c", "sleep 0.5; exit 7")
    expect(box.ok("wait", "c") == "7")


@test("overlay")
def formats_and_filters_of_ps(box):
    box.ok("run", "-d", "--name", "up", "--label", "tier=db", "busybox", "sleep", "100")
    box.ok("run", "--name", "down", "busybox", "sh", "-c", "exit 0")
    expect(box.ok("ps", "-a", "--format", "{{.Names}}:{{.State}}").split() == ["down:exited", "up:running"])
    expect(box.ok("ps", "-aq", "--filter", "status=exited") == box.ok("ps", "-aq", "--filter", "name=down"))
    expect(box.ok("ps", "--filter", "label=tier=db", "--format", '{{.Label "tier"}}') == "db")
    expect(json.loads(box.ok("ps", "--format", "json"))["Names"] == "up")
    box.fails(1, "ps", "--filter", "nope=1", says="invalid filter 'nope'")
    box.fails(1, "ps", "--format", "{{.Nope}}", says="can't evaluate field Nope")
    box.fails(1, "inspect", "-f", "{{.Nope}}", "up", says='map has no entry for key "Nope"')


if __name__ == "__main__":
    main()

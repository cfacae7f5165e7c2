#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a monitor does by itself: restart policies, rotating logs."""

import os
import re
import subprocess

from sbxtest import expect, main, test, wait_for


def state(box, name):
    return box.inspect(name)["State"]


def restarts(box, name):
    return box.inspect(name)["RestartCount"]


@test()
def restart_on_failure_tries_n_times(box):
    box.ok("run", "-d", "--restart", "on-failure:2", "--name", "c1", "busybox", "sh", "-c", "echo x >> /n; cat /n; exit 7")
    wait_for(lambda: state(box, "c1")["Status"] == "exited", "the last try")
    now = box.inspect("c1")
    expect(now["RestartCount"] == 2 and now["State"]["ExitCode"] == 7, now["State"])
    expect(box.ok("logs", "c1").split() == ["x"] * 6, box.ok("logs", "c1"))
    expect(now["HostConfig"]["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 2}, now["HostConfig"])


@test("overlay")
def restart_on_failure_is_content_with_success(box):
    box.ok("run", "-d", "--restart", "on-failure", "--name", "c1", "busybox", "sh", "-c",
           "[ -e /once ] && exit 0; touch /once; exit 1")
    wait_for(lambda: state(box, "c1")["Status"] == "exited", "success")
    expect(restarts(box, "c1") == 1 and state(box, "c1")["ExitCode"] == 0)


@test("overlay", "fuse")
def restart_always_comes_back_until_stopped(box):
    box.ok("run", "-d", "--restart", "always", "--name", "c1", "busybox", "sh", "-c", "echo up; sleep 0.1")
    wait_for(lambda: restarts(box, "c1") >= 2, "two restarts")
    expect("c1" in box.ok("ps", "--format", "{{.Names}}"))
    expect(box.ok("stop", "-t", "1", "c1") == "c1")
    now = box.inspect("c1")
    expect(now["State"]["Status"] == "exited" and not now["State"]["Restarting"], now["State"])
    count = now["RestartCount"]
    expect(not [line for line in box.ok("ps", "-q").split()])
    box.ok("start", "c1")
    wait_for(lambda: restarts(box, "c1") == 1, "the policy after a start by hand")
    box.ok("rm", "-f", "c1")
    expect(count >= 2 and box.ok("ps", "-aq") == "")


@test("overlay")
def restart_always_survives_a_kill_of_its_payload(box):
    box.ok("run", "-d", "--restart", "unless-stopped", "--name", "c1", "busybox", "sleep", "100")
    pid = state(box, "c1")["Pid"]
    box.run(["kill", "-9", str(pid)])
    wait_for(lambda: restarts(box, "c1") == 1 and state(box, "c1")["Status"] == "running", "the restart")
    expect(state(box, "c1")["Pid"] not in (0, pid))
    box.ok("kill", "c1")
    expect(state(box, "c1")["Status"] == "exited", "kill is meant")


@test("overlay")
def the_wait_between_restarts_shows_and_ends_at_once(box):
    box.ok("run", "-d", "--restart", "always", "--name", "c1", "busybox", "sh", "-c", "exit 3")
    wait_for(lambda: restarts(box, "c1") >= 4, "a long wait")
    wait_for(lambda: state(box, "c1")["Restarting"], "the wait")
    expect(re.search(r"Restarting \(3\) .* ago", box.ok("ps")), box.ok("ps"))
    expect(box.ok("ps", "-q", "--filter", "status=restarting") != "")
    box.fails(1, "exec", "c1", "true", says="is restarting")
    box.fails(1, "attach", "c1", says="restarting container")
    box.fails(1, "rm", "c1", says="running")
    box.ok("stop", "c1", seconds=3)
    expect(state(box, "c1")["Status"] == "exited" and state(box, "c1")["ExitCode"] == 3)


@test("overlay")
def restart_policies_have_dockers_grammar(box):
    box.fails(125, "run", "--restart", "sometimes", "busybox", says="unknown policy 'sometimes'")
    box.fails(125, "run", "--restart", "always:3", "busybox", says="maximum retry count can")
    box.fails(125, "run", "--rm", "--restart", "always", "busybox", says="both --restart and --rm")
    box.ok("run", "--rm", "--restart", "no", "busybox", "true")


@test("overlay")
def the_first_client_gets_the_first_status(box):
    box.fails(5, "run", "--restart", "always", "--name", "c1", "busybox", "sh", "-c", "exit 5")
    wait_for(lambda: restarts(box, "c1") >= 1, "a restart behind its back")
    box.ok("rm", "-f", "c1")


@test("overlay")
def start_all_after_a_reboot(box):
    """What a reboot leaves: records of another boot. always comes back, unless-stopped unless it was stopped."""
    for name, policy in (("aa", "always"), ("us", "unless-stopped"), ("st", "unless-stopped"), ("no", "no")):
        box.ok("run", "-d", "--name", name, "--restart", policy, "busybox", "sleep", "100")
    box.ok("create", "--name", "nw", "--restart", "always", "busybox", "sleep", "100")
    box.ok("stop", "-t", "0", "st")
    for name in ("aa", "us", "no"):
        where = os.path.join(box.env["SBX_ROOT"], "containers", box.inspect(name)["Id"], "state.json")
        with open(where, encoding="utf-8") as f:
            text = f.read()
        pid = int(re.search(r'"monitor":(\d+)', text).group(1))
        box.run(["kill", "-9", str(pid)])
        wait_for(lambda pid=pid: not os.path.exists("/proc/%d" % pid) or b"" == open("/proc/%d/cmdline" % pid, "rb").read(), "its end")
    expect(box.ok("ps", "-q") == "")
    expect(box.ok("start", "--all").split() == ["aa", "us"], "those that were up")
    expect(sorted(box.ok("ps", "--format", "{{.Names}}").split()) == ["aa", "us"])
    box.fails(1, "start", says="at least 1 argument")


@test("overlay", "single")
def logs_rotate(box):
    box.ok("run", "--name", "c1", "--log-opt", "max-size=1k", "--log-opt", "max-file=3", "busybox", "sh", "-c",
           "for i in $(seq 100); do echo line $i; sleep 0.005; done", seconds=30)
    folder = os.path.dirname(box.inspect("c1")["LogPath"])
    names = sorted(n for n in os.listdir(folder) if n.startswith("log"))
    expect(names == ["log", "log.1", "log.2"], names)
    lines = box.ok("logs", "c1").split("\n")
    first = int(lines[0].split()[1])
    expect(first > 1 and lines == ["line %d" % i for i in range(first, 101)], lines)
    for n in (1, 3, len(lines) - 1, len(lines), 1000):
        expect(box.ok("logs", "--tail", str(n), "c1").split("\n") == lines[-n:], n)
    config = box.inspect("c1")["HostConfig"]["LogConfig"]
    expect(config == {"Type": "json-file", "Config": {"max-file": "3", "max-size": "1k"}}, config)


@test("overlay")
def logs_show_the_attributes_that_were_asked_for(box):
    options = ["--label", "tier=data base", "--label", "x.y=1", "--label", "other=2", "-e", "ZONE=a,b", "-e", "HIDDEN=1", "--log-opt", "labels=tier,none",
               "--log-opt", "labels-regex=^x\\.", "--log-opt", "env=ZONE", "--log-opt", "tag=mine", "--log-opt", "mode=non-blocking"]
    box.ok("run", "--name", "c1", "--network", "none", *options, "busybox", "sh", "-c", "echo one; echo two >&2")
    expect(box.ok("logs", "c1") == "one")
    attrs = "ZONE=a%2Cb,tag=mine,tier=data+base,x.y=1"
    got = box.sbx("logs", "--details", "c1")
    expect((got.out, got.err) == (attrs + " one\n", attrs + " two\n"), got)
    expect(box.ok("logs", "-t", "--details", "c1").split(" ", 1)[1] == attrs + " one", "the time comes first")
    expect(box.inspect("c1")["HostConfig"]["LogConfig"]["Config"]["labels"] == "tier,none")
    box.ok("run", "--name", "c2", "--network", "none", "busybox", "echo", "plain")
    expect(box.ok("logs", "--details", "c2") == " plain")


@test("overlay")
def following_misses_nothing_across_rotations_and_restarts(box):
    box.ok("create", "--name", "c1", "--restart", "on-failure:1", "--log-opt", "max-size=4k", "--log-opt", "max-file=50",
           "busybox", "sh", "-c", "echo begin; for i in $(seq 300); do echo line $i; [ $((i%30)) = 0 ] && sleep 0.05; done; exit 1")
    follower = box.start("logs", "-f", "c1", stdout=subprocess.PIPE)
    box.ok("start", "c1")
    out, _ = follower.communicate(timeout=30)
    want = (["begin"] + ["line %d" % i for i in range(1, 301)]) * 2
    expect(out.decode().split("\n")[:-1] == want, len(out.decode().split("\n")))


@test("overlay")
def log_driver_none_keeps_nothing(box):
    box.ok("run", "--name", "c1", "--log-driver", "none", "busybox", "echo", "seen")
    expect(not os.path.exists(box.inspect("c1")["LogPath"]))
    box.fails(1, "logs", "c1", says="does not support reading")
    box.fails(125, "run", "--log-driver", "syslog", "busybox", says="no log driver named 'syslog'")
    for bad in ("compress=true", "mode=lazy", "labels-regex=(", "max-buffer-size=0", "tag={{.ID}}"):
        box.fails(125, "run", "--log-opt", bad, "busybox", says=["log-opt"])
    box.fails(125, "run", "--log-opt", "colour=red", "busybox", says="unknown log opt 'colour'")
    box.fails(125, "run", "--log-opt", "max-file=0", "busybox", says="max-file")
    box.fails(125, "run", "--log-driver=none", "--log-opt", "max-size=1k", "busybox", says="driver none")


if __name__ == "__main__":
    main()

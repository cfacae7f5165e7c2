#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is seen of running containers and done to them from outside: events, pause."""

import json
import os
import re
import subprocess

from sbxtest import SBX, Terminal, expect, main, test, wait_for


def actions(box, *args):
    return box.ok("events", "--since", "1h", "--until", "0s", "--format", "{{.Type}} {{.Action}}", *args).split("\n")


# ---- events ----

@test("overlay")
def events_tell_a_container_s_life_in_order(box):
    expect(actions(box) == [""], "nothing has happened")
    box.fails(3, "run", "--name", "c1", "--label", "team=a b", "busybox", "sh", "-c", "exit 3")
    box.ok("rename", "c1", "c2")
    box.ok("rm", "c2")
    expect(actions(box, "-f", "type=container") == ["container create", "container start", "container die",
                                                     "container rename", "container destroy"], actions(box))
    die = json.loads(box.ok("events", "--since", "1h", "--until", "0s", "-f", "event=die", "--format", "json"))
    expect(die["status"] == die["Action"] == "die" and die["id"] == die["Actor"]["ID"] and len(die["id"]) == 64, die)
    expect(die["Actor"]["Attributes"] == {"execDuration": "0", "exitCode": "3", "image": "busybox", "name": "c1",
                                          "team": "a b"}, die)
    expect(die["from"] == "busybox" and die["scope"] == "local" and die["timeNano"] // 10**9 == die["time"], die)
    line = box.ok("events", "--since", "1h", "--until", "0s", "-f", "event=rename")
    expect(re.fullmatch(r"\S+ container rename [0-9a-f]{64} \(image=busybox, name=c2, oldName=/c1, team=a b\)", line), line)
    expect(box.ok("events", "--since", "1h", "--until", "0s", "-f", "label=team=b") == "")
    expect(len(actions(box, "-f", "label=team", "-f", "event=start", "-f", "event=die")) == 2)
    box.fails(1, "events", "-f", "nosuch=1", says="invalid filter 'nosuch'")
    box.fails(1, "events", "--format", "{{.Nosuch}}", "--since", "1h", "--until", "0s", says="can't evaluate field Nosuch")


@test("overlay")
def events_are_followed_and_end_in_time(box):
    seen = box.start("events", "-f", "type=container", "--format", "{{.Action}} {{.Actor.Attributes.name}}", stdout=subprocess.PIPE)
    wait_for(lambda: os.listdir("/proc/%d/fdinfo" % seen.pid) and any(
        "inotify wd" in open("/proc/%d/fdinfo/%s" % (seen.pid, fd), encoding="ascii").read()
        for fd in os.listdir("/proc/%d/fdinfo" % seen.pid)), "the watch")
    box.ok("volume", "create", "v1")
    box.ok("run", "-d", "--name", "c1", "busybox", "sleep", "100")
    wait_for(lambda: seen.stdout.readline() == b"start c1\n", "start")
    box.ok("stop", "-t", "0", "c1")
    lines = [seen.stdout.readline() for _ in range(4)]
    expect(sorted(lines) == [b"die c1\n", b"kill c1\n", b"kill c1\n", b"stop c1\n"], lines)
    expect(box.ok("events", "--until", "0s") == "", "ends at once")
    expect(box.ok("events", "--since", "1h", "--until", "0s", "-f", "volume=v1", "--format", "{{.Action}}") == "create")


@test("overlay")
def events_of_a_full_log_go_on_in_the_next(box):
    box.ok("volume", "create", "before")
    log = box.path("rr", "events.log")
    with open(log, "a", encoding="ascii") as f:
        f.write(("x" * 999 + "\n") * 1100)  # torn lines are skipped
    box.ok("volume", "create", "at")
    box.ok("volume", "create", "after")
    expect(os.path.getsize(log) < 1000 and os.path.getsize(log + ".1") > 1 << 20)
    got = box.ok("events", "--since", "1h", "--until", "0s", "--format", "{{.Actor.ID}}")
    expect(got.split("\n") == ["before", "at", "after"], got)


@test("overlay")
def events_do_not_drive_a_terminal(box):
    box.ok("run", "--name", "c1", "--label", "x=\033[2Jboo", "busybox", "true")
    terminal = Terminal(box, SBX, "events", "--since", "1h", "--until", "0s")
    terminal.wait_text(r"x=\\x1b\[2Jboo")
    expect(terminal.wait_end() == 0)


# ---- pause ----

def count(box, name):
    return box.ok("exec", name, "cat", "/n").count("x")


@test("overlay", "fuse", "single")
def pause_holds_every_process_and_unpause_lets_go(box):
    box.ok("run", "-d", "--name", "c1", "busybox", "sh", "-c", "(while :; do echo x >>/o; sleep 0.02; done) & "
           "while :; do echo x >>/n; sleep 0.02; done")
    wait_for(lambda: count(box, "c1") > 3, "work")
    expect(box.ok("pause", "c1") == "c1")
    now = box.inspect("c1")["State"]
    expect(now["Status"] == "paused" and now["Paused"] and now["Running"], now)
    expect("(Paused)" in box.ok("ps", "--format", "{{.Status}}") and box.ok("ps", "-q", "-f", "status=paused"))
    box.fails(1, "pause", "c1", says="Container c1 is already paused")
    box.fails(1, "exec", "c1", "true", says="is paused, unpause the container before exec")
    box.fails(1, "attach", "c1", says="cannot attach to a paused container")
    for pid in box.ok("top", "c1", "-eo", "pid").split("\n")[1:]:
        with open("/proc/%s/stat" % pid.strip(), encoding="ascii") as f:
            expect(f.read().rsplit(")", 1)[1].split()[0] in "TDZ", pid)
    expect(box.ok("unpause", "c1") == "c1")
    before = count(box, "c1")
    wait_for(lambda: count(box, "c1") > before, "work goes on")
    box.fails(1, "unpause", "c1", says="Container c1 is not paused")
    expect(actions(box, "-f", "event=pause", "-f", "event=unpause") == ["container pause", "container unpause"])
    box.ok("rm", "-f", "c1")


@test("overlay")
def a_paused_container_can_be_stopped_killed_and_started_again(box):
    box.ok("run", "-d", "--name", "c1", "--init", "busybox", "sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.05; done")
    box.ok("pause", "c1")
    box.ok("stop", "-t", "10", "c1")
    expect(box.inspect("c1")["State"]["ExitCode"] == 7, "it could answer the signal", box.inspect("c1")["State"])
    box.ok("start", "c1")
    expect(box.inspect("c1")["State"]["Status"] == "running")
    box.ok("pause", "c1")
    box.ok("kill", "c1")
    now = box.inspect("c1")["State"]
    expect(now["Status"] == "exited" and now["ExitCode"] == 137 and not now["Paused"], now)
    box.fails(1, "pause", "c1", says="Container c1 is not running")
    box.ok("start", "c1")
    box.ok("pause", "c1")
    box.ok("rm", "-f", "c1")
    result = box.sbx("pause", "nosuch")
    expect(result.code == 1 and "No such container: nosuch" in result.err, result)


# ---- health checks ----

def health(box, name):
    return box.inspect(name)["State"]["Health"]


@test("overlay", "single")
def health_goes_from_starting_over_healthy_to_unhealthy(box):
    box.ok("run", "-d", "--name", "c1", "--health-cmd", "echo seen; echo $PPID >&2; test ! -e /sick", "--health-interval", "100ms",
           "--health-retries", "2", "busybox", "sleep", "100")
    wait_for(lambda: health(box, "c1")["Status"] == "healthy", "a good check")
    expect(box.ok("ps", "--format", "{{.Status}}").endswith("(healthy)"), box.ok("ps"))
    expect(box.ok("ps", "-q", "-f", "health=healthy") and not box.ok("ps", "-q", "-f", "health=unhealthy"))
    expect("seen\n" in health(box, "c1")["Log"][0]["Output"] and health(box, "c1")["Log"][0]["ExitCode"] == 0)
    wait_for(lambda: len(health(box, "c1")["Log"]) == 5, "five results")
    box.ok("exec", "c1", "touch", "/sick")
    wait_for(lambda: health(box, "c1")["Status"] == "unhealthy", "bad checks")
    now = health(box, "c1")
    expect(now["FailingStreak"] >= 2 and len(now["Log"]) == 5 and now["Log"][-1]["ExitCode"] == 1, now)
    expect(box.ok("ps", "--format", "{{.HealthStatus}}") == "unhealthy")
    box.ok("exec", "c1", "rm", "/sick")
    wait_for(lambda: health(box, "c1")["FailingStreak"] == 0, "a good check again")
    expect(actions(box, "-f", "event=health_status") == ["container health_status: healthy", "container health_status: unhealthy",
                                                          "container health_status: healthy"], actions(box))
    config = box.inspect("c1")["Config"]["Healthcheck"]
    expect(config["Interval"] == 10**8 and config["Retries"] == 2 and config["Timeout"] == 30 * 10**9, config)
    box.ok("stop", "-t", "0", "c1")
    expect(health(box, "c1")["Status"] == "unhealthy", "what does not run is not healthy")
    box.ok("start", "c1")
    wait_for(lambda: health(box, "c1")["Status"] == "healthy", "a good check after a start")


@test("overlay")
def a_health_check_that_hangs_is_ended_and_holds_nobody_up(box):
    box.ok("run", "-d", "--name", "c1", "--health-cmd", "sleep 1000", "--health-interval", "50ms", "--health-timeout", "200ms",
           "--health-retries", "1", "busybox", "sleep", "100")
    wait_for(lambda: health(box, "c1")["Status"] == "unhealthy", "the timeout")
    expect(health(box, "c1")["Log"][0]["Output"] == "Health check exceeded timeout (0.2s)", health(box, "c1"))
    expect(health(box, "c1")["Log"][0]["ExitCode"] == -1)
    box.ok("stop", "-t", "0", "c1")
    box.ok("run", "-d", "--rm", "--name", "c2", "--health-cmd", "sleep 1000", "--health-interval", "20ms", "busybox", "sleep", "100")
    wait_for(lambda: "sleep 1000" in box.ok("top", "c2"), "the check")
    box.ok("kill", "c2")
    wait_for(lambda: box.ok("ps", "-aqf", "name=c2") == "", "its removal")


@test("overlay")
def failures_of_the_start_period_do_not_count(box):
    box.ok("run", "-d", "--name", "c1", "--health-cmd", "echo x >>/n; test -e /up", "--health-interval", "50ms", "--health-retries", "1",
           "--health-start-period", "300s", "--health-start-interval", "50ms", "busybox", "sleep", "100")
    wait_for(lambda: len(health(box, "c1")["Log"]) >= 3, "checks")
    expect(health(box, "c1")["Status"] == "starting" and health(box, "c1")["FailingStreak"] == 0, health(box, "c1"))
    expect("(health: starting)" in box.ok("ps"), box.ok("ps"))
    box.ok("exec", "c1", "touch", "/up")
    wait_for(lambda: health(box, "c1")["Status"] == "healthy", "the start")
    box.ok("exec", "c1", "rm", "/up")
    wait_for(lambda: health(box, "c1")["Status"] == "unhealthy", "failures count from now on")


@test("overlay")
def the_image_s_health_check_is_run_unless_told_not_to(box):
    box.ok("create", "--name", "c0", "busybox", "sleep", "100")
    box.ok("commit", "-c", "HEALTHCHECK --interval=60ms --retries=1 CMD test ! -e /sick", "c0", "checked")
    box.ok("run", "-d", "--name", "c1", "checked")
    wait_for(lambda: health(box, "c1")["Status"] == "healthy", "the image's check")
    box.ok("run", "-d", "--name", "c2", "--no-healthcheck", "checked")
    expect("Health" not in box.inspect("c2")["State"] and box.ok("ps", "-q", "-f", "health=none", "-f", "name=c2"))
    box.ok("run", "-d", "--name", "c3", "--health-cmd", "false", "checked")
    wait_for(lambda: health(box, "c3")["Status"] == "unhealthy", "the option's check with the image's interval")
    box.fails(125, "run", "--no-healthcheck", "--health-cmd", "true", "busybox", says="--no-healthcheck conflicts with --health")
    box.fails(125, "run", "--health-interval", "1us", "busybox", says="cannot be less than 1ms")


@test("overlay")
def a_paused_container_is_not_checked(box):
    box.ok("run", "-d", "--name", "c1", "--health-cmd", "true", "--health-interval", "30ms", "busybox", "sleep", "100")
    wait_for(lambda: health(box, "c1")["Status"] == "healthy", "a check")
    box.ok("pause", "c1")
    pids = box.ok("top", "c1", "-eo", "pid")
    before = wait_for(lambda: health(box, "c1")["Log"], "results")
    box.fails(1, "exec", "c1", "true", says="is paused")
    expect(box.ok("top", "c1", "-eo", "pid") == pids and health(box, "c1")["Log"][-1] == before[-1])
    box.ok("unpause", "c1")
    wait_for(lambda: health(box, "c1")["Log"][-1] != before[-1], "checks go on")


# ---- stats, update, wait ----

@test("overlay", "single")
def stats_show_memory_processes_time_and_traffic(box):
    box.ok("run", "-d", "--name", "c1", "busybox", "sh", "-c",
           "sleep 1000 & x=$(head -c 8000000 /dev/zero | tr '\\0' x); while :; do :; done")
    box.ok("run", "-d", "--name", "c2", "busybox", "sleep", "1000")
    lines = box.ok("stats", "--no-stream").split("\n")
    expect(re.split("   +", lines[0].strip()) == ["CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O",
                                                  "BLOCK I/O", "PIDS"], lines)
    expect(len(lines) == 3, lines)
    one = ("stats", "--no-stream", "--format", "json", "c1")
    wait_for(lambda: float(json.loads(box.ok(*one))["MemUsage"].split("MiB")[0].rstrip("KkB")) > 7, "the memory to be filled")
    row = json.loads(box.ok(*one))
    expect(float(row["CPUPerc"].rstrip("%")) > 1 and int(row["PIDs"]) >= 2 and row["Name"] == "c1", row)
    expect(re.fullmatch(r"[0-9.]+MiB / [0-9.]+GiB", row["MemUsage"]) and float(row["MemUsage"].split("MiB")[0]) > 7, row)
    expect(re.fullmatch(r"[0-9.]+[kM]?B / [0-9.]+[kM]?B", row["NetIO"]), row)
    expect(len(box.ok("stats", "--no-stream", "--no-trunc", "--format", "{{.ID}}", "c1")) == 64)
    box.ok("kill", "c2")
    names = ("stats", "--no-stream", "--format", "{{.Name}}")
    expect("c2" not in box.ok(*names) and "c2" in box.ok(*names, "-a"))
    box.fails(1, "stats", "--no-stream", "nosuch", says="No such container: nosuch")


@test("overlay")
def stats_stream_until_they_are_interrupted(box):
    box.ok("run", "-d", "--name", "c1", "busybox", "sleep", "1000")
    child = box.start("stats", "--format", "{{.Name}} {{.PIDs}}", stdout=subprocess.PIPE)
    expect([child.stdout.readline() for _ in range(2)] == [b"c1 1\n"] * 2)
    child.terminate()


@test("overlay")
def update_changes_the_restart_policy_of_a_running_container(box):
    box.ok("run", "-d", "--name", "c1", "busybox", "sleep", "1000")
    expect(box.ok("update", "--restart", "on-failure:3", "c1") == "c1")
    expect(box.inspect("c1")["HostConfig"]["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3})
    box.run(["kill", "-9", str(box.inspect("c1")["State"]["Pid"])])
    wait_for(lambda: box.inspect("c1")["RestartCount"] == 1, "the new policy")
    box.ok("update", "--restart", "no", "--pids-limit", "-1", "c1")
    box.ok("stop", "-t", "0", "c1")
    box.ok("start", "c1")
    expect(box.inspect("c1")["HostConfig"]["RestartPolicy"]["Name"] == "no", "kept by the next start")
    box.fails(1, "update", "-m", "64m", "c1", says="E-LIMIT: container c1 runs without a cgroup")
    box.ok("stop", "-t", "0", "c1")
    box.ok("update", "-m", "64m", "c1")
    expect(box.inspect("c1")["HostConfig"]["Memory"] == 64 << 20)
    box.ok("run", "-d", "--rm", "--name", "c2", "busybox", "sleep", "1000")
    box.fails(1, "update", "--restart", "always", "c2", says="AutoRemove is enabled")
    box.fails(1, "update", "c1", says="one or more flags")


@test("overlay")
def wait_knows_conditions(box):
    box.ok("run", "-d", "--name", "c1", "--health-cmd", "test -e /up", "--health-interval", "50ms", "busybox", "sleep", "1000")
    box.ok("wait", "--condition", "running", "c1")
    child = box.start("wait", "--condition", "healthy", "c1", stdout=subprocess.PIPE)
    box.ok("exec", "c1", "touch", "/up")
    expect(child.wait(20) == 0 and child.stdout.read() == b"-1\n")
    child = box.start("wait", "--condition", "paused", "--condition", "exited", "c1", stdout=subprocess.PIPE)
    box.ok("pause", "c1")
    expect(child.wait(20) == 0)
    child = box.start("wait", "--condition", "removed", "c1", stdout=subprocess.PIPE)
    box.ok("rm", "-f", "c1")
    expect(child.wait(20) == 0)
    expect(box.ok("run", "-d", "--name", "c2", "busybox", "true") and box.ok("wait", "-i", "100ms", "--interval=50", "c2") == "0")
    box.fails(125, "wait", "--interval", "soon", "c2", says="invalid argument")
    box.fails(125, "wait", "--condition", "x", "c1", says="unknown container state: x")


# ---- the whole ----

@test("overlay")
def system_reset_leaves_an_empty_store(box):
    box.ok("run", "-d", "--name", "c1", "-v", "v1:/v", "busybox", "sleep", "1000")
    box.ok("network", "create", "n1")
    box.file("root/mine", "x")
    result = box.sbx("system", "reset", data="n\n")
    expect(result.code == 0 and "This will remove from" in result.out and box.ok("ps", "-q"), result)
    box.ok("system", "reset", "-f")
    expect(os.listdir(box.path("root")) == ["mine"], os.listdir(box.path("root")))
    expect(box.ok("ps", "-aq") + box.ok("images", "-q") + box.ok("volume", "ls", "-q") == "")
    box.ok("run", "--rm", "busybox", "true")


@test("overlay")
def called_docker_it_is_docker(box):
    os.symlink(SBX, box.path("docker"))
    result = box.run([box.path("docker"), "--version"])
    expect(re.fullmatch(r"Docker version \d+\.\d+\.\d+, build sbx-\S+", result.line), result)
    result = box.run([box.path("docker"), "run", "--rm", "busybox", "echo", "hi"])
    expect(result.code == 0 and result.line == "hi", result)


@test("overlay")
def system_df_v_names_each_image_container_and_volume(box):
    box.ok("run", "--name", "c1", "-v", "v1:/v", "busybox", "sh", "-c", "head -c 10000000 /dev/zero >/v/f; echo 12345 >/g")
    out = box.ok("system", "df", "-v")
    expect(re.search(r"(?m)^Images space usage:\n\nREPOSITORY +TAG +IMAGE ID +CREATED +SIZE +SHARED SIZE +UNIQUE SIZE +CONTAINERS\nbusybox +latest +[0-9a-f]{12} .* 1$",
                     out), out)
    expect(re.search(r"(?m)^Containers space usage:\n\nCONTAINER ID +IMAGE +COMMAND +LOCAL VOLUMES +SIZE +CREATED +STATUS +NAMES\n"
                     r"[0-9a-f]{12} +busybox +\"sh -c .* +1 +6B .* c1$", out), out)
    expect(re.search(r"(?m)^VOLUME NAME +LINKS +SIZE\nv1 +1 +10MB$", out) and out.endswith("Build cache usage: 0B"), out)
    box.fails(1, "system", "df", "-v", "--format", "json", says="conflict")


@test("overlay")
def the_log_driver_local_rotates_by_itself(box):
    box.ok("run", "--name", "c1", "--log-driver", "local", "busybox", "sh", "-c", "echo out; echo err >&2")
    result = box.sbx("logs", "c1")
    expect((result.out, result.err) == ("out\n", "err\n"), result)
    expect(box.inspect("c1")["HostConfig"]["LogConfig"] == {"Type": "local", "Config": {}})
    box.fails(125, "run", "--log-driver", "splunk", "busybox", says="no log driver named 'splunk'")


if __name__ == "__main__":
    main()

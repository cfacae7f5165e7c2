#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Acceptance rows that are about one command as it is typed: 21, 22, 32 to 34, 42, 47, 75, 106."""

import re
import socket
import subprocess

from debrepo import make_repository
from sbxtest import SBX, Terminal, expect, free_port, main, test, wait_for


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def status_of(box, name):
    return box.inspect(name)["State"]["Status"]


@test("overlay")
def row_21_rmi_takes_names_and_ids_of_any_length(box):
    box.ok("pull", "-q", "busybox")
    ident = box.inspect("busybox")["Id"]
    box.ok("tag", "busybox", "other:1")
    expect(box.ok("rmi", "other:1") == "Untagged: other:1")
    for form in (ident, ident.split(":")[1], ident.split(":")[1][:12]):
        box.ok("pull", "-q", "busybox")
        out = box.ok("rmi", form)
        expect(out.startswith("Untagged: busybox:latest") and "Deleted: " + ident in out, form, out)
    box.fails(1, "rmi", "busybox", says="No such image: busybox")


@test("overlay")
def row_22_an_image_in_use_is_kept_and_f_takes_its_name(box):
    name = box.ok("run", "--name", "user", "busybox", "true") or box.inspect("user")["Id"]
    refused = box.fails(1, "rmi", "busybox", says="conflict")
    expect(name[:12] in refused.err, refused)
    expect(box.ok("rmi", "-f", "busybox").startswith("Untagged: busybox:latest"))
    expect(box.ok("start", "-a", "user") == "")
    expect(box.inspect("user")["State"]["ExitCode"] == 0)


@test("overlay")
def row_32_two_containers_get_different_free_ports(box):
    ports = []
    for name in ("a", "b"):
        box.ok("run", "-d", "--name", name, "--expose", "8080", "-P", "busybox", "sh", "-c",
               "while nc -l -p 8080 -e echo %s; do :; done" % name)
        found = re.search(r"8080/tcp -> 0\.0\.0\.0:(\d+)", box.ok("port", name))
        ports.append(int(found[1]))

    def says(port):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as conn:
            return conn.makefile().readline().strip()

    def both():
        try:
            return [says(port) for port in ports] == ["a", "b"]
        except OSError:
            return False

    expect(ports[0] != ports[1], ports)
    wait_for(both, "an answer of each", 15)


@test("overlay")
def row_33_exit_ends_the_container(box):
    term = Terminal(box, SBX, "run", "-it", "--name", "c1", "busybox")
    term.wait_text("# ")
    term.send("exit\r")
    expect(term.wait_end() == 0)
    expect(re.search(r"Exited \(0\) .*c1", box.ok("ps", "-a")))


@test("overlay")
def row_34_ctrl_p_ctrl_q_leaves_it_running(box):
    term = Terminal(box, SBX, "run", "-it", "--name", "c1", "busybox")
    term.wait_text("# ")
    term.send("cat -v\r")
    term.wait_text("cat -v\r\n")
    term.send("\x10x\r")  # a lone ctrl-p reaches the program
    term.wait_text(r"\^Px")
    term.send("\x10\x11")
    expect(term.wait_end() == 0)
    expect(status_of(box, "c1") == "running")
    again = Terminal(box, SBX, "attach", "c1")
    again.send("back\r")
    again.wait_text("back[^b]*back")  # by now its terminal is raw
    again.send("\x04exit 3\r")  # ends cat, then the shell
    expect(again.wait_end() == 3)


@test("overlay")
def row_42_inspect_has_dockers_shape(box):
    port, data = free_port(), box.folder("data")
    box.ok("run", "-d", "--name", "c1", "-p", "%d:80" % port, "-v", data + ":/data:ro", "-e", "WORD=hi", "busybox", "sleep", "100")
    doc = box.inspect("c1")
    expect(doc["Name"] == "/c1" and doc["State"]["Running"] is True and doc["State"]["Pid"] > 1, doc["State"])
    expect(doc["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"] == str(port), doc["NetworkSettings"])
    mount = doc["Mounts"][0]
    expect((mount["Type"], mount["Source"], mount["Destination"], mount["RW"]) == ("bind", data, "/data", False), mount)
    expect("WORD=hi" in doc["Config"]["Env"] and doc["Config"]["Cmd"] == ["sleep", "100"], doc["Config"])
    text = "{{.State.Status}} {{(index (index .NetworkSettings.Ports \"80/tcp\") 0).HostPort}} {{range .Mounts}}{{.Source}}{{end}}"
    expect(box.ok("inspect", "-f", text, "c1") == "running %d %s" % (port, data))
    expect(box.ok("inspect", "-f", "{{json .Config.Entrypoint}} {{.Config.Cmd}}", "busybox") == "null [sh]")
    box.fails(1, "inspect", "nobody", says="No such object: nobody")


@test("overlay")
def row_47_several_operands_and_ambiguous_ids(box):
    ids = [box.ok("create", "busybox") for _ in range(17)]  # two of seventeen begin alike
    first = [i[0] for i in ids]
    twice = next(c for c in first if first.count(c) > 1)
    box.fails(1, "inspect", twice, says="Multiple IDs found with provided prefix: " + twice)
    box.ok("run", "-d", "--name", "a", "busybox", "sleep", "100")
    box.ok("run", "-d", "--name", "b", "busybox", "sleep", "100")
    result = box.fails(1, "stop", "-t", "0", "a", "nobody", "b", says="No such container: nobody")
    expect(result.out == "a\nb\n", result)
    expect({status_of(box, "a"), status_of(box, "b")} == {"exited"})


@test()
def row_75_the_environment_is_kept_byte_for_byte(box):
    wanted = ["MYSQL_ROOT_PASSWORD=密码", "X=111111", "SIGNS= a=b  $HOME 'q' \"d\" \\t*", "EMPTY="]
    options = [word for pair in wanted for word in ("-e", pair)]
    out = box.ok("run", "--rm", "--net", "none", *options, "-e", "FROM_HOST", "-e", "NOT_THERE", "busybox", "env", env={"FROM_HOST": "主机 1"})
    lines = out.split("\n")
    expect([line for line in wanted if line not in lines] == [] and "FROM_HOST=主机 1" in lines, out)
    expect("NOT_THERE" not in out, out)
    name = box.ok("run", "-d", "--net", "none", *options, "busybox", "sleep", "100")
    inside = box.ok("exec", name, "env").split("\n")
    expect([line for line in wanted if line not in inside] == [] and set(wanted) <= set(box.inspect(name)["Config"]["Env"]), inside)


@test("overlay", "fuse", seconds=240)
def row_106_run_apt_get_install(box):
    """apt drops to its own user, fetches over the build's network, and dpkg gives files away."""
    repo, port = make_repository(box), free_port()
    box.start_other(["python3", "-m", "http.server", "-d", repo, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: listens(port), "the repository to be served")
    box.file("Dockerfile", """FROM debian
RUN rm -rf /etc/apt/sources.list* && echo 'deb [trusted=yes] http://host.docker.internal:%d ./' > /etc/apt/sources.list
RUN  apt-get update --fix-missing && apt-get install -y  hello-sbx --fix-missing && stat -c "owner: %%U" /usr/share/hello/text
""" % port)
    result = box.sbx("build", "-t", "with-hello", "--progress=plain", ".", seconds=200)
    expect(result.code == 0 and "owner: daemon" in result.err, result)
    out = box.ok("run", "--rm", "with-hello", "sh", "-c", "cat /usr/share/hello/text; stat -c %U /usr/share/hello/text")
    expect(out == "hello from a package\ndaemon", out)


if __name__ == "__main__":
    main()

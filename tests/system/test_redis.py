#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The main job: acceptance rows 81 and 82, and the command line of the README itself."""

import os

from sbxtest import expect, free_port, main, test, wait_for


def cli(box, port, *command):
    return box.run(["redis-cli", "-p", str(port), *command]).line


def wait_pong(box, port):
    wait_for(lambda: cli(box, port, "ping") == "PONG", "PONG on port %d" % port, 20)


@test("overlay", "fuse", seconds=120)
def the_readmes_command_says_pong(box):
    port = free_port()
    name = box.ok("run", "-d", "-p", "%d:6379" % port, "--name", "redis", "redis", seconds=60)
    wait_pong(box, port)
    expect(len(name) == 64 and name[:12] in box.ok("ps"), name)
    expect(cli(box, port, "set", "k", "v") == "OK" and cli(box, port, "get", "k") == "v")
    expect(box.ok("exec", "redis", "redis-cli", "ping") == "PONG")
    expect(box.ok("exec", "redis", "sh", "-c", "stat -c %U /data") == "redis")
    expect("Ready to accept connections" in box.ok("logs", "redis"))
    expect(box.ok("stop", "redis") == "redis")
    expect(box.inspect("redis")["State"]["ExitCode"] == 0)


@test("single", seconds=120)
def redis_with_a_single_id(box):
    """Without the entry point; with it: test_identity.py."""
    port = free_port()
    box.ok("run", "-d", "-p", "%d:6379" % port, "--entrypoint", "redis-server", "redis", "--protected-mode", "no", seconds=60)
    wait_pong(box, port)


@test("overlay", "fuse", seconds=120)
def row_81_command_and_configuration(box):
    port, conf = free_port(), box.file("redis.conf", "maxmemory 12mb\nprotected-mode no\n")
    box.ok("run", "-p", "%d:6379" % port, "-v", conf + ":/etc/redis/redis.conf", "-d", "--name", "redis", "redis",
           "redis-server", "/etc/redis/redis.conf", seconds=60)
    wait_pong(box, port)
    expect(cli(box, port, "CONFIG", "GET", "maxmemory").split() == ["maxmemory", "12582912"])


@test("overlay", seconds=120)
def row_81_options_after_the_image_go_to_the_entrypoint(box):
    port = free_port()
    box.ok("run", "-d", "-p", "%d:6380" % port, "redis", "--port", "6380", "--protected-mode", "no", seconds=60)
    wait_pong(box, port)


@test("overlay", "fuse", seconds=120)
def row_82_data_on_the_host_survives(box):
    data = box.folder("data", 0o777)
    port = free_port()

    def start():
        box.ok("run", "-d", "-p", "%d:6379" % port, "-v", data + ":/data", "--name", "redis", "redis", "redis-server",
               "--appendonly", "yes", "--appendfsync", "always", "--protected-mode", "no", seconds=60)
        wait_pong(box, port)

    start()
    expect(cli(box, port, "set", "kept", "yes") == "OK")
    expect(os.listdir(data))
    box.ok("kill", "redis")
    box.ok("rm", "-f", "redis")
    start()
    expect(cli(box, port, "get", "kept") == "yes")


if __name__ == "__main__":
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Odd callers and odd moments on the main path: descriptors, environments, full disks, races."""

import os
import subprocess

from sbxtest import SBX, expect, main, test, wait_for


@test("overlay")
def an_env_file_may_be_a_process_substitution(box):
    result = box.run(["bash", "-c", '"$0" run --rm --env-file <(echo FROM_PIPE=1) busybox env', SBX])
    expect(result.code == 0 and "FROM_PIPE=1" in result.out, result)
    listed = box.run(["bash", "-c", '"$0" run --rm --env-file <(echo A=1) busybox ls /proc/1/fd/ 7</etc/passwd', SBX])
    expect(listed.out.split() in (["0", "1", "2"], ["0", "1", "2", "3"]), listed)


@test("overlay", "single")
def the_callers_environment_is_not_in_the_inits_memory(box):
    inside = "cat /proc/1/environ /proc/1/cmdline | tr '\\0' '\\n'; cat /proc/1/comm; grep -c CANARY /proc/1/mem"
    result = box.sbx("run", "--rm", "--init", "-e", "OPEN=1", "busybox", "sh", "-c", inside,
                     env={"CANARY_TOKEN": "s3cret"})
    expect("CANARY" not in result.out and SBX not in result.out and "sbx-init" in result.out, result)


@test("overlay")
def a_name_the_caller_lacks_takes_the_images_variable_away(box):
    out = box.ok("run", "--rm", "-e", "HOSTNAME", "-e", "X", "busybox", "env", env={"X": "1"})
    expect("HOSTNAME=" not in out and "X=1" in out, out)
    box.ok("run", "--name", "a", "-e", "HOSTNAME", "busybox", "env")
    expect("HOSTNAME=" not in box.ok("start", "-a", "a", env={"HOSTNAME": "mine"}))


@test("overlay")
def a_local_image_of_another_platform_does_not_do(box):
    box.ok("pull", "busybox")
    box.fails(125, "run", "--rm", "--platform", "linux/s390x", "busybox", "true", says="E-ARCH.*not made for linux/s390x")
    box.fails(125, "run", "--rm", "--pull", "never", "--platform", "linux/s390x", "busybox", "true",
              says="E-ARCH.*wanted linux/s390x")
    box.ok("run", "--rm", "--pull", "never", "--platform", "linux/amd64", "busybox", "true")


if __name__ == "__main__":
    main()

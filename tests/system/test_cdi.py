#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Devices by name: descriptions of the Container Device Interface, --gpus, their hooks."""

import json
import os

from sbxtest import expect, main, test

HOOK = r"""#!/bin/sh
# what nvidia-ctk's hooks do: ask the state for the bundle, the bundle for the root
state=$(cat)
bundle=$(echo "$state" | sed 's/.*"bundle":"\([^"]*\)".*/\1/')
root=$(sed 's/.*"path":"\([^"]*\)".*/\1/' "$bundle/config.json")
ln -s target "$root/usr/made-by-hook" && echo "$1 $WORD $(id -u)" > "$root/usr/said-by-hook"
"""


def describe(box, name, devices, kind="nvidia.com/gpu", **edits):
    folder = box.path("cdi")
    os.makedirs(folder, exist_ok=True)
    spec = {"cdiVersion": "0.6.0", "kind": kind, "containerEdits": edits,
            "devices": [{"name": key, "containerEdits": value} for key, value in devices.items()]}
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(spec, file)
    os.chmod(path, 0o644)
    return path


def hook(box, text=HOOK):
    path = box.file("hook.sh", text)
    os.chmod(path, 0o755)
    return path


@test("overlay", "fuse", "single")
def devices_by_name_bring_nodes_mounts_variables_and_hooks(box):
    library = box.file("libvendor.so", "driver 1\n")
    run = {"hookName": "createContainer", "path": hook(box), "args": ["hook.sh", "links"],
           "env": ["PATH=/usr/bin:/bin", "WORD=here"]}
    describe(box, "vendor.json", {"0": {"deviceNodes": [{"path": "/dev/vendor0", "hostPath": "/dev/zero"}]}},
             kind="vendor.com/card", env=["VENDOR_VISIBLE=void"], hooks=[run],
             mounts=[{"hostPath": library, "containerPath": "/usr/lib/libvendor.so", "options": ["ro", "bind"]}])
    script = ("head -c 2 /dev/vendor0 | od -An -tx1; cat /usr/lib/libvendor.so; echo x > /usr/lib/libvendor.so; "
              "echo $VENDOR_VISIBLE; readlink /usr/made-by-hook; cat /usr/said-by-hook")
    shown = box.sbx("run", "--name", "c", "--device", "vendor.com/card=0", "-e", "VENDOR_VISIBLE=all", "busybox", "sh", "-c", script)
    expect(shown.out.split("\n") == [" 00 00", "driver 1", "void", "target", "links here 0", ""], shown.out, shown.err)
    expect("Read-only file system" in shown.err, shown.err)
    # a driver's update is seen at the next start
    describe(box, "vendor.json", {"0": {}}, kind="vendor.com/card", env=["VENDOR_VISIBLE=new"])
    expect("new" in box.sbx("start", "-a", "c").out.split("\n"))
    got = json.loads(box.ok("inspect", "c"))[0]["HostConfig"]
    expect(got["DeviceRequests"][0]["DeviceIDs"] == ["vendor.com/card=0"] and got["Devices"] == [], got["DeviceRequests"])


@test("overlay")
def gpus_are_devices_by_name(box):
    describe(box, "nvidia.yaml", {"all": {"env": ["WHICH=all"]}, "0": {"env": ["WHICH=0"]}, "1": {"env": ["OTHER=1"]}})
    show = ["busybox", "sh", "-c", "echo $WHICH $OTHER"]
    expect(box.ok("run", "--rm", "--gpus", "all", *show) == "all")
    expect(box.ok("run", "--rm", "--gpus=2", *show) == "0 1")
    expect(box.ok("run", "--rm", "--gpus", "device=1", *show) == "1")
    expect("hook" not in box.ok("run", "--dry-run", "--gpus", "all", "busybox"))
    box.fails(125, "run", "--gpus", "3", "busybox", says="E-CDI-UNKNOWN")
    box.fails(125, "run", "--gpus", "capabilities=utility", "busybox", says="invalid argument")
    box.fails(125, "run", "--device", "amd.com/gpu=0", "busybox", says="there are: nvidia.com/gpu=all, nvidia.com/gpu=0, nvidia.com/gpu=1")


@test("overlay")
def a_hook_that_fails_or_hangs_ends_the_start(box):
    for text, seconds, says in (("#!/bin/sh\nexit 3\n", 0, "failed with status 3"),
                                ("#!/bin/sh\nexec sleep 1000\n", 1, "has not ended in 1 s"),
                                (None, 0, "No such file or directory")):
        path = hook(box, text) if text else "/no/such/hook"
        describe(box, "v.json", {"0": {"hooks": [{"hookName": "createContainer", "path": path, "timeout": seconds}]}}, kind="v.com/c")
        box.fails(125, "run", "--rm", "--device", "v.com/c=0", "busybox", says=says)
    expect(box.ok("ps", "-aq") == "")
    describe(box, "v.json", {"0": {"hooks": [{"hookName": "poststop", "path": "/bin/true"}], "additionalGids": [7]}}, kind="v.com/c")
    said = box.sbx("run", "--rm", "--device", "v.com/c=0", "busybox", "true").err
    expect("is not run" in said and "additionalGids needs root" in said, said)


if __name__ == "__main__":
    main()

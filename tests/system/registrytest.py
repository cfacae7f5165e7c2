# SPDX-License-Identifier: Apache-2.0
"""What the tests of pulling share: images, runs of sbx-image, verdicts, settings."""

import base64
import contextlib
import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures"))

from oci import Image, Layer, Tar  # noqa: E402
from sbxtest import SBX, expect  # noqa: E402

IMAGE = os.path.join(os.path.dirname(SBX), "sbx-image")
NAME = "some/image"
ANA = base64.b64encode(b"ana:s3cret").decode()


def noise(n, seed=1):
    return random.Random(seed).randbytes(n)


def image_of(*sizes, arch="amd64"):
    """One layer of incompressible bytes per size."""
    return Image([Layer(Tar().entry("f%d" % i, data=noise(n, i)).bytes()) for i, n in enumerate(sizes)], arch=arch)


def pull(box, registry, *args, name=NAME, env=None, seconds=60):
    return box.run([IMAGE, "pull", *args, "%s/%s" % (registry.host, name)], env=env, seconds=seconds)


def blobs(box, folder="blobs/sha256"):
    with contextlib.suppress(FileNotFoundError):
        return sorted(os.listdir(os.path.join(box.env["SBX_ROOT"], "images", folder)))
    return []


def refused(box, result, *says):
    """The pull failed with these words, and no image came of it."""
    expect(result.code == 1, "wanted status 1", result)
    for text in says:
        expect(text.lower() in result.err.lower(), "stderr lacks %r" % text, result)
    expect(result.err.count("\nsbx: E-") + result.err.startswith("sbx: E-") <= 1, "said more than once", result)
    index = os.path.join(box.env["SBX_ROOT"], "images/index.json")
    if os.path.exists(index):
        with open(index, encoding="utf-8") as f:
            expect(not json.load(f).get("manifests"), "an image was recorded", result)


def succeeds(result):
    expect(result.code == 0, result)
    return result.out


def login(box, host, auth=ANA, name="auth.json", mode=0o600):
    path = box.file(name, json.dumps({"auths": {host: {"auth": auth}}}), mode)
    box.env["REGISTRY_AUTH_FILE"] = path


def settings(box, registries):
    box.file("config.json", json.dumps({"registries": registries}))

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Registries that lie, break and stall: what sbx-image pull makes of them (threats R01 to R05, R10 to R13)."""

import contextlib
import gzip
import json
import os
import signal
import subprocess
import time

from registrytest import IMAGE, NAME, blobs, image_of, noise, pull, refused, settings, succeeds  # sets the path
from bad_registry import PASS, BadRegistry
from oci import DOCKER, OCI, Image, Index, Layer, Tar, digest
from sbxtest import REGISTRY, Terminal, become_user, descendants, expect, main, process_table, test, wait_for

# ---- the good path ----

@test("overlay")
def a_good_registry_is_pulled_from(box):
    with BadRegistry() as registry:
        image = image_of(10000, 200000, 3)
        registry.add(NAME, image)
        out = succeeds(pull(box, registry))
        lines = out.splitlines()
        expect(lines[0] == "Using default tag: latest" and lines[1] == "latest: Pulling from " + NAME, out)
        expect(lines[-1] == "%s/%s:latest" % (registry.host, NAME), out)
        expect(lines[-3] == "Digest: " + digest(image.manifest), out)
        expect("Downloaded newer image for %s/%s:latest" % (registry.host, NAME) in lines[-2], out)
        expect(sum(line.endswith(": Pull complete") for line in lines) == 3, out)
        expect("\x1b" not in out and "\r" not in out)
        for blob in image.blobs() + [image.manifest]:
            expect(digest(blob)[7:] in blobs(box), "a blob is missing")
        again = succeeds(pull(box, registry))
        expect("Image is up to date" in again and "Pull complete" not in again, again)
        expect(succeeds(pull(box, registry, "-q")) == "%s/%s:latest\n" % (registry.host, NAME))


@test("overlay")
def all_media_types_and_compressions_are_pulled(box):
    def layers():
        return [Layer(Tar().entry("f%s" % c, data=noise(5000, len(c))).bytes(), c) for c in ("gzip", "zstd", "none")]
    with BadRegistry() as registry:
        registry.add("a/oci", Image(layers()))
        registry.add("a/docker", Image(layers()[:1], docker=True))
        registry.add("a/multi", Index([image_of(9, arch="arm64"), image_of(7)]))
        for name in ("a/oci", "a/docker", "a/multi"):
            succeeds(pull(box, registry, name=name))
        foreign = succeeds(pull(box, registry, "--platform", "linux/arm64", name="a/multi"))
        expect("Downloaded newer" in foreign, foreign)


@test("overlay")
def layers_that_are_here_are_not_fetched_again(box):
    with BadRegistry() as registry:
        base = Layer(Tar().entry("base", data=noise(50000)).bytes())
        registry.add("a/one", Image([base]))
        registry.add("a/two", Image([base, Layer(Tar().entry("top", data=b"x").bytes())]))
        succeeds(pull(box, registry, name="a/one"))
        out = succeeds(pull(box, registry, name="a/two"))
        expect("%s: Already exists" % digest(base.data)[7:19] in out, out)
        expect(len(registry.requests(digest(base.data))) == 1, "fetched twice")


@test("overlay")
def a_terminal_sees_bars_no_wider_than_itself(box):
    with BadRegistry() as registry:
        image = image_of(300000, 40)
        registry.add(NAME, image)

        def slowly(handler):
            data = image.layers[0].data
            handler.reply(200, data[:100000], length=len(data))
            time.sleep(0.4)
            handler.wfile.write(data[100000:])
        registry.on(digest(image.layers[0].data), slowly)
        term = Terminal(box, IMAGE, "pull", "%s/%s" % (registry.host, NAME), columns=60)
        text = term.wait_text("Status: Downloaded newer image", seconds=20).string.decode()
        term.wait_end()
        expect("Downloading" in text and "\x1b[" in text, text)
        for line in text.replace("\x1b[K", "").replace("\x1b[J", "").split("\r\n"):
            if "Downloading" in line or "Extracting" in line:
                expect(len(line.split("A", 1)[-1] if line.startswith("\x1b") else line) <= 60, repr(line))


@test("overlay")
def mirrors_are_tried_in_order_and_fall_through(box):
    with BadRegistry() as empty, BadRegistry() as broken, BadRegistry() as full:
        broken.on("/v2/", lambda h: h.error(403, "DENIED", "go away"))
        full.add("library/thing", image_of(100))
        settings(box, {"docker.io": {"mirrors": [empty.url, broken.url, full.url]}})
        out = succeeds(box.run([IMAGE, "pull", "thing"]))
        expect(out.endswith("docker.io/library/thing:latest\n"), out)
        expect(empty.requests() and broken.requests() and full.requests(), "a mirror was skipped")


@test("overlay")
def a_blob_that_a_mirror_lacks_or_spoils_comes_from_the_next(box):
    with BadRegistry() as first, BadRegistry() as second:
        image = image_of(3000, 4000)
        for registry in (first, second):
            registry.add("library/thing", image)
        first.on(digest(image.layers[0].data), lambda h: h.error(404, "BLOB_UNKNOWN", "lost"))
        first.on(digest(image.layers[1].data), lambda h: h.reply(200, noise(len(image.layers[1].data))))
        settings(box, {"docker.io": {"mirrors": [first.url, second.url]}})
        result = box.run([IMAGE, "pull", "thing"])
        succeeds(result)
        expect(first.url in result.err and second.requests("/blobs/"), result)


@test("overlay")
def a_mistake_in_the_configuration_is_named(box):
    settings(box, {"docker.io": {"mirrorz": []}})
    refused(box, box.run([IMAGE, "pull", "thing"]), "unknown key", "mirrorz")


@test("overlay")
def an_interrupted_pull_is_continued(box):
    with BadRegistry() as registry:
        image = image_of(2000000)
        data = image.layers[0].data
        registry.add(NAME, image)

        def stall(handler):
            handler.reply(200, data[:1000000], length=len(data))
            handler.wfile.flush()
            time.sleep(20)
        registry.on(digest(data), stall, times=1)
        child = subprocess.Popen([IMAGE, "pull", "%s/%s" % (registry.host, NAME)], env=box.env, preexec_fn=become_user,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        box.children.append(child)
        partial = os.path.join(box.env["SBX_ROOT"], "images/.partial", digest(data)[7:])
        wait_for(lambda: os.path.exists(partial) and os.path.getsize(partial) >= 1000000, "half the layer")
        begun = time.monotonic()
        child.send_signal(signal.SIGINT)
        child.wait(timeout=5)
        expect(time.monotonic() - begun < 1, "SIGINT took too long")
        succeeds(pull(box, registry))
        asked = [r.headers.get("Range") for r in registry.requests(digest(data))]
        expect(asked == [None, "bytes=1000000-"], asked)
        expect(not blobs(box, ".partial"), "a partial file was left")


# ---- damage (R01, R02, R13) ----

@test("overlay")
def a_layer_with_another_digest_is_not_kept(box):
    with BadRegistry() as registry:
        image = image_of(5000)
        registry.add(NAME, image)
        data = bytearray(image.layers[0].data)
        data[100] ^= 1
        registry.on(digest(image.layers[0].data), lambda h: h.reply(200, bytes(data)))
        refused(box, pull(box, registry), "E-DIGEST", digest(image.layers[0].data), "arrived damaged", "3 times")
        expect(len(registry.requests(digest(image.layers[0].data))) == 3)
        expect(digest(image.layers[0].data)[7:] not in blobs(box) and not blobs(box, ".partial"), blobs(box))


def nothing_left(box):
    """When a command has ended, so has all that it started, and what that had half made is gone."""
    expect(not box.outliving(), box.outliving())
    for folder in ("layers", "tmp"):
        left = os.listdir(os.path.join(box.env["SBX_ROOT"], folder))
        expect(not left, folder, left)


@test("overlay")
def a_large_layer_is_unpacked_while_it_arrives_but_kept_only_when_verified(box):
    """Large layers are fed to the unpacking as they come. The digest's verdict is the last, also over bytes that
    unpack to exactly the right thing."""
    with BadRegistry() as registry:
        image = image_of(4000000)
        data = image.layers[0].data
        other = gzip.compress(gzip.decompress(data), 6, mtime=77)
        expect(len(other) == len(data) and other != data, "the same contents in other bytes")
        registry.add(NAME, image)
        registry.on(digest(data), lambda h: h.reply(200, other))
        refused(box, pull(box, registry), "E-DIGEST")
        nothing_left(box)
        broken = data[:2000000] + noise(len(data) - 2000000)
        registry.on(digest(data), lambda h: h.reply(200, broken))
        refused(box, pull(box, registry), "E-DIGEST")
        nothing_left(box)
        registry.rules.clear()
        registry.on(digest(data), lambda h: h.reply(200, other), times=1)
        registry.on(digest(data), lambda h: h.cut(data, 3000000), times=1)
        succeeds(pull(box, registry))
        layers = os.path.join(box.env["SBX_ROOT"], "layers")
        folder = [f for f in os.listdir(layers) if not f.endswith(".json")]
        with open(os.path.join(layers, folder[0], "f0"), "rb") as f:
            expect(f.read() == noise(4000000, 0), "the layer's contents")
        expect(not os.listdir(os.path.join(box.env["SBX_ROOT"], "tmp")), "what a restarted unpacking left")


def are_locked_in(registry_process):
    """What talks to the server cannot gain privileges and has a filter, what reads the layer has one more. Without are
    the agent for logins, which hears its parent alone, and parents that wait."""
    filters = {}
    for pid in descendants(registry_process):
        with contextlib.suppress(OSError), open("/proc/%d/status" % pid, encoding="utf-8", errors="replace") as f:
            fields = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
            filters[pid] = int(fields["Seccomp_filters"]) if fields["NoNewPrivs"] == "1" else 0
    own = filters[registry_process]
    return own > 0 and max(filters.values()) > own and sum(n == 0 for n in filters.values()) == 1


@test("overlay")
def a_download_that_cannot_be_written_says_which_once(box):
    with BadRegistry() as registry:
        registry.add(NAME, image_of(3000000))
        for size in (512000, 2048000):  # what was written is continued
            result = box.run(["prlimit", "--fsize=%d" % size, IMAGE, "pull", "%s/%s" % (registry.host, NAME)])
            expect(result.code == 1 and result.err.count("layer sha256:") == 1 and "File too large" in result.err, result)
        succeeds(pull(box, registry))


@test("overlay")
def a_pull_killed_while_it_unpacks_leaves_nothing_running(box):
    with BadRegistry() as registry:
        image = image_of(6000000)
        data = image.layers[0].data
        registry.add(NAME, image)

        def stall(handler):
            handler.reply(200, data[:5000000], length=len(data))
            handler.wfile.flush()
            time.sleep(20)
        registry.on(digest(data), stall, times=1)
        child = subprocess.Popen([IMAGE, "pull", "%s/%s" % (registry.host, NAME)], env=box.env, preexec_fn=become_user,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        box.children.append(child)
        temporary = os.path.join(box.env["SBX_ROOT"], "tmp")
        wait_for(lambda: os.path.isdir(temporary) and [f for f in os.listdir(temporary) if "." not in f], "the unpacking")
        if not os.environ.get("ASAN_OPTIONS"):
            wait_for(lambda: are_locked_in(child.pid), "all its processes to be locked in")
        family = descendants(child.pid)
        expect(len(family) >= 4, "the agent, the worker, what unpacks", family)
        child.kill()
        child.wait()
        wait_for(lambda: not set(family) & set(process_table()), "the end of all its processes", 5)
        succeeds(pull(box, registry))
        expect(not os.listdir(temporary), os.listdir(temporary))


@test("overlay")
def damage_that_passes_is_survived(box):
    with BadRegistry() as registry:
        image = image_of(5000)
        registry.add(NAME, image)
        size = len(image.layers[0].data)
        registry.on(digest(image.layers[0].data), lambda h: h.reply(200, noise(size)), times=1)
        succeeds(pull(box, registry))


@test("overlay")
def a_damaged_configuration_is_refused(box):
    with BadRegistry() as registry:
        image = image_of(50)
        registry.add(NAME, image)
        registry.on(digest(image.config), lambda h: h.reply(200, image.config.replace(b"linux", b"Linux")))
        refused(box, pull(box, registry), "E-DIGEST", digest(image.config))


@test("overlay")
def a_manifest_that_is_not_the_one_asked_for_is_refused(box):
    with BadRegistry() as registry:
        registry.add(NAME, image_of(50))
        wanted = "sha256:" + "ab" * 32
        other = image_of(60)
        registry.on("/manifests/" + wanted, lambda h: h.reply(200, other.manifest, {"Content-Type": other.media_type}))
        result = box.run([IMAGE, "pull", "%s/%s@%s" % (registry.host, NAME, wanted)])
        refused(box, result, "E-DIGEST", wanted)
        registry.on("/manifests/latest", lambda h: h.reply(200, other.manifest, {
            "Content-Type": other.media_type, "Docker-Content-Digest": wanted}))
        refused(box, pull(box, registry), "E-DIGEST")
        registry.on("/manifests/latest", lambda h: h.reply(200, other.manifest, {
            "Content-Type": other.media_type, "Docker-Content-Digest": "sha256:../../x"}))
        refused(box, pull(box, registry), "malformed digest")


@test("overlay")
def bodies_of_the_wrong_length_are_refused(box):
    with BadRegistry() as registry:
        image = image_of(5000)
        data = image.layers[0].data
        registry.add(NAME, image)
        for body, length in ((data + b"x", True), (data + b"x", None), (data, len(data) + 1)):
            registry.on(digest(data), lambda h, b=body, n=length: h.reply(200, b, length=n))
            refused(box, pull(box, registry, env={"SBX_PULL_TIMEOUT": "1"}), "E-DIGEST", "more than the %d bytes" % len(data))
        registry.on(digest(data), lambda h: h.reply(200, data[:-1], length=None) if not h.headers.get("Range")
                    else h.reply(206, b"", {"Content-Range": "bytes %d-%d/%d" % (len(data) - 1, len(data) - 1, len(data))},
                                 length=None))
        refused(box, pull(box, registry), "E-DIGEST", "%d of %d bytes" % (len(data) - 1, len(data)))


@test("overlay")
def an_endless_body_ends_at_its_announced_size(box):
    with BadRegistry() as registry:
        image = image_of(5000)
        registry.add(NAME, image)
        sent = []

        def endless(handler):
            handler.reply(200, b"", length=None)
            with contextlib.suppress(OSError):
                while sum(sent) < 1 << 30:
                    handler.wfile.write(bytes(65536))
                    sent.append(65536)
        registry.on(digest(image.layers[0].data), endless)
        refused(box, pull(box, registry), "more than")
        expect(sum(sent) < 64 << 20, "%d bytes were taken" % sum(sent))


@test("overlay")
def a_range_that_was_not_asked_for_is_refused(box):
    with BadRegistry() as registry:
        image = image_of(100000)
        data = image.layers[0].data
        registry.add(NAME, image)
        wrong = {"Content-Range": "bytes 0-%d/%d" % (len(data) - 1, len(data))}
        registry.on(digest(data), lambda h: h.reply(206, data, wrong) if h.headers.get("Range") else PASS, times=2)
        registry.on(digest(data), lambda h: h.cut(data, 40000), times=1)
        succeeds(pull(box, registry))  # it starts from the beginning
        ranges = [r.headers.get("Range") for r in registry.requests(digest(data))]
        expect(ranges[0] is None and ranges[1] == "bytes=40000-" and ranges[2] is None, ranges)


@test("overlay")
def a_server_that_ignores_ranges_is_survived(box):
    with BadRegistry() as registry:
        image = image_of(100000)
        data = image.layers[0].data
        registry.add(NAME, image)
        registry.on(digest(data), lambda h: h.reply(200, data))
        registry.on(digest(data), lambda h: h.cut(data, 40000), times=1)
        succeeds(pull(box, registry))


@test("overlay")
def cut_connections_are_continued(box):
    with BadRegistry() as registry:
        image = image_of(3000000)
        data = image.layers[0].data
        registry.add(NAME, image)

        def cut(handler):
            first = int((handler.headers.get("Range") or "bytes=0-")[6:].split("-")[0])
            if first + 300000 >= len(data):
                return PASS
            handler.reply(206 if first else 200, data[first:first + 300000], {
                "Content-Range": "bytes %d-%d/%d" % (first, len(data) - 1, len(data))} if first else {},
                length=len(data) - first)
            handler.close_connection = True
            handler.connection.shutdown(2)
        registry.on(digest(data), cut)
        succeeds(pull(box, registry))
        expect(len(registry.requests(digest(data))) == 11, len(registry.requests(digest(data))))


@test("overlay")
def a_server_that_keeps_cutting_is_given_up(box):
    with BadRegistry() as registry:
        image = image_of(3000000)
        data = image.layers[0].data
        registry.add(NAME, image)
        registry.on(digest(data), lambda h: h.cut(data, 10) if not h.headers.get("Range") else h.cut(b"x" * 99, 0))
        result = pull(box, registry)
        expect(result.code == 1 and "broke" in result.err or "E-DIGEST" in result.err, result)
        expect(len(registry.requests(digest(data))) <= 8, "no end of tries")


@test("overlay", seconds=120)
def a_server_that_falls_silent_is_given_up(box):
    with BadRegistry() as registry:
        image = image_of(3000)
        registry.add(NAME, image)

        def trickle(handler):
            handler.reply(200, b"", length=3000)
            with contextlib.suppress(OSError):
                for byte in image.layers[0].data[:50]:
                    handler.wfile.write(bytes([byte]))
                    time.sleep(0.5)
        registry.on(digest(image.layers[0].data), trickle)
        result = pull(box, registry, env={"SBX_PULL_TIMEOUT": "1"}, seconds=100)
        refused(box, result, "stopped answering")


@test("overlay")
def errors_that_pass_are_waited_for(box):
    with BadRegistry() as registry:
        image = image_of(3000)
        registry.add(NAME, image)
        registry.on("/manifests/", lambda h: h.reply(503), times=1)
        registry.on(digest(image.layers[0].data), lambda h: h.reply(500), times=2)
        succeeds(pull(box, registry))
        registry.on("/manifests/", lambda h: h.error(500, "UNKNOWN", "out of order"))
        result = pull(box, registry)
        expect(result.code == 1 and "500: out of order" in result.err, result)


@test("overlay")
def a_rotten_blob_is_fetched_again(box):
    with BadRegistry() as registry:
        image = image_of(3000)
        registry.add(NAME, image)
        bad = image_of(3000, 20)
        succeeds(pull(box, registry))
        path = os.path.join(box.env["SBX_ROOT"], "images/blobs/sha256", digest(image.layers[0].data)[7:])
        box.run(["sh", "-c", "chmod u+w $0; printf X | dd of=$0 bs=1 seek=50 conv=notrunc", path])
        registry.add("other/image", bad)  # shares the rotten blob; its layer is here, so it is not looked at
        succeeds(pull(box, registry, name="other/image"))
        layers = os.path.join(box.env["SBX_ROOT"], "layers")
        box.run(["sh", "-c", "chmod -R u+rwX $0/*; rm -rf $0/*; rm $1/images/index.json", layers, box.env["SBX_ROOT"]])
        result = pull(box, registry)
        expect("damaged on disk" in result.err, result)
        succeeds(result)
        with open(path, "rb") as f:
            expect(digest(f.read()) == digest(image.layers[0].data), "not healed")


# ---- documents (R03, R04, R05, R10, R11, R12) ----

def manifest_text(**changes):
    image = image_of(10)
    return json.dumps(dict(json.loads(image.manifest), **changes))


@test("overlay")
def malformed_manifests_are_refused(box):
    layer = {"mediaType": OCI + "layer.v1.tar+gzip", "size": 1}
    cases = [
        ("", "json"), ("{", "json"), ("[]", "manifest"), ("null", "manifest"), ("7", "manifest"), ("{}", "manifest"),
        ("{\"a\":1,\"a\":2}", "duplicate"), ("[" * 100000, "deep"), ("\xef\xbb\xbf{}", "json"),
        (manifest_text() + "x", "json"),
        (manifest_text(manifests=[]), "ambiguous"),
        (manifest_text(layers=[dict(layer, digest="sha256:" + "0" * 63)]), "digest"),
        (manifest_text(layers=[dict(layer, digest="sha256:../../../../etc/passwd")]), "digest"),
        (manifest_text(layers=[dict(layer, digest="md5:" + "0" * 32)]), "digest"),
        (manifest_text(layers=[dict(layer, digest="sha256:" + "AB" * 32)]), "digest"),
        (manifest_text(layers=[dict(layer, digest="sha256:" + "0" * 64, size=-1)]), "size"),
        (manifest_text(layers=[dict(layer, digest="sha256:" + "0" * 64)] * 200), "layers"),
    ]
    with BadRegistry() as registry:
        for text, says in cases:
            registry.manifest(NAME, text.encode("latin-1"))
            result = pull(box, registry)
            expect(result.code == 1, text[:100], result)
            expect(says in result.err.lower(), "%r for %r" % (says, text[:100]), result)
        expect(not registry.requests("/blobs/"), "a blob of a bad manifest was asked for")


@test("overlay")
def a_manifest_of_another_type_than_announced_is_ambiguous(box):
    with BadRegistry() as registry:
        registry.manifest(NAME, image_of(10).manifest, OCI + "index.v1+json")
        result = pull(box, registry)
        expect(result.code == 1 and "ambiguous" in result.err.lower(), result)


@test("overlay")
def schema_1_is_refused(box):
    with BadRegistry() as registry:
        text = json.dumps({"schemaVersion": 1, "name": "a", "fsLayers": [], "signatures": [{}]})
        registry.manifest(NAME, text, DOCKER + "distribution.manifest.v1+prettyjws")
        refused(box, pull(box, registry), "schema 1")


@test("overlay")
def configurations_must_fit_the_manifest(box):
    cases = [(b"", "json"), (b"[]", ""), (b"{}", ""), (b'{"rootfs":{"diff_ids":[]}}', ""), (b'{"rootfs":{"diff_ids":[1]}}', ""),
             (b'{"rootfs":{"diff_ids":["sha256:../../x"]}}', ""), (b'{"rootfs":{"diff_ids":"x"}}', "")]
    with BadRegistry() as registry:
        for config, says in cases:
            image = image_of(30)
            image.manifest = image.manifest.replace(digest(image.config).encode(), digest(config).encode()).replace(
                b'"size": %d' % len(image.config), b'"size": %d' % len(config), 1)
            image.config = config
            registry.add(NAME, image)
            refused(box, pull(box, registry), says)
        expect(not registry.requests(digest(image.layers[0].data)), "a layer was fetched")


@test("overlay")
def a_layer_that_unpacks_to_something_else_is_not_kept(box):
    with BadRegistry() as registry:
        image = image_of(3000)
        image.layers[0].diff_id = "sha256:" + "12" * 32
        image = Image(image.layers)
        registry.add(NAME, image)
        refused(box, pull(box, registry), digest(image.layers[0].data)[:19])
        layers = os.path.join(box.env["SBX_ROOT"], "layers")
        expect(not os.listdir(layers), os.listdir(layers))


@test("overlay")
def documents_have_a_largest_size(box):
    with BadRegistry() as registry:
        registry.manifest(NAME, b" " * (10 << 20))
        refused(box, pull(box, registry), "4096 KiB")
        registry.on("/manifests/", lambda h: h.reply(200, b"{}", {"X-%d" % i: "y" * 1000 for i in range(90)}))
        refused(box, pull(box, registry), "64 KiB of headers")
        registry.on("/manifests/", lambda h: h.reply(200, gzip.compress(bytes(100 << 20)), {"Content-Encoding": "gzip"}))
        refused(box, pull(box, registry), "encoded as 'gzip'")
        big = dict(json.loads(image_of(1).manifest))
        big["config"]["size"] = 100 << 20
        registry.rules.clear()
        registry.manifest(NAME, json.dumps(big))
        refused(box, pull(box, registry), "104857600 bytes")


@test("overlay")
def indexes_within_indexes_end(box):
    with BadRegistry() as registry:
        inner = image_of(1).manifest
        kind = OCI + "manifest.v1+json"
        for depth in range(8):
            registry.manifest(NAME, inner, kind, tag="latest")
            inner = json.dumps({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [{
                "mediaType": kind, "digest": digest(inner), "size": len(inner),
                "platform": {"os": "linux", "architecture": "amd64"}}]}).encode()
            kind = OCI + "index.v1+json"
        refused(box, pull(box, registry), "index")


@test("overlay")
def a_foreign_platform_is_refused_with_what_there_is(box):
    with BadRegistry() as registry:
        registry.add("a/index", Index([image_of(3, arch="arm64"), image_of(4, arch="s390x")]))
        registry.add("a/plain", image_of(5, arch="arm64"))
        refused(box, pull(box, registry, name="a/index"), "E-ARCH", "arm64", "s390x", "amd64")
        refused(box, pull(box, registry, name="a/plain"), "E-ARCH", "arm64", "amd64", "--platform")
        refused(box, pull(box, registry, "--platform", "linux/riscv64", name="a/plain"), "E-ARCH", "riscv64", "arm64")
        expect(not registry.requests(digest(image_of(5, arch="arm64").layers[0].data)), "its layer was fetched")


@test("overlay")
def an_artifact_is_not_an_image(box):
    with BadRegistry() as registry:
        image = image_of(3)
        text = image.manifest.replace((OCI + "config.v1+json").encode(), b"application/vnd.helm.config.v1+json")
        registry.add(NAME, image)
        registry.manifest(NAME, text)
        refused(box, pull(box, registry), "image")


@test("overlay")
def an_image_of_settings_only_is_kept_and_cannot_run(box):
    with BadRegistry() as registry:
        registry.add(NAME, Image([], {"Cmd": ["true"], "Labels": {"only": "this"}}))
        succeeds(pull(box, registry))
        name = "%s/%s" % (registry.host, NAME)
        expect(box.inspect(name)["Config"]["Labels"] == {"only": "this"} and box.inspect(name)["Size"] == 0, box.inspect(name))
        expect(box.ok("images", "--format", "{{.Size}}") == "0B")
        box.fails(127, "run", "--rm", "--net", "none", name, says="no layers: there is nothing to run")
        box.ok("save", "-o", box.path("o.tar"), name)
        box.ok("rmi", name)
        box.ok("load", "-i", box.path("o.tar"))
        box.ok("system", "check")
        box.ok("rmi", name)


@test("overlay")
def urls_in_descriptors_are_not_followed(box):
    with BadRegistry() as registry, BadRegistry("127.0.0.2") as evil:
        image = image_of(30)
        document = json.loads(image.manifest)
        document["layers"][0]["urls"] = [evil.url + "/layer"]
        registry.add(NAME, image)
        registry.manifest(NAME, json.dumps(document))
        succeeds(pull(box, registry))
        expect(not evil.log, "the url of a descriptor was asked")


@test("overlay")
def debians_registry_serves_what_skopeo_put_there(box):
    """The whole way round with other people's programs: skopeo, docker-registry, sbx-image, skopeo."""
    image, layout = image_of(5000, 600000), box.folder("layout")
    box.folder("layout/blobs")
    box.folder("layout/blobs/sha256")
    for blob in image.blobs() + [image.manifest]:
        with open(os.path.join(layout, "blobs/sha256", digest(blob)[7:]), "wb") as f:
            f.write(blob)
    box.file("layout/oci-layout", '{"imageLayoutVersion":"1.0.0"}')
    box.file("layout/index.json", json.dumps({"schemaVersion": 2, "manifests": [{
        "mediaType": image.media_type, "digest": digest(image.manifest), "size": len(image.manifest)}]}))
    host = REGISTRY.split("//")[1]
    put = box.run(["skopeo", "copy", "--insecure-policy", "--dest-tls-verify=false", "oci:" + layout,
                   "docker://%s/skopeo/there:1" % host])
    expect(put.code == 0, put)
    out = succeeds(box.run([IMAGE, "pull", "%s/skopeo/there:1" % host]))
    expect("Digest: " + digest(image.manifest) in out, out)
    back = box.run(["skopeo", "inspect", "--raw", "oci:%s:%s/skopeo/there:1" % (
        os.path.join(box.env["SBX_ROOT"], "images"), host)])
    expect(back.code == 0 and digest(back.out.encode()) == digest(image.manifest), back)


if __name__ == "__main__":
    main()

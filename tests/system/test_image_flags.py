#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Flags of the image commands: how a registry is talked to, platforms, forms of `save`, filters of `images`, differences between
images, shared sizes."""

import json
import os
import subprocess

from registrytest import ANA, NAME, image_of, login
from sbxtest import Skip, expect, main, test

from bad_registry import PASS, Authority, BadRegistry
from oci import Image, Index, Layer, Tar, digest

BAD = "YmFkOmJhZA=="  # bad:bad


def basic(registry):
    registry.on("/v2/", lambda h: h.error(401, "UNAUTHORIZED", "no", {"WWW-Authenticate": 'Basic realm="x"'})
                if h.headers.get("Authorization") != "Basic " + ANA else h.serve_well())


def layered(*contents, labels=None, created="2023-11-14T22:13:20Z", arch="amd64"):
    """An image of one layer per {name: bytes}."""
    layers = []
    for files in contents:
        tar = Tar()
        for name, data in files.items():
            tar.entry(name, data=data)
        layers.append(Layer(tar.bytes()))
    image = Image(layers, {"Labels": labels or {}}, arch=arch)
    image.config = image.config.replace(b"2023-11-14T22:13:20Z", created.encode())
    manifest = json.loads(image.manifest)
    manifest["config"].update(digest=digest(image.config), size=len(image.config))
    image.manifest = json.dumps(manifest).encode()
    return image


def pulled(box, registry, images):
    """{short name: image} → in the store as short name:1."""
    for name, image in images.items():
        registry.add("x/" + name, image)
        box.ok("pull", "-q", "%s/x/%s" % (registry.host, name))
        box.ok("tag", "%s/x/%s" % (registry.host, name), name + ":1")
        box.ok("untag", name + ":1", "%s/x/%s" % (registry.host, name))


# ---- registries ----

@test("overlay")
def creds_are_used_instead_of_the_stored_login_and_reach_no_mirror(box):
    with BadRegistry() as registry, BadRegistry() as mirror:
        registry.add(NAME, image_of(30))
        mirror.add(NAME, image_of(30))
        basic(registry)
        basic(mirror)
        login(box, registry.host, BAD)
        name = registry.host + "/" + NAME
        box.fails(1, "pull", "-q", name, says="E-AUTH")
        box.fails(1, "pull", "-q", "--creds", "ana:wrong", name, says=["E-AUTH", "user ana from --creds"])
        box.fails(1, "pull", "--creds", "ana", name, says="USERNAME:PASSWORD")
        box.file("config.json", json.dumps({"registries": {registry.host: {"mirrors": [mirror.url]}}}))
        box.ok("pull", "-q", "--creds", "ana:s3cret", name)
        expect(mirror.requests("/v2/"), "the mirror was not asked")
        expect(not mirror.secrets(), "a mirror got the login", mirror.secrets())


@test("overlay")
def creds_that_are_refused_are_not_replaced_by_none(box):
    """A stored login may be stale; one that is given is what is wanted."""
    with BadRegistry() as registry:
        registry.add(NAME, image_of(30))
        registry.on("/v2/", lambda h: PASS if h.headers.get("Authorization") == "Bearer t" else h.error(
            401, "UNAUTHORIZED", "no", {"WWW-Authenticate": 'Bearer realm="%s/token",service="s"' % registry.url}))
        registry.on("/token", lambda h: h.reply(401) if h.headers.get("Authorization") else h.reply(200, b'{"token":"t"}'))
        name = registry.host + "/" + NAME
        done = box.sbx("pull", "-q", "--creds", "ana:wrong", name)
        expect(done.code == 1 and "E-AUTH" in done.err and "user ana from --creds" in done.err, done)
        expect("anonymous" not in done.err and "W-AUTH-STALE" not in done.err, done)
        expect(box.sbx("image", "exists", name).code == 1, "pulled all the same")
        box.ok("pull", "-q", name)


@test("overlay")
def authfile_names_the_only_file_with_logins(box):
    with BadRegistry() as registry:
        registry.add(NAME, image_of(30))
        basic(registry)
        name = registry.host + "/" + NAME
        login(box, registry.host, ANA, name="good.json")
        good = box.env.pop("REGISTRY_AUTH_FILE")
        box.fails(1, "pull", "-q", name, says="E-AUTH")
        box.fails(1, "pull", "-q", "--authfile", box.path("none.json"), name, says="none.json")
        box.ok("pull", "-q", "--authfile", good, name)


@test("overlay")
def retry_says_how_often_a_failure_of_the_moment_is_tried_again(box):
    with BadRegistry() as registry:
        registry.add(NAME, image_of(30))
        registry.on("/manifests/", lambda h: h.reply(503), times=2)
        name = registry.host + "/" + NAME
        box.fails(1, "pull", "-q", "--retry", "0", name, says="503")
        expect(len(registry.requests("/manifests/")) == 1, "asked again")
        box.fails(1, "pull", "--retry", "101", name, says="outside the range of .0, 100.")
        box.ok("pull", "-q", "--retry", "1", name)
        expect(len(registry.requests("/manifests/")) == 3, "not asked twice")


@test("overlay")
def tls_verify_false_takes_any_certificate_and_true_none_of_plain_http(box):
    authority = Authority(box.path("ca-of-nobody"))
    with BadRegistry(tls=authority.issue("here", "IP:127.0.0.1")) as registry:
        registry.add(NAME, image_of(30))
        name = registry.host + "/" + NAME
        box.fails(1, "pull", "-q", "--tls-verify", name, says="E-TLS-CA")
        box.ok("pull", "-q", "--tls-verify=false", name)
        box.ok("manifest", "inspect", "--insecure", name)
        box.fails(1, "manifest", "inspect", name, says="E-TLS-CA")
    with BadRegistry() as plain:
        plain.add(NAME, image_of(30))
        box.fails(1, "pull", "-q", "--tls-verify=true", plain.host + "/" + NAME)
        expect(not plain.log, "plain http was spoken", plain.log)


@test("overlay")
def manifest_inspect_v_shows_each_platform_as_docker_does(box):
    with BadRegistry() as registry:
        here, there = image_of(30), image_of(40, arch="arm64")
        registry.add(NAME, Index([here, there]))
        registry.add("one/image", here)
        found = json.loads(box.ok("manifest", "inspect", "-v", registry.host + "/" + NAME))
        expect([i["Descriptor"]["platform"]["architecture"] for i in found] == ["amd64", "arm64"], found)
        one = json.loads(box.ok("manifest", "inspect", "--verbose", registry.host + "/one/image"))
        expect(one["OCIManifest"] == json.loads(here.manifest), one)
        expect(one["Descriptor"]["size"] == len(here.manifest) and one["Descriptor"]["platform"] == here.platform, one)
        expect(one["Ref"] == "%s/one/image@%s" % (registry.host, one["Descriptor"]["digest"]), one)


# ---- platforms ----

@test("overlay")
def platforms_are_chosen_where_there_are_several_and_checked_where_not(box):
    with BadRegistry() as registry:
        pulled(box, registry, {"here": layered({"f": b"1"})})
    for verb in (("save", "-o", box.path("no.tar")), ("history",), ("rmi",), ("push",)):
        box.fails(1, *verb, "--platform", "linux/arm64", "here:1", says=["E-ARCH", "linux/amd64"])
    expect(not [n for n in os.listdir(box.top) if n.startswith("no.tar")], os.listdir(box.top))
    box.ok("history", "-q", "--platform", "linux/amd64", "here:1")
    box.ok("save", "--platform", "linux/amd64", "-o", box.path("here.tar"), "here:1")
    box.fails(1, "load", "--platform", "linux/arm64", "-i", box.path("here.tar"), says="E-ARCH")
    box.ok("load", "-q", "--platform", "linux/amd64", "-i", box.path("here.tar"))
    box.fails(125, "load", "--platform", "a/b/c/d", "-i", box.path("here.tar"), says="platform")
    box.ok("rmi", "--platform", "linux/amd64", "here:1")


@test("overlay")
def load_takes_the_wanted_platform_from_an_index(box):
    index = Index([layered({"f": b"amd"}), layered({"f": b"arm"}, arch="arm64")])
    folder = box.path("layout")
    os.makedirs(folder + "/blobs/sha256")
    for data in [index.manifest] + [d for i in index.images for d in [i.manifest, *i.blobs()]]:
        with open("%s/blobs/sha256/%s" % (folder, digest(data)[7:]), "wb") as f:
            f.write(data)
    with open(folder + "/index.json", "w", encoding="ascii") as f:
        json.dump({"schemaVersion": 2, "manifests": [{
            "mediaType": index.media_type, "digest": digest(index.manifest), "size": len(index.manifest),
            "annotations": {"org.opencontainers.image.ref.name": "many:1"}}]}, f)
    with open(folder + "/oci-layout", "w", encoding="ascii") as f:
        f.write('{"imageLayoutVersion":"1.0.0"}')
    subprocess.run(["tar", "-C", folder, "-cf", box.path("many.tar"), "blobs", "index.json", "oci-layout"], check=True)
    box.ok("load", "-q", "--platform", "linux/arm64", "-i", box.path("many.tar"))
    expect(box.ok("image", "inspect", "-f", "{{.Architecture}}", "many:1").strip() == "arm64", "the other platform")
    box.ok("load", "-q", "-i", box.path("many.tar"))
    expect(box.ok("image", "inspect", "-f", "{{.Architecture}}", "many:1").strip() == "amd64", "not this machine's")


@test("overlay")
def import_says_what_the_files_are_for(box):
    with open(box.path("f.tar"), "wb") as f:
        f.write(Tar().entry("f", data=b"1").bytes())
    box.ok("import", "-q", "--platform", "linux/arm/v7", box.path("f.tar"), "other:1")
    found = json.loads(box.ok("image", "inspect", "other:1"))[0]
    expect((found["Os"], found["Architecture"], found.get("Variant")) == ("linux", "arm", "v7"), found)


# ---- forms of save ----

def identity(box, name):
    found = json.loads(box.ok("image", "inspect", name))[0]
    return found["Id"], found["RootFS"]["Layers"]


@test("overlay")
def each_form_of_save_comes_back_as_the_same_image(box):
    with BadRegistry() as registry:
        pulled(box, registry, {"a": layered({"f": b"1"}, {"g": b"2"})})
    was = identity(box, "a:1")
    for form, transport in (("oci-archive", "oci-archive:"), ("docker-archive", "docker-archive:"), ("oci-dir", "oci:"),
                            ("docker-dir", "dir:")):
        out = box.path(form)
        box.ok("save", "-q", "--format", form, "-o", out, "a:1")
        expect(box.ok("pull", "-q", transport + out).strip() == was[0], form)
        if form.endswith("archive"):
            names = subprocess.run(["tar", "tf", out], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
            expect(("index.json" in names) == (form == "oci-archive"), names)
            expect(("manifest.json" in names) == (form == "docker-archive"), names)
            box.ok("rmi", "a:1")
            box.ok("load", "-q", "-i", out)
            expect(identity(box, "a:1") == was, form)
        before = sorted(os.listdir(box.top))
        if form.endswith("dir"):
            box.fails(1, "save", "--format", form, "-o", out, "a:1", says="no empty folder")
        expect(sorted(os.listdir(box.top)) == before, "something was left")


@test("overlay")
def skopeo_reads_each_form_of_save(box):
    if subprocess.run(["sh", "-c", "command -v skopeo"], stdout=subprocess.DEVNULL, check=False).returncode:
        raise Skip("skopeo is not installed")
    with BadRegistry() as registry:
        pulled(box, registry, {"a": layered({"f": b"1"}, {"g": b"2"})})
    layers = identity(box, "a:1")[1]
    for form, transport in (("oci-archive", "oci-archive:"), ("docker-archive", "docker-archive:"), ("oci-dir", "oci:"),
                            ("docker-dir", "dir:")):
        box.ok("save", "--format", form, "-o", box.path(form), "a:1")
        done = box.run(["skopeo", "inspect", "--config", transport + box.path(form)])
        expect(done.code == 0 and json.loads(done.out)["rootfs"]["diff_ids"] == layers, form, done)


@test("overlay")
def forms_of_save_that_cannot_be_are_refused(box):
    with BadRegistry() as registry:
        pulled(box, registry, {"a": layered({"f": b"1"}), "b": layered({"f": b"2"})})
    box.fails(125, "save", "--format", "zip", "a:1", says="oci-archive")
    box.fails(1, "save", "--format", "oci-dir", "a:1", says="--output")
    box.fails(1, "save", "--format", "docker-dir", "-o", box.path("two"), "a:1", "b:1", says="holds one image, not 2")
    box.ok("save", "-m", "--format", "oci-dir", "-o", box.path("both"), "a:1", "b:1")
    expect(box.ok("pull", "-q", "oci:%s:b:1" % box.path("both")).strip() == identity(box, "b:1")[0], "not b")
    box.fails(1, "save", "--format", "oci-dir", "-o", box.path("none"), "nosuch:1")
    for taken in (box.path("both"), box.path("both/oci-layout"), box.path("both") + "/..", box.path("both") + "/.", "/"):
        box.fails(1, "save", "--format", "oci-dir", "-o", taken, "a:1", says="exists and is no empty folder")
    os.mkdir(box.path("free"))
    box.ok("save", "--format", "oci-dir", "-o", box.path("free"), "a:1")
    expect(not [n for n in os.listdir(box.top) if n.startswith(("none", "two"))], os.listdir(box.top))


# ---- looking at images ----

@test("overlay")
def images_are_filtered_as_docker_does(box):
    with BadRegistry() as registry:
        pulled(box, registry, {
            "old": layered({"f": b"1"}, labels={"team": "a"}, created="2020-01-01T00:00:00Z"),
            "mid": layered({"f": b"2"}, labels={"team": "a", "tier": "web"}, created="2021-01-01T00:00:00Z"),
            "new": layered({"f": b"3"}, created="2022-01-01T00:00:00Z"), "gone": layered({"f": b"4"})})
        box.ok("untag", "gone:1")

    def found(*filters):
        args = [word for f in filters for word in ("--filter", f)]
        return sorted(box.ok("images", "--format", "{{.Repository}}", *args).split())
    for filters, wanted in (
            (["reference=o*"], ["old"]), (["reference=old", "reference=new"], ["new", "old"]),
            (["label=team=a"], ["mid", "old"]), (["label=team", "label=tier=web"], ["mid"]), (["label!=team"], ["<none>", "new"]),
            (["label=team", "reference=mid", "reference=new"], ["mid"]), (["before=mid:1"], ["old"]), (["since=mid:1"], ["<none>", "new"]),
            (["since=old:1", "before=new:1"], ["mid"]), (["until=2021-06-01"], ["mid", "old"]), (["dangling=true"], ["<none>"]),
            (["dangling=false", "label=tier"], ["mid"]), (["reference=x*"], [])):
        expect(found(*filters) == wanted, filters, found(*filters))
    for bad, says in (("colour=red", "invalid filter 'colour'"), ("dangling=perhaps", "invalid filter"), ("until=never", "never"),
                      ("before=nosuch:1", "nosuch")):
        box.fails(1, "images", "--filter", bad, says=says)
    box.fails(125, "images", "--filter", "dangling")
    box.fails(1, "images", "--filter", "colour=red", "--quiet", says="colour")
    digests = box.ok("images", "--digests", "--no-trunc", "old").splitlines()
    expect(digests[0].split() == ["REPOSITORY", "TAG", "DIGEST", "IMAGE", "ID", "CREATED", "SIZE"], digests)
    box.ok("image", "prune", "-af", "--filter", "label=tier=web")
    expect(found() == ["<none>", "new", "old"], found())
    box.ok("image", "prune", "-af", "--filter", "until=2020-06-01")
    expect(found() == ["<none>", "new"], found())
    box.ok("image", "prune", "-f")
    expect(found() == ["new"], found())


@test("overlay")
def image_diff_compares_two_images(box):
    with BadRegistry() as registry:
        base = {"keep": b"1", "dir/same": b"1", "dir/less": b"1", "gone": b"1", "size": b"1"}
        pulled(box, registry, {"one": layered(base, {"late": b"1"}),
                               "two": layered(base, {".wh.gone": b"", "dir/less": b"2", "dir/more": b"1", "size": b"22"}),
                               "three": layered(base, {"late": b"1"}, {"late": b"1"})})
    said = box.ok("image", "diff", "two:1", "one:1").splitlines()
    expect(said == ["C /dir", "C /dir/less", "A /dir/more", "D /gone", "D /late", "C /size"], said)
    said = box.ok("image", "diff", "one:1", "two:1").splitlines()
    expect(said == ["C /dir", "C /dir/less", "D /dir/more", "A /gone", "A /late", "C /size"], said)
    expect(box.ok("image", "diff", "three:1", "one:1") == "", "the same files differ")
    expect(box.ok("image", "diff", "one:1") == "A /late", "the last layer")
    box.fails(1, "image", "diff", "one:1", "nosuch:1", says="nosuch")


@test("overlay")
def row_20_system_df_tells_what_images_share(box):
    shared, own = {"big": b"x" * 300000}, {"own": b"x" * 70000}
    with BadRegistry() as registry:
        pulled(box, registry, {"a": layered(shared, own), "b": layered(shared), "c": layered({"alone": b"x" * 5000})})
    box.ok("tag", "c:1", "c:2")  # another name is not another image
    rows = {tuple(line.split()[:2]): line.split() for line in box.ok("system", "df", "-v").split("Containers space")[0].splitlines()}
    expect(rows[("a", "1")][-4:-1] == ["370kB", "300kB", "70kB"], rows[("a", "1")])
    expect(rows[("b", "1")][-4:-1] == ["300kB", "300kB", "0B"], rows[("b", "1")])
    expect(rows[("c", "2")][-4:-1] == ["5kB", "0B", "5kB"], rows[("c", "2")])


if __name__ == "__main__":
    main()

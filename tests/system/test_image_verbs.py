#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The verbs around images: login and logout, search (row 16), untag, exists, diff, tree, manifest inspect, whole
repositories; bare `image` (row 14)."""

import json
import os
import stat

from registrytest import ANA, NAME, image_of
from sbxtest import REGISTRY, SBX, Terminal, expect, main, test

from bad_registry import BadRegistry
from oci import Image, Index, Layer, Tar

HOST = REGISTRY.split("//")[1]
HELPER = """#!/bin/sh
case $1 in
store) cat >"$0.kept" ;;
erase) cat >"$0.erased"; rm -f "$0.kept" ;;
get) [ -e "$0.kept" ] && sed 's/"ServerURL":"[^"]*",//' "$0.kept" ;;
esac
"""


def basic(registry, auth=ANA):
    """Wants this login for everything."""
    registry.on("/v2/", lambda h: h.error(401, "UNAUTHORIZED", "no", {"WWW-Authenticate": 'Basic realm="x"'})
                if h.headers.get("Authorization") != "Basic " + auth else
                h.reply(200, b"{}") if h.path == "/v2/" else h.serve_well())


def bearer(registry):
    """The same with tokens; anonymous ones open nothing."""
    def token(handler):
        given = handler.headers.get("Authorization")
        if given and given != "Basic " + ANA:
            return handler.error(401, "UNAUTHORIZED", "wrong")
        return handler.reply(200, b'{"token":"%s"}' % (b"good" if given else b"anonymous"))
    registry.on("/v2/", lambda h: h.error(401, "UNAUTHORIZED", "no", {
        "WWW-Authenticate": 'Bearer realm="%s/token",service="s"' % registry.url})
        if h.headers.get("Authorization") not in ("Bearer good", "Bearer anonymous") else h.reply(200, b"{}"))
    registry.on("/token", token)


def auth_file(box):
    return box.path("conf/sbx/auth.json")


@test("overlay")
def login_keeps_what_the_registry_has_taken_and_logout_forgets_it(box):
    with BadRegistry() as registry:
        registry.add(NAME, image_of(30))
        basic(registry)
        box.fails(1, "pull", "-q", registry.host + "/" + NAME, says="E-AUTH")
        box.fails(1, "login", "-u", "ana", "--password-stdin", registry.host, data="wrong\n", says=["E-AUTH", "refused user 'ana'"])
        expect(not os.path.exists(auth_file(box)), "a refused login was kept")
        done = box.sbx("login", "-u", "ana", "--password-stdin", registry.host, data="s3cret\n")
        expect(done.code == 0 and done.out == "Login Succeeded\n" and not done.err, done)
        expect(stat.S_IMODE(os.stat(auth_file(box)).st_mode) == 0o600, "others can read the logins")
        with open(auth_file(box), encoding="utf-8") as f:
            expect(json.load(f) == {"auths": {registry.host: {"auth": ANA}}}, "not Docker's format")
        box.ok("pull", "-q", registry.host + "/" + NAME)
        expect(box.ok("logout", registry.host) == "Removing login credentials for " + registry.host)
        expect(box.ok("logout", "http://%s/v2/" % registry.host) == "Not logged in to " + registry.host)
        box.fails(1, "pull", "-q", registry.host + "/" + NAME, says="E-AUTH")


@test("overlay")
def login_is_tried_with_tokens_and_without_a_repository(box):
    with BadRegistry() as registry:
        bearer(registry)
        box.fails(1, "login", "-u", "eve", "-p", "s3cret", registry.host, says=["E-AUTH", "insecure"])
        box.ok("login", "-u", "ana", "-p", "s3cret", registry.host)
        asked = [r.path for r in registry.requests("/token")]
        expect(all("scope" not in path for path in asked) and "account=ana" in asked[-1], asked)
        box.ok("login", "-u", "ana", "-p", "s3cret", "127.0.0.1:" + registry.host.split(":")[1])
        with open(auth_file(box), encoding="utf-8") as f:
            expect(list(json.load(f)["auths"]) == [registry.host], "kept twice")
        expect(box.ok("logout", "--all") == "Removed 1 login")


@test("overlay")
def login_asks_at_the_terminal_and_does_not_show_the_password(box):
    with BadRegistry() as registry:
        basic(registry)
        box.fails(1, "login", registry.host, says="not a terminal")
        terminal = Terminal(box, SBX, "login", registry.host)
        terminal.wait_text("Username: ")
        terminal.send("ana\n")
        terminal.wait_text("Password: ")
        terminal.send("s3cret\n")
        terminal.wait_text("Login Succeeded")
        expect(terminal.wait_end() == 0 and b"s3cret" not in terminal.seen, terminal.seen)
        terminal = Terminal(box, SBX, "login", registry.host)
        terminal.wait_text(r"Username \(ana\): ")
        terminal.send("\n")
        terminal.wait_text("Password: ")
        terminal.send("s3cr\x03")  # ctrl-C
        terminal.wait_text("cancelled")
        expect(terminal.wait_end() == 1, terminal.seen)


@test("overlay")
def login_uses_the_helper_that_is_configured(box):
    with BadRegistry() as registry:
        registry.add(NAME, image_of(30))
        basic(registry)
        helper = box.folder("bin") + "/docker-credential-t"
        box.file("bin/docker-credential-t", HELPER, 0o755)
        box.env["PATH"] = box.path("bin") + ":" + box.env["PATH"]
        box.folder("home/.docker")
        docker = box.file("home/.docker/config.json", json.dumps({"credHelpers": {registry.host: "t"}}), 0o600)
        box.ok("login", "-u", "ana", "--password-stdin", registry.host, data="s3cret")
        with open(helper + ".kept", encoding="utf-8") as f:
            expect(json.load(f) == {"ServerURL": registry.host, "Username": "ana", "Secret": "s3cret"}, "told otherwise")
        expect(not os.path.exists(auth_file(box)), "the password is in a file, too")
        box.ok("pull", "-q", registry.host + "/" + NAME)
        box.ok("logout", registry.host)
        expect(os.path.exists(helper + ".erased") and not os.path.exists(helper + ".kept"), "still there")
        box.file("home/.docker/config.json", json.dumps({"auths": {registry.host: {"auth": ANA}}}), 0o600)
        done = box.sbx("logout", registry.host)
        expect(done.code == 0 and docker in done.err and "Not logged in" in done.out, done)
        box.ok("pull", "-q", registry.host + "/" + NAME)
        box.env["REGISTRY_AUTH_FILE"] = box.path("own.json")
        box.ok("login", "-u", "ana", "--password-stdin", registry.host, data="s3cret")
        expect(stat.S_IMODE(os.stat(box.path("own.json")).st_mode) == 0o600 and not os.path.exists(auth_file(box)))


@test("overlay")
def bad_logins_are_refused_before_any_request(box):
    box.fails(1, "login", "-u", "a:b", "--password-stdin", HOST, data="x", says="no colon")
    box.fails(1, "login", "-u", "a", "--password-stdin", HOST, data="\n", says="a password is needed")
    box.fails(1, "login", "-u", "a", "-p", "b", "--password-stdin", HOST, says="mutually exclusive")
    box.fails(1, "login", "--password-stdin", HOST, says="must provide --username")
    box.fails(1, "login", "-u", "a", "-p", "b", "bad host", says="not a registry")


HUB = {"results": [{"name": "redis", "description": "Redis is\nan in-memory store that is used by very many people",
                    "star_count": 12000, "is_official": True, "is_automated": False},
                   {"name": "bitnami/redis", "description": "Bitnami", "star_count": 280, "is_official": False}]}


@test("overlay")
def row_16_search_asks_hub_and_reads_catalogues(box):
    with BadRegistry() as hub:
        hub.on("/v1/search", lambda h: h.reply(200, json.dumps(HUB).encode()))
        box.mirror(hub.url)
        lines = box.ok("search", "redis").splitlines()
        expect(lines[0].split() == ["NAME", "DESCRIPTION", "STARS", "OFFICIAL"], lines)
        expect(lines[1].startswith("redis ") and "12000" in lines[1] and "[OK]" in lines[1] and "Redis is an" in lines[1], lines)
        expect("…" in lines[1] and lines[2].split() == ["bitnami/redis", "Bitnami", "280"], lines)
        expect("q=redis" in hub.log[-1].path and "n=7" not in hub.log[-1].path, hub.log[-1].path)
        expect(box.ok("search", "--filter", "stars=1000", "--format", "{{.Name}}", "redis") == "redis")
        expect(box.ok("search", "-f", "is-official=false", "--format", "{{.Name}}", "redis") == "bitnami/redis")
        expect("many people" in box.ok("search", "--no-trunc", "--limit", "7", "redis") and "n=7" in hub.log[-1].path)
        box.fails(125, "search", "--filter", "size=3", "redis", says="invalid filter 'size'")
        box.fails(1, "search", "--limit", "101", "redis", says="outside the range")
        hub.on("/v1/search", lambda h: h.reply(200, b"[]"))
        hub.on("/v2/_catalog", lambda h: h.reply(200, b'{"repositories":["library/redis","x/other"]}'))
        expect(box.ok("search", "--format", "{{.Name}}", "redis") == "redis")
    found = box.ok("search", "--format", "{{.Name}}", HOST + "/busyb").splitlines()
    expect(HOST + "/library/busybox" in found and not [n for n in found if "debian" in n], found)
    box.fails(1, "search", HOST + "/", says="no term")


@test("overlay")
def r15_pages_stay_on_their_server_and_come_to_an_end(box):
    with BadRegistry() as registry, BadRegistry("127.0.0.2") as evil:
        def page(handler):
            n = int(handler.path.split("last=")[1]) if "last=" in handler.path else 0
            link = {"Link": '</v2/_catalog?last=%d>; rel="next"' % (n + 1)} if n < 3 else {}
            handler.reply(200, b'{"repositories":["web%d"]}' % n, link)
        registry.on("/v2/_catalog", page)
        expect(box.ok("search", "--format", "{{.Name}}", registry.host + "/web").split() ==
               ["%s/web%d" % (registry.host, n) for n in range(4)])
        for link, says in (("%s/v2/_catalog?last=x" % evil.url, "another server"), ("/v2/_catalog?n=1000", "again and again"),
                           ("file:///etc/passwd", "next page")):
            registry.on("/v2/_catalog", lambda h, link=link: h.reply(200, b'{"repositories":[]}', {"Link": '<%s>; rel="next"' % link}))
            box.fails(1, "search", registry.host + "/web", says=says)
        expect(not evil.log, "somebody else was asked")


@test("overlay")
def pull_and_push_take_whole_repositories(box):
    with BadRegistry() as registry:
        for tag, size in (("1", 30), ("2", 40)):
            registry.add(NAME, image_of(size), tag)
        registry.on("/tags/list", lambda h: h.reply(200, b'{"name":"x","tags":["1","gone","2"]}'))
        done = box.sbx("pull", "-a", registry.host + "/" + NAME)
        expect(done.code == 1 and "gone" in done.err, done)
        got = box.ok("images", "--format", "{{.Tag}}", registry.host + "/" + NAME).split()
        expect(sorted(got) == ["1", "2"], got)
        box.fails(1, "pull", "-a", registry.host + "/" + NAME + ":1", says="tag can't be used with --all-tags/-a")
        for tag in got:
            box.ok("tag", "%s/%s:%s" % (registry.host, NAME, tag), "%s/whole/%s:%s" % (HOST, os.path.basename(box.top), tag))
    mine = "%s/whole/%s" % (HOST, os.path.basename(box.top))
    out = box.ok("push", "--all-tags", mine)
    expect("1: digest: sha256:" in out and "2: digest: sha256:" in out, out)
    box.ok("rmi", mine + ":1", mine + ":2")
    got = sorted(box.ok("pull", "-q", "-a", mine).split())
    expect(got == [mine + ":1", mine + ":2"], got)
    box.fails(1, "push", "-a", mine + ":1", says="tag can't be used")
    box.fails(1, "push", "-a", HOST + "/nothing/here", says="does not exist locally")


@test("overlay")
def manifest_inspect_shows_what_the_registry_has(box):
    with BadRegistry() as registry:
        index = Index([image_of(30), image_of(40, arch="arm64")])
        registry.add(NAME, index)
        doc = json.loads(box.ok("manifest", "inspect", registry.host + "/" + NAME))
        expect(doc == json.loads(index.manifest), doc)
        expect(box.ok("images", "-q") == "", "it was pulled")
        box.fails(1, "manifest", "inspect", registry.host + "/some/other", says="E-IMAGE-NAME")


@test("overlay")
def untag_takes_names_and_leaves_the_image(box):
    box.ok("pull", "-q", "busybox")
    ident = box.inspect("busybox")["Id"]
    box.ok("tag", "busybox", "one:1")
    box.ok("tag", "busybox", "two:2")
    box.fails(125, "untag", "one:1", "two:2", "three:3", says="no such tag")
    expect(len(box.ok("images", "-q").split()) == 3, "half of it was done")
    box.ok("untag", "one:1", "two:2")
    expect(box.ok("images", "--format", "{{.Repository}}:{{.Tag}}").split() == ["busybox:latest", "one:1"])
    box.ok("untag", ident)
    expect(box.ok("images", "--format", "{{.Tag}}") == "<none>" and box.inspect(ident)["Id"] == ident)
    expect(box.ok("run", "--rm", "--net", "none", ident[7:19], "echo", "here") == "here")
    box.fails(125, "untag", "nothing", says="No such image")


@test("overlay")
def row_14_small_verbs_of_images(box):
    box.ok("pull", "-q", "busybox")
    box.ok("pull", "-q", "layers")
    expect(box.ok("image") == box.ok("images") == box.ok("image", "ls"))
    expect("Manage images" in box.ok("image", "--help"))
    expect(box.sbx("image", "exists", "busybox").code == 0 and box.sbx("image", "exists", "nothing").code == 1)
    silent = box.sbx("image", "exists", "nothing")
    expect(not silent.out and not silent.err, silent)
    lines = box.ok("image", "diff", "layers").splitlines()
    expect("A /f/file" in lines or "C /f" in lines, lines)
    box.fails(1, "image", "diff", "nothing", says="No such image")
    box.ok("run", "--name", "c", "--net", "none", "layers", "sh", "-c", "echo 1 >/new")
    box.ok("commit", "c", "child:1")
    expect(box.ok("image", "diff", "child:1") == "A /new")
    tree = box.ok("images", "--tree").splitlines()
    expect(tree[0].split() == ["IMAGE", "IMAGE", "ID", "SIZE", "OWN"], tree)
    expect(tree[1].startswith("busybox:latest") and tree[2].startswith("└─ layers:latest"), tree)
    expect(tree[3].startswith("   └─ child:1") and tree[3].split()[-1] == "2B", tree)
    box.ok("image", "rm", "--no-prune", "busybox")


@test("overlay")
def r01_system_check_finds_rot_and_a_pull_mends_it(box):
    box.ok("pull", "-q", "busybox")
    expect(box.ok("system", "check").endswith("checked, 0 faults") and box.ok("system", "check", "-q") == "")
    blobs = os.path.join(box.env["SBX_ROOT"], "images/blobs/sha256")
    largest = max(os.listdir(blobs), key=lambda n: os.path.getsize(os.path.join(blobs, n)))
    with open(os.path.join(blobs, largest), "r+b") as f:
        f.seek(1000)
        f.write(b"rot")
    done = box.fails(1, "system", "check", says="E-IMAGE-DAMAGED")
    expect("blob sha256:%s is damaged\n" % largest in done.out, done)
    done = box.fails(1, "system", "check", "--repair", says="E-IMAGE-DAMAGED")
    expect("removed, pull its image again" in done.out and "is missing: pull it again" in done.out, done)
    expect("Downloaded newer image" in box.ok("pull", "busybox") and "up to date" in box.ok("pull", "busybox"))
    box.ok("system", "check")
    layers = os.path.join(box.env["SBX_ROOT"], "layers")
    chain = [n for n in os.listdir(layers) if len(n) == 64][0]
    os.remove(os.path.join(layers, chain + ".json"))
    expect("a layer is not unpacked" in box.fails(1, "system", "check").out)
    expect("unpacked again" in box.ok("system", "check", "--repair"))
    expect(box.ok("run", "--rm", "--net", "none", "busybox", "echo", "whole") == "whole")


@test("overlay", "single")
def r01_system_check_looks_inside_unpacked_layers(box):
    """Layers that came by pull, commit, import and build are the same as their blobs; damage is found, named and
    mended, but not under a container that runs."""
    box.ok("pull", "-q", "busybox")
    box.ok("run", "--name", "c", "--net", "none", "busybox", "sh", "-c", "echo new > /new; rm -rf /etc; mkdir /etc; ln -s /new /etc/l")
    box.ok("commit", "c", "committed")
    box.ok("export", "-o", box.path("c.tar"), "c")
    box.ok("import", box.path("c.tar"), "imported")
    box.folder("ctx")
    box.file("ctx/Dockerfile", "FROM layers\nRUN echo built > /built; chmod 700 /built; rm /bin/true; mkdir -p /d/e\nCOPY Dockerfile /f\n")
    box.ok("build", "-q", "--network", "none", "-t", "built", box.path("ctx"))
    clean = box.sbx("system", "check")
    expect(clean.code == 0 and " 0 faults" in clean.out, clean)
    layers = os.path.join(box.env["SBX_ROOT"], "layers")
    [chain] = [n for n in os.listdir(layers) if os.path.exists(os.path.join(layers, n, "built"))]
    found = "unpacked layer %s is damaged: '%%s\n" % chain[:12]
    expect(box.run(["sh", "-c", "echo other > $0", os.path.join(layers, chain, "built")]).code == 0)
    done = box.fails(1, "system", "check", says="E-IMAGE-DAMAGED")
    expect(found % "built' has other contents" in done.out, done)
    mended = box.ok("system", "check", "--repair")
    expect(found % "built' has other contents" in mended and "unpacked again" in mended, mended)
    expect(box.run(["rmdir", os.path.join(layers, chain, "d/e")]).code == 0)
    expect(found % "d/e' is missing" in box.ok("system", "check", "--repair"))
    box.ok("run", "-d", "--name", "up", "--net", "none", "built", "sleep", "1000")
    expect(box.run(["rm", os.path.join(layers, chain, "built")]).code == 0)
    kept = box.fails(1, "system", "check", "--repair")
    expect("not replaced while a container that uses it runs" in kept.out, kept)
    box.ok("rm", "-f", "up")
    box.ok("system", "check", "--repair")
    expect(box.ok("run", "--rm", "--net", "none", "built", "cat", "/built") == "built")


@test("overlay")
def e19_a_configured_limit_bounds_what_a_layer_unpacks_to(box):
    with BadRegistry() as registry:
        registry.add(NAME, Image([Layer(Tar().entry("zeros", data=bytes(3000000)).bytes())]))
        box.file("config.json", json.dumps({"maxLayerSize": 2999999}))
        box.fails(1, "pull", registry.host + "/" + NAME, says=["E-LAYER-SIZE", "maxLayerSize"])
        expect(not [n for n in os.listdir(os.path.join(box.env["SBX_ROOT"], "layers"))], "something was kept")
        box.file("config.json", json.dumps({"maxLayerSize": 3000000}))
        box.ok("pull", registry.host + "/" + NAME)


if __name__ == "__main__":
    main()

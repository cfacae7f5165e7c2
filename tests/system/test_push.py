#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Uploads: push to a real registry, read back by others, and to one with limits, expiring tokens and
foreign places for uploads (threat R14)."""

import hashlib
import http.server
import json
import os
import threading
import urllib.parse

from registrytest import ANA, login
from sbxtest import REGISTRY, expect, main, test

HOST = REGISTRY.split("//")[1]


def granted(server):
    """What the last token is good for."""
    return urllib.parse.parse_qs(urllib.parse.urlsplit(server.scopes[-1]).query)["scope"]


class Registry(http.server.BaseHTTPRequestHandler):
    """Takes uploads into memory. server.limit: bytes of one request; server.uses: requests a token is good for;
    server.place: where uploads are sent instead of here; server.login: who gets tokens, None =
    everybody; server.narrow: the answer to who wants a token for several repositories; server.identity:
    an identity token that gets others."""
    protocol_version = "HTTP/1.1"

    def answer(self, status, **headers):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def granted(self):
        return granted(self.server)

    def mounts(self):
        """As registries do: with the right to read the source, else an upload is begun."""
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        if "mount" not in query or "repository:%s:pull" % query["from"][0] not in self.granted():
            return False
        self.server.blobs[query["mount"][0]] = b""
        self.answer(201)
        return True

    def refused(self):
        """A token is needed and lasts for so many requests."""
        server = self.server
        if server.uses is None:
            return False
        if self.headers.get("Authorization") == "Bearer t%d" % server.token and server.left > 0:
            server.left -= 1
            return False
        self.answer(401, WWW_Authenticate='Bearer realm="http://127.0.0.1:%d/token",service="s"' % server.server_port)
        return True

    def do_GET(self):
        if self.path.startswith("/token"):
            if self.server.login and self.headers.get("Authorization") != "Basic " + self.server.login:
                self.answer(401)
                return
            self.server.scopes.append(self.path)
            if self.server.narrow and len(self.granted()) > 1:
                self.answer(self.server.narrow)
                return
            self.server.token += 1
            self.server.left = self.server.uses
            text = json.dumps({"token": "t%d" % self.server.token}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    def do_HEAD(self):
        if not self.refused():
            self.answer(200 if self.path.split("/")[-1] in self.server.blobs else 404)

    def token_for_form(self, form):
        """The same scopes as in do_GET's address."""
        asked = urllib.parse.parse_qs(form.decode())
        if asked["grant_type"] != ["refresh_token"] or asked["refresh_token"] != [self.server.identity]:
            self.answer(401)
            return
        self.path = "/token?" + urllib.parse.urlencode([("scope", scope) for scope in asked["scope"][0].split(" ")])
        self.do_GET()

    def do_POST(self):
        data = self.body()
        if self.path == "/token":
            self.token_for_form(data)
            return
        if not self.refused() and not self.mounts():
            self.server.uploads.append(b"")
            here = "/up/%d?state=x" % (len(self.server.uploads) - 1)
            self.answer(202, Location=(self.server.place or "") + here)

    def do_PATCH(self):
        data = self.body()
        if self.refused():
            return
        number = int(self.path.split("/up/")[1].split("?")[0])
        have = len(self.server.uploads[number])
        expect_range = "%d-%d" % (have, have + len(data) - 1)
        if self.headers["Content-Range"] != expect_range or len(data) > self.server.limit:
            self.answer(416)
            return
        self.server.uploads[number] += data
        self.answer(202, Location="/up/%d?state=y" % number)

    def do_PUT(self):
        data = self.body()
        self.server.log.append((self.path, self.headers.get("Authorization")))
        if self.refused():
            return
        if len(data) > self.server.limit:
            self.answer(413)
        elif "/manifests/" in self.path:
            self.server.manifests[self.path.split("/")[-1]] = data
            self.answer(201)
        else:
            number = int(self.path.split("/up/")[1].split("?")[0])
            blob = self.server.uploads[number] + data
            digest = self.path.split("digest=")[1]
            good = "sha256:" + hashlib.sha256(blob).hexdigest() == digest
            if good:
                self.server.blobs[digest] = blob
            self.answer(201 if good else 400)

    def log_message(self, *args):
        pass


class Fake:
    def __enter__(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
        server.blobs, server.manifests, server.uploads, server.log, server.scopes = {}, {}, [], [], []
        server.limit, server.uses, server.token, server.left, server.place = 1 << 30, None, 0, 0, None
        server.login, server.narrow, server.identity = None, 0, None
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.server = server
        return server

    def __exit__(self, *args):
        self.server.shutdown()
        self.server.server_close()


def whole(server, tag):
    """The manifest and everything it names have arrived."""
    doc = json.loads(server.manifests[tag])
    return all(d["digest"] in server.blobs for d in [doc["config"], *doc["layers"]])


@test("overlay")
def what_is_pushed_is_read_by_others_and_again(box):
    box.ok("pull", "-q", "layers")
    before = box.inspect("layers")
    name = HOST + "/pushed/layers:1"
    box.ok("tag", "layers", name)
    out = box.ok("push", name)
    expect(out.startswith("The push refers to repository [%s/pushed/layers]" % HOST), out)
    last = out.split("\n")[-1]
    expect(last.startswith("1: digest: sha256:") and " size: " in last, out)
    again = box.ok("push", name)
    expect(again.count("Layer already exists") == 5 and "Pushed" not in again, again)
    expect(box.ok("push", "-q", name) == name)
    done = box.run(["skopeo", "inspect", "--tls-verify=false", "docker://" + name])
    expect(done.code == 0 and json.loads(done.out)["Digest"] == last.split()[2], done)
    box.ok("rmi", name, "layers")
    box.ok("pull", "-q", name)
    expect(box.inspect(name)["Id"] == before["Id"])


@test("overlay")
def a_committed_image_goes_up_and_comes_back(box):
    box.ok("run", "--name", "c", "--net", "none", "layers", "sh", "-c", "echo up >/up; rm /a/gone")
    made = box.ok("commit", "c", HOST + "/pushed/own:1")
    box.ok("push", HOST + "/pushed/own:1")
    box.ok("rm", "c")
    box.ok("rmi", HOST + "/pushed/own:1")
    expect(box.ok("run", "--rm", "--net", "none", HOST + "/pushed/own:1", "sh", "-c", "cat /up; ls /a") == "up\nkeep")
    expect(box.inspect(HOST + "/pushed/own:1")["Id"] == made)


@test("overlay")
def a_blob_of_another_repository_is_mounted(box):
    source, target = HOST + "/library/zstd", HOST + "/mounted/p%d:1" % os.getpid()
    box.ok("pull", "-q", source)
    box.ok("tag", source, target)
    first = box.ok("push", target)
    expect(": Mounted" in first and "Pushed" in first, first)


def known_from(box, name):
    """The store's images have all been pulled as NAME."""
    path = os.path.join(box.env["SBX_ROOT"], "images/index.json")
    with open(path, encoding="utf-8") as f:
        index = json.load(f)
    for entry in index["manifests"]:
        entry["annotations"]["io.sbx.repo.digest"] = "%s@%s" % (name, entry["digest"])
    with open(path, "w", encoding="utf-8") as f:
        json.dump(index, f)


@test("overlay")
def a_token_is_asked_for_the_repository_that_blobs_are_mounted_from(box):
    box.ok("pull", "-q", "layers")
    with Fake() as server:
        server.uses = 100
        host = "127.0.0.1:%d" % server.server_port
        known_from(box, host + "/their/layers")
        box.ok("tag", "layers", host + "/my/layers")
        said = box.ok("push", host + "/my/layers")
        expect(said.count(": Mounted") == 4 and whole(server, "latest"), said)
        expect("scope=repository%3Atheir%2Flayers%3Apull" in server.scopes[0], server.scopes)
    for status in (403, 414, 400):  # services that refuse all for one
        with Fake() as server:
            server.uses, server.narrow = 100, status
            host = "127.0.0.1:%d" % server.server_port
            known_from(box, host + "/their/layers")
            box.ok("tag", "layers", host + "/my/layers")
            said = box.ok("push", host + "/my/layers")
            expect("Mounted" not in said and whole(server, "latest"), said)


@test("overlay")
def an_identity_token_asks_for_it_in_its_form(box):
    box.ok("pull", "-q", "layers")
    with Fake() as server:
        server.uses, server.identity = 100, "r&fresh"
        host = "127.0.0.1:%d" % server.server_port
        box.env["REGISTRY_AUTH_FILE"] = box.file("auth.json", json.dumps({"auths": {host: {"identitytoken": "r&fresh"}}}), 0o600)
        known_from(box, host + "/their/layers")
        box.ok("tag", "layers", host + "/my/layers")
        said = box.ok("push", host + "/my/layers")
        expect(said.count(": Mounted") == 4 and whole(server, "latest"), said)
        expect(granted(server) == ["repository:my/layers:pull,push", "repository:their/layers:pull"], server.scopes)


@test("overlay")
def a_server_with_small_requests_gets_chunks(box):
    box.ok("run", "--name", "c", "--net", "none", "busybox", "sh", "-c", "dd if=/dev/urandom of=/big bs=1M count=20 2>/dev/null")
    with Fake() as server:
        server.limit = 8 << 20
        name = "127.0.0.1:%d/chunked" % server.server_port
        box.ok("commit", "c", name)
        box.ok("push", name)
        expect(whole(server, "latest"))
        expect(max(len(b) for b in server.blobs.values()) > 20 << 20, "nothing large was sent")


@test("overlay")
def a_token_that_expires_is_renewed(box):
    box.ok("pull", "-q", "layers")
    with Fake() as server:
        server.uses = 3
        name = "127.0.0.1:%d/short" % server.server_port
        box.ok("tag", "layers", name)
        box.ok("push", name)
        expect(whole(server, "latest") and server.token > 3, server.token)
        expect(all("push" in scope for scope in server.scopes), server.scopes)


@test("overlay")
def a_login_outlives_its_tokens(box):
    """A 401 to a token that was good before says that the token has expired, not that the login is refused."""
    box.ok("pull", "-q", "layers")
    with Fake() as server:
        server.uses, server.login = 3, ANA
        name = "127.0.0.1:%d/mine" % server.server_port
        login(box, "127.0.0.1:%d" % server.server_port)
        box.ok("tag", "layers", name)
        done = box.sbx("push", name)
        expect(done.code == 0 and "W-AUTH" not in done.err, done)
        expect(whole(server, "latest") and server.token > 3, server.token)


@test("overlay")
def digestfile_appears_when_the_image_is_there(box):
    box.ok("pull", "-q", "busybox")
    path = box.file("digests", "as before\n")
    with Fake() as server:
        server.uses = 0
        name = "127.0.0.1:%d/told" % server.server_port
        box.ok("tag", "busybox", name)
        box.fails(1, "push", "--digestfile", path, name, says="E-AUTH")
        with open(path, encoding="ascii") as f:
            expect(f.read() == "as before\n", "a push that failed changed the file")
        expect([n for n in os.listdir(os.path.dirname(path)) if n.startswith("digests")] == ["digests"], "left behind")
        server.uses = None
        said = box.ok("push", "--digestfile", path, name)
        with open(path, encoding="ascii") as f:
            expect(f.read() == said.split("digest: ")[1].split()[0], said)
        box.ok("tag", "busybox", name + ":2")
        said = box.ok("push", "-a", "--digestfile", path, name)
        with open(path, encoding="ascii") as f:
            expect(f.read() == "\n".join(line.split("digest: ")[1].split()[0] for line in said.split("\n") if "digest: " in line), said)
        box.fails(1, "push", "--digestfile", box.path("none/digests"), name, says="none/digests")


@test("overlay")
def r14_an_upload_elsewhere_gets_no_authorization_and_no_plain_http(box):
    box.ok("pull", "-q", "busybox")
    with Fake() as server, Fake() as other:
        server.uses = 100
        server.place = "http://127.0.0.1:%d" % other.server_port
        name = "127.0.0.1:%d/away" % server.server_port
        box.ok("tag", "busybox", name)
        box.fails(1, "push", name, says="plain http on 127.0.0.1:%d: refused" % other.server_port)
        expect(not other.log and not server.manifests, other.log)


@test("overlay")
def what_is_not_here_or_not_allowed_is_said(box):
    box.fails(1, "push", "nothing", says="An image does not exist locally with the tag: nothing")
    box.ok("pull", "-q", "busybox")
    with Fake() as server:
        server.uses = 0
        name = "127.0.0.1:%d/closed" % server.server_port
        box.ok("tag", "busybox", name)
        box.fails(1, "push", name, says="E-AUTH.*push access denied")
        expect(not server.manifests)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Registries that steal, and those that say no: redirects, TLS, logins, limits (threats R06 to R09, R17, R18)."""

import json
import os
import subprocess
import time

from registrytest import ANA, IMAGE, NAME, image_of, login, pull, refused, settings, succeeds  # sets the path
from bad_registry import PASS, Authority, BadRegistry
from oci import digest
from sbxtest import become_user, expect, main, test

# ---- redirects (R07) ----

@test("overlay")
def secrets_do_not_follow_a_redirect(box):
    with BadRegistry() as registry, BadRegistry("127.0.0.2") as cdn:
        image = image_of(3000)
        registry.add(NAME, image)
        login(box, registry.host)

        def guarded(handler):
            if handler.headers.get("Authorization") != "Basic " + ANA:
                return handler.error(401, "UNAUTHORIZED", "who", {"WWW-Authenticate": 'Basic realm="x"'})
            return PASS
        for status in (301, 302, 303, 307, 308):
            cdn.on("/cdn/", lambda h: h.reply(200, image.layers[0].data, {"Set-Cookie": "a=b"}))
            registry.rules.clear()
            registry.on(digest(image.layers[0].data), lambda h, s=status: h.reply(s, b"", {
                "Location": cdn.url + "/cdn/x", "Set-Cookie": "c=d"}))
            registry.on("/v2/", guarded)
            # the guard comes first, then the redirect
            registry.rules.reverse()
            registry.rules.sort(key=lambda r: r["path"] == "/v2/")
            succeeds(pull(box, registry))
            box.run(["sh", "-c", "chmod -R u+rwX \"$0\"; rm -rf \"$0\"/*", box.env["SBX_ROOT"]])
        expect(len(cdn.requests("/cdn/")) == 5 and not cdn.secrets(), cdn.secrets())
        expect(any(s.startswith("Basic") for s in registry.secrets()), "the login was not used at all")


@test("overlay")
def bad_redirects_are_refused(box):
    with BadRegistry() as registry:
        registry.add(NAME, image_of(30))
        for target, says in (("http://192.0.2.1/x", "plain http on another host"), ("file:///etc/passwd", "http"),
                             ("gopher://127.0.0.1/", "http"), ("http://ana:pw@127.0.0.1/", "user names"),
                             ("http://169.254.169.254/latest/meta-data/", "plain http on another host")):
            registry.on("/manifests/", lambda h, t=target: h.reply(302, b"", {"Location": t}))
            result = pull(box, registry)
            expect(result.code == 1 and says in result.err, says, result)
        registry.on("/manifests/", lambda h: h.reply(302, b"", {"Location": h.path}))
        before = len(registry.log)
        refused(box, pull(box, registry), "more than 5 redirects")
        expect(len(registry.log) - before <= 7, "%d requests" % (len(registry.log) - before))
        registry.on("/manifests/", lambda h: h.reply(302))
        refused(box, pull(box, registry), "without saying where")


# ---- TLS (R09) ----

@test("overlay")
def an_unknown_authority_is_named_and_can_be_trusted(box):
    authority = Authority(box.path("authority"))
    with BadRegistry(tls=authority.issue("good", "IP:127.0.0.1")) as registry:
        registry.add(NAME, image_of(3000))
        result = pull(box, registry)
        refused(box, result, "E-TLS-CA", "Test Corp Root CA", os.path.join(box.top, "ca"))
        expect(not registry.log, "a request was sent before the certificate was trusted")
        box.folder("ca")
        with open(authority.cert, encoding="ascii") as f:
            box.file("ca/corp.crt", f.read())
        succeeds(pull(box, registry))


@test("overlay")
def an_authority_in_dockers_folder_is_trusted_for_its_host_only(box):
    authority = Authority(box.path("ca-docker"))
    with BadRegistry(tls=authority.issue("docker", "IP:127.0.0.1")) as registry:
        registry.add(NAME, image_of(30))
        command = [IMAGE, "pull", "-q", "%s/%s" % (registry.host, NAME)]

        def with_folder(host):
            return box.as_root("mount -t tmpfs none {0}; mkdir {0}/etc; cp -a /etc/. {0}/etc; mkdir -p {0}/etc/docker/certs.d/{1}; cp {2} {0}/etc/docker/certs.d/{1}; "
                               "chmod -R a+rX {0}/etc/docker; mount --bind {0}/etc /etc".format(box.path("of-" + host), host, authority.cert),
                               command)
        for host in ("127.0.0.1:1", registry.host):
            box.folder("of-" + host)
        refused(box, with_folder("127.0.0.1:1"), "E-TLS-CA")
        succeeds(with_folder(registry.host))


@test("overlay")
def bad_certificates_are_refused_without_falling_to_http(box):
    authority = Authority(box.path("authority"))
    box.folder("ca")
    with open(authority.cert, encoding="ascii") as f:
        box.file("ca/corp.crt", f.read())
    with BadRegistry(tls=authority.issue("other", "DNS:other.test")) as other:
        refused(box, pull(box, other), "certificate of " + other.host)
        expect(not other.log)
    with BadRegistry(tls=authority.issue("old", "IP:127.0.0.1", days=-1)) as old:
        refused(box, pull(box, old), "expired")
        expect(not old.log)


@test("overlay")
def a_mirror_with_https_is_never_asked_in_http(box):
    with BadRegistry() as plain, BadRegistry() as good:
        for registry in (plain, good):
            registry.add("library/thing", image_of(3))
        settings(box, {"docker.io": {"mirrors": ["https://" + plain.host, good.url]}})
        succeeds(box.run([IMAGE, "pull", "thing"], env={"SBX_PULL_TIMEOUT": "2"}))
        expect(not plain.log and good.log, "plain http was spoken")


@test("overlay")
def https_does_not_redirect_to_http(box):
    authority = Authority(box.path("authority"))
    box.folder("ca")
    with open(authority.cert, encoding="ascii") as f:
        box.file("ca/corp.crt", f.read())
    with BadRegistry(tls=authority.issue("good", "IP:127.0.0.1")) as registry, BadRegistry() as plain:
        registry.add(NAME, image_of(3))
        registry.on("/blobs/", lambda h: h.reply(307, b"", {"Location": plain.url + h.path}))
        refused(box, pull(box, registry), "from https to plain http")
        registry.rules.clear()
        registry.on("/v2/", lambda h: h.reply(401, b"", {"WWW-Authenticate": 'Bearer realm="%s/token"' % plain.url}))
        login(box, registry.host)
        refused(box, pull(box, registry), "token fetched over plain http")
        expect(not plain.log, "plain http was spoken")


# ---- logins (R06, R08, R17) ----

def bearer(registry, realm, service="svc", token="tok3n"):
    """Every /v2/ request needs the token of the realm."""
    def guard(handler):
        if handler.headers.get("Authorization") == "Bearer " + token:
            return PASS
        return handler.error(401, "UNAUTHORIZED", "authentication required", {
            "WWW-Authenticate": 'Bearer realm="%s",service="%s",scope="repository:evil/other:pull,push"' % (realm, service)})
    registry.on("/v2/", guard)


def token_server(server, text='{"token":"tok3n"}', status=200):
    server.on("/token", lambda h: h.reply(status, text.encode(), {"Content-Type": "application/json"}))


@test("overlay")
def a_token_is_fetched_once_for_the_right_scope(box):
    with BadRegistry() as registry:
        registry.add(NAME, image_of(30, 40, 50))
        bearer(registry, registry.url + "/token", service="a b&c")
        token_server(registry)
        succeeds(pull(box, registry))
        asked = registry.requests("/token")
        expect(len(asked) == 1, "asked %d times" % len(asked))
        expect(asked[0].path == "/token?service=a%20b%26c&scope=repository%3Asome%2Fimage%3Apull", asked[0].path)
        expect(not asked[0].headers.get("Authorization"))


@test("overlay")
def a_token_that_expires_is_renewed(box):
    """Every blob request finds the token of the one before expired; several run at once."""
    with BadRegistry() as registry:
        image = image_of(*range(1000, 7000, 1000))
        registry.add(NAME, image)
        issued = []

        def token(handler):
            issued.append("t%d" % len(issued))
            handler.reply(200, b'{"token":"%s"}' % issued[-1].encode())

        def guard(handler):
            if handler.path == "/token" or (issued and handler.headers.get("Authorization") == "Bearer " + issued[-1]):
                return PASS
            return handler.error(401, "UNAUTHORIZED", "expired",
                                 {"WWW-Authenticate": 'Bearer realm="%s/token",service="s"' % registry.url})

        def once(handler):  # each blob drops the token once
            issued.append("dropped")
            return guard(handler)
        registry.on("/v2/", guard)
        for layer in image.layers[:3]:
            registry.on(digest(layer.data), once, times=1)
        registry.on("/token", token)
        succeeds(pull(box, registry))
        expect(2 <= len(registry.requests("/token")) <= 8, len(registry.requests("/token")))


@test("overlay")
def a_stored_login_goes_to_its_own_realm(box):
    with BadRegistry() as registry:
        registry.add(NAME, image_of(30))
        bearer(registry, registry.url + "/token")
        registry.on("/token", lambda h: h.reply(200, b'{"access_token":"tok3n"}')
                    if h.headers.get("Authorization") == "Basic " + ANA else h.reply(401))
        refused(box, pull(box, registry), "E-AUTH", "anonymous")
        login(box, registry.host)
        succeeds(pull(box, registry))
        expect("account=ana" in registry.requests("/token")[-1].path)


@test("overlay")
def a_stored_login_does_not_go_to_another_realm(box):
    with BadRegistry() as registry, BadRegistry("127.0.0.2") as evil:
        registry.add(NAME, image_of(30))
        login(box, registry.host)
        bearer(registry, evil.url + "/token")
        token_server(evil)
        result = pull(box, registry)
        succeeds(result)
        expect(evil.log and not evil.secrets(), evil.secrets())
        expect("not sent" in result.err and evil.host in result.err, result)
        settings(box, {registry.host: {"authRealms": ["127.0.0.2"]}})
        pull(box, registry)
        expect(not evil.secrets(), "sent over plain http to a listed host")


@test("overlay")
def addresses_as_realms_are_not_asked(box):
    with BadRegistry() as registry:
        registry.add(NAME, image_of(30))
        login(box, registry.host)
        for realm, says in (("http://169.254.169.254/token", "refused"), ("http://u:p@127.0.0.1/token", "user names"),
                            ("https://192.0.2.7/token", "not its own"), ("ftp://x/token", "http")):
            bearer(registry, realm)
            refused(box, pull(box, registry), says)


@test("overlay")
def token_loops_and_bad_tokens_end(box):
    with BadRegistry() as registry:
        registry.add(NAME, image_of(30))
        bearer(registry, registry.url + "/token", token="never")
        token_server(registry)
        refused(box, pull(box, registry), "E-AUTH")
        expect(len(registry.requests("/token")) <= 2 and len(registry.requests("/v2/")) <= 3, len(registry.log))
        for text, says in (('{"token":"a\\r\\nX: y"}', "unprintable"), ('{"token":"%s"}' % ("x" * 70000), "refused"),
                           ("{}", "without a token"), ("<html>", "json"), ('{"token":"%s"}' % ("x" * 10000000), "refused")):
            registry.rules.clear()
            bearer(registry, registry.url + "/token")
            token_server(registry, text)
            refused(box, pull(box, registry), says)
        registry.on("/token", lambda h: h.reply(302, b"", {"Location": "/v2/"}))
        refused(box, pull(box, registry), "302")


@test("overlay")
def a_stale_login_does_not_block_a_public_image(box):
    with BadRegistry() as registry:
        registry.add(NAME, image_of(30))
        bearer(registry, registry.url + "/token")
        registry.on("/token", lambda h: h.reply(401) if h.headers.get("Authorization") else h.reply(200, b'{"token":"tok3n"}'))
        login(box, registry.host)
        result = pull(box, registry)
        succeeds(result)
        expect("W-AUTH-STALE" in result.err and registry.host in result.err, result)


@test("overlay")
def denied_images_say_who_asked(box):
    with BadRegistry() as registry:
        registry.on("/v2/", lambda h: h.error(401, "UNAUTHORIZED", "no", {"WWW-Authenticate": 'Basic realm="x"'}))
        refused(box, pull(box, registry), "E-AUTH", "pull access denied", "Tried: anonymous")
        login(box, registry.host)
        refused(box, pull(box, registry), "E-AUTH", "Tried: user ana from", "auth.json")
        registry.on("/v2/", lambda h: h.error(403, "DENIED", "no"))
        refused(box, pull(box, registry), "E-AUTH", registry.host + "/" + NAME)


@test("overlay")
def logins_match_their_host_to_the_letter(box):
    with BadRegistry() as registry:
        registry.add(NAME, image_of(30))
        registry.on("/v2/", lambda h: h.error(401, "UNAUTHORIZED", "no", {"WWW-Authenticate": 'Basic realm="x"'}))
        for host in ("127.0.0.1", registry.host + "0", "x" + registry.host, registry.host + ".evil", "localhost"):
            login(box, host)
            refused(box, pull(box, registry), "Tried: anonymous")
        expect(not registry.secrets(), registry.secrets())


@test("overlay")
def credential_helpers_are_asked_and_their_faults_survived(box):
    with BadRegistry() as registry:
        registry.add(NAME, image_of(30))
        registry.on("/v2/", lambda h: PASS if h.headers.get("Authorization") == "Basic " + ANA else
                    h.error(401, "UNAUTHORIZED", "no", {"WWW-Authenticate": 'Basic realm="x"'}))
        box.folder("bin")
        box.env["PATH"] = box.path("bin") + ":" + box.env["PATH"]
        box.env["REGISTRY_AUTH_FILE"] = box.file("auth.json", '{"credHelpers":{"%s":"t"}}' % registry.host, 0o600)
        refused(box, pull(box, registry), "E-AUTH")  # there is no such helper
        for script in ("exit 3", "kill -9 $$", "echo '{'", "yes"):
            box.file("bin/docker-credential-t", "#!/bin/sh\n%s\n" % script, 0o755)
            result = pull(box, registry)
            expect(result.code == 1 and "E-AUTH" in result.err, script, result)
        box.file("bin/docker-credential-t", "#!/bin/sh\nread -r host\n[ \"$1 $host\" = 'get %s' ] && "
                 "echo '{\"Username\":\"ana\",\"Secret\":\"s3cret\"}'\n" % registry.host, 0o755)
        succeeds(pull(box, registry))


@test("overlay")
def an_identity_token_is_posted_to_the_realm(box):
    with BadRegistry() as registry:
        registry.add(NAME, image_of(30))
        bearer(registry, registry.url + "/token")
        token_server(registry)
        box.env["REGISTRY_AUTH_FILE"] = box.file(
            "auth.json", json.dumps({"auths": {registry.host: {"identitytoken": "r&fresh"}}}), 0o600)
        succeeds(pull(box, registry))
        asked = registry.requests("/token")[0]
        expect(asked.command == "POST" and b"grant_type=refresh_token" in asked.body and b"refresh_token=r%26fresh" in asked.body,
               asked.body)


@test("overlay")
def login_files_that_others_can_change_are_not_believed(box):
    with BadRegistry() as registry:
        registry.add(NAME, image_of(30))
        registry.on("/v2/", lambda h: PASS if h.headers.get("Authorization") else
                    h.error(401, "UNAUTHORIZED", "no", {"WWW-Authenticate": 'Basic realm="x"'}))
        login(box, registry.host, mode=0o622)
        result = pull(box, registry)
        expect(result.code == 1 and "others own it or may write" in result.err and not registry.secrets(), result)
        login(box, registry.host, mode=0o644)
        result = pull(box, registry)
        succeeds(result)
        expect("can be read by others" in result.err, result)


@test("overlay")
def the_environment_is_honoured_where_documented_only(box):
    with BadRegistry() as registry, BadRegistry() as proxy:
        registry.add(NAME, image_of(30))
        box.file("home/.netrc", "machine 127.0.0.1 login eve password netrc\n", 0o600)
        box.file("home/.curlrc", "user-agent = eve\nheader = \"Authorization: Basic ZXZl\"\n", 0o600)
        registry.on("/v2/", lambda h: PASS if "eve" not in str(h.headers) and not h.headers.get("Authorization") else
                    h.reply(500))
        succeeds(pull(box, registry, env={"http_proxy": proxy.url}))
        expect(not proxy.log, "a proxy was used for loopback")
        settings(box, {"lab.test": {"insecure": True}})
        box.run([IMAGE, "pull", "lab.test/x"], env={"http_proxy": proxy.url, "https_proxy": proxy.url, "SBX_PULL_TIMEOUT": "2"})
        expect(proxy.log or proxy.garbage or proxy.connections, "the proxy was not used")


# ---- what there is not (rate, names, network) ----

@test("overlay")
def a_rate_limit_is_explained(box):
    with BadRegistry() as registry:
        registry.on("/v2/", lambda h: h.error(429, "TOOMANYREQUESTS", "slow down", {
            "RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "0;w=21600", "Docker-RateLimit-Source": "192.0.2.9",
            "Retry-After": "3600"}))
        refused(box, pull(box, registry), "E-RATE", "100 requests per 6 h", "192.0.2.9", "3600 s", "mirror", "login")
        expect(len(registry.log) == 1, "it was asked again")


@test("overlay")
def a_short_wait_is_waited(box):
    with BadRegistry() as registry:
        registry.add(NAME, image_of(30))
        registry.on("/manifests/", lambda h: h.reply(429, b"", {"Retry-After": "1"}), times=1)
        succeeds(pull(box, registry))


@test("overlay")
def unknown_names_come_with_a_suggestion(box):
    with BadRegistry() as registry:
        registry.add("team/redis", image_of(30), tag="7.2")
        registry.on("/tags/list", lambda h: h.reply(200, b'{"name":"team/redis","tags":["6","7.2"]}')
                    if "team/redis/" in h.path else PASS)
        registry.on("/_catalog", lambda h: h.reply(200, b'{"repositories":["team/redis","other"]}'))
        refused(box, pull(box, registry, name="team/redis:7.3"), "E-IMAGE-NAME", "manifest unknown", "'7.2'")
        refused(box, pull(box, registry, name="team/rediss"), "E-IMAGE-NAME", "no such repository", "'team/redis'")
        refused(box, pull(box, registry, name="nothing/like/it"), "E-IMAGE-NAME", "no such repository")


@test("overlay")
def bad_names_are_refused_before_any_request(box):
    for name, says in (("Redis", "must be lowercase"), ("a b", "invalid reference format"), ("", "invalid reference format"),
                       ("x@sha256:aa", "invalid reference format"), ("0" * 64, "64-byte hexadecimal")):
        refused(box, box.run([IMAGE, "pull", name]), says)
    usage = box.run([IMAGE, "pull", "--no-such-flag", "x"])
    expect(usage.code == 125, usage)


@test("overlay")
def without_a_network_the_local_copy_is_named(box):
    with BadRegistry() as registry:
        registry.add(NAME, image_of(30))
        succeeds(pull(box, registry))
        host = registry.host
    result = box.run([IMAGE, "pull", "%s/%s" % (host, NAME)])
    expect(result.code == 1 and "E-OFFLINE" in result.err and host in result.err, result)
    expect("--pull=never" in result.err, result)
    fresh = box.run([IMAGE, "pull", "%s/other" % host])
    expect(fresh.code == 1 and "E-OFFLINE" in fresh.err and "--pull=never" not in fresh.err, fresh)


@test("overlay")
def two_pulls_of_one_image_share_the_work(box):
    with BadRegistry() as registry:
        image = image_of(400000, 300000, 200000)
        registry.add(NAME, image)

        def slowly(handler):
            time.sleep(0.2)
            return PASS
        registry.on("/blobs/", slowly)
        children = [subprocess.Popen([IMAGE, "pull", "-q", "%s/%s" % (registry.host, NAME)], env=box.env, cwd=box.top,
                                     preexec_fn=become_user, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                    for _ in range(2)]
        box.children += children
        for child in children:
            out, err = child.communicate(timeout=40)
            expect(child.returncode == 0, out, err)
        for layer in image.layers:
            expect(len(registry.requests(digest(layer.data))) == 1, "a layer was fetched twice")


if __name__ == "__main__":
    main()

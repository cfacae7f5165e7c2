#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""sbx build: contexts, COPY and ADD; acceptance rows 107, 108, 114 to 116, corner cases, threats B01 to B03, B08, B10."""

import hashlib
import http.server
import io
import os
import resource
import shutil
import subprocess
import tarfile
import threading

from sbxtest import SBX, SLOWNESS, Skip, expect, main, test


def context(box, dockerfile, **files):
    """A folder with a Dockerfile and files; "__" in a name is a slash, "DOT" a dot."""
    for name, text in dict(files, Dockerfile=dockerfile).items():
        name = name.replace("__", "/").replace("DOT", ".")
        box.folder(os.path.dirname(os.path.join("ctx", name)))
        box.file(os.path.join("ctx", name), text)
    return box.path("ctx")


def spent():
    """Seconds of processors that our children have used: what a loaded machine does not change."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def layers(box, *args, **more):
    """Builds and returns {name: (TarInfo, content)} of the result's files."""
    out = box.path("out.tar")
    result = box.sbx("build", "-q", "-o", "type=tar,dest=" + out, *args, **more)
    expect(result.code == 0, result)
    with tarfile.open(out) as archive:
        return {m.name.rstrip("/"): (m, archive.extractfile(m).read().decode(errors="replace") if m.isfile() else None) for m in archive}


def texts(files):
    return {name: text for name, (_, text) in files.items() if text is not None}


@test("overlay", "fuse", "single")
def copy_puts_files_where_docker_does(box):
    ctx = context(box, "FROM scratch\nCOPY a d /x/\nCOPY --chmod=750 a /deep/er/name\nCOPY *.t[x]t /g/\nCOPY <<E /inline\n"
                  "body\nE\nWORKDIR /w\nCOPY --exclude=*.txt . here/\n", a="A", d__f="F", d__sub__g="G", one__txt="", x__y="Y",
                  oneDOTtxt="1")
    got = layers(box, ctx)
    want = {"x/a": "A", "x/f": "F", "x/sub/g": "G", "deep/er/name": "A", "g/one.txt": "1", "inline": "body\n"}
    expect({k: v for k, v in texts(got).items() if not k.startswith("w/")} == want, texts(got))
    expect(got["deep/er/name"][0].mode == 0o750 and got["x/a"][0].uid == 0, got["deep/er/name"][0])
    expect("w/here/d/sub/g" in got and "w/here/one.txt" not in got, list(got))


@test("overlay")
def row_107_add_unpacks_archives_by_content(box):
    ctx = context(box, "FROM scratch\nADD plain gz bz2 xz zst /u/\nADD fake.tar.gz text.gz /f/\nADD --unpack=false gz /raw/\n",
                  fakeDOTtarDOTgz="only text")
    for name, mode in (("plain", "w"), ("gz", "w:gz"), ("bz2", "w:bz2"), ("xz", "w:xz"), ("zst", "w")):
        with tarfile.open(os.path.join(ctx, name), mode) as archive:
            entry = tarfile.TarInfo("go/bin/%s" % name)
            entry.size, entry.mode = 2, 0o755
            archive.addfile(entry, io.BytesIO(b"go"))
    subprocess.run("cd %s && zstd -q zst && mv zst.zst zst" % ctx, shell=True, check=True)
    subprocess.run("echo not an archive | gzip >%s/text.gz" % ctx, shell=True, check=True)
    got = layers(box, ctx)
    expect(all("u/go/bin/" + name in got for name in ("plain", "gz", "bz2", "xz", "zst")), list(got))
    expect(texts(got)["f/fake.tar.gz"] == "only text" and "f/text.gz" in got and "raw/gz" in got, list(got))


@test("overlay")
def b10_a_hostile_archive_stays_inside(box):
    ctx = context(box, "FROM scratch\nADD evil /d/\n")
    with tarfile.open(os.path.join(ctx, "evil"), "w") as archive:
        link = tarfile.TarInfo("way")
        link.type, link.linkname = tarfile.SYMTYPE, box.path("home")
        archive.addfile(link)
        through = tarfile.TarInfo("way/planted")
        through.size = 1
        archive.addfile(through, io.BytesIO(b"x"))
        hidden = tarfile.TarInfo(".wh.name")
        archive.addfile(hidden)
    got = layers(box, ctx)
    expect(not os.path.exists(box.path("home", "planted")), "written outside")
    expect("d/.wh.name" in got or "d/way" in got, list(got))
    with tarfile.open(os.path.join(ctx, "evil"), "w") as archive:
        archive.addfile(tarfile.TarInfo("../../up"))
    box.fails(1, "build", "-q", ctx, says="evil")


@test("overlay")
def row_108_sources_must_be_in_the_context(box):
    ctx = context(box, "FROM scratch\nADD go1.20.3.linux-amd64.tar.gz /usr/local/\n")
    box.fails(1, "build", ctx, says=['"/go1.20.3.linux-amd64.tar.gz": not found', "Dockerfile:2", ">>> ADD go1"])
    box.file("secret", "s")
    context(box, "FROM scratch\nCOPY ../secret /x\n")
    box.fails(1, "build", ctx, says="forbidden path outside the build context: ../secret")
    context(box, "FROM scratch\nCOPY none* /x/\n")
    box.fails(1, "build", ctx, says=r'"/none\*": not found')


@test("overlay")
def b01_no_symlink_leads_out_of_the_context(box):
    ctx = context(box, "FROM scratch\nCOPY link/hosts /x\n")
    os.symlink("/etc", os.path.join(ctx, "link"))
    os.symlink("../" * 20 + "etc/hostname", os.path.join(ctx, "up"))
    box.fails(1, "build", ctx, says='"/link/hosts": not found')
    context(box, "FROM scratch\nCOPY up /x\n")
    box.fails(1, "build", ctx, says='"/up": not found')
    context(box, "FROM scratch\nCOPY . /x\n")
    got = layers(box, ctx)
    expect(got["x/link"][0].linkname == "/etc" and "x/link/hosts" not in got, list(got))
    os.symlink(ctx, box.path("ctxlink"))
    expect("x/link" in layers(box, box.path("ctxlink")), "the context itself may be a symlink")


@test("overlay")
def row_114_the_context_comes_in_several_ways(box):
    ctx = context(box, "FROM scratch\nCOPY a /a\n", a="A", dir__Other="FROM scratch\nCOPY a /b\n")
    box.fails(1, "build", says="requires 1 argument")
    box.fails(1, "build", box.path("nowhere"), says='path ".*nowhere" not found')
    box.fails(1, "build", os.path.join(ctx, "a"), says=["is not a directory", "sbx build -f"])
    expect(texts(layers(box, ctx)) == {"a": "A"})
    expect(texts(layers(box, "-f", os.path.join(ctx, "dir/Other"), ctx)) == {"b": "A"})
    outside = box.file("Outside", "FROM scratch\nCOPY a /c\n")
    expect(texts(layers(box, "-f", outside, ctx)) == {"c": "A"})
    expect(texts(layers(box, "-f", "-", ctx, data="FROM scratch\nCOPY a /d\n")) == {"d": "A"})
    expect(texts(layers(box, "-", data="FROM scratch\nCOPY <<E /e\nx\nE\n")) == {"e": "x\n"})
    result = box.sbx("build", "-", data="FROM scratch\nCOPY a /a\n")
    expect(result.code == 1 and "there is no build context" in result.err, result)
    subprocess.run(["tar", "-czf", box.path("ctx.tgz"), "-C", ctx, "."], check=True)
    shell = "%s build -q -o type=tar,dest=%s -f dir/Other - <%s" % (SBX, box.path("t.tar"), box.path("ctx.tgz"))
    result = box.run(["sh", "-c", shell])
    expect(result.code == 0 and tarfile.open(box.path("t.tar")).getnames() == ["b"], result)


@test("overlay")
def b02_a_fetched_context_shows_nothing_of_the_host(box):
    ctx = context(box, "FROM scratch\n")
    os.unlink(os.path.join(ctx, "Dockerfile"))
    os.symlink("/etc/passwd", os.path.join(ctx, "Dockerfile"))
    subprocess.run(["tar", "-cf", box.path("c.tar"), "-C", ctx, "."], check=True)
    result = box.run(["sh", "-c", "%s build - <%s" % (SBX, box.path("c.tar"))])
    expect(result.code == 1 and "failed to read dockerfile" in result.err and "root:" not in result.err, result)


@test("overlay")
def row_115_an_ignored_gigabyte_costs_nothing(box):
    ctx = context(box, "FROM scratch\nCOPY . /x\n", DOTdockerignore="big\n", a="A")
    layers(box, ctx)
    context(box, "FROM scratch\nCOPY . /y\n")
    began = spent()
    layers(box, ctx)
    without = spent() - began
    with open(os.path.join(ctx, "big"), "wb") as f:
        f.truncate(1 << 30)
    context(box, "FROM scratch\nCOPY . /z\n")
    began = spent()
    got = layers(box, ctx)
    took = spent() - began
    expect("z/big" not in got and "z/a" in got, list(got))
    expect(took < 2 * without + 0.3 * SLOWNESS, "with %.2f s, without %.2f s" % (took, without))  # reading and hashing it takes more


@test("overlay")
def row_116_dockerignore(box):
    ctx = context(box, "FROM scratch\nCOPY . /\n", DOTdockerignore="# none\n*\n!src/**/*.c\nsrc/gen\n", src__aDOTc="a",
                  src__gen__bDOTc="b", src__x__cDOTc="c", src__aDOTh="h", top="t")
    expect(texts(layers(box, ctx)) == {"src/a.c": "a", "src/x/c.c": "c"})
    box.file("ctx/Dockerfile.dockerignore", "src\n")
    got = texts(layers(box, ctx))
    expect("top" in got and "src/a.c" not in got, got)
    context(box, "FROM scratch\nCOPY src/a.c /\n")
    box.fails(1, "build", ctx, says=["not found", ".dockerignore leaves it out"])
    box.file("ctx/Dockerfile.dockerignore", "[\n")
    box.fails(1, "build", ctx, says="syntax error in pattern '\\['")


@test("overlay")
def copy_from_stages_and_named_contexts(box):
    ctx = context(box, "FROM scratch AS one\nCOPY --chown=7:8 a /d/a\nFROM scratch\nCOPY --from=one /d /e\n"
                  "COPY --from=0 --parents d/./a /p/\nCOPY --from=extra f /f\n", a="A")
    other = box.folder("other")
    box.file("other/f", "F")
    got = layers(box, "--build-context", "extra=" + other, ctx)
    expect(texts(got) == {"e/a": "A", "p/a": "A", "f": "F"}, texts(got))
    expect((got["e/a"][0].uid, got["e/a"][0].gid) == (7, 8), got["e/a"][0])


class Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def serve(folder):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *a: Files(*a, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, "http://127.0.0.1:%d" % server.server_address[1]


@test("overlay")
def add_fetches_addresses_and_checks_them(box):
    box.folder("www")
    box.file("www/file.txt", "from the web")
    os.utime(box.path("www/file.txt"), (1234567890, 1234567890))
    digest = "sha256:" + hashlib.sha256(b"from the web").hexdigest()
    server, url = serve(box.path("www"))
    try:
        ctx = context(box, "FROM scratch\nADD %s/file.txt /w/\nADD --checksum=%s %s/file.txt?x=1 /named\n" % (url, digest, url))
        got = layers(box, ctx)
        expect(texts(got) == {"w/file.txt": "from the web", "named": "from the web"}, texts(got))
        expect(got["w/file.txt"][0].mode == 0o600 and got["w/file.txt"][0].mtime == 1234567890, got["w/file.txt"][0])
        context(box, "FROM scratch\nADD %s/file.txt a d /m/\n" % url, a="A", d__f="F")  # files and addresses together
        expect(texts(layers(box, ctx)) == {"m/file.txt": "from the web", "m/a": "A", "m/f": "F"})
        context(box, "FROM scratch\nADD %s/file.txt a /m\n" % url)  # which is a folder, as for two files
        expect(texts(layers(box, ctx)) == {"m/file.txt": "from the web", "m/a": "A"})
        context(box, "FROM scratch\nADD --checksum=sha256:%s %s/file.txt /x\n" % ("0" * 64, url))
        box.fails(1, "build", ctx, says=["E-DIGEST", "the instruction asks for"])
        context(box, "FROM scratch\nADD %s/none /x\n" % url)
        box.fails(1, "build", ctx, says="the server answers 404")
        context(box, "FROM scratch\nCOPY %s/file.txt /x\n" % url)
        box.fails(1, "build", ctx, says="source can't be a URL for COPY")
        box.file("www/Dockerfile", "FROM scratch\nCOPY <<E /u\nweb\nE\n")
        expect(texts(layers(box, url + "/Dockerfile")) == {"u": "web\n"})
    finally:
        server.shutdown()


@test("overlay")
def b03_git_contexts_and_what_they_may_not_do(box):
    if not shutil.which("git"):
        raise Skip("git is not installed")
    context(box, "FROM scratch\nCOPY a /a\n", a="main", sub__Dockerfile="FROM scratch\nCOPY b /b\n", sub__b="B")
    repo = box.path("ctx")
    os.symlink("/etc", os.path.join(repo, "out"))
    git = "cd %s && git init -q -b main . && git add -A && git -c user.name=t -c user.email=t@t commit -qm one && " \
          "git update-server-info && git clone -q --bare . %s/r.git && cd %s/r.git && git update-server-info" % \
          (repo, box.folder("www"), box.path("www"))
    result = box.run(["sh", "-ec", git])
    expect(result.code == 0, result)
    server, url = serve(box.path("www"))
    try:
        expect(texts(layers(box, url + "/r.git")) == {"a": "main"})
        expect(texts(layers(box, url + "/r.git#main:sub")) == {"b": "B"})
        box.fails(1, "build", url + "/r.git#main:out", says="No such file")
        expect(texts(layers(box, url + "/r.git#main:../..")) == {"a": "main"}, "the top is the repository's")
        box.fails(1, "build", url + "/r.git#--upload-pack=touch", says="invalid git address")
        ctx = context(box, "FROM scratch\nADD %s/r.git#main:sub /g/\n" % url)
        expect("g/b" in layers(box, ctx))
        ctx = context(box, "FROM scratch\nADD --keep-git-dir=true %s/r.git#main /g/\nADD %s/r.git#main /h/\n" % (url, url))
        got = layers(box, ctx)
        expect("g/.git/HEAD" in got and "h/a" in got and "h/.git" not in got and "h/.git/HEAD" not in got, sorted(got))
    finally:
        server.shutdown()
    box.fails(1, "build", "git@-oProxyCommand=touch:x.git", says="git")
    expect(not os.path.exists(box.path("touch")))


@test("overlay")
def b08_bombs_end_in_an_error_or_in_no_time(box):
    doubling = "ARG A0=xxxxxxxxxxxxxxxx\n" + "".join("ARG A%d=$A%d$A%d\n" % (i + 1, i, i) for i in range(40))
    stages = "".join("FROM scratch AS s%d\n" % i for i in range(100000))
    nested = "ONBUILD " * 5000 + "RUN x\n"
    for text, says in ((doubling + "FROM $A40\n", "expand to more than"), ("FROM scratch\n" + nested, "Chaining ONBUILD"),
                       ("FROM scratch AS a\nCOPY --from=a x y\n", "circular dependency"), ("FROM scratch\nRUN <<E\n" + "x\n" * 500000,
                                                                                         "unterminated heredoc")):
        began = spent()
        box.fails(1, "build", context(box, text), says=says)
        expect(spent() - began < 10 * SLOWNESS, "slow: " + says)
    variables = "FROM scratch\n" + "".join("ARG A%d=1\nENV B%d=1\n" % (i, i) for i in range(100)) + "ENV C=1\n" * 2000
    for text in (stages, variables):
        began = spent()
        result = box.sbx("build", "-q", context(box, text))
        expect(spent() - began < 10 * SLOWNESS and result.code == 0, result)
    ctx = context(box, "FROM scratch\nCOPY . /x\n", DOTdockerignore="**/" * 50 + "none\n" + "*a" * 30 + "*b\n")
    deep = os.path.join(ctx, *["a"] * 50)
    os.makedirs(deep)
    for i in range(50):
        with open(os.path.join(deep, "a" * 100 + str(i)), "wb"):
            pass
    began = spent()
    got = layers(box, ctx)
    expect(spent() - began < 10 * SLOWNESS and len(got) > 90, len(got))


if __name__ == "__main__":
    main()

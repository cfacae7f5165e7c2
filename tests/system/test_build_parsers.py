#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the builder's parsers say on the command line: sbx debug."""

from sbxtest import expect, main, test

NOTES = """#基础镜像
FROM ubuntu
#作者
MAINTAINER  gtl<2985496686@qq.com>
ENV MYPATH /home/gtl
WORKDIR $MYPATH
RUN  apt-get update --fix-missing && apt-get install -y  vim --fix-missing
ADD  go1.20.3.linux-amd64.tar.gz /usr/local/
ENV PATH /usr/local/go/bin:$PATH
ENV  GOROOT  /usr/local/go
EXPOSE 80
CMD echo $MYPATH
CMD echo "success"
"""


@test("overlay")
def row_101_comments_in_any_language_are_ignored(box):
    out = box.ok("debug", "dockerfile", box.file("Dockerfile", NOTES)).splitlines()
    expect(out[0] == '(from "ubuntu")' and len(out) == 11, out)
    expect('(maintainer "gtl<2985496686@qq.com>")' in out, out)
    expect('(env "PATH" "/usr/local/go/bin:$PATH" "")' in out, out)
    expect('(run "apt-get update --fix-missing && apt-get install -y  vim --fix-missing")' in out, out)


@test("overlay")
def errors_show_the_place(box):
    name = box.file("Dockerfile", "FROM a\nENV only\nCMD x\n")
    box.fails(1, "debug", "dockerfile", name, says=["Dockerfile:2", r"   2 \| >>> ENV only", "ENV must have two arguments"])
    box.fails(1, "debug", "dockerfile", "/nonexistent", says="No such file")
    box.fails(1, "debug", "tree", name, says="try dockerfile, words, ref or ignore")


@test("overlay")
def words_refs_and_ignore_files_are_explained(box):
    out = box.ok("debug", "words", "-", data="ENV X=a b\n$X \"${Y:-c}\"\n${\n")
    expect(out.splitlines()[0] == '"a b c" "a" "b" "c"' and "missing '}'" in out.splitlines()[1], out)
    out = box.ok("debug", "ref", "-", data="redis\nName:tag\n")
    expect(out.splitlines()[0] == "docker.io/library/redis:latest redis:latest" and "must be lowercase" in out, out)
    patterns = box.file(".dockerignore", "# none\n*\n!/src\n")
    expect(box.ok("debug", "ignore", patterns) == "*\n!src")
    expect(box.ok("debug", "ignore", patterns, "big", "src/a") == "ignored big\nsent src/a")


if __name__ == "__main__":
    main()

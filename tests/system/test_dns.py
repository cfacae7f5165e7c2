#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The DNS on the gateway: several resolvers, lies, silence, big answers, TCP."""

import contextlib

from sbxtest import expect, main
from netmember import case
from world import DNS, REACH, World


def asked(box, name):
    with contextlib.suppress(FileNotFoundError), open(box.path(name), encoding="ascii") as f:
        return f.read().lower().split("\n")[:-1]
    return []


WAYS = ({}, {"SBX_NET_SLOW": "1"})


def ask(world, *wishes, options=(), env=None):
    return world.member(REACH, "\n".join(wishes), options=options, env=env).strip().split("\n")


@case()
def dns_asks_the_next_resolver_when_one_is_silent_and_stays_with_who_answered(box):
    with World(box, resolvers=("192.0.2.51", "192.0.2.52", "192.0.2.53")) as world:
        world.serve(DNS, "192.0.2.51", box.path("first"), "silent")
        # nobody listens on the second
        world.serve(DNS, "192.0.2.53", box.path("third"))
        expect(ask(world, "dns good.test", "dns evil.test", "dns good.test") == ["203.0.113.1", "203.0.113.3", "203.0.113.1"])
        expect(asked(box, "first") == ["udp good.test"], asked(box, "first"))
        expect(len(asked(box, "third")) == 3, asked(box, "third"))


@case()
def dns_asks_the_next_resolver_when_one_cannot(box):
    with World(box, resolvers=("192.0.2.51", "192.0.2.53")) as world:
        world.serve(DNS, "192.0.2.51", box.path("first"), "servfail")
        world.serve(DNS, "192.0.2.53", box.path("second"))
        expect(ask(world, "dns good.test", "dns nobody.test") == ["203.0.113.1", "code 3"])
        expect(asked(box, "first") == ["udp good.test"], asked(box, "first"))


@case()
def dns_says_so_when_nobody_answers(box):
    with World(box, resolvers=("192.0.2.51",)) as world:
        # nobody listens: that is known at once
        expect(ask(world, "dns good.test") == ["code 2"])


@case()
def n05_dns_takes_no_lie_for_an_answer(box):
    with World(box, resolvers=("192.0.2.53",)) as world:
        world.serve(DNS, "192.0.2.53", box.path("asked"), "liar")
        expect(ask(world, "dns good.test", "dns evil.test", "dns good.test") == ["203.0.113.1", "203.0.113.3", "203.0.113.1"])


@case()
def dns_copes_with_a_resolver_that_does_not_keep_letters(box):
    with World(box, resolvers=("192.0.2.53",)) as world:
        world.serve(DNS, "192.0.2.53", box.path("asked"), "lower")
        expect(ask(world, "dns good.test") == ["203.0.113.1"])


@case()
def dns_follows_changes_of_resolv_conf(box):
    script = REACH.rsplit("for words in", 1)[0] + r"""
print(dns("good.test"), flush=True)
sys.stdin.readline()
print(dns("good.test"), flush=True)
"""
    with World(box, resolvers=("192.0.2.51", "192.0.2.53")) as world:
        world.serve(DNS, "192.0.2.51", box.path("first"))
        world.serve(DNS, "192.0.2.53", box.path("second"))
        child = world.begin_member(script)
        expect(child.stdout.readline().strip() == "203.0.113.1")
        box.file("resolv.conf", "nameserver 192.0.2.53\n")
        child.stdin.write("\n")
        child.stdin.flush()
        expect(child.stdout.readline().strip() == "203.0.113.1")
        expect(asked(box, "first") == ["udp good.test"] and asked(box, "second") == ["udp good.test"],
               asked(box, "first"), asked(box, "second"))


@case()
def dns_of_the_option_is_asked_instead_of_the_hosts(box):
    with World(box, resolvers=("192.0.2.51", "192.0.2.53")) as world:
        world.serve(DNS, "192.0.2.51", box.path("hosts"))
        world.serve(DNS, "192.0.2.53", box.path("own"))
        expect(ask(world, "dns good.test", options=("--dns", "192.0.2.53")) == ["203.0.113.1"])
        expect(not asked(box, "hosts") and asked(box, "own") == ["udp good.test"], asked(box, "hosts"))


@case()
def dns_over_tcp_has_big_answers_whole(box):
    with World(box) as world:
        world.serve(DNS, "192.0.2.53", box.path("asked"))
        for way in WAYS:
            # over UDP: truncated, without an answer; over TCP: 160 records of 250 bytes
            out = ask(world, "dns big.test", "dns+ big.test", "dns+ good.test", "dns+ nobody.test", "dns+ member", env=way)
            expect(out[0] == "code 0" and int(out[1].split()[-1]) > 40000, way, out)
            expect(out[2].startswith("203.0.113.1 ") and out[3].startswith("code 3 "), way, out)
            expect(out[4].startswith("10.88.0."), way, out)
        expect("tcp big.test" in asked(box, "asked"), asked(box, "asked"))


@case()
def dns_over_tcp_keeps_the_rules(box):
    with World(box) as world:
        world.serve(DNS, "192.0.2.53", box.path("asked"))
        for way in WAYS:
            out = ask(world, "dns+ evil.test", "dns+ good.test", options=("--egress", "good.test"), env=way)
            expect(out[0].startswith("code 5 ") and out[1].startswith("203.0.113.1 "), way, out)
        expect(not [line for line in asked(box, "asked") if "evil" in line], asked(box, "asked"))


@case()
def dns_bombs_of_one_member_leave_the_answers_of_another(box):
    flood = REACH.rsplit("for words in", 1)[0] + r"""
socks = []
for i in range(40):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect(("10.88.0.1", 53))
    socks.append(s)
    for j in range(100):
        s.send(question("n%d-%d.silent.test" % (i, j)))
        s.send(os.urandom(40))
print("sent", flush=True)
sys.stdin.readline()
"""
    with World(box) as world:
        world.serve(DNS, "192.0.2.53", box.path("asked"))
        child = world.begin_member(flood)
        expect(child.stdout.readline().strip() == "sent")
        expect(ask(world, "dns good.test") == ["203.0.113.1"])


@case()
def dns_questions_that_are_too_long_are_refused_and_not_kept(box):
    script = REACH.rsplit("for words in", 1)[0] + r"""
for n in (3000, 4200, 60000):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(20)
        s.connect(("10.88.0.1", 53))
        s.send(question("good.test") + bytes(n))
        print(s.recv(4096)[3] & 15)
"""
    with World(box) as world:
        world.serve(DNS, "192.0.2.53", box.path("asked"))
        expect(world.member(script).split() == ["0", "1", "1"])
        expect(asked(box, "asked") == ["udp good.test"], asked(box, "asked"))


if __name__ == "__main__":
    main()

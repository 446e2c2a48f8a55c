"""Canary secrets: in logins that succeed, fail or end half-way; afterwards nothing of them is anywhere.

Not in the log (debug), the audit trail (everything), the metrics and pages, nor in the memory of the process after
the sessions have ended: what a core dump would hold.
"""

from __future__ import annotations

import base64
import contextlib
import re
import urllib.request
from typing import Any

from audit_trail import Trail
from support import PASSWORDS, Client, GatewayTest, Wire, main, poll

ODD = b"\x80\xff\"\\%s\x1b[31m{5}"
MOST_OF_A_MAPPING = 1 << 30  # larger ones are a sanitizer's own, and hold no octet of ours


def plain(user: bytes, password: bytes) -> bytes:
    return base64.b64encode(b"\0" + user + b"\0" + password)


def writable_memory(pid: int) -> list[bytes]:
    """Every private, writable mapping that has pages and can be read."""
    found = []
    with open(f"/proc/{pid}/smaps", encoding="ascii", errors="replace") as maps, open(f"/proc/{pid}/mem", "rb") as mem:
        begin = end = 0
        for line in maps:
            if at := re.match(r"([0-9a-f]+)-([0-9a-f]+) (rw.p)?", line):
                begin, end = (int(each, 16) for each in at.groups()[:2]) if at[3] else (0, 0)
            resident = re.match(r"Rss: +([1-9]\d*) kB", line)
            if resident is None or not 0 < end - begin <= MOST_OF_A_MAPPING:
                continue
            with contextlib.suppress(OSError, ValueError):
                mem.seek(begin)
                found.append(mem.read(end - begin).strip(b"\0"))
    return found


class Secrets(GatewayTest):
    settings = {"audit": {"file": "audit.log", "events": ["all"]}, "log": {"level": "debug"}}

    def setUp(self) -> None:
        self.canaries: dict[str, bytes] = {}
        self.clients: list[Client] = []

    def wire(self, listener: str = "imaps", **options: Any) -> Wire:
        wire = super().wire(listener, **options)
        self.clients.append(wire.client)
        return wire

    def canary(self, name: str, wrap: bytes = b"") -> bytes:
        """A password that is looked for afterwards; the part that is looked for has nothing odd in it."""
        word = f"c4nary-{name}-5ecret".encode()
        self.canaries[name] = word
        return word + wrap

    def blob(self, name: str, text: bytes) -> bytes:
        self.canaries[f"{name} in base64"] = text[:40]
        return text

    def refused(self, wire: Wire, command: bytes) -> None:
        self.assertEqual(wire.command(command + b"\r\n").status, "NO", command[:20])

    def fail_in_every_way(self) -> None:
        with self.wire() as wire:
            self.refused(wire, b'LOGIN alice "' + self.canary("quoted") + b'"')
            self.refused(wire, b"LOGIN alice " + self.canary("atom"))
            odd = self.canary("literal", ODD)
            self.refused(wire, b"LOGIN alice {%d+}\r\n" % len(odd) + odd)
            self.refused(wire, b"AUTHENTICATE PLAIN " + self.blob("initial", plain(b"alice", self.canary("plain", ODD))))
        with self.wire() as wire:
            tag = wire.tag()
            wire.send(f"{tag} AUTHENTICATE PLAIN")
            self.assertTrue(wire.line().startswith(b"+"))
            wire.send(self.blob("response", plain(b"alice", self.canary("later"))) + b"\r\n")
            self.assertEqual(wire.reply(tag).status, "NO")
            # Too many arguments: BAD, and not echoed.
            self.assertEqual(wire.command(b"LOGIN alice " + self.canary("third") + b" too\r\n").status, "BAD")

    def end_half_way(self) -> None:
        with self.wire() as wire:
            wire.send(b"a LOGIN alice {40}\r\n")
            self.assertTrue(wire.line().startswith(b"+"))
            wire.send(self.canary("half"))
        with self.wire() as wire:
            wire.send(b"a AUTHENTICATE PLAIN " + self.blob("cut", plain(b"alice", self.canary("cut"))))
        with self.wire() as wire:
            wire.send(b"a AUTHENTICATE PLAIN\r\n")
            self.assertTrue(wire.line().startswith(b"+"))
            wire.send(self.blob("cut response", plain(b"alice", self.canary("cut-response"))))
        with self.wire("imap") as wire:  # in clear, where TLS is due
            self.refused(wire, b"LOGIN alice " + self.canary("clear"))

    def succeed(self) -> None:
        for user in ("alice", "bob"):
            self.canaries[user] = PASSWORDS[user].encode()
            with self.session(user) as wire:
                wire.expect_ok("SELECT INBOX")
                wire.expect_ok("LOGOUT")
            with self.wire() as wire:
                blob = self.blob(f"{user} by PLAIN", plain(user.encode(), PASSWORDS[user].encode()))
                self.assertEqual(wire.command(b"AUTHENTICATE PLAIN " + blob + b"\r\n").status, "OK")
                wire.expect_ok("LOGOUT")

    def test_nothing_is_left_of_them(self) -> None:
        self.fail_in_every_way()
        self.end_half_way()
        self.succeed()
        poll(lambda: self.gateway.metric("postern_connections_active", listener="imaps") == 0, "all sessions to end")
        poll(lambda: self.gateway.metric("postern_connections_active", listener="imap") == 0, "all sessions to end")
        self.await_ends(self.clients)
        trail = Trail(self.gateway.folder / "audit.log")
        for client in self.clients:
            trail.wait_for("session.close", of=client)
        places = {"log": self.gateway.log().encode()}
        for page in ("metrics", "readyz?verbose", "livez", "startupz"):
            with urllib.request.urlopen(f"http://127.0.0.1:{self.gateway.ports['status']}/{page}") as answer:
                places[page] = answer.read()
        for path in self.gateway.folder.glob("audit.log*"):
            places[path.name] = path.read_bytes()
        self.assertIn(b'"auth.failure"', places["audit.log"])
        memory = writable_memory(self.gateway.pid)
        self.assertGreater(sum(map(len, memory)), 1 << 20)
        self.assertTrue(any(b"postern.yaml" in each for each in memory), "the memory that was read is not the process's")
        for name, octets in self.canaries.items():
            with self.subTest(name):
                for place, text in places.items():
                    self.assertNotIn(octets, text, f"in {place}")
                for text in memory:
                    at = text.find(octets)
                    self.assertEqual(at, -1, f"in memory, behind {text[max(at - 60, 0):at]!r}")


if __name__ == "__main__":
    main()

"""One client at one server, once directly and once through the gateway; what comes of it must be the same."""

from __future__ import annotations

import base64
import dataclasses
import os
import pathlib
import re
import subprocess
import unittest
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from clients.mailbox import Message, Store, digest, ordinary_mail
from support import (PASSWORDS, WAIT_SECONDS, ForVersion, LogShowingResult, PrivateDovecot, PrivatePostern, Wire,
                     authority, configuration, mask, new_folder, poll, signed, start_gateway, trusting)

HOST = "localhost"
SEATS = 60
# What every mail server of today offers, and COMPRESS, which the gateway must hide.
PLUGINS = ForVersion("""
mail_plugins = zlib quota acl notify
protocol imap {
  mail_plugins = $mail_plugins imap_zlib imap_quota imap_acl
}
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=1G
  acl = vfile
}
""", """
mail_plugins {
  acl = yes
  notify = yes
  quota = yes
}
protocol imap {
  mail_plugins {
    imap_acl = yes
    imap_quota = yes
  }
}
acl_driver = vfile
quota "User quota" {
  storage_size = 1G
}
""")
# A client that hangs up instead of LOGOUT does so directly too.
ORDERLY = {"logout", "client_closed", "client_reset", "client_truncated"}


@dataclasses.dataclass(frozen=True)
class Seat:
    """Where one run of a client takes place: a home of its own, a user of its own, and the server to talk to."""

    home: pathlib.Path
    way: str  # direct or gateway
    tls: str  # implicit or starttls
    port: int
    user: str
    password: str
    ca: pathlib.Path
    store: Store

    @property
    def implicit(self) -> bool:
        return self.tls == "implicit"

    @property
    def environment(self) -> dict[str, str]:
        return {"HOME": str(self.home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TZ": "UTC", "TERM": "vt100",
                "LOGNAME": "seat", "USER": "seat", "TMPDIR": str(self.home), "SSL_CERT_FILE": str(self.ca)}

    @property
    def address(self) -> dict[str, str]:
        """What a script needs to know, as environment."""
        return {"IMAP_HOST": HOST, "IMAP_PORT": str(self.port), "IMAP_TLS": self.tls, "IMAP_USER": self.user,
                "IMAP_PASSWORD": self.password, "IMAP_CA": str(self.ca)}

    def write(self, name: str, text: str) -> pathlib.Path:
        """A file of the home that nobody else may read: some clients insist on it."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)
        return path

    def run(self, *command: str | pathlib.Path, statuses: Sequence[int] = (0,),
            environment: dict[str, str] | None = None, given: bytes = b"") -> bytes:
        """Runs the client to its end; what it wrote to its standard output."""
        try:
            done = subprocess.run([str(each) for each in command], cwd=self.home, input=given, capture_output=True,
                                  env=self.environment | (environment or {}), timeout=WAIT_SECONDS, check=False)
        except subprocess.TimeoutExpired as problem:
            said = mask(((problem.stdout or b"")[-4000:] + (problem.stderr or b"")[-4000:]).decode(errors="replace"))
            raise AssertionError(f"{command[0]} ({self.way}, {self.tls}) did not end:\n{said}") from None
        if done.returncode not in statuses:
            said = mask((done.stdout[-4000:] + done.stderr[-4000:]).decode(errors="replace"))
            raise AssertionError(f"{command[0]} ({self.way}, {self.tls}) ended with {done.returncode}:\n{said}")
        return done.stdout

    def script(self, *command: str | pathlib.Path) -> list[str]:
        """Runs a script that tells what it sees in lines; the seat's own name and port are taken out of them."""
        return [each.decode(errors="backslashreplace")
                for each in self.plain(self.run(*command, environment=self.address)).splitlines()]

    def plain(self, octets: bytes) -> bytes:
        """Without what differs from seat to seat; what is long is shown by its hash: a difference has to be read."""
        octets = octets.replace(self.user.encode(), b"USER")
        octets = re.sub(rb":%d\b" % self.port, b":PORT", octets)  # a bare number might be a part of anything
        octets = re.sub(rb"\b(UIDVALIDITY|APPENDUID|COPYUID) \d+", rb"\1 N", octets)
        octets = re.sub(rb" \([0-9. +]+ secs\)", b"", octets)
        return octets if len(octets) < 20000 else digest(octets).encode()


Client = Callable[[Seat], Any]


class ClientTest(unittest.TestCase):
    """A Dovecot with TLS of its own, and a gateway with the same certificate that talks TLS to it."""

    maxDiff = None
    settings: dict[str, Any] = {}  # changes of the gateway's configuration
    password = PASSWORDS["alice"]
    orderly = ORDERLY
    folder: pathlib.Path
    dovecot: PrivateDovecot
    gateway: PrivatePostern
    ca: pathlib.Path
    seats: Iterator[str]

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls)
        by = authority(cls.folder / "tls")
        pair = signed(cls.folder / "tls", HOST, by)
        cls.ca = by.cert
        PASSWORDS["seat"] = cls.password  # so that it is masked
        names = [f"seat{number:02}@mail.example" for number in range(SEATS)]
        cls.seats = iter(names)
        cls.dovecot = PrivateDovecot(cls.folder / "dovecot", dict.fromkeys(names, cls.password), cert=pair.cert,
                                     key=pair.key, extra=PLUGINS)
        LogShowingResult.servers.append(cls.dovecot)
        cls.addClassCleanup(LogShowingResult.servers.remove, cls.dovecot)
        cls.addClassCleanup(cls.dovecot.kill)
        cls.dovecot.start()
        upstream = {"name": "mail", "servers": [f"{HOST}:{cls.dovecot.imaps_port}"], "tls": "implicit",
                    "ca": str(by.cert)}
        cls.gateway = start_gateway(cls, configuration(cls.dovecot.imap_port, pair, upstreams=[upstream], **cls.settings))

    # ---- both ways

    def compare(self, client: Client, *, mail: dict[str, list[Message]] | None = None,
                tls: Sequence[str] = ("implicit", "starttls"), check: Callable[[Any, Store], None]) -> None:
        """`client` is run on the same mail directly and through the gateway, at the same time: what it tells and
        what it leaves behind must be equal. `check` looks at both as well, so that two failures are no equality."""
        for kind in tls:
            with self.subTest(tls=kind):
                with ThreadPoolExecutor(2) as both:
                    runs = [both.submit(self.outcome, client, kind, way, mail or ordinary_mail(), check)
                            for way in ("direct", "gateway")]
                direct, through = (run.result() for run in runs)
                self.assertEqual(through, direct)

    def outcome(self, client: Client, tls: str, way: str, mail: dict[str, list[Message]],
                check: Callable[[Any, Store], None]) -> dict[str, Any]:
        seat = self.seat(way, tls, mail)
        begin = self.gateway.settle() if way == "gateway" else 0
        said = client(seat)
        state = seat.store.state()
        if way == "gateway":
            self.assert_faultless(seat.user, begin)
        check(said, seat.store)
        return {"said": said, "state": state}

    def seat(self, way: str, tls: str, mail: dict[str, list[Message]]) -> Seat:
        user = next(self.seats)
        store = Store(self.dovecot.imap_port, user, self.password)
        self.addCleanup(store.close)
        store.fill(mail)
        home = self.folder / f"home-{user}"
        home.mkdir(mode=0o700)
        return Seat(home, way, tls, self.port(way, tls), user, self.password, self.ca, store)

    def port(self, way: str, tls: str) -> int:
        if way == "gateway":
            return self.gateway.ports["imaps" if tls == "implicit" else "imap"]
        return self.dovecot.imaps_port if tls == "implicit" else self.dovecot.imap_port

    # ---- what the gateway has to say

    def assert_faultless(self, user: str, begin: int) -> None:
        """All sessions have ended, and in order. At least one was the user's, or of a client that has not come as
        far as to name one. `begin` is by settle()."""
        poll(lambda: self.gateway.metric("postern_connections_active") == 0, "the client's connections to end")
        lines = self.gateway.lines[begin:self.gateway.settle()][:-1]  # without the end of the session that settles
        closed = [line for line in lines if line.event == "session closed"]
        self.assertTrue([line for line in closed if line.fields["user"] in (user, "")])
        for line in closed:
            self.assertIn(line.fields["reason"], self.orderly, line.text)
        for line in lines:
            self.assertNotIn(line.fields.get("level"), ("warning", "error"), line.text)
            self.assertNotIn("unknown tag", line.text)
        self.assertEqual(self.gateway.metric("postern_parse_errors_total"), 0)

    def test_compress_is_offered_directly_alone(self) -> None:
        offered = {}
        for way in ("direct", "gateway"):
            with Wire(self.port(way, "implicit"), tls=trusting(ca=str(self.ca)), name=HOST) as wire:
                said = wire.line()
                user = self.dovecot.users.keys().__iter__().__next__()
                password = self.password.replace("\\", "\\\\").replace('"', '\\"')
                reply = wire.log_in(user, password)
                said += reply.tagged + b"".join(reply.untagged) + b"".join(wire.expect_ok("CAPABILITY").untagged)
                offered[way] = b"COMPRESS" in said
                wire.expect_ok("LOGOUT")
        self.assertEqual(offered, {"direct": True, "gateway": False})

    def tearDown(self) -> None:
        """No password was written down: not in clear, and not as a part of what SASL makes of it."""
        self.gateway.settle()
        said = self.gateway.log() + self.gateway.metrics()
        self.assertNotIn(self.password, said)
        for pad in range(3):
            # Base64 has three alignments of the same text; those of a password alone suffice.
            piece = base64.b64encode(b"\0" * pad + self.password.encode())[4:16].decode()
            self.assertNotIn(re.sub("=+$", "", piece), said)

"""Dovecot, Cyrus and Courier as upstreams: what clients do with them that is no single command."""

from __future__ import annotations

import hashlib
import pathlib
import re
from typing import Any

from support import (NAME, PASSWORDS, ForVersion, GatewayTest, PrivateDovecot, Wire, authority, configuration, is_2_4,
                     main, new_folder, self_signed, signed, start_dovecot, start_gateway, start_server, trusting)

from servers.courier import PrivateCourier
from servers.cyrus import PrivateCyrus

UPSTREAM_NAME = "mail.internal.example"
ALICE = PASSWORDS["alice"]
MESSAGE = b"Subject: odd octets\r\n\r\n8 bit \xe4\xff, controls \x01\x7f, {7}\r\n" + b"x" * 70000 + b"\r\nlast line\r\n"
MANY = 10_000
# Each has its reason in proxy/imap/capability.
UNMEDIATED = {"COMPRESS=DEFLATE", "URLAUTH", "URLAUTH=BINARY"}


def capabilities(wire: Wire) -> set[str]:
    return set(wire.expect_ok("CAPABILITY").untagged[0].decode().split()[2:])


class Upstream(GatewayTest):
    """One server behind three listeners: reached in clear text, by STARTTLS and by implicit TLS, verified."""

    server: Any
    hidden: set[str] = set()  # of what the server offers behind login
    added: set[str] = set()

    @classmethod
    def make_server(cls, cert: pathlib.Path, key: pathlib.Path) -> Any:
        raise NotImplementedError

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls)
        cls.pair = self_signed(cls.folder / "tls", NAME)
        cls.authority = authority(cls.folder / "back")
        inner = signed(cls.folder / "back", UPSTREAM_NAME, cls.authority)
        cls.server = start_server(cls, cls.make_server(inner.cert, inner.key))
        address = f"{getattr(cls.server, 'imaps_address', '127.0.0.1')}:{cls.server.imaps_port}"
        verified = {"ca": str(cls.authority.cert), "server_name": UPSTREAM_NAME}
        plain = f"127.0.0.1:{cls.server.imap_port}"
        cls.gateway = start_gateway(cls, configuration(
            0, cls.pair,
            listeners=[{"name": name, "address": "127.0.0.1:0", "tls": "implicit"}
                       for name in ("imaps", "by-starttls", "by-tls")],
            upstreams=[{"name": "plain", "servers": [plain], "tls": "off"},
                       {"name": "starttls", "servers": [plain], "tls": "starttls"} | verified,
                       {"name": "tls", "servers": [address], "tls": "implicit"} | verified],
            routes=[{"match": {"listener": ["by-starttls"]}, "upstream": "starttls"},
                    {"match": {"listener": ["by-tls"]}, "upstream": "tls"}]))

    def reached(self, listener: str) -> Wire:
        return self.wire(listener, tls=trusting())

    def hidden_words(self) -> set[str]:
        return self.hidden

    def direct(self, user: str = "alice") -> Wire:
        wire = Wire(self.server.imap_port)
        self.addCleanup(wire.close)
        wire.line()
        wire.log_in(user, PASSWORDS[user])
        return wire

    def inbox_with(self, count: int, user: str) -> None:
        """Exactly so many messages, put there directly."""
        wire = self.direct(user)
        wire.expect_ok("SELECT INBOX")
        wire.command("STORE 1:* +FLAGS.SILENT (\\Deleted)")
        wire.expect_ok("EXPUNGE")
        for number in range(count):
            append(wire, b"Subject: %d\r\n\r\nx\r\n" % number)
        wire.command("LOGOUT")

    # ---- capabilities

    def test_capabilities_are_those_of_the_server_without_what_cannot_be_mediated(self) -> None:
        at_server = {word for word in capabilities(self.direct()) if not word.startswith("AUTH=")}
        at_gateway = capabilities(self.session())
        self.assertEqual(at_server - at_gateway, self.hidden_words())
        self.assertEqual(at_gateway - at_server, self.added)

    def test_starttls_is_neither_listed_nor_taken_inside_tls(self) -> None:
        for listener in ("imaps", "by-starttls", "by-tls"):
            wire = self.reached(listener)
            self.assertNotIn("STARTTLS", capabilities(wire))
            self.assertEqual(wire.command("STARTTLS").status, "BAD")
            wire.log_in("alice", ALICE)
            self.assertNotIn("STARTTLS", capabilities(wire))
            self.assertEqual(wire.command("STARTTLS").status, "BAD")
            wire.expect_ok("NOOP")

    # ---- TLS towards the server

    def test_mail_passes_whole_however_the_server_is_reached(self) -> None:
        self.inbox_with(0, "carol")
        expected = hashlib.sha256(MESSAGE).hexdigest()
        for listener, kind in (("imaps", "+"), ("by-starttls", ""), ("by-tls", "+")):
            with self.subTest(listener):
                wire = self.reached(listener)
                wire.log_in("carol", PASSWORDS["carol"])
                append(wire, MESSAGE, kind=kind)
                wire.expect_ok("SELECT INBOX")
                told = wire.expect_ok("FETCH * (BODY.PEEK[])").untagged[0]
                length = int(re.search(rb"\{(\d+)\}\r\n", told)[1])
                body = told[told.index(b"}\r\n") + 3:][:length]
                self.assertEqual(hashlib.sha256(body).hexdigest(), expected)
                wire.expect_ok("LOGOUT")

    def test_the_tls_of_both_kinds_is_used(self) -> None:
        before = self.gateway.metric("postern_tls_handshakes_total", side="upstream")
        for count, listener in enumerate(("by-starttls", "by-tls"), 1):
            self.reached(listener).log_in("alice", ALICE)
            self.assertGreaterEqual(self.gateway.metric("postern_tls_handshakes_total", side="upstream"), before + count)

    # ---- before login

    def test_id_before_login_of_every_shape(self) -> None:
        # Cyrus hangs up at a NIL in it; the gateway answers ID itself and must not tell the server.
        for text in ("ID NIL", 'ID ("name" NIL)', 'ID ("name" "Outlook" "version" "16")', "ID ()",
                     'ID ({4+}\r\nname "quotes \\" and \\\\")'):
            with self.subTest(text):
                wire = self.wire()
                wire.expect_ok(text)
                wire.log_in("alice", ALICE)
                wire.expect_ok("NOOP")

    def test_login_by_literals_without_waiting(self) -> None:
        for text in (f"LOGIN {{5+}}\r\nalice {{{len(ALICE)}+}}\r\n{ALICE}", f'LOGIN alice {{{len(ALICE)}+}}\r\n{ALICE}',
                     f'LOGIN "alice" "{ALICE}"'):
            wire = self.wire()
            self.assertEqual(wire.command(text).status, "OK")
            wire.expect_ok("NOOP")

    def test_nothing_that_stands_behind_login_is_lost(self) -> None:
        self.inbox_with(2, "alice")
        wire = self.wire()
        wire.send(f'l LOGIN alice "{ALICE}"\r\ns SELECT INBOX\r\nf FETCH 1:* (UID)\r\nn NOOP\r\no LOGOUT\r\n'.encode())
        for tag in "lsfno":
            reply = wire.reply(tag)
            self.assertEqual(reply.status, "OK", reply.text)
            if tag == "f":
                self.assertEqual(len([line for line in reply.untagged if b" FETCH (" in line]), 2)

    # ---- behind it

    def test_idle_shows_what_another_session_does(self) -> None:
        self.inbox_with(1, "bob")
        idler, other = self.session("bob"), self.direct("bob")
        idler.expect_ok("SELECT INBOX")
        other.expect_ok("SELECT INBOX")
        idler.send("i IDLE")
        self.assertTrue(idler.line().startswith(b"+"))
        for act, news in ((lambda: append(other, b"Subject: news\r\n\r\nx\r\n"), rb"\* 2 EXISTS\r\n"),
                          (lambda: other.expect_ok("STORE 1 +FLAGS (\\Flagged \\Deleted)"), rb"\* 1 FETCH \(.*\\Flagged"),
                          (lambda: other.expect_ok("EXPUNGE"), rb"\* 1 EXPUNGE\r\n")):
            act()
            seen = idler.line()
            while not re.match(news, seen):
                self.assertNotEqual(seen, b"", news)
                seen = idler.line()
        idler.send("DONE")
        self.assertEqual(idler.reply("i").status, "OK")

    def test_commands_in_one_packet_with_done(self) -> None:
        self.inbox_with(1, "bob")
        wire = self.session("bob")
        wire.expect_ok("SELECT INBOX")
        for _ in range(3):
            wire.send("i IDLE")
            self.assertTrue(wire.line().startswith(b"+"))
            wire.send(b"DONE\r\nu UID FETCH 1:* (FLAGS)\r\ns STATUS INBOX (MESSAGES)\r\nj IDLE\r\n")
            # Up to the invitation of the second IDLE. Dovecot completes STATUS ahead of FETCH, directly too.
            lines = [wire.line()]
            while not lines[-1].startswith(b"+"):
                self.assertNotEqual(lines[-1], b"")
                lines.append(wire.line())
            self.assertEqual(sorted(line[:5] for line in lines if line[:1] in b"ius"), [b"i OK ", b"s OK ", b"u OK "])
            self.assertEqual(len([line for line in lines if b" FETCH (" in line]), 1)
            wire.send(b"DONE\r\nn NOOP\r\n")
            self.assertEqual(wire.reply("j").status, "OK")
            self.assertEqual(wire.reply("n").status, "OK")

    def test_append_without_waiting_whatever_the_server_offers(self) -> None:
        self.inbox_with(0, "bob")
        wire = self.session("bob")
        append(wire, MESSAGE, kind="+")
        # Refused, so swallowed: what the literal holds is no command.
        wire.send(b"x APPEND no/such.mailbox {19+}\r\ny DELETE INBOX.of\r\n\r\nz NOOP\r\n")
        self.assertEqual(wire.reply("x").status, "NO")
        self.assertEqual(wire.reply("z").status, "OK")
        self.assertIn(b"MESSAGES 1", wire.expect_ok("STATUS INBOX (MESSAGES)").untagged[0])


class BeforeDovecot(Upstream):
    hidden = UNMEDIATED | {"LOGIN-REFERRALS", "SASL-IR"}  # SASL-IR is of no use behind login
    if is_2_4():
        hidden = hidden - {"URLAUTH", "URLAUTH=BINARY"}  # Debian's 2.4 lists neither, whatever is configured

    @classmethod
    def make_server(cls, cert: pathlib.Path, key: pathlib.Path) -> PrivateDovecot:
        extra = ForVersion(
            "mail_attribute_dict = file:%h/attributes\nimap_urlauth_host = *\n"
            "protocol imap {\n  mail_plugins = zlib imap_zlib\n}\n",
            "mail_attribute {\n  dict file {\n    path = %{home}/attributes\n  }\n}\nimap_urlauth_host = *\n")
        return PrivateDovecot(cls.folder / "dovecot", PASSWORDS, cert=cert, key=key, extra=extra)


class BeforeCyrus(Upstream):
    # SCAN and X-SIEVE-MAILBOX are in no row: nobody has said what their commands do. LOGINDISABLED is told of a
    # login in clear text, which the client's was not.
    hidden = UNMEDIATED | {"MAILBOX-REFERRALS", "LOGINDISABLED", "SCAN", "X-REPLICATION", "X-SIEVE-MAILBOX", "XMOVE"}
    added = {"APPENDLIMIT=67108864"}  # limits.literal

    @classmethod
    def make_server(cls, cert: pathlib.Path, key: pathlib.Path) -> PrivateCyrus:
        return PrivateCyrus(cls.folder / "cyrus", PASSWORDS, cert=cert, key=key)

    def hidden_words(self) -> set[str]:
        with Wire(self.server.imap_port) as wire:
            if b"Cyrus IMAP 3.6." in wire.line():
                return self.hidden | {"APPENDLIMIT=4294967295"}
        return self.hidden | {"APPENDLIMIT=2147483647", "X-REPLICATION-ARCHIVE"}

    def test_channel_bound_mechanisms_are_hidden(self) -> None:
        with Wire(self.server.imaps_port, host=self.server.imaps_address, tls=trusting()) as wire:
            self.assertIn(b"AUTH=SCRAM-SHA-256-PLUS", wire.line())
        offered = capabilities(self.reached("by-tls"))
        self.assertFalse({name for name in offered if name.endswith("-PLUS")})


class BeforeCourier(Upstream):
    added = {"ID", "LITERAL+"}

    @classmethod
    def make_server(cls, cert: pathlib.Path, key: pathlib.Path) -> PrivateCourier:
        return PrivateCourier(cls.folder / "courier", PASSWORDS, cert=cert, key=key)

    def test_it_lists_starttls_inside_tls(self) -> None:
        """What test_starttls_is_neither_listed_nor_taken_inside_tls is for."""
        with Wire(self.server.imaps_port, tls=trusting()) as wire:
            self.assertIn(b" STARTTLS ", wire.line())


class LargeMailbox(GatewayTest):
    """Ten thousand messages, as clients have them."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls)
        cls.pair = self_signed(cls.folder / "tls", NAME)
        cls.dovecot = start_dovecot(cls)
        fresh = cls.folder / "dovecot" / "mail" / "alice" / "new"
        fresh.mkdir(parents=True)
        for number in range(MANY - 1):
            (fresh / f"{1600000000 + number}.{number}.sandbox").write_bytes(b"Subject: %d\n\nx\n" % number)
        cls.dovecot.deliver("alice", b"Subject: last\n\nx\n")  # and gives all to the server's user
        cls.gateway = start_gateway(cls, configuration(cls.dovecot.imap_port, cls.pair, log={"level": "info"}))

    def both(self) -> list[Wire]:
        direct = Wire(self.dovecot.imap_port)
        self.addCleanup(direct.close)
        direct.line()
        direct.log_in("alice", ALICE)
        wires = [direct, self.session()]
        for wire in wires:
            wire.expect_ok("SELECT INBOX")
        return wires

    def assert_same(self, text: str) -> list[bytes]:
        told = [wire.expect_ok(text).untagged for wire in self.both()]
        self.assertEqual(told[0], told[1])
        return told[1]

    def test_the_flags_of_all(self) -> None:
        # The first session to look takes away \\Recent.
        self.both()
        self.assertEqual(len(self.assert_same("FETCH 1:* (FLAGS)")), MANY)

    def test_a_search_for_all(self) -> None:
        self.assertEqual(len(self.assert_same("UID SEARCH ALL")[0].split()), 2 + MANY)

    def test_a_set_of_60_kb(self) -> None:
        numbers = [str(number) for number in range(1, MANY + 1)]
        text = ",".join(numbers + numbers)[:60_000].rpartition(",")[0]
        self.assertEqual(len(self.assert_same(f"UID FETCH {text} (UID)")), MANY)
        self.assert_same(f"UID STORE {text} -FLAGS.SILENT (\\Answered)")


def append(wire: Wire, message: bytes, *, kind: str = "") -> None:
    wire.send(f"app APPEND INBOX {{{len(message)}{kind}}}")
    if not kind:
        invitation = wire.line()
        while invitation.startswith(b"*"):
            invitation = wire.line()
        if not invitation.startswith(b"+"):
            raise AssertionError(f"APPEND was answered {invitation!r}")
    wire.send(message + b"\r\n")
    reply = wire.reply("app")
    if reply.status != "OK":
        raise AssertionError(f"APPEND was answered {reply.text}")


del Upstream  # its tests are those of each server

if __name__ == "__main__":
    main()

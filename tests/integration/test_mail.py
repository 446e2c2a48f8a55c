"""Working with mail through the gateway: what goes in comes out, octet for octet."""

from __future__ import annotations

import hashlib
import imaplib
import os
import re

from support import PASSWORDS, GatewayTest, Wire, main

MIB = 1 << 20
BIG_OCTETS = 50 * MIB

ODD_MESSAGE = (b"From: a@mail.example\r\nSubject: odd octets\r\n\r\n"
               b"8 bit: \xe4\xf6\xfc\xff, controls: \x01\x1b\x7f, lone CR: a\rb\r\n"  # a lone LF would be mended by Dovecot's maildir
               b"a1 LOGIN x y\r\n* BYE not a response\r\n+ no continuation\r\nliteral-like {7}\r\n"
               + b"x" * 70000 + b"\r\nno final newline")


def big_message() -> bytes:
    """Random octets as text lines: nothing in the way may guess what comes next."""
    block = os.urandom(24).hex().encode()
    head = b"Subject: big\r\n\r\n"
    line = block + b"\r\n"
    return head + line * ((BIG_OCTETS - len(head)) // len(line) + 1)


class Mail(GatewayTest):
    def client(self, listener: str) -> imaplib.IMAP4:
        client = self.imaplib_client(listener)
        client.login("alice", PASSWORDS["alice"])
        return client

    def fresh_mailbox(self, client: imaplib.IMAP4, count: int) -> str:
        """A mailbox of its own for the test, selected, with so many messages."""
        name = self._testMethodName + client.host.replace(".", "") + str(client.port)
        self.assertEqual(client.create(name)[0], "OK")
        for number in range(1, count + 1):
            message = f"Subject: number {number}\r\n\r\ntext {number}\r\n".encode()
            self.assertEqual(client.append(name, None, None, message)[0], "OK")
        self.assertEqual(client.select(name), ("OK", [str(count).encode()]))
        return name

    def over_both(self) -> list[imaplib.IMAP4]:
        return [self.client(listener) for listener in ("imaps", "imap")]

    def test_append_and_fetch_give_back_every_octet(self) -> None:
        for client in self.over_both():
            with self.subTest(port=client.port):
                self.fresh_mailbox(client, 0)
                # imaplib would mend line ends: the odd message goes by the raw client below.
                message = b"Subject: plain\r\n\r\n" + b"line of text\r\n" * 1000
                self.assertEqual(client.append(self.mailbox_of(client), "(\\Flagged)", None, message)[0], "OK")
                client.noop()
                _, data = client.fetch("1", "(FLAGS RFC822.SIZE BODY.PEEK[])")
                self.assertEqual(data[0][1], message)
                self.assertIn(f"RFC822.SIZE {len(message)}".encode(), data[0][0])
                self.assertIn(b"\\Flagged", data[0][0])

    def mailbox_of(self, client: imaplib.IMAP4) -> str:
        return self._testMethodName + client.host.replace(".", "") + str(client.port)

    def test_odd_octets_pass_untouched_by_both_kinds_of_literals(self) -> None:
        wire = self.session()
        wire.expect_ok("CREATE odd")
        for kind in ("", "+"):
            append(wire, "odd", ODD_MESSAGE, kind=kind)
        wire.expect_ok("SELECT odd")
        expected = hashlib.sha256(ODD_MESSAGE).hexdigest()
        for number in (1, 2):
            self.assertEqual(hashlib.sha256(fetch_body(wire, number)).hexdigest(), expected)

    def test_store_and_expunge(self) -> None:
        for client in self.over_both():
            with self.subTest(port=client.port):
                self.fresh_mailbox(client, 4)
                _, data = client.store("2:3", "+FLAGS", "(\\Deleted)")
                self.assertEqual(len(data), 2)
                self.assertIn(b"\\Deleted", data[0])
                self.assertEqual(client.expunge(), ("OK", [b"3", b"2"]))
                self.assertEqual(client.search(None, "ALL"), ("OK", [b"1 2"]))
                self.assertEqual(client.search(None, "SUBJECT", '"number 4"'), ("OK", [b"2"]))

    def test_search_with_a_literal(self) -> None:
        wire = self.session()
        wire.expect_ok("CREATE searched")
        append(wire, "searched", b"Subject: needle\r\n\r\nx\r\n")
        wire.expect_ok("SELECT searched")
        for kind in ("+", ""):
            wire.send(f"s SEARCH CHARSET UTF-8 SUBJECT {{6{kind}}}")
            if not kind:
                self.assertTrue(wire.line().startswith(b"+"))
            wire.send("needle")
            self.assertEqual(wire.reply("s").untagged, [b"* SEARCH 1\r\n"])

    def test_copy_list_status_and_delete(self) -> None:
        for client in self.over_both():
            with self.subTest(port=client.port):
                source = self.fresh_mailbox(client, 2)
                target = source + "copy"
                client.create(target)
                status, data = client.copy("1:2", target)
                self.assertEqual(status, "OK")
                self.assertIn(b"COPYUID", data[0])
                self.assertIn(b"MESSAGES 2", client.status(target, "(MESSAGES)")[1][0])
                listed = b" ".join(client.list()[1])
                self.assertIn(target.encode(), listed)
                self.assertEqual(client.delete(target)[0], "OK")
                self.assertNotIn(target.encode(), b" ".join(client.list()[1]))

    def test_uid_commands_and_namespace(self) -> None:
        client = self.client("imaps")
        self.fresh_mailbox(client, 3)
        _, data = client.uid("FETCH", "1:*", "(FLAGS)")
        self.assertEqual(len(data), 3)
        self.assertEqual(client.namespace()[0], "OK")
        self.assertEqual(client.uid("EXPUNGE", "1:*")[0], "OK")

    def test_pipelined_commands_are_answered_each_once(self) -> None:
        wire = self.session()
        wire.expect_ok("CREATE piped")
        for number in range(8):
            append(wire, "piped", b"Subject: %d\r\n\r\nx\r\n" % number)
        wire.expect_ok("SELECT piped")
        tags = [f"p{number}" for number in range(32)]
        wire.send("".join(f"{tag} UID STORE 1:8 FLAGS.SILENT (\\Seen)\r\n" for tag in tags).encode())
        for tag in tags:
            self.assertEqual(wire.reply(tag).status, "OK")

    def test_idle_brings_news_and_ends_by_done(self) -> None:
        idler, writer = self.session(), self.session()
        writer.expect_ok("CREATE idled")
        idler.expect_ok("SELECT idled")
        idler.send("i IDLE")
        self.assertTrue(idler.line().startswith(b"+"))
        append(writer, "idled", b"Subject: news\r\n\r\nx\r\n")
        seen = b""
        while b"1 EXISTS" not in seen:
            seen = idler.line()
            self.assertNotEqual(seen, b"")
        # What stands behind DONE in the same packet is the next command.
        idler.send(b"DONE\r\nn NOOP\r\n")
        self.assertEqual(idler.reply("i").status, "OK")
        self.assertEqual(idler.reply("n").status, "OK")

    def test_octets_by_side_are_counted(self) -> None:
        before = self.gateway.metric("postern_received_bytes_total", side="client")
        wire = self.session()
        append(wire, "INBOX", b"x" * 100000)
        wire.expect_ok("NOOP")
        self.assertGreater(self.gateway.metric("postern_received_bytes_total", side="client"), before + 100000)


class BigMail(GatewayTest):
    settings = {"log": {"level": "info"}}

    def test_50_mb_both_ways_over_both_listeners(self) -> None:
        message = big_message()
        expected = hashlib.sha256(message).hexdigest()
        for listener, kind in (("imaps", ""), ("imap", "+")):
            with self.subTest(listener):
                wire = self.wire() if listener == "imaps" else self.starttls_wire()
                wire.log_in("alice", PASSWORDS["alice"])
                wire.expect_ok(f"CREATE big-{listener}")
                append(wire, f"big-{listener}", message, kind=kind)
                wire.expect_ok(f"SELECT big-{listener}")
                self.assertEqual(hashlib.sha256(fetch_body(wire, 1)).hexdigest(), expected)
                wire.expect_ok("LOGOUT")

    def test_a_literal_over_the_limit_is_refused_and_the_session_goes_on(self) -> None:
        wire = self.session()
        self.assert_text(wire.command(f"APPEND INBOX {{{65 * MIB}}}").text, "NO [TOOBIG]")
        wire.expect_ok("NOOP")


def append(wire: Wire, mailbox: str, message: bytes, *, kind: str = "") -> None:
    wire.send(f"app APPEND {mailbox} {{{len(message)}{kind}}}")
    if not kind:
        invitation = wire.line()
        if not invitation.startswith(b"+"):
            raise AssertionError(f"APPEND was answered {invitation!r}")
    wire.send(message)
    wire.send(b"\r\n")
    reply = wire.reply("app")
    if reply.status != "OK":
        raise AssertionError(f"APPEND was answered {reply.text}")


def fetch_body(wire: Wire, number: int) -> bytes:
    wire.send(f"get FETCH {number} BODY.PEEK[]")
    head = wire.line()
    found = re.search(rb"\{(\d+)\}\r\n$", head)
    if not found:
        raise AssertionError(f"FETCH was answered {head!r}")
    body = wire.exactly(int(found[1]))
    wire.line()
    wire.reply("get")
    return body


if __name__ == "__main__":
    main()

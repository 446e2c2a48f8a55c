"""An upstream, or somebody on the way to it, that breaks the protocol: the client gets a quick and honest answer,
no password goes where it must not, and nothing is invented."""

from __future__ import annotations

import socket
import struct
from typing import Any

from fake_upstream import Conversation, FakeUpstream, Script
from support import (NAME, PASSWORDS, GatewayTest, PrivatePostern, Wire, configuration, main, measure_own_memory,
                     new_folder, poll, self_signed, start_gateway, trusting)

SECRET = PASSWORDS["alice"].encode()
MIB = 1 << 20
CAPABILITIES = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR LITERAL+ IDLE UIDPLUS\r\n"
GREETING = b"* OK ready\r\n"
GOOD = {b"CAPABILITY": CAPABILITIES + b"TAG OK done\r\n", b"NOOP": b"TAG OK done\r\n",
        b"LOGIN": b"TAG OK [CAPABILITY IMAP4rev1 IDLE UIDPLUS] in\r\n",
        b"AUTHENTICATE": b"TAG OK [CAPABILITY IMAP4rev1 IDLE UIDPLUS] in\r\n",
        b"SELECT": b"* 1 EXISTS\r\nTAG OK [READ-WRITE] done\r\n",
        b"LOGOUT": b"* BYE\r\nTAG OK done\r\n"}


def says(octets: bytes) -> Script:
    """Says the octets at once, then listens."""
    def script(conversation: Conversation) -> None:
        conversation.say(octets)
        conversation.listen()
    return script


def good_until(verb: bytes, octets: bytes, *, hang_up: bool = False, greeting: bytes = GREETING) -> Script:
    """A good server up to a verb, which it answers with the octets."""
    def script(conversation: Conversation) -> None:
        conversation.say(greeting)
        line = conversation.answer({key: value for key, value in GOOD.items() if key != verb})
        if line:
            conversation.say(octets.replace(b"TAG", line.split(b" ")[0]))
        if not hang_up:
            conversation.listen()
    return script


def reset(conversation: Conversation) -> None:
    conversation.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class BadUpstream(GatewayTest):
    upstream_tls = "off"

    @classmethod
    def setUpClass(cls) -> None:
        measure_own_memory()
        cls.folder = new_folder(cls)
        cls.pair = self_signed(cls.folder / "tls", NAME)
        cls.fake = FakeUpstream()
        cls.addClassCleanup(cls.fake.close)
        cls.gateway = cls.make_gateway(tls=cls.upstream_tls)

    @classmethod
    def make_gateway(cls, **upstream: Any) -> PrivatePostern:
        tree = configuration(0, cls.pair, upstreams=[{
            "name": "mail", "servers": [f"127.0.0.1:{cls.fake.port}"], "verify": "none",
            # The first probe alone: what a test hears is the gateway's login.
            "health": {"interval": "1h", "timeout": "5s"}} | upstream],
            limits={"timeouts": {"upstream_login": "2s", "upstream_connect": "2s"}})
        return start_gateway(cls, tree)

    def setUp(self) -> None:
        self.assertTrue(self.gateway.is_running)

    def log_in(self, script: Script) -> str:
        self.fake.play(script)
        with Wire(self.gateway.ports["imaps"], tls=trusting()) as wire:
            wire.line()
            return wire.command(f"LOGIN alice {SECRET.decode()}").text

    def assert_unavailable(self, script: Script) -> None:
        reply = self.log_in(script)
        self.assertTrue(reply.startswith("NO [UNAVAILABLE]"), reply)
        poll(lambda: self.fake.has_ended, "the connection to the upstream to be over")
        self.assertNotIn(SECRET, self.fake.heard())


class BeforeLogin(BadUpstream):
    def test_greetings_that_are_none(self) -> None:
        for name, script in (("bye", says(b"* BYE overloaded\r\n")), ("preauth", says(b"* PREAUTH welcome\r\n")),
                             ("smtp", says(b"220 mail.example ESMTP\r\n")), ("http", says(b"HTTP/1.1 400 Bad\r\n\r\n")),
                             ("binary", says(bytes(range(256)) + b"\r\n")), ("hang up", lambda conversation: None),
                             ("reset", reset), ("a tagged line", says(b"a OK hello\r\n"))):
            with self.subTest(name):
                self.assert_unavailable(script)

    def test_a_greeting_without_an_end_is_cut_by_time_and_costs_no_memory(self) -> None:
        def endless(conversation: Conversation) -> None:
            conversation.say(b"* OK ")
            while True:
                conversation.say(b"x" * 65536)

        before = self.gateway.resident_kib()
        self.assert_unavailable(endless)
        self.assertLess(self.gateway.resident_kib() - before, 32 * 1024)

    def test_silence_is_cut_by_time(self) -> None:
        self.assert_unavailable(says(b""))

    def test_a_verdict_is_taken_for_its_own_tag_alone(self) -> None:
        for answer in (b"zz OK in\r\n", b"* OK in\r\n", b"+ OK in\r\n", b"TAG\r\n", b""):
            with self.subTest(answer):
                self.fake.play(good_until(b"LOGIN", answer, hang_up=True))
                with Wire(self.gateway.ports["imaps"], tls=trusting()) as wire:
                    wire.line()
                    wire.send(f"a LOGIN alice {SECRET.decode()}")
                    # Quick, and never an OK; the session is the client's own and goes on.
                    self.assertRegex(wire.line(), rb"^a NO \[UNAVAILABLE\]")
                    self.assertEqual(wire.command("NOOP").status, "OK")

    def test_text_of_the_upstream_names_no_host_to_the_client(self) -> None:
        reply = self.log_in(says(b"* BYE [UNAVAILABLE] imap-backend-17.internal is down\r\n"))
        self.assertNotIn("backend-17", reply)

    def test_a_good_one_is_let_in(self) -> None:
        self.assertTrue(self.log_in(good_until(b"NONE", b"")).startswith("OK"))


class Starttls(BadUpstream):
    """A man in the middle of the clear part of the upstream's leg."""

    upstream_tls = "starttls"
    WITH = CAPABILITIES.replace(b"IMAP4rev1", b"IMAP4rev1 STARTTLS")

    def good_until_starttls(self, answer: bytes, *, capabilities: bytes = WITH) -> Script:
        def script(conversation: Conversation) -> None:
            conversation.say(GREETING)
            line = conversation.answer({b"CAPABILITY": capabilities + b"TAG OK done\r\n"})
            if line:
                conversation.say(answer.replace(b"TAG", line.split(b" ")[0]))
            conversation.listen()
        return script

    def test_a_stripped_starttls_gets_no_password(self) -> None:
        self.assert_unavailable(self.good_until_starttls(b"TAG BAD unknown\r\n", capabilities=CAPABILITIES))

    def test_a_refused_starttls_gets_no_password(self) -> None:
        for answer in (b"TAG NO later\r\n", b"TAG BAD unknown\r\n", b"* BYE\r\n"):
            with self.subTest(answer):
                self.assert_unavailable(self.good_until_starttls(answer))

    def test_octets_behind_the_ok_are_never_taken_for_tls_or_imap(self) -> None:
        injected = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nL OK in\r\n"
        self.assert_unavailable(self.good_until_starttls(b"TAG OK begin\r\n" + injected))

    def test_preauth_before_tls_is_an_attack(self) -> None:
        self.assert_unavailable(says(b"* PREAUTH welcome\r\n"))

    def test_rubbish_instead_of_a_handshake(self) -> None:
        self.assert_unavailable(self.good_until_starttls(b"TAG OK begin\r\n" + b"\x15\x03\x01\x00\x02\x02\x28"))


class AfterLogin(BadUpstream):
    def logged_in(self, script: Script) -> Wire:
        self.fake.play(script)
        wire = Wire(self.gateway.ports["imaps"], tls=trusting())
        self.addCleanup(wire.close)
        wire.line()
        wire.log_in("alice", SECRET.decode())
        return wire

    def test_continuations_that_nobody_asked_for_are_not_passed_on(self) -> None:
        wire = self.logged_in(good_until(b"CHECK", b"+ go on\r\n" * 3000 + b"TAG OK done\r\n"))
        reply = wire.command("CHECK")
        self.assertEqual(reply.status, "OK")
        self.assertEqual(reply.untagged, [])

    def test_an_end_inside_of_a_literal_is_no_completion(self) -> None:
        wire = self.logged_in(good_until(b"FETCH", b"* 1 FETCH (BODY[] {1000}\r\n" + b"x" * 500, hang_up=True))
        wire.send("f FETCH 1 BODY[]")
        got = wire.rest()
        self.assertNotIn(b"f OK", got)
        self.assertNotIn(b"BYE", got)  # it would be read as the message's

    def test_tagged_lines_inside_of_a_literal_are_data(self) -> None:
        inside = b"f OK not yet\r\n* BYE no\r\n+ no\r\n"
        wire = self.logged_in(good_until(
            b"FETCH", b"* 1 FETCH (BODY[] {%d}\r\n" % len(inside) + inside + b")\r\nTAG OK done\r\n"))
        reply = wire.command("FETCH 1 BODY[]")
        self.assertIn(inside, reply.untagged[0])
        self.assertEqual(reply.text, "OK done")

    def test_a_flood_of_one_line_streams_without_memory(self) -> None:
        line = b"* 1 FETCH (X \"" + b"y" * (32 * MIB) + b"\")\r\nTAG OK done\r\n"
        wire = self.logged_in(good_until(b"FETCH", line))
        before = self.gateway.resident_kib()
        wire.send("f FETCH 1 X")
        self.assertIn(b"f OK done\r\n", wire.exactly(len(line) - 2)[-64:])
        self.assertLess(self.gateway.resident_kib() - before, 24 * 1024)

    def test_a_bye_reaches_the_client_once(self) -> None:
        wire = self.logged_in(good_until(b"CHECK", b"* BYE shutting down\r\n", hang_up=True))
        wire.send("c CHECK")
        self.assertEqual(wire.rest().count(b"* BYE"), 1)

    def test_one_that_loses_step_is_cut_at_once_and_quoted(self) -> None:
        begun = b"* 1 FETCH (BODY[] {3}\r\n"
        for name, answer, bye, quoted in (
                ("rubbish", b"SSH-2.0-OpenSSH_9\r\n", True, "SSH-2.0-OpenSSH"),
                ("another's answer", b"zz7 OK [READ-WRITE] done\r\n", True, "zz7 OK [READ-WR"),
                ("two answers", b"TAG OK done\r\nTAG OK done\r\n", True, " OK done"),
                ("a literal too long", begun + b"hello)\r\nTAG OK done\r\n", False, "lo)"),
                ("a literal too short", b"* 1 FETCH (BODY[] {9}\r\nhello)\r\nTAG OK done\r\n", False, " OK done")):
            with self.subTest(name):
                wire = self.logged_in(good_until(b"FETCH", answer))
                wire.send("fe FETCH 1 BODY[]")
                got = wire.rest()
                self.assertEqual(b"* BYE " in got, bye, got)
                self.assertEqual(got.count(b"fe OK"), 1 if name == "two answers" else 0)
                self.assertIn(quoted, self.gateway.wait_for("session closed", of=wire.client).fields["fault"])
                self.assertTrue(self.gateway.is_running)

    def test_what_it_said_is_escaped_once(self) -> None:
        wire = self.logged_in(good_until(b"FETCH", b"C:\\mail\x01\xff\r\n"))
        wire.send("fe FETCH 1 BODY[]")
        wire.rest()
        line = self.gateway.wait_for("session closed", of=wire.client)
        self.assertIn(r'got C:\\mail\u0001\u00ff\r', line.text)  # as JSON has it

    def test_one_that_loses_step_is_no_other_sessions_business(self) -> None:
        good = self.logged_in(good_until(b"LOGOUT", b"* BYE\r\nTAG OK done\r\n"))
        bad = self.logged_in(good_until(b"FETCH", b"zz7 OK done\r\n"))
        bad.send("f FETCH 1 BODY[]")
        self.assertIn(b"* BYE ", bad.rest())
        self.assertEqual(good.command("NOOP").text, "OK done")
        self.assertEqual(good.command("SELECT INBOX").status, "OK")

    def test_starttls_and_compress_in_later_capabilities_are_hidden(self) -> None:
        listed = b"* CAPABILITY IMAP4rev1 STARTTLS COMPRESS=DEFLATE LOGINDISABLED IDLE XYZZY\r\nTAG OK done\r\n"
        # It greets with its capabilities, so that the client's question is the first one.
        wire = self.logged_in(good_until(b"CAPABILITY", listed, greeting=b"* OK [CAPABILITY IMAP4rev1] ready\r\n"))
        words = wire.expect_ok("CAPABILITY").untagged[0].split()
        for hidden in (b"STARTTLS", b"COMPRESS=DEFLATE", b"LOGINDISABLED", b"XYZZY"):
            self.assertNotIn(hidden, words)
        self.assertIn(b"IDLE", words)


if __name__ == "__main__":
    main()

"""Who is slow without being late is served: by the clock on the wall, in front of a real Dovecot and of an
upstream that answers when it is told to.

No test waits for a time by itself. That a clock would have struck is known because it has: for another session,
begun later.
"""

from __future__ import annotations

import concurrent.futures
import re
import threading
from typing import Any

from fake_upstream import Conversation, FakeUpstream
from support import (NAME, PASSWORDS, GatewayTest, PrivatePostern, Wire, configuration, main, new_folder, self_signed,
                     start_gateway, trusting)

UPLOADS = 10
SILENCE_SECONDS = 8
RATE_KIB = 32
# Longer on its way than the upstream may be silent, by the gateway's own pace.
MESSAGE_OCTETS = RATE_KIB * 1024 * (SILENCE_SECONDS + 4) + 64 * 1024
BIG_OCTETS = 24_000_000  # more than the kernels hold between two programs


class Uploads(GatewayTest):
    """Case 01: an upload that lasts longer than upstream_silence was cut when it was complete, and stored twice."""

    settings = {"limits": {"bandwidth_per_session": f"{RATE_KIB}KiB",
                           "timeouts": {"upstream_silence": f"{SILENCE_SECONDS}s"}}}

    def upload(self, user: str, subject: str) -> str:
        head = f"Subject: {subject}\r\n\r\n".encode()
        line = b"x" * 70 + b"\r\n"
        message = head + line * ((MESSAGE_OCTETS - len(head)) // len(line) + 1)
        with self.session(user) as wire:
            return wire.command(f"APPEND INBOX {{{len(message)}+}}\r\n".encode() + message + b"\r\n").text

    def test_each_slow_upload_is_answered_and_stored_once(self) -> None:
        sent = [(list(PASSWORDS)[number % len(PASSWORDS)], f"upload {number:02}") for number in range(UPLOADS)]
        with concurrent.futures.ThreadPoolExecutor(UPLOADS) as pool:
            answers = list(pool.map(lambda one: self.upload(*one), sent))
        for answer in answers:
            self.assert_text(answer, "OK")
        stored = []
        for user, password in PASSWORDS.items():
            with Wire(self.dovecot.imap_port) as direct:
                direct.line()
                direct.log_in(user, password)
                direct.expect_ok("EXAMINE INBOX")
                reply = direct.expect_ok("FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]")
                found = re.findall(r"upload \d\d", b"".join(reply.untagged).decode())
                stored += [(user, subject) for subject in found]
        self.assertEqual(sorted(stored), sorted(sent))


class Answers:
    """An upstream that logs everybody in and gives what is asked for; SEARCH waits for `go`, SLEEP has no answer."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def __call__(self, conversation: Conversation) -> None:
        conversation.say(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        while line := conversation.answer({b"LOGIN": b"TAG OK [CAPABILITY IMAP4rev1] in\r\n",
                                           b"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n",
                                           b"SELECT": b"* 1 EXISTS\r\nTAG OK [READ-WRITE] done\r\n",
                                           b"NOOP": b"TAG OK done\r\n"}):
            tag, verb = line.split(b" ")[:2]
            if verb == b"FETCH":
                conversation.say(b"* 1 FETCH (BODY[] {%d}\r\n" % BIG_OCTETS + b"x" * BIG_OCTETS + b")\r\n")
            elif verb == b"SEARCH":
                self.go.wait(80)
                conversation.say(b"* SEARCH 1\r\n")
            else:
                continue
            conversation.say(tag + b" OK done\r\n")


class SlowPeers(GatewayTest):
    gateways = 0

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls)
        cls.pair = self_signed(cls.folder / "tls", NAME)
        cls.fake = FakeUpstream()
        cls.addClassCleanup(cls.fake.close)

    def serve(self, **timeouts: str) -> PrivatePostern:
        type(self).gateways += 1
        tree: dict[str, Any] = configuration(self.fake.port, self.pair, limits={"timeouts": timeouts}, upstreams=[{
            "name": "mail", "servers": [f"127.0.0.1:{self.fake.port}"], "tls": "off",
            "health": {"interval": "1h", "timeout": "30s"}}])
        self.gateway = start_gateway(type(self), tree, name=f"postern-{self.gateways}")
        return self.gateway

    def selected(self, user: str, **options: Any) -> Wire:
        wire = self.session(user, **options)
        wire.expect_ok("SELECT INBOX")
        return wire

    def assert_ended_by(self, wire: Wire, reason: str, clock: str, turn: str) -> None:
        line = self.gateway.wait_for("session closed", of=wire.client)
        self.assertEqual((line.fields["reason"], line.fields["clock"], line.fields["turn"]), (reason, clock, turn),
                         line.text)

    def test_a_client_that_reads_late_gets_all_of_it(self) -> None:
        """Case 15: the upstream's time ran while it was the gateway that did not read."""
        answers = Answers()
        self.fake.play(answers)
        self.addCleanup(answers.go.set)
        self.serve(upstream_silence="6s")
        slow = self.selected("alice", receive_buffer=65536)
        slow.send("b1 FETCH 1 BODY[]")
        self.assertEqual(slow.line(), b"* 1 FETCH (BODY[] {%d}\r\n" % BIG_OCTETS)
        late = self.selected("bob")
        late.send("b1 SEARCH ALL")  # begun later, and not answered: its clock strikes
        self.assertIn(b"* BYE [UNAVAILABLE]", late.rest())
        self.assert_ended_by(late, "upstream_silent", "upstream_silence", "upstream")
        self.assertEqual(len(slow.exactly(BIG_OCTETS)), BIG_OCTETS)
        self.assertEqual(slow.reply("b1").status, "OK")

    def test_a_command_that_runs_for_longer_than_idle(self) -> None:
        """Case 02: the client was thrown out behind the answer."""
        answers = Answers()
        self.fake.play(answers)
        self.addCleanup(answers.go.set)
        self.serve(idle="6s")
        waits = self.selected("alice")
        waits.send("b1 SEARCH ALL")
        idle = self.selected("bob")
        self.assertIn(b"* BYE Autologout", idle.rest())
        self.assert_ended_by(idle, "idle_timeout", "idle", "client")
        answers.go.set()
        self.assertEqual(waits.reply("b1").status, "OK")
        waits.expect_ok("NOOP")

    def test_a_client_that_reads_nothing_is_bounded_by_stalled(self) -> None:
        self.fake.play(Answers())
        self.serve(stalled="500ms")
        stalled = self.selected("alice", receive_buffer=65536)
        stalled.send("b1 FETCH 1 BODY[]")
        self.assert_ended_by(stalled, "client_stalled", "stalled", "client")

    def test_an_upstream_that_accepts_and_says_nothing(self) -> None:
        self.fake.play(lambda conversation: conversation.listen())
        self.serve(upstream_connect="500ms", upstream_login="10m")
        wire = self.wire()
        reply = wire.command(f"LOGIN alice {PASSWORDS['alice']}")
        self.assert_text(reply.text, "NO [UNAVAILABLE]")
        line = self.gateway.wait_for("upstream failed", of=wire.client, clock="upstream_connect")
        self.assertEqual(line.fields["reason"], "timeout", line.text)


if __name__ == "__main__":
    main()

"""SIGTERM: everybody is told at a response boundary, and the process ends with status 0."""

from __future__ import annotations

import signal
import unittest

from support import (NAME, PASSWORDS, PrivateDovecot, PrivatePostern, Wire, configuration, main, new_folder,
                     self_signed, start_dovecot, start_gateway, trusting)


class Shutdown(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls)
        cls.pair = self_signed(cls.folder / "tls", NAME)
        cls.dovecot: PrivateDovecot = start_dovecot(cls)

    def setUp(self) -> None:
        self.gateway: PrivatePostern = start_gateway(
            type(self), configuration(self.dovecot.imap_port, self.pair), name=f"postern-{self._testMethodName}")

    def session(self, **options: int) -> Wire:
        wire = Wire(self.gateway.ports["imaps"], tls=trusting(), **options)
        self.addCleanup(wire.close)
        self.assertTrue(wire.line().startswith(b"* OK"))
        return wire

    def logged_in(self, **options: int) -> Wire:
        wire = self.session(**options)
        wire.log_in("alice", PASSWORDS["alice"])
        return wire

    def assert_bye(self, wire: Wire) -> None:
        self.assertRegex(wire.rest(), rb"(?m)^\* BYE [^\r\n]*\r\n\Z")

    def test_waiting_sessions_get_bye_and_the_status_is_0(self) -> None:
        greeted, ready, idle = self.session(), self.logged_in(), self.logged_in()
        idle.expect_ok("SELECT INBOX")
        idle.send("i IDLE")
        self.assertTrue(idle.line().startswith(b"+"))
        clear = Wire(self.gateway.ports["imap"])
        self.addCleanup(clear.close)
        self.assertTrue(clear.line().startswith(b"* OK"))
        self.gateway.signal(signal.SIGTERM)
        for wire in (greeted, ready, idle, clear):
            self.assert_bye(wire)
        self.assertEqual(self.gateway.wait(), 0)
        closed = [line.fields["reason"] for line in self.gateway.lines if line.event == "session closed"]
        self.assertEqual(closed, ["drain"] * 4)

    def test_a_response_that_streams_is_finished_first(self) -> None:
        message = b"Subject: long\r\n\r\n" + b"z" * (8 << 20)
        wire = self.logged_in(receive_buffer=4096)
        wire.send(f"a APPEND INBOX {{{len(message)}+}}".encode() + b"\r\n" + message + b"\r\n")
        self.assertEqual(wire.reply("a").status, "OK")
        wire.expect_ok("SELECT INBOX")
        wire.send("f FETCH 1 BODY.PEEK[]")
        self.assertIn(b"{%d}" % len(message), wire.line())
        self.gateway.signal(signal.SIGTERM)
        self.gateway.wait_for_own("draining")
        # No BYE inside of the literal: every octet of it is the message's.
        self.assertTrue(wire.exactly(len(message)) == message, "the message is not what was appended")
        self.assertRegex(wire.rest(), rb"(?m)^\* BYE ")
        self.assertEqual(self.gateway.wait(), 0)

    def test_nobody_new_is_let_in(self) -> None:
        ready = self.logged_in()
        self.gateway.signal(signal.SIGTERM)
        self.assert_bye(ready)
        self.assertEqual(self.gateway.wait(), 0)
        with self.assertRaises(OSError):
            Wire(self.gateway.ports["imaps"], tls=trusting())

    def test_sigint_ends_it_as_well(self) -> None:
        ready = self.logged_in()
        self.gateway.signal(signal.SIGINT)
        self.assert_bye(ready)
        self.assertEqual(self.gateway.wait(), 0)


class ShortDrain(unittest.TestCase):
    def test_a_client_that_does_not_read_cannot_hold_the_end_up(self) -> None:
        cls = type(self)
        cls.folder = new_folder(cls)
        pair = self_signed(cls.folder / "tls", NAME)
        dovecot = start_dovecot(cls)
        gateway = start_gateway(cls, configuration(
            dovecot.imap_port, pair, limits={"timeouts": {"drain": "500ms", "drain_delay": "0s"}}))
        with Wire(gateway.ports["imaps"], tls=trusting(), receive_buffer=4096) as wire:
            wire.line()
            wire.log_in("alice", PASSWORDS["alice"])
            message = b"Subject: long\r\n\r\n" + b"z" * (8 << 20)
            wire.send(f"a APPEND INBOX {{{len(message)}+}}".encode() + b"\r\n" + message + b"\r\n")
            self.assertEqual(wire.reply("a").status, "OK")
            wire.expect_ok("SELECT INBOX")
            wire.send("f FETCH 1 BODY.PEEK[]")
            wire.line()
            gateway.signal(signal.SIGTERM)
            self.assertEqual(gateway.wait(), 0)
            self.assertLess(len(wire.rest()), len(message))


if __name__ == "__main__":
    main()

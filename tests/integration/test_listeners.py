"""Listeners of every kind, certificates by name, and the limits that a connection meets before and after login."""

from __future__ import annotations

import os
import pathlib
import signal
import socket
import ssl
import unittest
from typing import Any

from support import (NAME, PASSWORDS, GatewayTest, Pair, PrivatePostern, Wire, configuration, main, new_folder, poll,
                     self_signed, start_dovecot, start_gateway, trusting)


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


class Listeners(GatewayTest):
    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls)
        cls.pair = self_signed(cls.folder / "tls", NAME)
        cls.dovecot = start_dovecot(cls)
        listeners = [{"name": "imaps", "address": "127.0.0.1:0", "tls": "implicit"},
                     {"name": "imap", "address": "127.0.0.1:0", "tls": "starttls"},
                     {"name": "clear", "address": "127.0.0.1:0", "tls": "off", "allow_cleartext": True}]
        if has_ipv6():
            listeners += [{"name": "six", "address": "[::1]:0", "tls": "implicit"},
                          {"name": "both", "address": "[::]:0", "tls": "implicit"}]
        cls.gateway = start_gateway(cls, configuration(cls.dovecot.imap_port, cls.pair, listeners=listeners))

    def test_clear_text_where_it_is_allowed(self) -> None:
        wire = self.wire("clear")
        listed = wire.expect_ok("CAPABILITY").untagged[0].split()
        self.assertIn(b"AUTH=PLAIN", listed)
        self.assertNotIn(b"STARTTLS", listed)
        self.assertNotIn(b"LOGINDISABLED", listed)
        wire.log_in("alice", PASSWORDS["alice"])
        wire.expect_ok("SELECT INBOX")
        wire.expect_ok("LOGOUT")

    @unittest.skipUnless(has_ipv6(), "there is no IPv6 here")
    def test_ipv6_and_both_families_on_one_socket(self) -> None:
        for listener, host in (("six", "::1"), ("both", "::1"), ("both", "127.0.0.1")):
            with self.subTest(listener=listener, host=host):
                wire = Wire(self.gateway.ports[listener], host=host, tls=trusting())
                self.addCleanup(wire.close)
                wire.line()
                wire.log_in("alice", PASSWORDS["alice"])
                wire.expect_ok("LOGOUT")
                # An IPv4 client is one, whatever socket it came through: limits and logs know it by one name.
                line = self.gateway.wait_for("session closed", of=wire.client, listener=listener)
                self.assertEqual(line.fields["client"], host)


class Names(GatewayTest):
    """Several certificates: the name that the client asks for decides."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls)
        cls.pairs = {name: self_signed(cls.folder / "tls", name) for name in ("first.example", "second.example")}
        cls.dovecot = start_dovecot(cls)
        cls.gateway = cls.gateway_with("postern")
        cls.strict = cls.gateway_with("strict", strict_sni=True)

    @classmethod
    def gateway_with(cls, name: str, **tls: Any) -> PrivatePostern:
        first = next(iter(cls.pairs.values()))
        certificates = [{"cert": str(pair.cert), "key": str(pair.key)} for pair in cls.pairs.values()]
        return start_gateway(cls, configuration(cls.dovecot.imap_port, first, tls={"certificates": certificates} | tls),
                             name=name)

    def served(self, gateway: PrivatePostern, name: str | None) -> str:
        with Wire(gateway.ports["imaps"], tls=trusting(), name=name) as wire:
            der = wire.socket.getpeercert(binary_form=True)
        return next(name for name, pair in self.pairs.items()
                    if ssl.PEM_cert_to_DER_cert(pair.cert.read_text()) == der)

    def test_each_name_has_its_own_and_the_first_serves_the_rest(self) -> None:
        for asked, expected in (("first.example", "first.example"), ("second.example", "second.example"),
                                ("SECOND.example", "second.example"), ("third.example", "first.example"),
                                (None, "first.example")):
            with self.subTest(asked):
                self.assertEqual(self.served(self.gateway, asked), expected)

    def test_strict_refuses_other_names(self) -> None:
        self.assertEqual(self.served(self.strict, "second.example"), "second.example")
        with self.assertRaises(ssl.SSLError):
            self.served(self.strict, "third.example")
        # The alert reaches the client before the gateway has counted it.
        poll(lambda: self.strict.metric("postern_tls_handshake_failures_total", side="client", reason="sni") == 1,
             "the refusal to be counted")


class BeforeLogin(GatewayTest):
    settings = {"limits": {"timeouts": {"handshake": "500ms", "login": "500ms"}}}

    def test_a_handshake_that_does_not_end_is_cut(self) -> None:
        with Wire(self.gateway.ports["imaps"]) as wire:
            wire.send(b"\x16\x03\x01\x02\x00")
            self.assertIn(wire.rest()[:1], (b"", b"\x15"))  # nothing, or an alert

    def test_a_client_that_does_not_log_in_gets_bye(self) -> None:
        with Wire(self.gateway.ports["imap"]) as wire:
            self.assertRegex(wire.rest(), rb"^\* OK [^\r\n]*\r\n\* BYE ")


class AfterLogin(GatewayTest):
    settings = {"limits": {"timeouts": {"idle": "500ms"}}}

    def test_a_client_that_says_nothing_gets_bye(self) -> None:
        wire = self.session("bob")
        self.assertRegex(wire.rest(), rb"(?m)^\* BYE ")
        closed = self.gateway.wait_for("session closed", of=wire.client, user="bob")
        self.assertEqual(closed.fields["reason"], "idle_timeout")


class TotalSessions(GatewayTest):
    settings = {"limits": {"sessions": {"total": 3}}}

    def test_one_more_waits_until_another_has_ended(self) -> None:
        wires = [self.session() for _ in range(3)]
        more = Wire(self.gateway.ports["imap"])
        self.addCleanup(more.close)
        # It is in the kernel's queue, unanswered; the sessions that are there go on.
        more.socket.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            more.line()
        for wire in wires:
            wire.expect_ok("NOOP")
        wires[0].expect_ok("LOGOUT")
        wires[0].close()
        more.socket.settimeout(60)
        self.assertTrue(more.line().startswith(b"* OK"))


class Process(unittest.TestCase):
    """What the process itself does: its log file, its user."""

    def setUp(self) -> None:
        cls = type(self)
        cls.folder = new_folder(cls)
        self.folder = cls.folder
        self.pair: Pair = self_signed(self.folder / "tls", NAME)

    def test_the_log_file_is_opened_again_on_sigusr1(self) -> None:
        # The ports are read from the file, as an operator would.
        log = self.folder / "postern.log"
        tree = configuration(1, self.pair, log={"file": str(log), "format": "text"})
        gateway = start_gateway(type(self), tree, listeners=())
        self.await_text(log, "ready")
        kept = log.with_suffix(".1")
        log.rename(kept)
        gateway.signal(signal.SIGUSR1)
        poll(log.exists, "the log file to be opened again")
        gateway.signal(signal.SIGHUP)  # the first of this process
        self.await_text(log, "reloaded")
        self.assertNotIn("reloaded", kept.read_text())

    def await_text(self, path: pathlib.Path, text: str) -> None:
        poll(lambda: path.exists() and text in path.read_text(), f"'{text}' in the log")

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_the_user_is_changed_after_binding(self) -> None:
        gateway = start_gateway(type(self), configuration(1, self.pair, user="nobody"), name="dropped")
        status = pathlib.Path(f"/proc/{gateway.pid}/status").read_text()
        for line in status.splitlines():
            if line.startswith(("Uid:", "Gid:")):
                self.assertEqual(set(line.split()[1:]), {"65534"}, line)
            if line.startswith("CapEff:"):
                self.assertEqual(int(line.split()[1], 16), 0, line)


if __name__ == "__main__":
    main()

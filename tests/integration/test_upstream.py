"""The upstream as it should not be: down, killed, with the wrong certificate. Nobody hangs, nothing is invented."""

from __future__ import annotations

import ssl
import unittest
from typing import Any

from support import (NAME, PASSWORDS, Client, GatewayTest, PrivateDovecot, PrivatePostern, Wire, authority,
                     configuration, main, new_folder, poll, self_signed, signed, start_dovecot, start_gateway,
                     trusting)

UPSTREAM_NAME = "legacy.example"
QUICK = {"interval": "200ms", "timeout": "5s", "rise": 1, "fall": 1}


class KilledUpstream(GatewayTest):
    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls)
        cls.pair = self_signed(cls.folder / "tls", NAME)
        cls.dovecot = start_dovecot(cls)
        upstream = {"name": "mail", "servers": [f"127.0.0.1:{cls.dovecot.imap_port}"], "tls": "off", "health": QUICK}
        cls.gateway = start_gateway(cls, configuration(cls.dovecot.imap_port, cls.pair, upstreams=[upstream]))

    def tearDown(self) -> None:
        """Each test finds the upstream alive and the gateway aware of it."""
        self.dovecot.kill()
        self.dovecot.start()
        self.wait_for_probe(True)

    def wait_for_probe(self, up: bool) -> None:
        poll(lambda: self.gateway.metric("postern_upstream_endpoint_up", upstream="mail") == up,
             f"the upstream to be seen as {'up' if up else 'down'}")

    def test_a_session_ends_at_once_and_a_new_login_is_unavailable(self) -> None:
        selected, idle = self.session(), self.session("bob")
        selected.expect_ok("SELECT INBOX")
        idle.expect_ok("SELECT INBOX")
        idle.send("i IDLE")
        self.assertTrue(idle.line().startswith(b"+"))
        fresh = self.wire()
        self.dovecot.kill()
        # BYE, or the plain end of the stream; never a tagged OK that the upstream did not say.
        self.assertNotIn(b"i OK", idle.rest())
        selected.rest()
        reply = fresh.command(f"LOGIN alice {PASSWORDS['alice']}")
        self.assert_text(reply.text, "NO [UNAVAILABLE]")
        self.assertNotIn("127.0.0.1", reply.text)

    def test_a_fetch_that_is_cut_gets_no_completion(self) -> None:
        wire = self.session(receive_buffer=4096)
        message = b"Subject: long\r\n\r\n" + b"y" * (8 << 20)
        wire.send(f"a APPEND INBOX {{{len(message)}}}")
        self.assertTrue(wire.line().startswith(b"+"))
        wire.send(message + b"\r\n")
        self.assertEqual(wire.reply("a").status, "OK")
        wire.expect_ok("SELECT INBOX")
        wire.send("f FETCH 1 BODY[]")
        self.assertIn(b"{", wire.line())
        self.dovecot.kill()
        got = wire.rest()
        self.assertLess(len(got), len(message))
        self.assertNotIn(b"f OK", got)

    def test_it_comes_back_and_logins_work_again(self) -> None:
        self.dovecot.kill()
        self.assert_text(self.wire().command(f"LOGIN alice {PASSWORDS['alice']}").text, "NO [UNAVAILABLE]")
        self.dovecot.start()
        self.wait_for_probe(True)
        self.assert_works()

    def test_an_outage_is_no_failed_login(self) -> None:
        before = self.gateway.metric("postern_auth_attempts_total", result="failure")
        self.dovecot.kill()
        self.wire().command(f"LOGIN alice {PASSWORDS['alice']}")
        self.assertEqual(self.gateway.metric("postern_auth_attempts_total", result="failure"), before)


class DownAtStart(unittest.TestCase):
    def test_the_gateway_starts_serves_and_recovers(self) -> None:
        cls = type(self)
        cls.folder = new_folder(cls)
        pair = self_signed(cls.folder / "tls", NAME)
        dovecot = PrivateDovecot(cls.folder / "dovecot", PASSWORDS)
        with dovecot:
            pass  # only so that the port is known, and nobody listens there now
        upstream = {"name": "mail", "servers": [f"127.0.0.1:{dovecot.imap_port}"], "tls": "off", "health": QUICK}
        gateway = start_gateway(cls, configuration(0, pair, upstreams=[upstream]))
        with Wire(gateway.ports["imaps"], tls=trusting()) as wire:
            self.assertTrue(wire.line().startswith(b"* OK"))
            reply = wire.command(f"LOGIN alice {PASSWORDS['alice']}")
            self.assertTrue(reply.text.startswith("NO [UNAVAILABLE]"), reply.text)
            with dovecot:
                # The same session may simply try again: it is dialled whatever the probe thinks.
                wire.log_in("alice", PASSWORDS["alice"])
                wire.expect_ok("LOGOUT")


class TlsUpstream(unittest.TestCase):
    """STARTTLS and implicit TLS towards the upstream, verified."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls)
        cls.pair = self_signed(cls.folder / "front", NAME)
        cls.authority = authority(cls.folder / "back")
        cls.other_authority = authority(cls.folder / "other")
        inner = signed(cls.folder / "back", UPSTREAM_NAME, cls.authority)
        cls.dovecot = start_dovecot(cls, cert=inner.cert, key=inner.key)

    def gateway_with(self, tls: str, **upstream: Any) -> PrivatePostern:
        port = self.dovecot.imap_port if tls == "starttls" else self.dovecot.imaps_port
        tree = configuration(0, self.pair, upstreams=[
            {"name": "mail", "servers": [f"127.0.0.1:{port}"], "tls": tls, "health": QUICK} | upstream])
        number = len(list(self.folder.glob("postern-*")))
        return start_gateway(type(self), tree, name=f"postern-{number}")

    def log_in(self, gateway: PrivatePostern) -> tuple[str, Client]:
        """The answer, and who got it."""
        with Wire(gateway.ports["imaps"], tls=trusting()) as wire:
            wire.line()
            return wire.command(f"LOGIN alice {PASSWORDS['alice']}").text, wire.client

    def test_the_right_certificate_is_accepted(self) -> None:
        for tls in ("starttls", "implicit"):
            with self.subTest(tls):
                gateway = self.gateway_with(tls, ca=str(self.authority.cert), server_name=UPSTREAM_NAME)
                self.assertTrue(self.log_in(gateway)[0].startswith("OK"))
                self.assertGreaterEqual(gateway.metric("postern_tls_handshakes_total", side="upstream"), 1)

    def test_the_name_may_be_left_unverified_or_all_of_it(self) -> None:
        for verify in ("ca", "none"):
            with self.subTest(verify):
                gateway = self.gateway_with("implicit", ca=str(self.authority.cert), server_name="x.example",
                                            verify=verify)
                self.assertTrue(self.log_in(gateway)[0].startswith("OK"))

    def assert_refused(self, gateway: PrivatePostern) -> None:
        reply, client = self.log_in(gateway)
        self.assertTrue(reply.startswith("NO [UNAVAILABLE]"), reply)
        self.assertNotIn("certificate", reply)
        # The operator learns why, the client does not.
        failed = gateway.wait_for("tls handshake failed", of=client, side="upstream")
        self.assertEqual(failed.fields["code"], "certificate")
        gateway.wait_for("session closed", of=client)
        self.assertNotIn(PASSWORDS["alice"], gateway.log())
        self.assertEqual(self.logins(), self.logged)

    def logins(self) -> int:
        """Of alice, at Dovecot, up to now."""
        self.dovecot.settle()
        return self.dovecot.log().count("Login: user=<alice>")

    def setUp(self) -> None:
        self.logged = self.logins()

    def test_a_wrong_name_is_refused(self) -> None:
        for tls in ("starttls", "implicit"):
            with self.subTest(tls):
                self.assert_refused(self.gateway_with(tls, ca=str(self.authority.cert), server_name="other.example"))

    def test_a_certificate_of_another_authority_is_refused(self) -> None:
        for tls in ("starttls", "implicit"):
            with self.subTest(tls):
                self.assert_refused(
                    self.gateway_with(tls, ca=str(self.other_authority.cert), server_name=UPSTREAM_NAME))

    def test_without_a_ca_the_systems_store_decides(self) -> None:
        self.assert_refused(self.gateway_with("implicit", server_name=UPSTREAM_NAME))

    def test_the_clients_leg_is_another_matter(self) -> None:
        gateway = self.gateway_with("implicit", ca=str(self.authority.cert), server_name=UPSTREAM_NAME)
        with Wire(gateway.ports["imaps"], tls=trusting(ca=str(self.pair.cert)), name=NAME) as wire:
            self.assertIsInstance(wire.socket, ssl.SSLSocket)
            self.assertEqual(wire.socket.getpeercert()["subject"], ((("commonName", NAME),),))


class StrippedStarttls(unittest.TestCase):
    def test_an_upstream_without_starttls_gets_no_password(self) -> None:
        cls = type(self)
        cls.folder = new_folder(cls)
        pair = self_signed(cls.folder / "tls", NAME)
        dovecot = start_dovecot(cls)
        upstream = {"name": "mail", "servers": [f"127.0.0.1:{dovecot.imap_port}"], "tls": "starttls",
                    "verify": "none", "health": QUICK}
        gateway = start_gateway(cls, configuration(0, pair, upstreams=[upstream]))
        with Wire(gateway.ports["imaps"], tls=trusting()) as wire:
            wire.line()
            reply = wire.command(f"LOGIN alice {PASSWORDS['alice']}")
        self.assertTrue(reply.text.startswith("NO [UNAVAILABLE]"), reply.text)
        dovecot.settle()
        self.assertNotIn("Login: user=<alice>", dovecot.log())


if __name__ == "__main__":
    main()

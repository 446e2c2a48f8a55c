#!/usr/bin/env python3
"""Clients by certificate: SASL EXTERNAL through Dovecot's master user, bad certificates, resumption, a new authority."""

from __future__ import annotations

import base64
import pathlib
import ssl
from typing import Any

from support import (ForVersion, GatewayTest, NAME, PASSWORDS, Pair, PrivateDovecot, Wire, authority, configuration,
                     main, new_folder, poll, self_signed, signed, start_gateway, start_server, trusting)

MASTER_PASSWORD = "canary-master-5T"
MASTER = ForVersion("""
auth_master_user_separator = *
passdb {{
  driver = passwd-file
  master = yes
  result_success = continue
  args = {}
}}
""", """
auth_master_user_separator = *
passdb masters {{
  driver = passwd-file
  passwd_file_path = {}
  master = yes
  result_success = continue
}}
""")
ALICE = "alice@contractors.example"
VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class ClientCertificates(GatewayTest):
    """`request`, on both listeners; names lose their domain on the way to Dovecot."""

    mode = "request"

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls)
        cls.pair = self_signed(cls.folder / "tls", NAME)
        cls.authority = authority(cls.folder / "authority")
        cls.others = authority(cls.folder / "others")
        cls.ca = cls.folder / "ca.pem"
        cls.ca.write_bytes(cls.authority.cert.read_bytes())
        cls.alice = signed(cls.folder / "people", ALICE, cls.authority)
        masters = cls.folder / "masters"
        masters.write_text(f"gate:{{PLAIN}}{MASTER_PASSWORD}\n")
        cls.dovecot = start_server(cls, PrivateDovecot(cls.folder / "dovecot", dict(PASSWORDS),
                                                       extra=MASTER.format(masters)))
        cls.gateway = start_gateway(cls, cls.tree())

    @classmethod
    def tree(cls) -> dict[str, Any]:
        tree = configuration(
            cls.dovecot.imap_port, cls.pair,
            tls={"client_auth": {"mode": cls.mode, "ca": str(cls.ca), "user_from": "email"}},
            rewrite={"user": {"lowercase": True, "map": [{"from": r"([a-z]+)@contractors\.example", "to": r"\1"}]}})
        tree["upstreams"][0] |= {"master_user": "gate", "master_password": MASTER_PASSWORD}
        return tree

    def showing(self, pair: Pair | None, version: str = "TLSv1.3") -> ssl.SSLContext:
        context = trusting()
        context.minimum_version = context.maximum_version = VERSIONS[version]
        if pair:
            context.load_cert_chain(pair.cert, pair.key)
        return context

    def assert_refused(self, pair: Pair | None, code: str, reason: str, *,
                       version: str = "TLSv1.3", session: ssl.SSLSession | None = None,
                       context: ssl.SSLContext | None = None) -> str:
        """The handshake fails on both sides; what the client's library says of the alert."""
        with Wire(self.gateway.ports["imaps"]) as wire, self.assertRaises(ssl.SSLError) as failed:
            wire.start_tls(context or self.showing(pair, version), session)
            while wire.line():  # with TLS 1.3 the client learns of it when it reads
                pass
        line = self.gateway.wait_for("tls handshake failed", of=wire.client)
        self.assertEqual(line.fields["code"], code)
        self.assertEqual(line.fields["reason"], reason)
        return str(failed.exception)

    def takes(self, pair: Pair) -> bool:
        try:
            with Wire(self.gateway.ports["imaps"], tls=self.showing(pair)) as wire:
                return wire.line().startswith(b"* OK ")
        except ssl.SSLError:
            return False

    def failures(self, reason: str) -> float:
        return self.gateway.metric("postern_tls_handshake_failures_total", side="client", reason=reason)

    def assert_external(self, wire: Wire) -> None:
        capabilities = b"".join(wire.expect_ok("CAPABILITY").untagged)
        self.assertIn(b" AUTH=EXTERNAL", capabilities)
        wire.expect_ok("AUTHENTICATE EXTERNAL =")
        wire.expect_ok("SELECT INBOX")


class Requested(ClientCertificates):
    def test_the_certificates_user_is_logged_in(self) -> None:
        for version in VERSIONS:
            with self.subTest(version):
                wire = self.wire(tls=self.showing(self.alice, version))
                self.assert_external(wire)
                line = self.gateway.wait_for("login", of=wire.client)
                self.assertEqual([line.fields[key] for key in ("user", "mechanism", "tls")],
                                 ["alice", "EXTERNAL", version])

    def test_it_is_the_users_own_mail(self) -> None:
        with self.wire(tls=self.showing(self.alice)) as wire:
            self.assert_external(wire)
            wire.expect_ok("CREATE Filed-by-certificate")
        listed = b"".join(self.session("alice").expect_ok('LIST "" *').untagged)
        self.assertIn(b"Filed-by-certificate", listed)
        self.assertNotIn(b"Filed-by-certificate", b"".join(self.session("bob").expect_ok('LIST "" *').untagged))

    def test_starttls(self) -> None:
        wire = Wire(self.gateway.ports["imap"])
        self.addCleanup(wire.close)
        self.assertNotIn(b"EXTERNAL", wire.line())
        wire.expect_ok("STARTTLS")
        wire.start_tls(self.showing(self.alice))
        self.assert_external(wire)

    def test_the_response_names_nobody_else(self) -> None:
        wire = self.wire(tls=self.showing(self.alice))
        for other in ("bob", "bob@contractors.example", "alice*gate"):
            reply = wire.command(f"AUTHENTICATE EXTERNAL {encoded(other)}")
            self.assertTrue(reply.text.startswith("NO [AUTHORIZATIONFAILED] "), reply.text)
        wire.expect_ok(f"AUTHENTICATE EXTERNAL {encoded(ALICE)}")

    def test_without_one_a_password_is_the_way(self) -> None:
        wire = self.wire()
        self.assertNotIn(b"EXTERNAL", b"".join(wire.expect_ok("CAPABILITY").untagged))
        self.assertTrue(wire.command("AUTHENTICATE EXTERNAL =").text.startswith("NO [CANNOT] "))
        wire.log_in("ALICE@contractors.example", PASSWORDS["alice"])
        wire.expect_ok("NOOP")

    def test_nobody_makes_himself_a_master_user(self) -> None:
        wire = self.wire()
        reply = wire.command(f'LOGIN "bob*gate" {MASTER_PASSWORD}')
        self.assertTrue(reply.text.startswith("NO [AUTHORIZATIONFAILED] "), reply.text)

    def test_a_user_whom_the_server_does_not_know(self) -> None:
        wire = self.wire(tls=self.showing(signed(self.folder / "people", "zoe@contractors.example", self.authority)))
        reply = wire.command("AUTHENTICATE EXTERNAL =")
        self.assertTrue(reply.text.startswith("NO [AUTHORIZATIONFAILED] "), reply.text)
        wire.log_in("bob", PASSWORDS["bob"])

    def test_bad_certificates_end_the_handshake(self) -> None:
        own = self_signed(self.folder / "own", ALICE)
        foreign = signed(self.folder / "foreign", ALICE, self.others)
        late = signed(self.folder / "late", ALICE, self.authority, days="-1")
        for version in VERSIONS:
            for pair, reason, alert in (
                    (own, "self-signed certificate", "unknown ca"),
                    (foreign, "unable to get local issuer certificate", "unknown ca"),
                    (late, "certificate has expired", "certificate expired")):
                with self.subTest(version=version, reason=reason):
                    before = self.failures("verify")
                    told = self.assert_refused(pair, "verify", reason, version=version)
                    self.assertIn(alert, told)
                    self.assertEqual(self.failures("verify"), before + 1)

    def test_no_password_of_the_master_user_in_a_log(self) -> None:
        with self.wire(tls=self.showing(self.alice)) as wire:
            self.assert_external(wire)
        self.await_ends([wire.client])
        self.assertNotIn(MASTER_PASSWORD, self.gateway.log())


class Required(ClientCertificates):
    mode = "require"

    def connect(self, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> Wire:
        wire = Wire(self.gateway.ports["imaps"], tls=context, session=session)
        self.addCleanup(wire.close)
        self.assertRegex(wire.line(), rb"^\* OK \[CAPABILITY .* AUTH=EXTERNAL\]")
        return wire

    def test_nobody_comes_in_without_one(self) -> None:
        for version in VERSIONS:
            with self.subTest(version):
                before = self.failures("client_cert")
                self.assert_refused(None, "client_cert", "peer did not return a certificate", version=version)
                self.assertEqual(self.failures("client_cert"), before + 1)

    def test_a_resumed_session_is_its_clients_until_the_authority_changes(self) -> None:
        for version in VERSIONS:
            with self.subTest(version):
                context = self.showing(self.alice, version)
                first = self.connect(context)
                self.assert_external(first)
                ticket = first.socket.session
                again = self.connect(context, ticket)
                self.assertTrue(again.socket.session_reused)
                self.assert_external(again)
                ticket = again.socket.session
                self.trust(self.others, takes_alice=False)
                try:
                    told = self.assert_refused(None, "verify", "unable to get local issuer certificate",
                                               context=context, session=ticket)
                    self.assertIn("unknown ca", told)
                    again.expect_ok("NOOP")  # what is logged in stays
                finally:
                    self.trust(self.authority, takes_alice=True)
                self.assert_external(self.connect(context, ticket))

    def trust(self, by: Pair, *, takes_alice: bool) -> None:
        self.ca.write_bytes(by.cert.read_bytes())
        self.assertEqual(self.reload().event, "reloaded")
        poll(lambda: self.takes(self.alice) == takes_alice, "the authority to count")


class Watched(ClientCertificates):
    """tls.watch: a new authority counts as soon as its file is there."""

    mode = "require"

    @classmethod
    def tree(cls) -> dict[str, Any]:
        tree = super().tree()
        tree["tls"]["watch"] = True
        return tree

    def test_the_file_itself_is_the_trigger(self) -> None:
        stranger = signed(self.folder / "people", "bob@contractors.example", self.others)
        self.assert_refused(stranger, "verify", "unable to get local issuer certificate")
        fresh: pathlib.Path = self.folder / "ca.new"
        fresh.write_bytes(self.authority.cert.read_bytes() + self.others.cert.read_bytes())
        fresh.rename(self.ca)
        self.assertEqual(self.gateway.wait_for_file_reload().event, "reloaded")
        poll(lambda: self.takes(stranger), "the authority to count")
        wire = self.wire(tls=self.showing(stranger))
        self.assert_external(wire)


if __name__ == "__main__":
    main()

"""AUTHENTICATE by every mechanism that a real Dovecot, Cyrus and Courier offer, each by relay."""

from __future__ import annotations

import base64
import concurrent.futures
import http.server
import json
import threading
import urllib.parse
from collections.abc import Callable
from typing import Any

from support import (NAME, PASSWORDS, ForVersion, GatewayTest, PrivateDovecot, Wire, configuration, main, new_folder,
                     self_signed, start_gateway, start_server)

from fake_upstream import Conversation, FakeUpstream
from servers.courier import PrivateCourier
from servers.cyrus import PrivateCyrus
from servers.kerberos import PrivateKerberos, gssapi
from servers.sasl import authenticate, converse

TOKEN = "canary-token-5T"
LONG_TOKEN = TOKEN.encode() * ((64 << 10) // len(TOKEN))
# Those in which the client speaks first, and LOGIN, whose first question says nothing.
TAKES_INITIAL = {"PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER"}
WITH_TOKEN = {"XOAUTH2", "OAUTHBEARER"}

# 2.3 reads how to ask from a file of its own.
DOVECOT = ForVersion("""
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {settings}
}}
""", """
oauth2 {{
  !include {settings}
}}
passdb oauth2 {{
  mechanisms_filter = xoauth2 oauthbearer
}}
""")
INTROSPECTION = """\
introspection_mode = post
introspection_url = http://127.0.0.1:{port}/introspect
username_attribute = username
active_attribute = active
active_value = true
"""


class Introspection(http.server.BaseHTTPRequestHandler):
    """RFC 7662: says whose token it is."""

    def do_POST(self) -> None:
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        is_good = form.get("token", [""])[0].rstrip("=") == TOKEN
        body = json.dumps({"active": is_good} | ({"username": "alice"} if is_good else {})).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """A test says nothing of tokens."""


class Mechanisms(GatewayTest):
    """A server and a gateway before it; the class of each server says which, and what it offers."""

    server: Any
    mechanisms: list[str] = []
    mailbox = "of-alice"

    @classmethod
    def make_server(cls) -> Any:
        raise NotImplementedError

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls)
        cls.pair = self_signed(cls.folder / "tls", NAME)
        cls.server = start_server(cls, cls.make_server())
        cls.gateway = start_gateway(cls, configuration(cls.server.imap_port, cls.pair))
        with Wire(cls.server.imap_port) as wire:
            wire.line()
            wire.log_in("alice", PASSWORDS["alice"])
            wire.expect_ok(f"CREATE {cls.mailbox}")
            wire.command("LOGOUT")

    def direct(self) -> Wire:
        wire = Wire(self.server.imap_port)
        self.addCleanup(wire.close)
        wire.line()
        return wire

    def secret(self, mechanism: str) -> str:
        return TOKEN if mechanism in WITH_TOKEN else PASSWORDS["alice"]

    def assert_is_alice(self, wire: Wire) -> None:
        wire.expect_ok(f"STATUS {self.mailbox} (MESSAGES)")
        wire.expect_ok("LOGOUT")

    def test_all_that_the_server_offers_is_offered(self) -> None:
        def offered(wire: Wire) -> set[str]:
            words = wire.expect_ok("CAPABILITY").untagged[0].decode().split()
            return {word for word in words if word.startswith("AUTH=")}

        self.assertEqual(offered(self.direct()), {f"AUTH={name}" for name in self.mechanisms})
        self.assertEqual(offered(self.wire()), offered(self.direct()))
        self.assertEqual(offered(self.wire("imap")), set())
        self.assertEqual(offered(self.starttls_wire()), offered(self.direct()))

    def for_each(self, mechanisms: list[str], run: Callable[[str], None]) -> None:
        """All at once, because Courier takes five seconds for a NO."""
        with concurrent.futures.ThreadPoolExecutor(len(mechanisms)) as pool:
            futures = {mechanism: pool.submit(run, mechanism) for mechanism in mechanisms}
        for mechanism, future in futures.items():
            with self.subTest(mechanism):
                future.result()

    def assert_succeeds(self, wire: Wire, mechanism: str, **options: Any) -> None:
        reply, _ = authenticate(wire, mechanism, "alice", self.secret(mechanism), **options)
        self.assertEqual(reply.status, "OK", reply.text)

    def test_the_right_secret(self) -> None:
        def run(mechanism: str) -> None:
            for wire in (self.wire(), self.starttls_wire()):
                self.assert_succeeds(wire, mechanism)
                self.assert_is_alice(wire)

        self.for_each(self.mechanisms, run)

    def test_with_an_initial_response(self) -> None:
        def run(mechanism: str) -> None:
            wire = self.wire()
            self.assert_succeeds(wire, mechanism, with_initial=True)
            self.assert_is_alice(wire)

        self.for_each([each for each in self.mechanisms if each in TAKES_INITIAL], run)

    def test_a_wrong_secret_then_the_right_one_in_the_same_session(self) -> None:
        def run(mechanism: str) -> None:
            wire = self.wire()
            refused, _ = authenticate(wire, mechanism, "alice", "not-it")
            self.assert_text(refused.text, "NO [AUTHENTICATIONFAILED]")
            self.assert_succeeds(wire, mechanism)
            self.assert_is_alice(wire)

        self.for_each(self.mechanisms, run)

    def test_cancelled_by_a_star(self) -> None:
        def run(mechanism: str) -> None:
            wire = self.wire()
            wire.send(f"c AUTHENTICATE {mechanism}")
            self.assertTrue(wire.line().startswith(b"+"))
            wire.send("*")
            self.assertEqual(wire.reply("c").status, "BAD")
            self.assert_succeeds(wire, mechanism)

        self.for_each(self.mechanisms, run)

    def test_an_initial_response_where_the_server_speaks_first(self) -> None:
        def run(mechanism: str) -> None:
            wire = self.wire()
            self.assertEqual(wire.command(f"AUTHENTICATE {mechanism} aGVsbG8=").status, "BAD")
            wire.log_in("alice", PASSWORDS["alice"])

        self.for_each([each for each in self.mechanisms if each not in TAKES_INITIAL], run)

    def test_no_log_holds_a_secret(self) -> None:
        for mechanism in self.mechanisms:
            with self.wire() as wire:
                authenticate(wire, mechanism, "alice", self.secret(mechanism))
            self.await_ends([wire.client])
        log = self.gateway.log()
        for secret in (PASSWORDS["alice"], TOKEN):
            self.assertNotIn(secret, log)


class OfDovecot(Mechanisms):
    mechanisms = ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER"]

    @classmethod
    def make_server(cls) -> PrivateDovecot:
        tokens = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Introspection)
        thread = threading.Thread(target=tokens.serve_forever)
        thread.start()
        cls.addClassCleanup(thread.join)
        cls.addClassCleanup(tokens.server_close)
        cls.addClassCleanup(tokens.shutdown)
        settings = cls.folder / "oauth2.conf"
        settings.write_text(INTROSPECTION.format(port=tokens.server_address[1]))
        return PrivateDovecot(cls.folder / "dovecot", PASSWORDS, mechanisms=" ".join(cls.mechanisms).lower(),
                              extra=DOVECOT.format(settings=settings))

    def test_the_error_challenge_of_a_wrong_token_is_relayed(self) -> None:
        for mechanism in WITH_TOKEN:
            for with_initial in (False, True):
                with self.subTest(mechanism, with_initial=with_initial):
                    told = [authenticate(each, mechanism, "alice", "not-it", with_initial=with_initial)
                            for each in (self.direct(), self.wire())]
                    self.assertEqual(told[0][1], told[1][1])
                    self.assertIn("status", json.loads(told[1][1][-1]))
                    for reply, _ in told:
                        self.assert_text(reply.text, "NO [AUTHENTICATIONFAILED]")

    def test_a_token_of_4_kib(self) -> None:
        # "=" is padding, which the introspection ignores. Dovecot itself hangs up at 8 KiB.
        for mechanism in WITH_TOKEN:
            for with_initial in (False, True):
                with self.subTest(mechanism, with_initial=with_initial):
                    reply, _ = authenticate(self.wire(), mechanism, "alice", TOKEN.ljust(4 << 10, "="),
                                            with_initial=with_initial)
                    self.assertEqual(reply.status, "OK", reply.text)


class LargeTokens(GatewayTest):
    """Before an upstream that takes what no Debian server does: a token of 64 KiB."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls)
        cls.pair = self_signed(cls.folder / "tls", NAME)
        cls.upstream = FakeUpstream()
        cls.addClassCleanup(cls.upstream.close)
        cls.upstream.play(cls.take_token)
        cls.gateway = start_gateway(cls, configuration(cls.upstream.port, cls.pair))

    @staticmethod
    def take_token(conversation: Conversation) -> None:
        conversation.say(b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2 AUTH=OAUTHBEARER] ready\r\n")
        line = conversation.answer({b"CAPABILITY": b"* CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2 AUTH=OAUTHBEARER\r\n"
                                                   b"TAG OK done\r\n", b"LOGOUT": b"* BYE\r\nTAG OK done\r\n"})
        tag, _, rest = line.partition(b" ")
        words = rest.split(b" ")
        response = words[2] if len(words) == 3 else b""
        if not response:
            conversation.say(b"+ \r\n")
            response = conversation.line()
        is_whole = LONG_TOKEN in base64.b64decode(response)
        conversation.say(tag + (b" OK [CAPABILITY IMAP4rev1] in\r\n" if is_whole else b" NO it came in pieces\r\n"))
        conversation.listen()

    def test_it_reaches_the_upstream_whole(self) -> None:
        for mechanism in ("XOAUTH2", "OAUTHBEARER"):
            for with_initial in (False, True):
                with self.subTest(mechanism, with_initial=with_initial):
                    reply, _ = authenticate(self.wire(), mechanism, "alice", LONG_TOKEN.decode(), with_initial=with_initial)
                    self.assertEqual(reply.status, "OK", reply.text)


class OfCyrus(Mechanisms):
    mechanisms = ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"]

    @classmethod
    def make_server(cls) -> PrivateCyrus:
        return PrivateCyrus(cls.folder / "cyrus", PASSWORDS)


class OfCyrusByKerberos(GatewayTest):
    """GSSAPI with a realm of its own. The gateway cannot know who it is."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls)
        cls.pair = self_signed(cls.folder / "tls", NAME)
        cls.kerberos = start_server(cls, PrivateKerberos(cls.folder / "kerberos", {"alice": PASSWORDS["alice"]}))
        cls.kerberos.get_ticket("alice", PASSWORDS["alice"])
        cls.server = start_server(cls, PrivateCyrus(
            cls.folder / "cyrus", PASSWORDS, mechanisms="PLAIN GSSAPI", keytab=cls.kerberos.keytab,
            environment=cls.kerberos.environment))
        cls.gateway = start_gateway(cls, configuration(cls.server.imap_port, cls.pair))

    def test_gssapi_is_relayed(self) -> None:
        for listener in ("imaps", "imap"):
            for with_initial in (False, True):
                with self.subTest(listener=listener, with_initial=with_initial):
                    wire = self.wire() if listener == "imaps" else self.starttls_wire()
                    reply, _ = converse(wire, "GSSAPI", gssapi(self.kerberos, "alice"), with_initial=with_initial)
                    self.assertEqual(reply.status, "OK", reply.text)
                    # Her rights in her own mailbox, which nobody else has.
                    self.assertIn(b"lrswipkxtecdan", wire.expect_ok("MYRIGHTS INBOX").untagged[0])
                    wire.expect_ok("LOGOUT")

    def test_for_another_user_it_is_refused_and_another_try_is_free(self) -> None:
        wire = self.wire()
        reply, _ = converse(wire, "GSSAPI", gssapi(self.kerberos, "bob"))
        self.assert_text(reply.text, "NO [AUTH")
        reply, _ = converse(wire, "GSSAPI", gssapi(self.kerberos, "alice"))
        self.assertEqual(reply.status, "OK", reply.text)

    def test_a_token_that_is_none(self) -> None:
        wire = self.wire()
        self.assertEqual(wire.command("AUTHENTICATE GSSAPI aGVsbG8=").status, "NO")
        wire.log_in("alice", PASSWORDS["alice"])


class OfCourier(Mechanisms):
    mechanisms = ["PLAIN", "LOGIN", "CRAM-MD5", "CRAM-SHA1", "CRAM-SHA256"]
    mailbox = "INBOX.of-alice"

    @classmethod
    def make_server(cls) -> PrivateCourier:
        return PrivateCourier(cls.folder / "courier", PASSWORDS)


del Mechanisms  # its tests are those of each server

if __name__ == "__main__":
    main()

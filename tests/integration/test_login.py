"""Logging in through the gateway: every way that clients use, over both listeners, and what is refused."""

from __future__ import annotations

import base64
import imaplib

from support import PASSWORDS, GatewayTest, main

ALICE = PASSWORDS["alice"]
PLAIN = base64.b64encode(f"\0alice\0{ALICE}".encode()).decode()
WRONG_PLAIN = base64.b64encode(b"\0alice\0not-it").decode()


class Login(GatewayTest):
    def test_imaplib_logs_in_over_both_listeners(self) -> None:
        for listener in ("imaps", "imap"):
            with self.subTest(listener):
                client = self.imaplib_client(listener)
                self.assertEqual(client.login("alice", ALICE)[0], "OK")
                self.assertEqual(client.select()[0], "OK")
                self.assertEqual(client.logout()[0], "BYE")

    def test_imaplib_authenticates_over_both_listeners(self) -> None:
        for listener in ("imaps", "imap"):
            with self.subTest(listener):
                client = self.imaplib_client(listener)
                client.authenticate("PLAIN", lambda challenge: f"\0alice\0{ALICE}".encode())
                self.assertEqual(client.noop()[0], "OK")
                client.logout()

    def test_imaplib_authenticates_by_cram_md5(self) -> None:
        client = self.imaplib_client("imaps")
        self.assertEqual(client.login_cram_md5("alice", ALICE)[0], "OK")
        client.logout()

    def test_a_wrong_password_then_the_right_one_in_the_same_session(self) -> None:
        for listener in ("imaps", "imap"):
            with self.subTest(listener):
                client = self.imaplib_client(listener)
                for _ in range(2):
                    with self.assertRaisesRegex(imaplib.IMAP4.error, "AUTHENTICATIONFAILED"):
                        client.login("alice", "not-it")
                self.assertEqual(client.login("alice", ALICE)[0], "OK")
                client.logout()

    def test_an_unknown_user_is_answered_like_a_wrong_password(self) -> None:
        wire = self.wire()
        unknown = wire.command("LOGIN nobody-here not-it")
        wrong = wire.command("LOGIN alice not-it")
        self.assertEqual(unknown.text, wrong.text)
        self.assert_text(wrong.text, "NO [AUTHENTICATIONFAILED]")

    def test_user_and_password_as_atoms_quoted_and_literals(self) -> None:
        for text in (f"LOGIN alice {ALICE}", f'login "alice" "{ALICE}"', f'LoGiN alice "{ALICE}"',
                     f"LOGIN {{5+}}\r\nalice {{{len(ALICE)}+}}\r\n{ALICE}"):
            with self.subTest(text.replace(ALICE, "***")):
                self.assertEqual(self.wire().command(text).status, "OK")

    def test_synchronising_literals_are_asked_for_by_the_gateway(self) -> None:
        wire = self.wire()
        wire.send("x LOGIN {5}")
        self.assertTrue(wire.line().startswith(b"+"))
        wire.send(f"alice {{{len(ALICE)}}}")
        self.assertTrue(wire.line().startswith(b"+"))
        wire.send(ALICE)
        self.assertEqual(wire.reply("x").status, "OK")

    def test_login_tells_the_capabilities_of_the_upstream_without_what_the_gateway_hides(self) -> None:
        wire = self.session()
        listed = wire.expect_ok("CAPABILITY").untagged[0].split()
        self.assertIn(b"IDLE", listed)
        self.assertIn(b"UIDPLUS", listed)
        for hidden in (b"STARTTLS", b"LOGINDISABLED", b"COMPRESS=DEFLATE", b"LOGIN-REFERRALS"):
            self.assertNotIn(hidden, listed)

    def test_after_login_the_login_verbs_are_refused_here(self) -> None:
        wire = self.session()
        for text in ("LOGIN bob x", "AUTHENTICATE PLAIN", "STARTTLS"):
            self.assertEqual(wire.command(text).status, "BAD", text)
        wire.expect_ok("NOOP")


class Authenticate(GatewayTest):
    def test_plain_with_an_initial_response(self) -> None:
        self.assertEqual(self.wire().command(f"AUTHENTICATE PLAIN {PLAIN}").status, "OK")

    def test_plain_without_one(self) -> None:
        wire = self.wire()
        wire.send("a AUTHENTICATE PLAIN")
        self.assertTrue(wire.line().startswith(b"+"))
        wire.send(PLAIN)
        self.assertEqual(wire.reply("a").status, "OK")

    def test_a_refusal_then_another_try(self) -> None:
        wire = self.wire()
        self.assert_text(wire.command(f"AUTHENTICATE PLAIN {WRONG_PLAIN}").text, "NO [AUTHENTICATIONFAILED]")
        self.assertEqual(wire.command(f"AUTHENTICATE PLAIN {PLAIN}").status, "OK")

    def test_cancelled_by_a_star_then_logged_in(self) -> None:
        for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5"):
            with self.subTest(mechanism):
                wire = self.wire()
                wire.send(f"a AUTHENTICATE {mechanism}")
                self.assertTrue(wire.line().startswith(b"+"))
                wire.send("*")
                self.assertEqual(wire.reply("a").status, "BAD")
                wire.log_in("alice", ALICE)

    def test_login_line_by_line(self) -> None:
        wire = self.wire()
        wire.send("a AUTHENTICATE LOGIN")
        for answer in ("alice", ALICE):
            self.assertTrue(wire.line().startswith(b"+"))
            wire.send(base64.b64encode(answer.encode()) + b"\r\n")
        self.assertEqual(wire.reply("a").status, "OK")

    def test_a_command_line_instead_of_a_response_is_never_executed(self) -> None:
        wire = self.wire()
        wire.send("a AUTHENTICATE PLAIN")
        self.assertTrue(wire.line().startswith(b"+"))
        wire.send(f"b LOGIN alice {ALICE}")
        self.assertEqual(wire.reply("a").status, "BAD")
        # Not logged in, so SELECT is not for now.
        self.assertNotEqual(wire.command("SELECT INBOX").status, "OK")

    def test_an_unknown_mechanism_is_refused(self) -> None:
        wire = self.wire()
        self.assertEqual(wire.command("AUTHENTICATE KERBEROS_V4").status, "NO")
        wire.log_in("alice", ALICE)


class ClearText(GatewayTest):
    """On the STARTTLS listener before STARTTLS: credentials are refused, and not even asked for."""

    def test_login_and_authenticate_are_refused(self) -> None:
        wire = self.wire("imap")
        for text in (f"LOGIN alice {ALICE}", f'login "alice" "{ALICE}"', "AUTHENTICATE PLAIN",
                     f"AUTHENTICATE PLAIN {PLAIN}", "AUTHENTICATE CRAM-MD5"):
            self.assert_text(wire.command(text).text, "NO [PRIVACYREQUIRED]")
        self.assertEqual(wire.command("NOOP").status, "OK")

    def test_a_synchronising_literal_gets_no_instead_of_an_invitation(self) -> None:
        wire = self.wire("imap")
        reply = wire.command("LOGIN {5}")
        self.assert_text(reply.text, "NO [PRIVACYREQUIRED]")
        self.assertEqual(reply.untagged, [])
        self.assertEqual(wire.command("NOOP").status, "OK")

    def test_non_synchronising_literals_are_swallowed(self) -> None:
        wire = self.wire("imap")
        reply = wire.command(f"LOGIN {{5+}}\r\nalice {{{len(ALICE)}+}}\r\n{ALICE}")
        self.assert_text(reply.text, "NO [PRIVACYREQUIRED]")
        self.assertEqual(wire.command("NOOP").status, "OK")

    def test_the_upstream_never_hears_of_it(self) -> None:
        before = self.gateway.metric("postern_upstream_connects_total", result="ok")
        wire = self.wire("imap")
        wire.command(f"LOGIN alice {ALICE}")
        wire.command("LOGOUT")
        self.assertEqual(self.gateway.metric("postern_upstream_connects_total", result="ok"), before)

    def test_capabilities_before_and_inside_tls(self) -> None:
        wire = self.wire("imap")
        clear = wire.expect_ok("CAPABILITY").untagged[0].split()
        self.assertIn(b"STARTTLS", clear)
        self.assertIn(b"LOGINDISABLED", clear)
        self.assertFalse([word for word in clear if word.startswith(b"AUTH=")])
        inside = self.starttls_wire().expect_ok("CAPABILITY").untagged[0].split()
        self.assertNotIn(b"STARTTLS", inside)
        self.assertNotIn(b"LOGINDISABLED", inside)
        self.assertIn(b"AUTH=PLAIN", inside)

    def test_starttls_a_second_time_is_refused(self) -> None:
        self.assertEqual(self.starttls_wire().command("STARTTLS").status, "BAD")


class BruteForce(GatewayTest):
    settings = {"limits": {"login": {"failures": 3, "window": "10m", "ban": "10m", "delay": "10ms"}}}

    def test_after_so_many_failures_even_the_right_password_is_refused(self) -> None:
        for _ in range(3):
            self.assert_text(self.wire().command("LOGIN bob not-it").text, "NO [AUTHENTICATIONFAILED]")
        connects = self.gateway.metric("postern_upstream_connects_total", result="ok")
        reply = self.wire().command(f"LOGIN bob {PASSWORDS['bob']}")
        self.assertEqual(reply.status, "NO")
        # The upstream is not asked while the ban lasts: it cannot be used to try passwords.
        self.assertEqual(self.gateway.metric("postern_upstream_connects_total", result="ok"), connects)
        self.assertNotIn("UNAVAILABLE", reply.text)


if __name__ == "__main__":
    main()

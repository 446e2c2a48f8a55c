"""Clients that mean harm, on real sockets: each is cut off, and the gateway serves the next one."""

from __future__ import annotations

import re
import socket
import ssl

from support import PASSWORDS, GatewayTest, Wire, is_2_4, main, poll, trusting

SECRET = PASSWORDS["alice"]

# Commands that Dovecot is done with before it comes to the literal behind them; but 2.4 knows COMPRESS and reads on.
BYPASSES = (b"APPEND INBOX (\\Bogus)", b'APPEND INBOX "bad date"', b'APPEND INBOX () "32-Foo-2020 00:00:00 +0000"',
            b"NOOP", b"CLOSE", b"CHECK", b"UNSELECT", b"EXPUNGE", b"CAPABILITY", b"NAMESPACE", b"WRONG", b"UID",
            b"UID FOO", b'SELECT a"b', b"SELECT \xff", b"SELECT )", b'SELECT "a" )', b"SELECT a{5}", b"STATUS kept (X)",
            b"DELETE a )", b"RENAME a b )", b"COPY 1 a)", b'LIST "" *)', b"STARTTLS", b"COMPRESS")


class Hostile(GatewayTest):
    def tearDown(self) -> None:
        self.assertTrue(self.gateway.is_running)
        self.assert_works()

    # ---- TLS

    def test_alpn_with_imap_is_accepted(self) -> None:
        wire = self.wire(tls=trusting(alpn=["h2", "imap"]))
        self.assertEqual(wire.socket.selected_alpn_protocol(), "imap")

    def test_alpn_without_imap_is_refused(self) -> None:
        def refused() -> float:
            return self.gateway.metric("postern_tls_handshake_failures_total", side="client", reason="alpn")

        before = refused()
        with self.assertRaisesRegex(ssl.SSLError, "(?i)no.application.protocol"):
            Wire(self.gateway.ports["imaps"], tls=trusting(alpn=["h2", "http/1.1"]))
        poll(lambda: refused() == before + 1, "the refusal to be counted")  # the alert may be faster

    def test_without_alpn_all_is_well(self) -> None:
        self.assertIsNone(self.wire().socket.selected_alpn_protocol())

    def test_tls_1_0_and_1_1_are_refused_1_2_and_1_3_are_not(self) -> None:
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            old = trusting()
            old.set_ciphers("DEFAULT:@SECLEVEL=0")
            old.minimum_version = old.maximum_version = version
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                Wire(self.gateway.ports["imaps"], tls=old)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            exact = trusting()
            exact.minimum_version = exact.maximum_version = version
            wire = self.wire(tls=exact)
            self.assertEqual(wire.socket.version(), "TLSv1.2" if version == ssl.TLSVersion.TLSv1_2 else "TLSv1.3")
            wire.log_in("alice", SECRET)

    def test_octets_that_are_no_tls_end_the_connection(self) -> None:
        wire = Wire(self.gateway.ports["imaps"])
        self.addCleanup(wire.close)
        wire.send(b"a1 LOGIN alice x\r\n")
        self.assertNotIn(b"OK", wire.rest())

    # ---- STARTTLS

    def test_octets_behind_starttls_are_never_executed(self) -> None:
        before = self.gateway.metric("postern_starttls_total", listener="imap", result="injection_blocked")
        for spelling in (b"a STARTTLS\r\n", b"a starttls\n", b"a STARTTLS \r\n"):
            with self.subTest(spelling):
                wire = self.wire("imap")
                wire.send(spelling + b"b NOOP\r\nc LOGIN alice " + SECRET.encode() + b"\r\n")
                last = wire.rest()
                self.assertNotIn(b"b OK", last)
                self.assertNotIn(b"c OK", last)
        self.assertGreater(self.gateway.metric("postern_starttls_total", listener="imap", result="injection_blocked"),
                           before)

    def test_half_a_command_in_clear_does_not_go_on_inside_tls(self) -> None:
        wire = self.wire("imap")
        wire.send(b"a STARTTLS\r\nb LOG")
        self.assertNotIn(b"b ", wire.rest())

    # ---- cross-protocol and rubbish

    def test_http_is_closed_without_an_echo(self) -> None:
        for listener in ("imaps", "imap"):
            for request in (b"GET / HTTP/1.1\r\nHost: mail.example\r\n\r\n",
                            b"POST / HTTP/1.1\r\nHost: x\r\n\r\na LOGIN alice " + SECRET.encode() + b"\r\n"):
                with self.subTest(listener=listener, request=request[:4]):
                    wire = self.wire(listener)
                    wire.send(request)
                    last = wire.rest()
                    for echoed in (b"HTTP", b"GET", b"POST", b"a OK", b"Host"):
                        self.assertNotIn(echoed, last)

    def test_three_malformed_lines_end_the_session(self) -> None:
        wire = self.wire()
        wire.send(b"\x16\x03\x01\r\n(<script>)\r\n\"<script>\" x\r\n")
        self.assertNotIn(b"script", wire.rest())

    # ---- framing

    def test_an_endless_line_is_cut_and_memory_stays(self) -> None:
        for logged_in in (False, True):
            with self.subTest(logged_in=logged_in):
                before = self.gateway.resident_kib()
                wire = self.session() if logged_in else self.wire()
                self.send_until_closed(wire, b"a " + b"X" * (1 << 16), b"X" * (1 << 16), 64)
                self.assertLess(self.gateway.resident_kib() - before, 16 * 1024)

    def send_until_closed(self, wire: Wire, begin: bytes, block: bytes, blocks: int) -> None:
        """Sends without an end; the gateway must hang up or say BYE, whatever is still to come."""
        try:
            wire.send(begin)
            for _ in range(blocks):
                wire.send(block)
        except OSError:
            return
        wire.rest()

    def test_deep_nesting_is_no_trouble(self) -> None:
        wire = self.wire()
        wire.send(b"a LOGIN " + b"(" * 8000 + b"\r\n")
        self.assertRegex(wire.line(), rb"^(a BAD|\* BYE|$)")

    def test_a_nul_or_a_lone_cr_ends_the_session(self) -> None:
        for line in (b"a NOOP\0\r\n", b"a NOOP\rb DELETE INBOX\r\n"):
            wire = self.session()
            wire.send(line)
            last = wire.rest()
            self.assertNotIn(b"b OK", last)
            self.assertNotIn(b"b NO", last)

    def test_a_bare_lf_is_a_line_end_and_both_lines_are_judged(self) -> None:
        wire = self.session()
        wire.send(b"a NOOP\nb NOOP\n")
        self.assertEqual(wire.reply("a").status, "OK")
        self.assertEqual(wire.reply("b").status, "OK")

    def test_a_literal_of_a_refused_command_is_never_executed(self) -> None:
        """Directly, Dovecot does execute it: this is why no {n+} goes upstream."""
        watcher = self.direct()
        for form in BYPASSES:
            for selected in ("", "INBOX"):
                with self.subTest(form, selected=selected):
                    for wire, survives in ((self.direct(), is_2_4() and form == b"COMPRESS"), (self.session(), True)):
                        watcher.command("CREATE kept")
                        self.smuggle(wire, form, selected)
                        self.assertEqual(watcher.command("STATUS kept (MESSAGES)").status, "OK" if survives else "NO")
                        wire.close()

    def direct(self) -> Wire:
        wire = Wire(self.dovecot.imap_port)
        self.addCleanup(wire.close)
        wire.line()
        wire.log_in("alice", SECRET)
        return wire

    def smuggle(self, wire: Wire, form: bytes, selected: str) -> None:
        """Returns when the command behind the form was answered, or the session is over."""
        if selected:
            wire.expect_ok(f"SELECT {selected}")
        inner = b"x DELETE kept\r\n"
        wire.send(b"a " + form + b" {%d+}\r\n" % len(inner) + inner + b"\r\nz NOOP\r\n")
        while (line := wire.line()) and not re.match(rb"z |\* BYE", line):
            pass

    def test_bad_size_tokens_end_the_session(self) -> None:
        for token in (b"{+5}", b"{5-}", b"{05+}", b"{0x5}", b"{-1}", b"{}", b"{18446744073709551621+}", b"{5+}x"):
            with self.subTest(token):
                wire = self.session()
                wire.send(b"a SELECT " + token + b"\r\nINBOX\r\nb NOOP\r\n")
                last = wire.rest()
                self.assertNotIn(b"b OK", last)

    def test_a_body_before_its_invitation_ends_the_session(self) -> None:
        wire = self.session()
        wire.send(b"a APPEND INBOX {20}\r\nb DELETE kept2\r\nxxxx\r\nc NOOP\r\n")
        last = wire.rest()
        self.assertNotIn(b"b OK", last)
        self.assertNotIn(b"c OK", last)

    def test_idle_is_ended_by_done_alone(self) -> None:
        wire = self.session()
        wire.expect_ok("SELECT INBOX")
        wire.send("i IDLE")
        self.assertTrue(wire.line().startswith(b"+"))
        wire.send(b"b DELETE kept3\r\n")
        self.assertNotIn(b"b OK", wire.rest())

    def test_compress_and_unauthenticate_are_refused_here(self) -> None:
        wire = self.session()
        self.assertIn(wire.command("COMPRESS DEFLATE").status, ("NO", "BAD"))
        self.assert_text(wire.command("UNAUTHENTICATE").text, "NO [CANNOT]")
        wire.expect_ok("NOOP")

    # ---- sudden ends

    def test_resets_and_half_closes_at_every_stage_leave_no_descriptor(self) -> None:
        self.assert_works()
        before = self.gateway.descriptors()
        for stage in range(6):
            for reset in (True, False):
                self.leave_at(stage, reset)
        poll(lambda: self.gateway.descriptors() <= before, "the descriptors to be closed")

    def leave_at(self, stage: int, reset: bool) -> None:
        wire = Wire(self.gateway.ports["imap"])
        steps = (lambda: None, wire.line, lambda: wire.send(b"a STAR"), lambda: wire.command("STARTTLS"),
                 lambda: wire.start_tls(trusting()), lambda: wire.log_in("alice", SECRET))
        for number, step in enumerate(steps):
            if number == 2 and stage != 2:
                continue
            if number <= stage:
                step()
        if reset:
            # No lingering: close() sends a reset.
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            wire.close()
            return
        # A client that only stops sending is answered, and then closed.
        socket.socket.shutdown(wire.socket, socket.SHUT_WR)
        wire.rest()
        wire.close()


if __name__ == "__main__":
    main()

"""The status listener, and the promise that no password is ever written anywhere."""

from __future__ import annotations

import base64
import re
import socket
import subprocess

from support import PASSWORDS, WAIT_SECONDS, GatewayTest, main

# The first metrics; a name, or one label of it, that vanishes breaks somebody's dashboard.
EXPECTED_METRICS = {
    "postern_build_info": {"version", "revision", "openssl"},
    "postern_connections_accepted_total": {"listener"},
    "postern_connections_rejected_total": {"listener", "reason"},
    "postern_proxy_protocol_errors_total": {"listener", "reason"},
    "postern_connections_active": {"listener"},
    "postern_sessions_active": {"listener", "state"},
    "postern_sessions_closed_total": {"listener", "reason"},
    "postern_received_bytes_total": {"side"},
    "postern_sent_bytes_total": {"side"},
    "postern_tls_handshakes_total": {"side", "mode", "version", "resumed"},
    "postern_tls_handshake_failures_total": {"side", "reason"},
    "postern_tls_certificate_expiry_timestamp_seconds": {"certificate"},
    "postern_starttls_total": {"listener", "result"},
    "postern_auth_attempts_total": {"listener", "mechanism", "result"},
    "postern_commands_total": {"command", "result"},
    "postern_parse_errors_total": {"side", "reason"},
    "postern_upstream_connections_active": {"upstream"},
    "postern_upstream_connects_total": {"upstream", "result"},
    "postern_upstream_endpoint_up": {"upstream", "endpoint"},
    "postern_buffered_bytes": {"side"},
    "process_cpu_seconds_total": set(),
    "process_resident_memory_bytes": set(),
    "process_open_fds": set(),
    "process_max_fds": set(),
    "process_start_time_seconds": set(),
}
EXPECTED_HISTOGRAMS = {"postern_tls_handshake_duration_seconds", "postern_upstream_connect_duration_seconds",
                       "postern_event_loop_lag_seconds"}
SERIES = re.compile(r"^([a-z_]+)(?:\{(.*)\})? \S+$")


class Status(GatewayTest):
    def test_the_metrics_are_there_with_their_labels(self) -> None:
        seen: dict[str, set[str]] = {}
        for line in self.gateway.metrics().splitlines():
            found = SERIES.match(line)
            if found:
                seen.setdefault(found[1], set()).update(re.findall(r'(\w+)="', found[2] or ""))
        for name, labels in EXPECTED_METRICS.items():
            with self.subTest(name):
                self.assertIn(name, seen)
                self.assertEqual(seen[name], labels)
        for name in EXPECTED_HISTOGRAMS:
            for part in ("_bucket", "_sum", "_count"):
                self.assertIn(name + part, seen)

    def test_promtool_finds_nothing_to_complain_of(self) -> None:
        self.assert_works()
        done = subprocess.run(["promtool", "check", "metrics"], input=self.gateway.metrics(), text=True,
                              capture_output=True, timeout=WAIT_SECONDS, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_what_happens_is_counted(self) -> None:
        count = self.gateway.metric
        names = (("postern_connections_accepted_total", {"listener": "imap"}),
                 ("postern_starttls_total", {"listener": "imap", "result": "ok"}),
                 ("postern_tls_handshakes_total", {"side": "client", "mode": "starttls"}),
                 ("postern_auth_attempts_total", {"listener": "imap", "result": "success"}),
                 ("postern_auth_attempts_total", {"listener": "imap", "result": "failure"}),
                 ("postern_commands_total", {"command": "SELECT", "result": "ok"}),
                 ("postern_commands_total", {"command": "NOOP", "result": "ok"}))
        before = [count(name, **labels) for name, labels in names]
        wire = self.starttls_wire()
        wire.command("LOGIN alice not-it")
        wire.log_in("alice", PASSWORDS["alice"])
        wire.expect_ok("SELECT INBOX")
        wire.expect_ok("NOOP")
        wire.expect_ok("LOGOUT")
        after = [count(name, **labels) for name, labels in names]
        self.assertEqual([new - old for new, old in zip(after, before)], [1] * len(names))

    def test_alive_and_ready(self) -> None:
        for path in ("/livez", "/readyz"):
            self.assertEqual(self.gateway.http(path)[0], 200)

    def test_what_else_is_asked_is_refused(self) -> None:
        self.assertEqual(self.gateway.http("/nothing")[0], 404)
        for request, status in ((b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", b" 405 "),
                                (b"HELO mail.example\r\n\r\n", b" 400 "),
                                (b"GET /" + b"x" * 100000 + b" HTTP/1.1\r\n\r\n", b" 4")):
            with socket.create_connection(("127.0.0.1", self.gateway.ports["status"]), WAIT_SECONDS) as peer:
                peer.sendall(request)
                self.assertIn(status, peer.recv(65536).split(b"\r\n")[0] + b" ")
        self.assertEqual(self.gateway.http("/livez")[0], 200)

    def test_a_session_has_one_line_at_its_end(self) -> None:
        wire = self.session("bob")
        wire.expect_ok("LOGOUT")
        wire.close()
        line = self.gateway.wait_for("session closed", of=wire.client, user="bob")
        self.assertEqual(line.fields["reason"], "logout")
        self.assertTrue(line.fields["session"])
        for count in ("client_in", "client_out", "upstream_in", "upstream_out"):
            self.assertGreater(int(line.fields[count]), 0)

    def test_a_log_line_cannot_be_forged(self) -> None:
        forged = 'x\r\n{"event":"forged"}\x1b[31m"},{"'
        wire = self.wire()
        wire.command(f"LOGIN {{{len(forged)}+}}\r\n{forged} pw")
        wire.close()
        self.await_ends([wire.client])
        self.assertFalse([line for line in self.gateway.lines if line.event == "forged"])
        self.assertNotIn("\x1b", self.gateway.log())


class Secrets(GatewayTest):
    """Canary passwords, sent in every way and at every level of the log, are found nowhere."""

    settings = {"log": {"level": "debug"}}

    def test_no_password_stands_in_a_log_or_a_metric(self) -> None:
        secret = PASSWORDS["carol"]
        blob = base64.b64encode(f"\0carol\0{secret}".encode()).decode()
        clients = []
        with self.starttls_wire() as wire:
            wire.log_in("carol", secret)
            clients.append(wire.client)
        for listener in ("imaps", "imap"):
            for text in (f"LOGIN carol {secret}", f'LOGIN carol "{secret}"', f"LOGIN carol {secret} extra",
                         f"LOGIN {secret}", f"LOGIN carol {{{len(secret)}+}}\r\n{secret}", f"LOGN carol {secret}",
                         f"AUTHENTICATE PLAIN {blob}", f"AUTHENTICATE {blob}", f"AUTHENTICATE NONE {blob}",
                         f"ID (\"password\" \"{secret}\")"):
                wire = self.wire(listener)
                wire.send(f"a {text}\r\n".encode())
                wire.line()
                wire.close()
                clients.append(wire.client)
            # No tag, a half line, a response instead of a command, and an abort in the middle.
            for octets in (f"LOGIN carol {secret}\r\n", f"a LOGIN carol {secret}", f"{blob}\r\n",
                           f"a AUTHENTICATE PLAIN\r\n{blob[:-4]}!\r\n", f"a LOGIN carol {{99}}\r\n{secret}"):
                wire = self.wire(listener)
                wire.send(octets.encode())
                wire.close()
                clients.append(wire.client)
        self.assert_works()
        self.await_ends(clients)
        said = self.gateway.log() + self.gateway.metrics()
        # Base64 has three alignments of the same text.
        pieces = [secret] + [base64.b64encode(b"\0" * pad + secret.encode())[4:16].decode() for pad in range(3)]
        for piece in pieces + [blob]:
            self.assertNotIn(piece, said)


if __name__ == "__main__":
    main()

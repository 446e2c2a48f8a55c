"""Many clients at once, and slow ones: nobody waits for them, and memory stays bounded."""

from __future__ import annotations

import concurrent.futures
import hashlib
import resource
import socket
import ssl

from support import PASSWORDS, GatewayTest, Wire, main, measure_own_memory, poll, trusting

MIB = 1 << 20
SESSIONS = 200
HALF_OPEN = 500


def allow_many_descriptors() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class Load(GatewayTest):
    settings = {"log": {"level": "info"}}

    @classmethod
    def setUpClass(cls) -> None:
        allow_many_descriptors()
        measure_own_memory()
        super().setUpClass()

    def test_200_sessions_at_once(self) -> None:
        def one(number: int) -> tuple[Wire, bytes]:
            """Logs in, writes, reads, and stays."""
            wire = Wire(self.gateway.ports["imaps"], tls=trusting())
            self.assertTrue(wire.line().startswith(b"* OK"))
            wire.log_in("alice", PASSWORDS["alice"])
            message = f"Subject: {number}\r\n\r\n".encode() + str(number).encode() * 5000
            wire.send(f"a APPEND box{number} {{{len(message)}+}}".encode() + b"\r\n" + message + b"\r\n")
            self.assertEqual(wire.reply("a").status, "OK")
            wire.expect_ok(f"SELECT box{number}")
            fetched = wire.expect_ok("FETCH 1 BODY.PEEK[]").untagged[0]
            self.assertIn(message, fetched)
            wire.send("i IDLE")
            self.assertTrue(wire.line().startswith(b"+"))
            return wire, message

        # One after the other: two that create the first mailboxes of a user at once get in Dovecot's way.
        with self.session() as wire:
            for number in range(SESSIONS):
                wire.expect_ok(f"CREATE box{number}")
            wire.expect_ok("LOGOUT")
        logouts = self.gateway.metric("postern_sessions_closed_total", listener="imaps", reason="logout")
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            sessions = list(pool.map(one, range(SESSIONS)))
        poll(lambda: self.gateway.metric("postern_sessions_active", state="idle") == SESSIONS, "all to be idle")
        self.assertGreaterEqual(self.gateway.metric("postern_connections_active", listener="imaps"), SESSIONS)
        for wire, _ in sessions:
            wire.send(b"DONE\r\nn NOOP\r\n")
        for wire, _ in sessions:
            self.assertEqual(wire.reply("i").status, "OK")
            self.assertEqual(wire.reply("n").status, "OK")
            wire.expect_ok("LOGOUT")
            wire.close()
        # A session is counted when its connection is gone, which may be after the client has left.
        poll(lambda: self.gateway.metric("postern_sessions_closed_total", listener="imaps", reason="logout")
             >= logouts + SESSIONS, "all logouts to be counted")

    def test_500_half_open_connections_do_not_hinder_others(self) -> None:
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100)
        held = []
        try:
            for number in range(HALF_OPEN):
                each = socket.create_connection(("127.0.0.1", self.gateway.ports["imaps"]), 60)
                held.append(each)
                if number % 2:
                    each.sendall(hello)  # and never the rest
            for _ in range(5):
                self.assert_works()
        finally:
            for each in held:
                each.close()
        self.assert_works()

    def test_a_slow_reader_of_50_mb_keeps_memory_bounded(self) -> None:
        message = (b"Subject: bulk\r\n\r\n" + b"0123456789abcdef" * 64 + b"\r\n") * (50 * 1024)
        writer = self.session()
        writer.expect_ok("CREATE bulk")
        writer.send(f"a APPEND bulk {{{len(message)}+}}".encode() + b"\r\n")
        writer.send(message)
        writer.send(b"\r\n")
        self.assertEqual(writer.reply("a").status, "OK")

        before = self.gateway.resident_kib()
        reader = self.session(receive_buffer=4096)
        reader.expect_ok("SELECT bulk")
        reader.send("f FETCH 1 BODY.PEEK[]")
        head = reader.line()
        self.assertTrue(head.endswith(b"{%d}\r\n" % len(message)))
        # Others are served while this one does not read; meanwhile the gateway has read all that it wants to.
        for _ in range(5):
            self.assert_works()
        self.assertLess(self.gateway.resident_kib() - before, 24 * 1024)
        buffered = self.gateway.metric("postern_buffered_bytes", side="upstream")
        self.assertLessEqual(buffered, 2 * 256 * 1024)
        body = reader.exactly(len(message))
        self.assertEqual(hashlib.sha256(body).digest(), hashlib.sha256(message).digest())
        self.assertLess(self.gateway.resident_kib() - before, 24 * 1024)

    def test_a_client_that_never_reads_its_answers_is_not_answered_for_ever(self) -> None:
        before = self.gateway.resident_kib()
        wire = self.session(receive_buffer=4096)
        wire.socket.settimeout(5)
        block = b"".join(b"n%d NOOP\r\n" % number for number in range(2000))
        with self.assertRaises((TimeoutError, ssl.SSLError, ConnectionError)):
            # Back-pressure reaches the sender: at some point nothing more is taken.
            for _ in range(2000):
                wire.socket.sendall(block)
        self.assertLess(self.gateway.resident_kib() - before, 24 * 1024)
        self.assert_works()

    def test_a_client_that_goes_away_in_a_literal_frees_its_upstream(self) -> None:
        wire = self.session()
        wire.send(b"a APPEND INBOX {1000000+}\r\n" + b"x" * 1000)
        active = self.gateway.metric("postern_upstream_connections_active", upstream="mail")
        self.assertGreaterEqual(active, 1)
        wire.close()
        self.gateway.wait_for("session closed", of=wire.client)
        self.assertLess(self.gateway.metric("postern_upstream_connections_active", upstream="mail"), active)


if __name__ == "__main__":
    main()

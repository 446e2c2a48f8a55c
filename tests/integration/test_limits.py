"""Limits of sessions, users and networks, and the brake, in front of a real Dovecot."""

from __future__ import annotations

import re
import ssl
import time
from typing import Any

from support import (NAME, PASSWORDS, GatewayTest, PrivatePostern, Wire, configuration, main, new_folder, poll,
                     self_signed, start_dovecot, start_gateway, trusting)


class LimitsTest(GatewayTest):
    """One Dovecot for the class; a gateway for each test that needs limits of its own."""

    gateways = 0

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls)
        cls.pair = self_signed(cls.folder / "tls", NAME)
        cls.dovecot = start_dovecot(cls)

    def limited(self, **limits: Any) -> PrivatePostern:
        type(self).gateways += 1
        tree = configuration(self.dovecot.imap_port, self.pair, limits=limits)
        self.gateway = start_gateway(type(self), tree, name=f"postern-{self.gateways}")
        return self.gateway

    def direct(self, user: str = "alice") -> Wire:
        """A client that goes round the gateway."""
        wire = Wire(self.dovecot.imap_port)
        self.addCleanup(wire.close)
        wire.line()
        wire.log_in(user, PASSWORDS[user])
        return wire

    def fill(self, mailbox: str, count: int, user: str = "alice") -> Wire:
        """Makes the mailbox anew, with mails "mail 1" and so on; a direct client that is logged in."""
        wire = self.direct(user)
        if mailbox != "INBOX":
            wire.command(f"DELETE {mailbox}")
            wire.expect_ok(f"CREATE {mailbox}")
        for number in range(1, count + 1):
            mail = f"Subject: mail {number}\r\n\r\nbody\r\n".encode()
            wire.expect_ok(f"APPEND {mailbox} {{{len(mail)}+}}\r\n".encode() + mail + b"\r\n")
        return wire

    def subjects(self, mailbox: str, user: str = "alice") -> list[str]:
        """What is left, whether marked or not, by Dovecot's own word."""
        wire = self.direct(user)
        wire.expect_ok(f"EXAMINE {mailbox}")
        reply = wire.expect_ok("FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]") if self.messages(mailbox, user) else None
        return re.findall(r"mail \d+", b"".join(reply.untagged).decode()) if reply else []

    def messages(self, mailbox: str, user: str = "alice") -> int:
        reply = self.direct(user).expect_ok(f"STATUS {mailbox} (MESSAGES)")
        return int(re.search(rb"MESSAGES (\d+)", reply.untagged[-1])[1])

    def assert_braked(self, wire: Wire, command: str) -> None:
        reply = wire.command(command)
        self.assertRegex(reply.tagged, rb"^a\d+ NO \[LIMIT\] Too many messages deleted", command)
        wire.expect_ok("NOOP")  # the client is in step


class Brake(LimitsTest):
    def braked(self, messages: int) -> PrivatePostern:
        return self.limited(deletions={"messages": messages, "window": "10m"})

    def opened(self, mailbox: str, user: str = "alice") -> Wire:
        wire = self.session(user)
        wire.expect_ok(f"SELECT {mailbox}")
        return wire

    def test_it_holds_over_all_sessions_and_workers(self) -> None:
        self.fill("many", 20)
        gateway = self.braked(10)
        sessions = [self.opened("many") for _ in range(12)]
        replies = [wire.command(f"STORE {number} +FLAGS (\\Deleted)")
                   for number, wire in enumerate(sessions, start=1)]
        self.assertEqual([reply.status for reply in replies], ["OK"] * 10 + ["NO"] * 2)
        self.assertIn(b"[LIMIT]", replies[10].tagged)
        # This one has not heard yet of the marks of those behind it; Dovecot would expunge them all the same.
        self.assert_braked(sessions[0], "EXPUNGE")
        self.assert_braked(sessions[1], "CLOSE")
        self.assertEqual(self.messages("many"), 20)
        self.assertEqual(gateway.metric("postern_deletions_charged_total"), 10)
        self.assertEqual(gateway.metric("postern_deletions_refused_total", reason="limit"), 4)
        self.assertGreaterEqual(gateway.metric("postern_commands_total", command="STORE", result="denied"), 2)
        line = gateway.wait_for("policy", of=sessions[0].client, code="brake", command="EXPUNGE")
        self.assertEqual(line.fields["user"], "alice")
        self.assertEqual(line.fields["mailbox"], "many")

    def test_other_users_and_harmless_commands_go_on(self) -> None:
        self.fill("many", 5)
        self.fill("INBOX", 2, "bob")
        self.braked(2)
        wire = self.opened("many")
        self.assert_braked(wire, "MOVE 1:3 Trash")
        wire.expect_ok("STORE 1:* +FLAGS (\\Seen)")
        wire.expect_ok("COPY 1:* Trash")
        self.opened("INBOX", "bob").expect_ok("MOVE 1:2 Trash")
        self.assertEqual(len(self.subjects("many")), 5)

    def test_logging_in_anew_does_not_release_it(self) -> None:
        self.fill("many", 4)
        self.braked(2)
        with self.opened("many") as wire:
            wire.expect_ok("MOVE 1:2 Trash")
            wire.expect_ok("LOGOUT")
        self.assert_braked(self.opened("many"), "MOVE 1 Trash")
        self.assertEqual(self.subjects("many"), ["mail 3", "mail 4"])

    def test_a_set_of_uids_costs_what_is_in_it(self) -> None:
        direct = self.fill("holes", 12)
        direct.expect_ok("SELECT holes")
        direct.expect_ok("STORE 3:8 +FLAGS (\\Deleted)")
        direct.expect_ok("EXPUNGE")
        self.braked(7)
        wire = self.opened("holes")
        wire.expect_ok("UID STORE 1:4000000000 +FLAGS.SILENT (\\Deleted)")
        wire.expect_ok("UID STORE 1:4000000000 +FLAGS.SILENT (\\Deleted)")  # all six are marked: it costs nothing
        wire.expect_ok("UID EXPUNGE 1:4")
        wire.expect_ok("EXPUNGE")
        self.assertEqual(self.gateway.metric("postern_deletions_charged_total"), 6)
        self.assertEqual(self.messages("holes"), 0)

    def test_message_numbers_stay_what_the_client_meant(self) -> None:
        direct = self.fill("moving", 6)
        self.braked(10)
        wire = self.opened("moving")
        direct.expect_ok("SELECT moving")
        direct.expect_ok("STORE 1:2 +FLAGS (\\Deleted)")
        direct.expect_ok("EXPUNGE")
        # This client has not heard of it: its fourth message is "mail 4", which is the second by now.
        wire.expect_ok("STORE 4 +FLAGS (\\Deleted)")
        wire.expect_ok("EXPUNGE")
        self.assertEqual(self.subjects("moving"), ["mail 3", "mail 5", "mail 6"])

    def test_mailboxes_are_counted_whole(self) -> None:
        self.fill("large", 4)
        self.fill("small", 3)
        have = self.messages("INBOX")
        self.fill("INBOX", max(0, 4 - have))
        self.braked(3)
        wire = self.session()
        self.assert_braked(wire, "DELETE large")
        self.assert_braked(wire, "RENAME InBox Elsewhere")
        self.assertEqual(wire.command("DELETE nowhere").tagged.split()[1:3], [b"NO", b"[UNAVAILABLE]"])
        wire.expect_ok("RENAME large larger")
        wire.expect_ok("DELETE small")
        self.assert_braked(wire, "DELETE larger")
        self.assertEqual(len(self.subjects("larger")), 4)
        self.direct().expect_ok("DELETE larger")

    def test_a_reload_puts_it_on_in_sessions_that_run(self) -> None:
        self.fill("many", 4)
        gateway = self.limited()
        wire = self.opened("many")
        wire.expect_ok("MOVE 1:2 Trash")
        changed = configuration(self.dovecot.imap_port, self.pair, limits={"deletions": {"messages": 1}})
        self.assertEqual(self.reload(changed).event, "reloaded")
        self.assert_braked(wire, "MOVE 1:2 Trash")
        wire.expect_ok("MOVE 1 Trash")


class Sessions(LimitsTest):
    def test_a_user_has_so_many_and_is_not_punished_for_asking(self) -> None:
        gateway = self.limited(sessions={"per_user": 2}, login={"failures": 1, "delay": "10ms"})
        first, second = self.session(), self.session()
        third = self.wire()
        for _ in range(3):
            reply = third.command(f'LOGIN ALICE "{PASSWORDS["alice"]}"')
            self.assertRegex(reply.tagged, rb" NO \[LIMIT\] Too many sessions")
        self.assertEqual(gateway.metric("postern_auth_attempts_total", result="denied"), 3)
        gateway.wait_for("login refused", of=third.client, code="too_many_sessions")
        second.expect_ok("LOGOUT")
        second.rest()
        poll(lambda: third.command(f'LOGIN alice "{PASSWORDS["alice"]}"').status == "OK", "the seat to be free")
        first.expect_ok("NOOP")
        self.session("bob")

    def test_a_wrong_password_takes_no_seat(self) -> None:
        self.limited(sessions={"per_user": 1})
        stranger = self.wire()
        self.assertEqual(stranger.command('LOGIN alice "wrong"').status, "NO")
        self.session()

    def test_a_network_has_so_many(self) -> None:
        gateway = self.limited(sessions={"per_client": 2})
        first = self.wire("imap", source="127.0.0.2")
        self.wire("imap", source="127.0.0.2")
        refused = Wire(gateway.ports["imap"], source="127.0.0.2")
        self.addCleanup(refused.close)
        self.assertEqual(refused.rest(), b"* BYE [LIMIT] Too many sessions from your network\r\n")
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            Wire(gateway.ports["imaps"], tls=trusting(), source="127.0.0.2")
        self.assertEqual(gateway.metric("postern_connections_rejected_total", reason="client_limit"), 2)
        gateway.wait_for("client refused", of=refused.client, reason="too_many_client_sessions")
        self.wire("imap", source="127.0.0.3")
        first.expect_ok("LOGOUT")
        first.rest()

        def greeted() -> bool:
            with Wire(gateway.ports["imap"], source="127.0.0.2") as wire:
                return wire.line().startswith(b"* OK ")

        poll(greeted, "the seat to be free")


class Rates(LimitsTest):
    def test_commands_wait_and_none_is_lost(self) -> None:
        self.limited(commands_per_second={"per_session": 10})
        wire = self.session()
        begin = time.monotonic()
        wire.send(b"".join(b"n%d NOOP\r\n" % number for number in range(20)))
        for number in range(20):
            self.assertEqual(wire.reply(f"n{number}").status, "OK")
        self.assertGreaterEqual(time.monotonic() - begin, 0.99)  # ten at once, ten in a second

    def test_the_sessions_of_a_user_share_a_rate(self) -> None:
        self.limited(commands_per_second={"per_user": 10})
        wires = [self.session(), self.session()]
        begin = time.monotonic()
        for wire in wires:
            wire.send(b"".join(b"n%d NOOP\r\n" % number for number in range(10)))
        for wire in wires:
            for number in range(10):
                self.assertEqual(wire.reply(f"n{number}").status, "OK")
        self.assertGreaterEqual(time.monotonic() - begin, 0.99)

    def test_bandwidth_slows_down_both_ways_and_loses_nothing(self) -> None:
        rate = 512 * 1024
        self.limited(bandwidth_per_session=rate)
        mail = b"Subject: large\r\n\r\n" + b"".join(b"line %07d\r\n" % number for number in range(30_000))
        wire = self.session("carol")
        begin = time.monotonic()
        wire.send(f"p APPEND INBOX {{{len(mail)}}}")
        self.assertTrue(wire.line().startswith(b"+"))
        wire.send(mail + b"\r\n")
        self.assertEqual(wire.reply("p").status, "OK")
        wire.expect_ok("SELECT INBOX")
        fetched = wire.expect_ok("FETCH * BODY.PEEK[]")
        self.assertIn(mail, b"".join(fetched.untagged))
        # A second's worth is free, and the last read is paid for when it has been made.
        paid = 2 * len(mail) - rate - 128 * 1024
        self.assertGreaterEqual(time.monotonic() - begin, paid / rate)


if __name__ == "__main__":
    main()

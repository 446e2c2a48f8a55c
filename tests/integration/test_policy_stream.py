"""Refusals in the middle of a stream: pipelines, literals, a mailbox that was not opened, an answer under way."""

from __future__ import annotations

import hashlib
import re

from support import GatewayTest, Wire, main, measure_own_memory
from test_mail import append, fetch_body

MIB = 1 << 20
REPLY = "kept for seven years"


class Stream(GatewayTest):
    settings = {"rules": [{"name": "out", "when": {"user": "bob", "command": "DELETE"}, "action": "disconnect",
                           "reply": "come back without it"},
                          {"name": "keep", "when": {"class": "destructive", "mailbox": ["kept", "kept/**"]},
                           "action": "deny", "reply": REPLY}]}

    @classmethod
    def setUpClass(cls) -> None:
        measure_own_memory()
        super().setUpClass()

    def boxes(self, count: int = 2) -> Wire:
        """A session of a user who has so many messages in each of two mailboxes, one of which is kept."""
        wire = self.session()
        for mailbox in ("kept", "free"):
            if wire.command(f"CREATE {mailbox}").status == "OK":
                for number in range(count):
                    append(wire, mailbox, b"Subject: %d\r\n\r\nx\r\n" % number)
        return wire

    def assert_refused(self, wire: Wire, tag: str) -> None:
        self.assertEqual(wire.reply(tag).text, f"NO [NOPERM] {REPLY}")

    def count(self, mailbox: str, what: str) -> int:
        """How many messages of the mailbox match, by the word of a session that has not seen it before."""
        with self.session() as other:
            other.expect_ok(f"EXAMINE {mailbox}")
            return len(other.expect_ok(f"SEARCH {what}").untagged[-1].split()[2:])

    # ---- which mailbox is meant

    def pipelined(self, selected: str, opening: str) -> list[str]:
        """Answers of SELECT and of the STORE that is sent with it, with `selected` open before."""
        wire = self.boxes()
        wire.expect_ok(f"SELECT {selected}")
        wire.send(f"o {opening}\r\ns STORE 1 +FLAGS (\\Deleted)\r\n".encode())
        return [wire.reply(tag).text for tag in "os"]

    def test_a_select_that_ends_in_bad_leaves_the_old_mailbox_open(self) -> None:
        for verb in ("SELECT", "EXAMINE"):
            for selected, other, answer in (("free", "kept", "OK "), ("kept", "free", f"NO [NOPERM] {REPLY}")):
                with self.subTest(verb, selected=selected):
                    opened, stored = self.pipelined(selected, f"{verb} {other} é")  # its parser takes no 8 bits there
                    self.assertRegex(opened, "^BAD (?!Malformed)", "the server's own")
                    self.assert_text(stored, answer)

    def test_a_bad_behind_closed_leaves_none_open(self) -> None:
        """Dovecot closes the old mailbox before it looks at the parameters of QRESYNC."""
        for selected, other in (("free", "kept"), ("kept", "free")):
            opened, stored = self.pipelined(selected, f"SELECT {other} (QRESYNC (x))")
            self.assert_text(opened, "BAD ")
            self.assertRegex(stored, "^(BAD|NO) ")

    def test_a_select_that_is_done_opens_the_new_one(self) -> None:
        self.assertEqual(self.pipelined("free", "SELECT kept")[1], f"NO [NOPERM] {REPLY}")
        self.assert_text(self.pipelined("kept", "SELECT free")[1], "OK ")

    def test_a_select_that_ends_in_no_leaves_none_open(self) -> None:
        for selected in ("kept", "free"):
            opened, stored = self.pipelined(selected, "SELECT nowhere")
            self.assert_text(opened, "NO ")
            self.assertRegex(stored, "^(BAD|NO) ")
        self.assertEqual(self.count("kept", "DELETED"), 0)

    def test_close_and_unselect_leave_none_open(self) -> None:
        for opening in ("CLOSE", "UNSELECT"):
            opened, stored = self.pipelined("kept", opening)
            self.assert_text(opened, "OK ")
            self.assertRegex(stored, "^(BAD|NO) ")
        self.assertEqual(self.count("kept", "DELETED"), 0)

    # ---- literals of what is denied

    def test_a_denied_literal_is_not_asked_for(self) -> None:
        """The NO stands in the place of the `+`, and the next octet begins a new command."""
        wire = self.boxes()
        wire.send(b"d APPEND kept (\\Deleted) {100}\r\n")
        self.assertEqual(wire.line(), f"d NO [NOPERM] {REPLY}\r\n".encode())
        wire.expect_ok("NOOP")
        self.assertEqual(self.count("kept", "ALL"), 2)

    def test_of_many_parts_the_denied_one_undoes_all(self) -> None:
        wire = self.boxes()
        wire.send(b"d APPEND kept (\\Seen) {3}\r\n")
        self.assertTrue(wire.line().startswith(b"+"))
        wire.send(b"abc (\\Deleted) {100}\r\n")
        self.assertEqual(wire.line(), f"d NO [NOPERM] {REPLY}\r\n".encode())
        self.assertRegex(wire.line(), rb"^\* BYE ")
        self.assertEqual(wire.line(), b"")
        self.assertEqual(self.count("kept", "ALL"), 2)

    def test_50_mb_that_are_denied_are_swallowed_in_constant_memory(self) -> None:
        wire = self.boxes()
        line = b"x DELETE free\r\n"
        block = line * (MIB // len(line))
        before = self.high_water()
        wire.send(b"d APPEND kept (\\Deleted) {%d+}\r\n" % (50 * len(block)))
        for _ in range(50):
            wire.send(block)
        wire.send(b"\r\n")
        self.assert_refused(wire, "d")
        wire.expect_ok("NOOP")
        self.assertLess(self.high_water() - before, 8 * 1024)
        self.assertEqual(self.count("free", "ALL"), 2)
        self.assertEqual(self.count("kept", "ALL"), 2)

    def high_water(self) -> int:
        """The most memory that the gateway has had so far, in KiB."""
        with open(f"/proc/{self.gateway.pid}/status") as status:
            return int(re.search(r"^VmHWM:\s*(\d+)", status.read(), re.MULTILINE)[1])

    # ---- beside other commands

    def test_in_a_pipeline_of_100_each_is_answered_once_and_refusals_in_turn(self) -> None:
        wire = self.boxes()
        wire.expect_ok("SELECT kept")
        denied = (b"UID STORE 1 +FLAGS (\\Deleted)", b"DELETE kept", b"APPEND kept (\\Deleted) {7+}\r\np9 OK x",
                  b"MOVE 1 free", b"EXPUNGE", b"APPEND {4+}\r\nkept (\\Deleted) {2+}\r\nab")
        commands = [denied[number // 7 % len(denied)] if number % 7 == 3 else b"UID FETCH 1:2 (FLAGS)" if number % 2
                    else b"STATUS free (MESSAGES)" for number in range(100)]
        wire.send(b"".join(b"p%d %s\r\n" % (number, command) for number, command in enumerate(commands)))
        waiting = set(range(100))
        while waiting:
            line = wire.response()
            if line.startswith(b"* "):
                continue
            tag, _, answer = line.partition(b" ")
            number = int(tag[1:])
            waiting.remove(number)  # an error if it was answered before
            with self.subTest(number=number, command=commands[number]):
                if commands[number] in denied:
                    self.assertEqual(answer.decode(), f"NO [NOPERM] {REPLY}\r\n")
                    self.assertGreater(min(waiting, default=100), number)  # all before it are answered
                else:
                    self.assertTrue(answer.startswith(b"OK "), line)
        self.assertEqual(self.count("kept", "UNDELETED"), 2)

    def test_while_a_large_body_streams_the_refusal_waits_for_its_end(self) -> None:
        wire = self.boxes()
        if wire.command("CREATE large").status == "OK":
            append(wire, "large", b"Subject: large\r\n\r\n" + b"0123456789abcde\r\n" * (MIB // 2))
        wire.expect_ok("SELECT large")
        expected = hashlib.sha256(fetch_body(wire, 1)).hexdigest()
        slow = self.session(receive_buffer=8192)
        slow.expect_ok("SELECT large")
        slow.send("f FETCH 1 BODY.PEEK[]")
        head = slow.line()
        size = int(re.search(rb"\{(\d+)\}\r\n$", head)[1])
        begin = slow.exactly(100)
        slow.send("d DELETE kept")
        body = begin + slow.exactly(size - len(begin))
        self.assertEqual(hashlib.sha256(body).hexdigest(), expected)
        self.assertEqual(slow.line(), b")\r\n")
        self.assertTrue(slow.line().startswith(b"f OK "))
        self.assertEqual(slow.line(), f"d NO [NOPERM] {REPLY}\r\n".encode())
        slow.expect_ok("NOOP")

    def test_behind_a_disconnection_nothing_is_done(self) -> None:
        wire = self.session("bob")
        wire.expect_ok("CREATE other")
        wire.send(b"s STATUS INBOX (MESSAGES)\r\nd DELETE other\r\nr RENAME other gone\r\nc CREATE more\r\n")
        said = self.assert_ends(wire)
        self.assertRegex(said, rb"(?s)s OK .*\r\n\* BYE come back without it\r\n$")
        with self.session("bob") as other:
            other.expect_ok("STATUS other (MESSAGES)")
            self.assert_text(other.command("STATUS more (MESSAGES)").text, "NO ")

    def test_behind_done_in_the_same_packet(self) -> None:
        wire = self.boxes()
        wire.expect_ok("SELECT free")
        wire.send("i IDLE")
        self.assertTrue(wire.line().startswith(b"+"))
        wire.send(b"DONE\r\nd DELETE kept\r\nn NOOP\r\n")
        self.assertEqual(wire.reply("i").status, "OK")
        self.assert_refused(wire, "d")
        self.assertEqual(wire.reply("n").status, "OK")


if __name__ == "__main__":
    main()

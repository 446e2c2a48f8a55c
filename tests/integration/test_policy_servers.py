"""Rules and the brake in front of Cyrus and Courier: other separators, no UNSELECT, and what Dovecot does not do."""

from __future__ import annotations

import re
from typing import Any

from attack import literal, say
from support import (NAME, PASSWORDS, GatewayTest, Wire, configuration, main, new_folder, self_signed, start_gateway,
                     start_server)

from servers.courier import PrivateCourier
from servers.cyrus import PrivateCyrus

PASSWORD = PASSWORDS["alice"]
COUNT = 6
RULES = [{"name": "class", "when": {"user": "deny", "class": "destructive"}, "action": "deny"},
         {"name": "name", "when": {"user": "named", "class": "destructive", "mailbox": ["INBOX", "INBOX/kept", "kept"]},
          "action": "deny"},
         {"name": "readers", "when": {"user": "reader"}, "action": "read_only"},
         {"name": "filers", "when": {"user": "filer"}, "action": "organise"}]
USERS = ("deny", "named", "reader", "filer", "free", "braked")


class Upstream(GatewayTest):
    """Each user has two mailboxes with messages, one of which is marked as deleted."""

    server_type: type[Any]
    kept: str  # as the server writes it

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls)
        cls.pair = self_signed(cls.folder / "tls", NAME)
        cls.server = start_server(cls, cls.server_type(cls.folder / "server", dict.fromkeys(USERS, PASSWORD)))
        cls.gateway = start_gateway(cls, configuration(
            cls.server.imap_port, cls.pair, rules=RULES, limits={"deletions": {"messages": 5, "window": "1h"}}))

    def prepare(self, user: str) -> Wire:
        """A session directly at the server, which has put the mail there."""
        wire = self.direct(user)
        wire.expect_ok(f"CREATE {self.kept}")
        for mailbox in ("INBOX", self.kept):
            for number in range(COUNT):
                flags = b"(\\Deleted) " if number == 0 else b""
                self.assertRegex(say(wire, b"APPEND %s %s" % (mailbox.encode(), flags)
                                     + literal(b"Subject: %d\r\n\r\nx\r\n" % number, "")), rb"^\S+ OK ")
        return wire

    def direct(self, user: str) -> Wire:
        wire = Wire(self.server.imap_port)
        self.addCleanup(wire.close)
        wire.line()
        wire.log_in(user, PASSWORD)
        return wire

    def log_in(self, user: str) -> Wire:
        wire = self.wire()
        wire.log_in(user, PASSWORD)
        return wire

    def count(self, user: str, mailbox: str) -> tuple[int, int]:
        """Of the messages, and of those that are marked."""
        wire = self.direct(user)
        messages = re.search(rb"\* (\d+) EXISTS", b"".join(wire.expect_ok(f"EXAMINE {mailbox}").untagged))
        marked = [line for line in wire.expect_ok("SEARCH DELETED").untagged if line.startswith(b"* SEARCH")]
        return int(messages[1]), len(marked[0].split()) - 2

    # ---- rules

    def test_without_rules_close_loses_mail(self) -> None:
        wire = self.prepare("free")
        wire.expect_ok(f"SELECT {self.kept}")
        wire.expect_ok("CLOSE")
        self.assertEqual(self.count("free", self.kept), (COUNT - 1, 0))

    def test_with_rules_nothing_is_lost(self) -> None:
        for user in ("deny", "named", "reader", "filer"):
            self.prepare(user)
            wire = self.log_in(user)
            for mailbox in ("INBOX", self.kept):
                with self.subTest(user, mailbox=mailbox):
                    self.try_all(wire, mailbox)
                    self.assertEqual(self.count(user, mailbox), (COUNT, 1))

    def try_all(self, wire: Wire, mailbox: str) -> None:
        for verb in ("CLOSE", "close"):
            wire.expect_ok(f"SELECT {mailbox}")
            closed = wire.expect_ok(verb)
            self.assertNotIn(b" EXPUNGE\r\n", b"".join(closed.untagged))
            self.assertIn(wire.command("FETCH 1 FLAGS").status, ("BAD", "NO"))  # nothing is open
        wire.expect_ok(f"SELECT {mailbox}")
        for command in ("EXPUNGE", "UID EXPUNGE 1:*", "STORE 2 +FLAGS (\\Deleted)", "UID STORE 1:* FLAGS.SILENT \\deleted",
                        f"DELETE {self.kept}", f'RENAME INBOX "{self.kept}x"', "SETACL INBOX bob lr"):
            if command.startswith(("EXPUNGE", "UID", "STORE")) or mailbox in command:
                with self.subTest(command):
                    self.assert_text(wire.command(command).text, "NO [NOPERM]")
        pipelined = f"s SELECT {mailbox}\r\nt STORE 2 +FLAGS (\\Deleted)\r\nx EXPUNGE\r\nc CLOSE\r\nn NOOP\r\n"
        wire.send(pipelined.encode())
        self.assertEqual([wire.reply(tag).status for tag in "stxcn"], ["OK", "NO", "NO", "OK", "OK"])

    # ---- the brake

    def test_the_brake_counts_by_what_the_server_says(self) -> None:
        self.prepare("braked")
        wire = self.log_in("braked")
        self.assert_text(wire.command(f"DELETE {self.kept}").text, "NO [LIMIT]")  # six messages are more than five
        self.assert_text(wire.command(f"RENAME INBOX {self.kept}x").text, "NO [LIMIT]")
        wire.expect_ok("SELECT INBOX")
        wire.expect_ok("STORE 2:3 +FLAGS (\\Deleted)")  # two
        wire.expect_ok("UID STORE 1:* -FLAGS (\\Seen)")
        wire.expect_ok("EXPUNGE")  # the one that was marked before, too: three
        self.assertEqual(self.count("braked", "INBOX"), (COUNT - 3, 0))
        self.assert_text(wire.command("STORE 1:3 +FLAGS (\\Deleted)").text, "NO [LIMIT]")
        wire.expect_ok("UID STORE 1:5 +FLAGS (\\Deleted)")  # of which two are left: five
        wire.expect_ok("CLOSE")
        self.assertEqual(self.count("braked", "INBOX"), (1, 0))
        wire.expect_ok(f"SELECT {self.kept}")
        self.assert_text(wire.command("STORE 2 +FLAGS (\\Deleted)").text, "NO [LIMIT]")
        self.assert_text(wire.command("EXPUNGE").text, "NO [LIMIT]")
        self.assert_text(wire.command("CLOSE").text, "NO [LIMIT]")
        self.assertEqual(self.count("braked", self.kept), (COUNT, 1))


class BeforeCyrus(Upstream):
    server_type = PrivateCyrus
    kept = "kept"


class BeforeCourier(Upstream):
    """It has no UNSELECT: what may not expunge is opened again by EXAMINE, and closed."""

    server_type = PrivateCourier
    kept = "INBOX.kept"


del Upstream  # its tests are those of each server

if __name__ == "__main__":
    main()

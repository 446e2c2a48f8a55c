"""What rules forbid does not happen: after every attack the maildir is what it was, file by file."""

from __future__ import annotations

from collections.abc import Iterator

import maildir
from attack import PLUGINS, SYNCHRONISING, Attack, attacks, copy_mail, fill, mail_of, oddities, say, say_all, writes
from support import (NAME, PASSWORDS, GatewayTest, PrivateDovecot, Wire, configuration, main, new_folder, self_signed,
                     start_gateway, start_server)

EVERYTHING = attacks()
MAILBOXES = ["INBOX", "kept", "kept/**", "Lists/été", "R&D"]
RULES = [
    {"name": "by-class", "when": {"user": "deny*", "class": "destructive"}, "action": "deny", "reply": "by class"},
    {"name": "by-name", "when": {"user": "named*", "class": "destructive", "mailbox": MAILBOXES}, "action": "deny"},
    {"name": "readers", "when": {"user": "reader*"}, "action": "read_only", "reply": "only read"},
    {"name": "filers", "when": {"user": "filer*"}, "action": "organise"},
]


class Attacked(GatewayTest):
    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls, small_files=True)
        cls.pair = self_signed(cls.folder / "tls", NAME)
        victims = [f"victim{number:03}" for number in range(len(EVERYTHING))]
        filers = [f"filer{number:03}" for number in range(len(EVERYTHING))]
        names = ["template", *victims, *filers]
        names += [user + number for user in ("deny", "named", "reader", "filer") for number in ("", "2")]
        cls.victims, cls.filers = iter(victims), iter(filers)
        cls.dovecot = start_server(cls, PrivateDovecot(
            cls.folder / "dovecot", dict.fromkeys(names, PASSWORDS["alice"]), extra=PLUGINS))
        fill(cls.dovecot, "template")
        cls.gateway = start_gateway(cls, configuration(cls.dovecot.imap_port, cls.pair, rules=RULES))

    def log_in(self, user: str) -> Wire:
        wire = self.wire()
        wire.log_in(user, PASSWORDS["alice"])
        return wire

    # ---- without rules

    def test_each_of_them_does_harm_directly(self) -> None:
        """Else it would show nothing that it does none through the gateway."""
        for attack in EVERYTHING:
            if attack.works:
                with self.subTest(attack.name):
                    self.assert_harms(attack, next(self.victims))

    def assert_harms(self, attack: Attack, user: str) -> None:
        mail = copy_mail(self.dovecot, "template", user)
        before = maildir.octets(mail)
        with Wire(self.dovecot.imap_port) as wire:
            wire.line()
            wire.log_in(user, PASSWORDS["alice"])
            for command in attack.commands:
                self.assertRegex(say(wire, command), rb"^\S+ OK ")
        self.assertNotEqual(maildir.octets(mail), before)

    # ---- with rules

    def assert_harmless(self, user: str, tried: Iterator[Attack]) -> None:
        """One session for all of them: it must stay in step, too. Those that can be are also sent in one piece."""
        mail = copy_mail(self.dovecot, "template", user)
        before = maildir.octets(mail)
        wire = self.log_in(user)
        for attack in tried:
            with self.subTest(attack.name):
                answers = [[say(wire, command) for command in attack.commands]]
                wire = self.in_step(wire, user, attack)
                if not any(map(SYNCHRONISING.search, attack.commands)):
                    answers.append(say_all(wire, attack.commands))
                    wire = self.in_step(wire, user, attack)
                expected, before = before, maildir.octets(mail)
                self.assertEqual(before.items() ^ expected.items(), set())
                for *earlier, last in answers:
                    for each in earlier:
                        self.assertRegex(each, rb"^\S+ OK ")
                    self.assert_text(last.decode().partition(" ")[2], attack.answer)
        wire.expect_ok("LOGOUT")

    def in_step(self, wire: Wire, user: str, attack: Attack) -> Wire:
        """The session; or where it has ended, since the first messages of an APPEND were out already, another one."""
        if not attack.later or user.startswith("reader"):  # who may only read is denied the whole
            wire.expect_ok("NOOP")
            return wire
        self.assertRegex(wire.line(), rb"^\* BYE ")
        self.assertEqual(wire.line(), b"")
        return self.log_in(user)

    def test_denied_by_class(self) -> None:
        self.assert_harmless("deny", iter(EVERYTHING))

    def test_denied_by_mailbox(self) -> None:
        self.assert_harmless("named", (attack for attack in EVERYTHING if attack.named))

    def test_read_only(self) -> None:
        self.assert_harmless("reader", iter(EVERYTHING + writes()))

    def test_organise(self) -> None:
        self.assert_harmless("filer", (attack for attack in EVERYTHING if not attack.files))

    def test_odd_spellings(self) -> None:
        for user in ("deny2", "named2", "reader2", "filer2"):
            mail = copy_mail(self.dovecot, "template", user)
            before = maildir.octets(mail)
            wire = self.log_in(user)
            for attack in oddities():
                with self.subTest(attack.name, user=user):
                    *_, last = [say(wire, command) for command in attack.commands]
                    self.assertRegex(last, rb"^\S+ (NO|BAD) ")
                    wire = self.in_step(wire, user, attack)
                    expected, before = before, maildir.octets(mail)
                    self.assertEqual(before.items() ^ expected.items(), set())

    def test_organise_lets_file(self) -> None:
        """Every message stays, with its flags; where it lies may change, but not to the trash."""
        before = self.contents("template")
        for attack in (attack for attack in EVERYTHING if attack.files):
            with self.subTest(attack.name):
                user = next(self.filers)
                copy_mail(self.dovecot, "template", user)
                wire = self.log_in(user)
                for command in attack.commands:
                    self.assertRegex(say(wire, command), rb"^\S+ OK ")
                wire.expect_ok("LOGOUT")
                self.assertNotEqual(maildir.mailboxes(mail_of(self.dovecot, user)),
                                    maildir.mailboxes(mail_of(self.dovecot, "template")))
                self.assertEqual(self.contents(user), before)

    def contents(self, user: str) -> list[tuple[str, str]]:
        """The messages of all mailboxes but the trash, whichever they lie in."""
        boxes = maildir.mailboxes(mail_of(self.dovecot, user))
        return sorted(message for name, box in boxes.items() if "Trash" not in name for message in box)

    def test_organise_lets_write(self) -> None:
        user = next(self.filers)
        mail = copy_mail(self.dovecot, "template", user)
        wire = self.log_in(user)
        for attack in writes():
            with self.subTest(attack.name):
                before = maildir.octets(mail)
                for command in attack.commands:
                    self.assertRegex(say(wire, command), rb"^\S+ OK ")
                self.assertNotEqual(maildir.octets(mail), before)


if __name__ == "__main__":
    main()

"""Clients whose packages are large: they run under tests/run --all. deploy/packages clients-heavy installs them."""

from __future__ import annotations

import pathlib

from clients import case, thunderbird
from clients.mailbox import Store
from support import main

SCRIPTS = pathlib.Path(__file__).resolve().parent / "clients" / "scripts"
JARS = ":".join(f"/usr/share/java/{name}.jar" for name in ("javax.mail", "javax.activation"))


class Heavy(case.ClientTest):
    def check(self, said: list[str], store: Store, *, told: list[str], renamed: str) -> None:
        for line in told:
            self.assertIn(line, said)
        self.assertIn(renamed, store.subjects("renamed {3}"))
        self.assertEqual(len(store.messages("INBOX")), 12)
        self.assertIn("number 1", store.subjects("Lists/&AOk-t&AOk-"))

    def test_net_imap(self) -> None:
        told = ['PLAIN: "OK"', 'CRAM-MD5: "OK"', "search: [9]", "news: 12", 'append: "TRYCREATE"']
        self.compare(lambda seat: seat.script("ruby", SCRIPTS / "session.rb"),
                     check=lambda said, store: self.check(said, store, told=told, renamed="by ruby"))

    def test_javamail(self) -> None:
        told = ["PLAIN: true", "LOGIN: true", "found: 5 1", "expunged: 2", "messages: 2", "news: [1]"]
        self.compare(lambda seat: seat.script("java", "-Dmail.mime.charset=UTF-8", "-cp", JARS,
                                              SCRIPTS / "Session.java"),
                     check=lambda said, store: self.check(said, store, told=told, renamed="by java"))

    def test_thunderbird(self) -> None:
        def check(said: list[str], store: Store) -> None:
            self.assertEqual([line for line in said if line.startswith("failed")], [])
            self.assertIn('made: "made Ω"', said)
            self.assertEqual(store.subjects("made &A6k-"), ["by thunderbird"])
            self.assertEqual(len(store.messages("INBOX")), 10)

        self.compare(thunderbird.session, check=check)


if __name__ == "__main__":
    main()

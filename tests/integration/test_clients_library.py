"""Libraries that programs read mail with: each does its work directly at the server and through the gateway."""

from __future__ import annotations

import imaplib
import pathlib
import shutil
import ssl
import subprocess
import unittest
from typing import Any

from clients import case, npm
from clients.case import HOST, Seat
from clients.mailbox import Store, digest
from support import WAIT_SECONDS, main

SCRIPTS = pathlib.Path(__file__).resolve().parent / "clients" / "scripts"


def php_gave_up_imap() -> bool:
    """PHP 8.4 comes without the extension; where an older one lacks it something is not installed."""
    asked = 'exit(PHP_VERSION_ID >= 80400 && !function_exists("imap_open") ? 1 : 0);'
    return shutil.which("php") is not None and subprocess.run(["php", "-r", asked], check=False).returncode == 1


class Library(case.ClientTest):
    # What each library has to quote, by its own means.
    password = 'canary "seat" \\5W {3+}'

    def told(self, said: list[str], *lines: str) -> None:
        for line in lines:
            self.assertIn(line, said)

    def subjects_of(self, store: Store, mailbox: str, *expected: str) -> None:
        found = store.subjects(mailbox)
        for each in expected:
            self.assertIn(each, found)

    @unittest.skipIf(php_gave_up_imap(), "this PHP has no imap extension any more")
    def test_php(self) -> None:
        def check(said: list[str], store: Store) -> None:
            self.told(said, "opened: true", "messages: 13", "after: 11", "move: true", "close: true",
                      "search: [9,10,11,12]")
            self.subjects_of(store, "Lists/&AOk-t&AOk-", "number 8")
            self.subjects_of(store, "renamed", "made")

        self.compare(lambda seat: seat.script("php", SCRIPTS / "session.php"), tls=("implicit",), check=check)

    @unittest.skipIf(php_gave_up_imap(), "this PHP has no imap extension any more")
    def test_php_by_starttls_is_too_old(self) -> None:
        """c-client offers TLS 1.0 there and nothing else: it fails directly, and so it does here."""
        self.orderly = case.ORDERLY | {"version"}  # a handshake that failed
        self.compare(lambda seat: seat.script("php", SCRIPTS / "session.php"), tls=("starttls",),
                     check=lambda said, store: self.assertEqual(said, ["opened: false"]))

    def test_mail_imapclient(self) -> None:
        def check(said: list[str], store: Store) -> None:
            self.told(said, "PLAIN | 1", "CRAM-MD5 | 1", "move | moved", "wrong | refused")
            self.subjects_of(store, "Archive", "number 1", "number 2", "number 3")
            self.subjects_of(store, "renamed {3}", "by perl")

        self.compare(lambda seat: seat.script("perl", SCRIPTS / "session.pl"), check=check)

    def test_imapflow(self) -> None:
        scripts = npm.packages(self.folder / "node")

        def check(said: list[str], store: Store) -> None:
            self.told(said, "secure: true", "search: [9,10,11,12]", "delete: true", "news: 12")
            self.subjects_of(store, "renamed", "by node")

        self.compare(lambda seat: seat.script("node", scripts / "imapflow.js"), check=check)

    def test_node_imap(self) -> None:
        scripts = npm.packages(self.folder / "node")

        def check(said: list[str], store: Store) -> None:
            self.told(said, "inbox: 13", "news: 1", "after: 12", 'refused: "TRYCREATE"')
            self.subjects_of(store, "renamed", "by node-imap")

        self.compare(lambda seat: seat.script("node", scripts / "node-imap.js"), check=check)

    def test_imaplib(self) -> None:
        def check(said: Any, store: Store) -> None:
            self.assertEqual(len(store.messages("INBOX")), 12)
            self.subjects_of(store, "Archive", "number 1", "number 2")

        self.compare(imaplib_session, check=check)


def imaplib_session(seat: Seat) -> list[Any]:
    context = ssl.create_default_context(cafile=str(seat.ca))
    if seat.implicit:
        client: imaplib.IMAP4 = imaplib.IMAP4_SSL(HOST, seat.port, ssl_context=context, timeout=WAIT_SECONDS)
    else:
        client = imaplib.IMAP4(HOST, seat.port, timeout=WAIT_SECONDS)
        client.starttls(ssl_context=context)
    said: list[Any] = []
    with client:
        # imaplib asks for a password that is quoted already, and has AUTHENTICATE besides.
        client.authenticate("PLAIN", lambda _: f"\0{seat.user}\0{seat.password}".encode())
        said += [client.list(), client.lsub(), client.namespace(), client.enable("CONDSTORE")[0],
                 client.select("INBOX")[0]]
        said.append([digest(each[1]) for each in client.fetch("1:*", "(UID FLAGS BODY.PEEK[])")[1]
                     if isinstance(each, tuple)])
        client.literal = "é".encode()
        said.append(client.search("UTF-8", "SUBJECT"))
        said += [client.sort("(REVERSE SIZE)", "UTF-8", "ALL"), client.thread("REFERENCES", "UTF-8", "ALL"),
                 client.store("1:3", "+FLAGS", "(\\Seen Label2)"), client.copy("1:2", "Archive")[0],
                 client.uid("MOVE", "3", "Lists/&AOk-t&AOk-")[0], client.expunge(),
                 client.getacl("INBOX"), client.getquotaroot("INBOX"), client.myrights("INBOX"),
                 client.status("Archive", "(MESSAGES UIDNEXT)"), client.noop()[0],
                 client.append("absent", None, None, b"Subject: x\r\n\r\n")[0], client.check()[0], client.close()[0]]
    return [seat.plain(repr(each).encode()) for each in said]


if __name__ == "__main__":
    main()

"""Clients that keep a copy of the mail: two ways between the server and a maildir."""

from __future__ import annotations

import pathlib
from typing import Any

from clients import case
from clients.case import HOST, Seat
from clients.mailbox import Message, Store, digest, text_message
from maildir import mailboxes
from support import main

COUNT = 500
# offlineimap keeps what it knows of each message in a database; this many show as much as 500.
FEW = 120

MBSYNC = """\
FSync no

IMAPStore far
Host {host}
Port {port}
User {user}
PassCmd "cat {home}/password"
SSLType {tls}
SystemCertificates no
CertificateFile {ca}
AuthMechs {mechanisms}
Timeout 90

MaildirStore near
Path {home}/mail/
Inbox {home}/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
Sync All
SyncState *
"""


OFFLINEIMAP = """\
[general]
accounts = all
metadata = {home}/state
maxsyncaccounts = 1
ui = basic
fsync = False

[Account all]
localrepository = near
remoterepository = far

[Repository near]
type = Maildir
localfolders = {home}/mail
sep = /

[Repository far]
type = IMAP
remotehost = {host}
remoteport = {port}
remoteuser = {user}
remotepassfile = {home}/password
ssl = {ssl}
starttls = {starttls}
sslcacertfile = {ca}
auth_mechanisms = {mechanisms}
maxconnections = 1
"""


def messages(count: int) -> dict[str, list[Message]]:
    flags = ("", "\\Seen", "\\Flagged \\Seen", "\\Answered")
    return {"INBOX": [text_message(number, flags=flags[number % 4], lines=number % 50) for number in range(count)],
            "Archive": [text_message(number) for number in range(count, count + 20)],
            "Lists/&AOk-t&AOk-": [text_message(9999)]}


def edit_locally(inbox: pathlib.Path) -> None:
    """Flags on some, fifty gone, twenty new ones, as a mail reader on the maildir would do it."""
    by_hash = sorted((digest(path.read_bytes()), path) for part in ("new", "cur") for path in (inbox / part).iterdir())
    for _, path in by_hash[:50]:
        path.unlink()
    for _, path in by_hash[50:100]:
        bare = path.name.partition(":2,")[0]
        path.rename(inbox / "cur" / f"{bare}:2,FRS")
    for number in range(20):
        message = text_message(number, f"written here {number}").octets.replace(b"\r\n", b"\n")
        (inbox / "cur" / f"1700000000.local{number}.here:2,{'S' if number % 2 else ''}").write_bytes(message)


def edit_remotely(store: Store) -> None:
    store.change("INBOX", "STORE 60:110 +FLAGS.SILENT (\\Deleted)", "EXPUNGE",
                 "STORE 20:50 +FLAGS.SILENT (\\Flagged $Junk)")
    store.append("Archive", [text_message(number, f"came later {number}") for number in range(30)])


class Sync(case.ClientTest):
    def both_ways(self, seat: Seat, sync: Any) -> list[Any]:
        """Everything comes; then both sides change; then both are the same again."""
        sync()
        first = mailboxes(seat.home / "mail")
        edit_locally(seat.home / "mail" / "INBOX")
        edit_remotely(seat.store)
        sync()
        second = mailboxes(seat.home / "mail")
        sync()
        self.assertEqual(mailboxes(seat.home / "mail"), second)
        return [first, second]

    def check(self, said: list[Any], store: Store) -> None:
        first, second = said
        self.assertEqual(len(first["Archive"]), 20)
        self.assertEqual(len(second["Archive"]), 50)
        # 50 went here and 51 there; where both hit the same message one of the two counts.
        self.assertEqual(len(second["INBOX"]), len(store.messages("INBOX")))
        self.assertEqual(sorted(found for found, _ in second["INBOX"]),
                         sorted(message[-1] for message in store.messages("INBOX")))
        self.assertEqual(sum("written here" in each for each in store.subjects("INBOX")), 20)

    def test_mbsync(self) -> None:
        def client(seat: Seat) -> list[Any]:
            seat.write("password", seat.password)
            (seat.home / "mail").mkdir()
            seat.write("mbsyncrc", MBSYNC.format(
                host=HOST, port=seat.port, user=seat.user, home=seat.home, ca=seat.ca, mechanisms="*",
                tls="IMAPS" if seat.implicit else "STARTTLS"))
            return self.both_ways(seat, lambda: seat.run("mbsync", "-c", seat.home / "mbsyncrc", "-a"))

        def check(said: list[Any], store: Store) -> None:
            self.assertEqual(len(said[0]["INBOX"]), COUNT)
            self.check(said, store)

        self.compare(client, mail=messages(COUNT), check=check)

    def test_offlineimap(self) -> None:
        """By implicit TLS alone: in one of some 25 runs its STARTTLS waits for what its own reader took, directly too."""
        def client(seat: Seat) -> list[Any]:
            seat.write("password", seat.password + "\n")
            seat.write("offlineimaprc", OFFLINEIMAP.format(
                host=HOST, port=seat.port, user=seat.user, home=seat.home, ca=seat.ca, mechanisms="PLAIN",
                ssl="yes" if seat.implicit else "no", starttls="no" if seat.implicit else "yes"))
            return self.both_ways(seat, lambda: seat.run("offlineimap", "-c", seat.home / "offlineimaprc", "-o"))

        def check(said: list[Any], store: Store) -> None:
            self.assertEqual(len(said[0]["INBOX"]), FEW)
            self.check(said, store)

        self.compare(client, mail=messages(FEW), tls=("implicit",), check=check)


if __name__ == "__main__":
    main()

"""The mail that a client finds, and what it leaves behind: both looked at directly at the server."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from typing import Any

from support import Wire

# What clients add by themselves, differently each time: mbsync and offlineimap mark what they upload.
RANDOM_HEADERS = re.compile(rb"(?mi)^(?:X-TUID|X-OfflineIMAP|Message-ID|User-Agent|Date): .*\r?\n")
SEEDED = "17-Jul-2023 02:44:25 +0000"
FETCHED = re.compile(rb"^\* \d+ FETCH \((?P<items>.*) BODY\[\] \{(?P<size>\d+)\}\r\n", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Message:
    octets: bytes
    flags: str = ""


def text_message(number: int, subject: str = "", *, lines: int = 3, flags: str = "") -> Message:
    subject = subject or f"number {number}"
    head = (f"From: Sender {number} <sender{number}@mail.example>\r\nTo: seat@mail.example\r\n"
            f"Date: Mon, 17 Jul 2023 02:{number % 60:02}:25 +0000\r\nMessage-ID: <m{number}@mail.example>\r\n"
            f"Subject: {subject}\r\n\r\n")
    return Message((head + f"text of {number}\r\n" * lines).encode(), flags)


def odd_messages() -> list[Message]:
    """8-bit octets, a line of 70 kB, no final newline, text that looks like a protocol, an attachment, 300 kB."""
    head = (b"From: odd@mail.example\r\nTo: seat@mail.example\r\nDate: Mon, 17 Jul 2023 03:00:00 +0000\r\n"
            b"Message-ID: <odd%d@mail.example>\r\nSubject: %s\r\n")
    boundary = b"Content-Type: multipart/mixed; boundary=\"--x--\"\r\nMIME-Version: 1.0\r\n\r\n"
    attachment = (b"----x--\r\nContent-Type: text/plain\r\n\r\nread me\r\n----x--\r\nContent-Type: application/pdf\r\n"
                  b"Content-Disposition: attachment; filename=\"a \\\"b\\\" {5}.pdf\"\r\n"
                  b"Content-Transfer-Encoding: base64\r\n\r\n" + b"QUJD" * 18 + b"\r\n----x----\r\n")
    return [
        Message(head % (1, "odd octets \u00e9".encode()) + b"\r\n8 bit: \xe4\xf6\xfc\xff, controls: \x01\x1b\x7f\r\n"),
        Message(head % (2, b"odd lines") + b"\r\n" + b"x" * 70000 + b"\r\nno final newline"),
        Message(head % (3, b"odd \"quoted\\\" {7}") + b"\r\na1 LOGIN x y\r\n* BYE no\r\n+ no\r\n)\r\nliteral {7}\r\n"),
        Message(head % (4, b"odd parts") + boundary + attachment, "\\Flagged"),
        Message(head % (5, b"odd size") + b"\r\n" + b"line of a big message\r\n" * 13000, "\\Seen $Label1"),
    ]


def ordinary_mail() -> dict[str, list[Message]]:
    """Two mailboxes and an empty one; the names of two need an encoding."""
    inbox = [text_message(number) for number in range(1, 9)] + odd_messages()
    return {"INBOX": inbox, "Archive": [text_message(20), text_message(21, flags="\\Seen")],
            "Lists/&AOk-t&AOk-": [text_message(30)], "a \"b\" c": []}


def quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Store:
    """A user's mail, by clear-text IMAP from beside the client."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self._wire = Wire(port)
        self._wire.line()
        self._wire.log_in(user, password.replace("\\", "\\\\").replace('"', '\\"'))

    def close(self) -> None:
        self._wire.expect_ok("LOGOUT")
        self._wire.close()

    def fill(self, mail: dict[str, list[Message]]) -> None:
        for name, messages in mail.items():
            if name != "INBOX":
                self._wire.expect_ok(f"CREATE {quoted(name)}")
                self._wire.expect_ok(f"SUBSCRIBE {quoted(name)}")
            self.append(name, messages)

    def append(self, mailbox: str, messages: list[Message]) -> None:
        if not messages:
            return
        parts = [f' ({each.flags}) "{SEEDED}" {{{len(each.octets)}+}}\r\n'.encode() + each.octets for each in messages]
        self._wire.expect_ok(f"APPEND {quoted(mailbox)}".encode() + b"".join(parts) + b"\r\n")

    def change(self, mailbox: str, *commands: str) -> None:
        """What another client of the same user does meanwhile."""
        self._wire.expect_ok(f"SELECT {quoted(mailbox)}")
        for command in commands:
            self._wire.expect_ok(command)
        self._wire.expect_ok("UNSELECT")

    def state(self) -> dict[str, Any]:
        """All that a client can leave behind: the same for two servers that were worked on in the same way."""
        listed = self._names("LIST")
        return {"mailboxes": {name: self._mailbox(name) for name in listed}, "subscribed": self._names("LSUB")}

    def messages(self, mailbox: str) -> list[tuple[int, str, str, int, str]]:
        """UID, flags, date (of what was not just put there), size and hash of the octets."""
        return self._mailbox(mailbox)["messages"]

    def subjects(self, mailbox: str) -> list[str]:
        self._wire.expect_ok(f"EXAMINE {quoted(mailbox)}")
        fetched = self._wire.expect_ok("FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]").untagged
        self._wire.expect_ok("UNSELECT")
        return [re.search(rb"Subject: (.*)\r\n", each)[1].decode() for each in fetched]

    # ---- inside

    def _names(self, verb: str) -> list[str]:
        found = []
        for line in self._wire.expect_ok(f'{verb} "" "*"').untagged:
            if b"\\Noselect" in line or b"\\NonExistent" in line:
                continue
            rest = line.partition(b'"/" ')[2]
            literal = rest.partition(b"}\r\n")[2] if rest.startswith(b"{") else rest
            name = literal.strip().decode()
            found.append(re.sub(r"\\(.)", r"\1", name[1:-1]) if name.startswith('"') else name)
        return sorted(found)

    def _mailbox(self, name: str) -> dict[str, Any]:
        selected = b"".join(self._wire.expect_ok(f"EXAMINE {quoted(name)}").untagged)
        fetched = self._wire.expect_ok("UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])").untagged
        self._wire.expect_ok("UNSELECT")
        return {"uidnext": int(re.search(rb"UIDNEXT (\d+)", selected)[1]),
                "messages": [_message(each) for each in fetched if b" FETCH (" in each[:30]]}


def _message(response: bytes) -> tuple[int, str, str, int, str]:
    found = FETCHED.match(response)
    if not found:
        raise AssertionError(f"no such answer was asked for: {response[:200]!r}")
    items = found["items"].decode()
    flags = re.search(r"FLAGS \(([^)]*)\)", items)[1].split()
    date = re.search(r'INTERNALDATE "([^"]*)"', items)[1]
    octets = response[found.end():found.end() + int(found["size"])]
    plain = without_random_headers(octets)
    return (int(re.search(r"UID (\d+)", items)[1]), " ".join(sorted(set(flags) - {"\\Recent"})),
            date if date == SEEDED else "later", len(plain), digest(octets))


def without_random_headers(octets: bytes) -> bytes:
    head, blank, body = octets.partition(b"\r\n\r\n" if b"\r\n\r\n" in octets else b"\n\n")
    return RANDOM_HEADERS.sub(b"", head + b"\r\n") + blank + body


def digest(octets: bytes) -> str:
    """The hash of a message, line ends aside, which clients convert on their disks."""
    return hashlib.sha256(without_random_headers(octets).replace(b"\r\n", b"\n")).hexdigest()[:16]

"""What is asked of the servers: every command of RFC 3501 and of the extensions that each of them offers.

`box` writes a mailbox's name as the server wants it, `other` is a second user of the server.
"""

from __future__ import annotations

from collections.abc import Callable

from servers.dialogue import Idle, Literal, Step

Box = Callable[[str], bytes]

PLAIN = (b"From: Ann <ann@mail.example>\r\nTo: bo@mail.example, \"Bo, the other\" <bo2@mail.example>\r\n"
         b"Subject: plain text\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\nMessage-ID: <1@mail.example>\r\n"
         b"\r\nFirst line\r\nSecond line with {5}\r\na1 LOGOUT\r\n")
MULTIPART = (b"From: bo@mail.example\r\nTo: ann@mail.example\r\nSubject: =?utf-8?Q?gr=C3=BC=C3=9Fe?=\r\n"
             b"Date: Tue, 8 Feb 1994 10:00:00 +0000\r\nMessage-ID: <2@mail.example>\r\n"
             b"In-Reply-To: <1@mail.example>\r\nReferences: <1@mail.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"cut\"\r\n"
             b"\r\nprologue\r\n--cut\r\nContent-Type: text/plain; charset=utf-8\r\n"
             b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n--cut\r\n"
             b"Content-Type: application/octet-stream; name=\"zeros.bin\"\r\nContent-Transfer-Encoding: base64\r\n"
             b"Content-Disposition: attachment; filename=\"zeros.bin\"\r\n\r\nAAECAwD/AAAA\r\n--cut\r\n"
             b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\nFrom: x@mail.example\r\n\r\ninner text\r\n"
             b"--cut--\r\nepilogue\r\n")
EIGHT_BIT = (b"From: caf\xe9 <c@mail.example>\r\nSubject: re: plain text \xfc\r\nMessage-ID: <3@mail.example>\r\n"
             b"In-Reply-To: <1@mail.example>\r\nDate: Wed, 9 Feb 1994 10:00:00 +0000\r\n\r\n"
             b"8 bit \xe4\xf6 and a long line " + b"y" * 3000 + b"\r\nno end of line")
EMPTY_BODY = b"Subject: empty\r\nDate: Thu, 10 Feb 1994 10:00:00 +0000\r\n\r\n"
MESSAGES = [(b"(\\Seen) ", PLAIN), (b"(\\Flagged work) ", MULTIPART), (b"", EIGHT_BIT), (b"(\\Draft) ", EMPTY_BODY)]
DATE = b'" 7-Feb-1994 21:52:25 -0800"'


def append(box: bytes, flags: bytes, message: bytes) -> Step:
    return (b"APPEND " + box + b" " + flags + DATE + b" ", Literal(message))


def fill(box: bytes) -> list[Step]:
    return [append(box, flags, message) for flags, message in MESSAGES]


def mailboxes(box: Box) -> list[Step]:
    """Names in every form, and all that is done with them."""
    alpha, umlauts = box("Alpha"), b'"' + box("&AOQ-&APY-") + b'"'
    return [
        b"NOOP", b"CREATE " + alpha, b"CREATE " + box("Alpha/Beta"), b'CREATE "' + box("with space") + b'"',
        (b"CREATE ", Literal(box("literal"))), b"CREATE " + umlauts, b"CREATE " + alpha,
        b"SUBSCRIBE " + alpha, b'subscribe "' + box("Alpha/Beta") + b'"', b'LSUB "" "*"',
        b"UNSUBSCRIBE " + alpha, b'LSUB "" *', b'LIST "" "*"', b'LIST "" %', b'LIST "" ""',
        b'LIST "" ' + box("Alpha*"), b"list " + alpha + b" *", b'LIST "" inbox',
        (b'LIST "" ', Literal(b"*pha")),
        b"STATUS " + alpha + b" (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)", b"STATUS INBOX (MESSAGES)",
        b"STATUS " + box("none") + b" (MESSAGES)", b"STATUS INBOX (BOGUS)",
        b"RENAME " + alpha + b" " + box("Gamma"), b"RENAME " + box("none") + b" " + box("some"),
        b'LIST "" "*"', b"DELETE " + box("Gamma/Beta"), b"DELETE " + box("none"), b"DELETE INBOX",
        (b"DELETE ", Literal(box("literal"))), b"DELETE " + umlauts, b'LIST "" "*"', b"NAMESPACE",
    ]


def mistakes(box: Box) -> list[Step]:
    """What no server can do; a NOOP between them, since Courier hangs up at the tenth in a row."""
    wrong = [
        b"SELECT " + box("none"), b"FETCH 1 FLAGS", b"SEARCH ALL", b"CLOSE", b"CHECK", b"EXPUNGE", b"FOO",
        b"UID", b"UID FOO", b"UID NOOP", b"CREATE", b"SELECT", b"SELECT INBOX extra", b"LOGIN", b"NOOP extra",
        b'XYZZY 1 2 (3 4) "5"', b"ENABLE X-NONE",
    ]
    return [step for each in wrong for step in (each, b"NOOP")]


def messages(box: Box) -> list[Step]:
    """Mail in every form, read in every way."""
    work = box("Work")
    return [
        b"CREATE " + work, *fill(work), append(box("none"), b"", PLAIN), append(work, b"(\\Bogus) ", PLAIN),
        (b"APPEND " + work + b' "not a date" ', Literal(PLAIN)), b"SELECT " + work,
        b"FETCH 1:* (FLAGS UID INTERNALDATE RFC822.SIZE)", b"FETCH 1:4 ALL", b"FETCH 2 FULL",
        b"FETCH 1,3 FAST", b"FETCH 2 (ENVELOPE BODY BODYSTRUCTURE)", b"FETCH 1 RFC822.HEADER",
        b"FETCH 3 RFC822.TEXT", b"FETCH 3 RFC822", b"fetch 1 body.peek[]",
        b"FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT DATE)]",
        b"FETCH 2 BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)]",
        b"FETCH 2 (BODY.PEEK[1] BODY.PEEK[1.MIME] BODY.PEEK[3.HEADER])", b"FETCH 3 BODY.PEEK[]<10.100>",
        b"FETCH 3 BODY.PEEK[TEXT]<3000.500>", b"FETCH 4 BODY[TEXT]", b"FETCH 99 FLAGS",
        b"UID FETCH 1:* FLAGS", b"UID FETCH 2,4 (BODY.PEEK[HEADER])", b"UID FETCH 9999 FLAGS",
        b"FETCH 1 BOGUS", b"FETCH 0 FLAGS", b"FETCH 1 (FLAGS", b"FETCH 2:1 (UID)", b"FETCH 3 BODY[9.9]",
        b"SEARCH ALL", b"SEARCH UNSEEN FLAGGED", b"SEARCH OR SUBJECT plain FROM bo",
        b'SEARCH BODY "second line"', b"SEARCH NOT KEYWORD work",
        b"SEARCH SINCE 1-Feb-1994 BEFORE 1-Mar-1994", b"SEARCH LARGER 1000",
        b"SEARCH HEADER Message-ID <1@mail.example>", b"SEARCH 1:2 UID 1:3",
        (b"SEARCH CHARSET UTF-8 SUBJECT ", Literal(b"gr\xc3\xbc")),
        (b"SEARCH SUBJECT ", Literal(b"plain"), b" FROM ", Literal(b"ann")),
        b"SEARCH CHARSET X-NONE SUBJECT a", b"SEARCH BOGUS", b"UID SEARCH ALL", b"UID SEARCH UID 2:*",
        b"UID SEARCH DELETED",
    ]


def empty_message(box: Box) -> list[Step]:
    return [
        append(box("Work"), b"", b""), b"STATUS " + box("Work") + b" (MESSAGES)",
        append(box("none"), b"", b""),
    ]


def changes(box: Box) -> list[Step]:
    """Flags, copies, and what ends mail."""
    work, copy = box("Work"), box("Copy")
    return [
        b"SELECT " + work, b"STORE 1 +FLAGS (\\Answered)", b"STORE 1:2 -FLAGS.SILENT (\\Seen work)",
        b"STORE 3 FLAGS (\\Seen $Junk)", b"UID STORE 2 +FLAGS.SILENT (\\Flagged)",
        b"STORE 99 +FLAGS (\\Seen)", b"STORE 1 FLAGS \\Seen", b"COPY 1:2 " + copy,
        b"CREATE " + copy, b"COPY 1:2 " + copy, b'UID COPY 3 "' + copy + b'"', b"COPY 9 " + copy,
        (b"COPY 4 ", Literal(copy)), b"STATUS " + copy + b" (MESSAGES UIDNEXT)", Idle(), b"CHECK",
        b"STORE 2 +FLAGS (\\Deleted)", b"SEARCH DELETED", b"EXPUNGE", b"UID STORE 3 +FLAGS (\\Deleted)",
        b"UID STORE 4 +FLAGS (\\Deleted)", b"UID EXPUNGE 3", b"FETCH 1:* (UID FLAGS)", b"CLOSE",
        b"FETCH 1 FLAGS", b"EXAMINE " + work, b"STORE 1 +FLAGS (\\Deleted)", b"EXPUNGE", b"FETCH 1:* FLAGS",
        b"CLOSE", b"SELECT " + copy, b"STORE 1:* FLAGS.SILENT (\\Deleted)", b"SELECT INBOX",
        b"STATUS " + copy + b" (MESSAGES)", Idle(), b"CLOSE", b"SELECT " + copy, b"CLOSE",
        b"STATUS " + copy + b" (MESSAGES)", b"DELETE " + copy, append(b"INBOX", b"(\\Seen) ", PLAIN),
        b"STATUS INBOX (MESSAGES)", b'LIST "" "*"',
    ]


def unknown_store(box: Box) -> list[Step]:
    """Of itself: at Courier, also of Debian 12, the process of the session may end there."""
    return [b"SELECT " + box("Work"), b"STORE 1 BOGUS (\\Seen)", b"FETCH 1:* FLAGS", b"CLOSE"]


def threads(box: Box) -> list[Step]:
    work = box("Work")
    return [
        *fill(work), b"SELECT " + work, b"SORT (SUBJECT) UTF-8 ALL",
        b"SORT (REVERSE SIZE DATE) US-ASCII UNSEEN", b"UID SORT (ARRIVAL FROM TO CC) UTF-8 ALL",
        b"THREAD REFERENCES UTF-8 ALL", b"THREAD ORDEREDSUBJECT US-ASCII ALL",
        (b"UID THREAD REFERENCES UTF-8 SUBJECT ", Literal(b"plain")), b"SORT (BOGUS) UTF-8 ALL",
        b"THREAD BOGUS UTF-8 ALL", (b"SORT (SUBJECT) UTF-8 SUBJECT ", Literal("grüße".encode())), b"UNSELECT",
        b"FETCH 1 FLAGS", b"SELECT " + work, b"CLOSE",
    ]


def rights(box: Box, other: bytes) -> list[Step]:
    """ACL and QUOTA."""
    work = box("Work")
    return [
        b"MYRIGHTS INBOX", b"GETACL " + work, b"SETACL " + work + b" " + other + b" lrs", b"GETACL " + work,
        b"LISTRIGHTS " + work + b" " + other, b"SETACL " + work + b" " + other + b" +w",
        b'MYRIGHTS "' + work + b'"', (b"SETACL ", Literal(work), b" ", Literal(other), b" ", Literal(b"-s")),
        b"GETACL " + work, b"DELETEACL " + work + b" " + other, b"GETACL " + box("none"),
        b"SETACL " + work + b" " + other + b" ?", b"GETQUOTAROOT " + work, b"GETQUOTAROOT INBOX",
        b'GETQUOTA ""', b"GETQUOTA nosuch", b'SETQUOTA "" (STORAGE 5)',
    ]

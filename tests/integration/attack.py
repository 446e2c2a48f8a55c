"""Every way to lose mail at a real Dovecot, in the spellings that it takes, and the account that is attacked.

The separator of the account is ".", so that rules have to know how the upstream writes names.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import shutil
from collections.abc import Iterator, Sequence

import maildir
from clients.mailbox import Message, Store, text_message
from support import ForVersion, PrivateDovecot, Wire

# ACLs and metadata that work: only then a refusal shows something.
PLUGINS = ForVersion("""
mail_plugins = acl
mail_attribute_dict = file:%h/attributes
protocol imap {
  mail_plugins = $mail_plugins imap_acl
  imap_metadata = yes
}
plugin {
  acl = vfile
}
namespace inbox {
  separator = .
}
service imap {
  service_count = 1000
}
""", """
mail_plugins {
  acl = yes
}
mail_attribute {
  dict file {
    path = %{home}/attributes
  }
}
protocol imap {
  mail_plugins {
    imap_acl = yes
  }
  imap_metadata = yes
}
acl_driver = vfile
namespace inbox {
  separator = .
}
service imap {
  restart_request_count = 1000
}
""")

MAIL: dict[str, list[Message]] = {
    name: [text_message(first + number, flags="\\Deleted" if number == 0 else "\\Seen" if number % 2 else "")
           for number in range(count)]
    for name, first, count in (("INBOX", 0, 4), ("kept", 100, 4), ("kept.below", 200, 1), ("Lists", 300, 0),
                               ("Lists.&AOk-t&AOk-", 400, 2), ("R&-D", 500, 1), ("filed", 600, 2))}

TEXT = b"Subject: new\r\n\r\nnew text\r\n"


@dataclasses.dataclass(frozen=True)
class Attack:
    """Commands without tags; the last one is what does the harm."""

    commands: tuple[bytes, ...]
    answer: str = "NO [NOPERM]"  # how the gateway answers the last one where rules forbid it
    files: bool = False  # what `organise` allows: the mail stays, elsewhere
    named: bool = True  # it names a mailbox
    works: bool = True  # Dovecot 2.3 does it, so that the harm shows without rules
    later: bool = False  # the harm is in a later message of an APPEND, whose first ones are no matter

    @property
    def name(self) -> str:
        return b" / ".join(self.commands).decode("latin-1").replace("\r\n", "|")


def on(mailbox: str, *commands: str | bytes, **more: object) -> Attack:
    return Attack((b"SELECT " + mailbox.encode(), *map(as_octets, commands)), **more)


def once(command: str | bytes, **more: object) -> Attack:
    return Attack((as_octets(command),), **more)


def as_octets(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def literal(content: str | bytes, kind: str = "+") -> bytes:
    return b"{%d%s}\r\n" % (len(content), kind.encode()) + as_octets(content)


def stores() -> Iterator[Attack]:
    for flags in ("+FLAGS (\\Deleted)", "+FLAGS \\Deleted", "+flags.silent (\\dELETED)", "FLAGS (\\Seen \\Deleted)",
                  "FLAGS.SILENT \\DELETED", "(UNCHANGEDSINCE 999999999) +FLAGS (\\Deleted)",
                  "(unchangedsince 999999999) Flags.Silent (\\Deleted $Label1)", "+FLAGS (\\Seen $x \\Flagged \\Deleted)"):
        yield on("kept", f"STORE 2 {flags}")
        yield on("kept", f"uid store 2:* {flags}")
    yield on("INBOX", "STORE * +FLAGS (\\Deleted)")
    yield on("inbox", "Store 2,3:4 +FLAGS (\\Deleted)")
    yield on("kept", "SEARCH RETURN (SAVE) ALL", "STORE $ +FLAGS (\\Deleted)")
    yield on("kept", "UID SEARCH RETURN (SAVE) ALL", "UID STORE $ +FLAGS (\\Deleted)")


def expunges() -> Iterator[Attack]:
    for verb in ("EXPUNGE", "expunge", "UID EXPUNGE 1:*", "uid Expunge 1"):
        yield on("kept", verb)
        yield on("INBOX", verb)
    yield on("Lists.&AOk-t&AOk-", "EXPUNGE")
    yield on('"R&-D"', "EXPUNGE")
    for verb in ("CLOSE", "close"):
        yield on("kept", verb, answer="OK")
        yield on("InBoX", verb, answer="OK")


def moves() -> Iterator[Attack]:
    for move in ("MOVE 2", "uid move 2:3"):
        for target in (b"filed", b'"filed"', literal("filed"), literal("filed", "")):
            yield on("kept", move.encode() + b" " + target, files=True)
        for target in (b"Trash", b'"Trash"', literal("Trash"), literal("Trash", ""), b'"T\\rash"'):
            yield on("kept", move.encode() + b" " + target, works=b"\\" not in target)
    yield on("kept", "REPLACE 2 kept " + literal(TEXT).decode(), works=False)
    yield on("kept", "UID REPLACE 2 kept " + literal(TEXT).decode(), works=False)


def appends() -> Iterator[Attack]:
    for mailbox in (b"kept", b'"kept"', literal("kept"), literal("kept", ""), b"inbox", b"Lists.&AOk-t&AOk-"):
        for kind in ("", "+"):
            yield once(b"APPEND " + mailbox + b" (\\Seen \\deleted) " + literal(TEXT, kind))
    yield once(b'APPEND kept (\\Deleted) "17-Jul-2023 02:44:25 +0000" ' + literal(TEXT))
    for kind in ("", "+"):
        yield once(b"APPEND kept (\\Seen) " + literal(TEXT, kind) + b" (\\Deleted) " + literal(TEXT, kind), later=True)
        yield once(b"APPEND kept " + literal(TEXT, kind) + b" (\\Flagged) " + literal(TEXT, kind) + b" (\\DELETED) "
                   + literal(TEXT, kind), later=True)
        yield once(b"APPEND kept (\\Deleted) CATENATE (TEXT " + literal(TEXT, kind) + b" TEXT " + literal("x", kind) + b")")


def folders() -> Iterator[Attack]:
    for name in (b"kept", b'"kept"', literal("kept"), literal("kept", ""), b"kept.below", b"Lists.&AOk-t&AOk-",
                 b'"Lists.&AOk-t&AOk-"', b"R&-D", literal("R&-D")):
        yield once(b"DELETE " + name)
        yield once(b"rename " + name + b" gone", files=True)
        yield once(b"Rename " + name + b" Trash.gone")
    for inbox in (b"INBOX", b"inbox", b'"iNbOx"', literal("Inbox"), literal("INBOX", "")):
        yield once(b"RENAME " + inbox + b" gone", works=False)  # this Dovecot does not do it with a maildir
    yield once("RENAME Lists gone", files=True)


def rights() -> Iterator[Attack]:
    yield once("SETACL kept bob lrwstipekxa")
    yield once("setacl INBOX bob lr")
    yield once("DELETEACL kept carol")
    yield once("SETQUOTA User (STORAGE 1)", named=False, works=False)
    yield once('SETMETADATA kept (/private/comment "x")')
    yield once(b"SETMETADATA INBOX (/private/comment " + literal("x") + b")")
    yield once('SETMETADATA "" (/private/vendor/postern/x "y")', named=False)


def strangers() -> Iterator[Attack]:
    for command in ("XEXPUNGE", "PURGE kept", "x-delete kept", "UID PURGE 1:*", "DELETEX kept", "UNDELETE 1"):
        yield once(command, answer="NO [CANNOT]", works=False)


def attacks() -> list[Attack]:
    return [attack for kind in (stores, expunges, moves, appends, folders, rights, strangers) for attack in kind()]


def oddities() -> list[Attack]:
    """Spellings that no mail program uses. Most do no harm at this Dovecot; none may be read as something harmless."""
    marked = (b'("\\\\Deleted")', b"(" + literal("\\Deleted") + b")", b"(" + literal("\\Deleted", "") + b")",
              literal("\\Deleted"), b"\\Seen \\Deleted", b"((\\Deleted))", b"(\\Seen) (\\Deleted)", b"() \\Deleted",
              b"(\\deleted\\Seen)", b"(\\Seen  \\Deleted)", b"( \\Deleted)", b"(\\Deleted ) ")
    stored = [b"STORE 2 +FLAGS " + flags for flags in marked]
    stored += [b"STORE 2 (" + literal("UNCHANGEDSINCE") + b" 999999999) +FLAGS (\\Deleted)",
               b"STORE 2 (UNCHANGEDSINCE " + literal("999999999") + b") +FLAGS (\\Deleted)",
               b"STORE 2 (UNCHANGEDSINCE 999999999 X 1) +FLAGS (\\Deleted)", b"STORE 2 () +FLAGS (\\Deleted)",
               b'STORE 2 "+FLAGS" (\\Deleted)', b"STORE 2 " + literal("+FLAGS") + b" (\\Deleted)",
               b"STORE " + literal("2") + b" +FLAGS (\\Deleted)", b'STORE "2" +FLAGS (\\Deleted)',
               b"STORE 2  +FLAGS (\\Deleted)", b"STORE 2 +FLAGS  (\\Deleted)", b"STORE  2 +FLAGS (\\Deleted)",
               b"STORE 2 +FLAGS(\\Deleted)", b"STORE 2 +flags.SILENT(\\Deleted)", b"STORE 2 +X-GM-LABELS (\\Trash)",
               b"UID  STORE 2 +FLAGS (\\Deleted)", b"UID " + literal("STORE") + b" 2 +FLAGS (\\Deleted)",
               literal("STORE") + b" 2 +FLAGS (\\Deleted)", b'"UID" STORE 2 +FLAGS (\\Deleted)',
               b"MOVE 2 trash", b"MOVE 2 Trash.below", b"MOVE 2 Trash.", b'MOVE 2 "Trash"x', b"MOVE 2 (Trash)",
               b"MOVE 2 .Trash", b"MOVE 2 Tras&AGg-", b"MOVE 2 Trash Trash", b"UID EXPUNGE", b"EXPUNGE 1", b"EXPUNGE ",
               b" EXPUNGE", b"\tEXPUNGE", b"EXPUNGE\t", b"UID\tEXPUNGE 1", b"UID EXPUNGE\t1"]
    named = [b"DELETE " + name for name in (
        b"Kept", b"kept.", b'"kept."', b".kept", b"kept..below", b'"k\\ept"', b"&AGs-ept", b"ke&-pt", b"&AGsAZQBwAHQ-",
        b"kept\xff", b"k*pt", b"%", b'"kept" x', b"kept)", b"(kept)", b"~" + literal("kept"), b'"R&D"', b"R&D",
        "Lists.été".encode(), '"Lists.été"'.encode(), b"\tkept", b" kept")]
    named += [b"APPEND kept " + flags + b" " + literal("abc") for flags in marked if flags != literal("\\Deleted")]
    named += [b"APPEND kept (\\Deleted) ~" + literal("abc"), b"APPEND kept (\\Deleted) UTF8 (~" + literal("abc") + b")",
              b'APPEND kept (\\Deleted) CATENATE (URL "/INBOX/;UID=1")', b"RENAME kept (x)", b"RENAME  kept x",
              b"SETACL kept", b"SETMETADATA kept (/private/comment NIL)"]
    later = once(b"APPEND kept CATENATE (TEXT " + literal("abc") + b") (\\Deleted) " + literal("abc"), works=False,
                 later=True)
    return [*(Attack((b"SELECT kept", each), works=False) for each in stored),
            *(once(each, works=False) for each in named), later]


def writes() -> list[Attack]:
    """What loses nothing, and what somebody who may only read shall not do either."""
    return [on("kept", "STORE 2 +FLAGS (\\Flagged)"), on("kept", "UID STORE 2 -FLAGS.SILENT (\\Seen)"),
            on("kept", "STORE 1 FLAGS ()"), on("kept", "STORE 2 FLAGS (new-keyword)"), on("kept", "COPY 2 filed"),
            on("kept", "UID COPY 1:* INBOX"), once("CREATE made"), once(b"CREATE " + literal("made.below", "")),
            once("SUBSCRIBE Trash"), once("UNSUBSCRIBE Lists"), once(b"APPEND kept " + literal(TEXT)),
            once(b"APPEND INBOX () " + literal(TEXT, "")), on("kept", "FETCH 3 BODY[]", answer="OK"),
            on("INBOX", "UID FETCH 1:* (BODY[TEXT])", answer="OK"), on("filed", "FETCH 1:* RFC822", answer="OK")]


# ---- the account


def fill(dovecot: PrivateDovecot, user: str) -> None:
    store = Store(dovecot.imap_port, user, dovecot.users[user])
    store.fill(MAIL)
    for mailbox in MAIL:
        store.change(mailbox)  # nothing is new any more
    store.change("kept", "SETACL kept carol lr")
    store.close()


def mail_of(dovecot: PrivateDovecot, user: str) -> pathlib.Path:
    return dovecot.folder / "mail" / user


def copy_mail(dovecot: PrivateDovecot, source: str, user: str) -> pathlib.Path:
    """Gives a user whom nobody has looked at the mail of another one."""
    origin, copy = mail_of(dovecot, source), mail_of(dovecot, user)
    shutil.copytree(origin, copy, ignore=lambda _, names: filter(maildir.DOVECOTS_OWN.match, names))
    owner = origin.stat()
    for path in (copy, *copy.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)
    return copy


# ---- how a command is said

SYNCHRONISING = re.compile(rb"\{\d+\}\r\n")


def say(wire: Wire, command: bytes) -> bytes:
    """Sends a command, its synchronising literals when they are asked for; the tagged line."""
    tag = wire.tag()
    left = tag.encode() + b" " + command + b"\r\n"
    while found := SYNCHRONISING.search(left):
        wire.send(left[:found.end()])
        left = left[found.end():]
        line = wire.response()
        while line.startswith(b"* "):
            line = wire.response()
        if not line.startswith(b"+"):
            return line
    wire.send(left)
    return wire.reply(tag).tagged


def say_all(wire: Wire, commands: Sequence[bytes]) -> list[bytes]:
    """Sends the commands in one piece; their tagged lines. There must be no synchronising literal in them."""
    tags = [wire.tag() for _ in commands]
    wire.send(b"".join(tag.encode() + b" " + command + b"\r\n" for tag, command in zip(tags, commands)))
    return [wire.reply(tag).tagged for tag in tags]

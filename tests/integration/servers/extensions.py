"""What is asked of the servers beyond RFC 3501: the extensions that Dovecot, Cyrus or Courier offer."""

from __future__ import annotations

from servers.dialogue import Idle, Literal, Step
from servers.scripts import DATE, MULTIPART, PLAIN, Box, append

WITH_NUL = b"Subject: nul\r\nContent-Transfer-Encoding: binary\r\n\r\nbefore\0behind\r\n"


def modification_sequences(box: Box, uid_validity: bytes) -> list[Step]:
    """CONDSTORE and QRESYNC, RFC 7162."""
    work = box("Work")
    return [
        b"SELECT " + work + b" (CONDSTORE)", b"FETCH 1:* (UID MODSEQ)",
        b"STORE 1 (UNCHANGEDSINCE 1) +FLAGS (\\Answered)", b"STORE 1 (UNCHANGEDSINCE 1) +FLAGS (work)",
        b"FETCH 1:* (FLAGS) (CHANGEDSINCE 1)", b"SEARCH MODSEQ 2", b"STATUS " + work + b" (HIGHESTMODSEQ)",
        b"UNSELECT", b"ENABLE CONDSTORE QRESYNC",
        b"SELECT " + work + b" (QRESYNC (" + uid_validity + b" 1 1:4 (1,2 1,2)))",
        b"UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)", b"UID STORE 2,4 +FLAGS.SILENT (\\Deleted)",
        b"UID EXPUNGE 2", b"EXPUNGE", b"UNSELECT",
        b"SELECT " + work + b" (QRESYNC (" + uid_validity + b" 1))", b"SELECT " + work + b" (QRESYNC (1 1))",
        b"CLOSE",
    ]


def lists(box: Box) -> list[Step]:
    """LIST-EXTENDED, LIST-STATUS, SPECIAL-USE, STATUS=SIZE, CHILDREN."""
    return [
        b"CREATE " + box("Alpha/Beta"), b"SUBSCRIBE " + box("Alpha/Beta"), b"SUBSCRIBE " + box("Gone"),
        b'LIST (SUBSCRIBED) "" "*"', b'LIST (SUBSCRIBED RECURSIVEMATCH) "" "%"',
        b'LIST "" (INBOX "A*") RETURN (CHILDREN SUBSCRIBED)', b'LIST "" "*" RETURN (SPECIAL-USE)',
        b'LIST (SPECIAL-USE) "" "*"', b'LIST (REMOTE) "" "*"', b'LIST (BOGUS) "" "*"',
        b'LIST "" "W*" RETURN (STATUS (MESSAGES UIDNEXT SIZE))',
        (b'LIST "" (', Literal(b"Al*"), b") RETURN (CHILDREN)"), b"STATUS " + box("Work") + b" (SIZE)",
        b"CREATE " + box("Kept") + b" (USE (\\Archive))",
        b'LIST "" ' + box("Kept") + b" RETURN (SPECIAL-USE)", b'LIST () "" ""', b'LIST "" ()',
    ]


def searches(box: Box) -> list[Step]:
    """ESEARCH, SEARCHRES, ESORT, CONTEXT, WITHIN, FUZZY."""
    return [
        b"SELECT " + box("Work"), b"SEARCH RETURN (MIN MAX COUNT ALL) ALL", b"SEARCH RETURN () UNSEEN",
        b"UID SEARCH RETURN (COUNT) SUBJECT plain", b"SEARCH RETURN (SAVE) FLAGGED", b"FETCH $ (UID FLAGS)",
        b"SEARCH $ SEEN", b"UID SEARCH RETURN (SAVE ALL) ALL", b"UID STORE $ +FLAGS.SILENT (\\Seen)",
        b"SORT RETURN (COUNT ALL) (SUBJECT) UTF-8 ALL", b"UID SORT RETURN (MIN) (REVERSE DATE) UTF-8 ALL",
        b"SEARCH RETURN (UPDATE COUNT) DELETED", b"STORE 2 +FLAGS (\\Deleted)", b'CANCELUPDATE "t11"',
        b"SEARCH RETURN (PARTIAL 1:2) ALL", b"SEARCH OLDER 10", b"SEARCH YOUNGER 1000000",
        b"SEARCH FUZZY SUBJECT plain",
        (b"SEARCH RETURN (COUNT) CHARSET UTF-8 SUBJECT ", Literal("grüße".encode())),
        b"SEARCH RETURN (BOGUS) ALL", b"SEARCH RETURN (COUNT", b"SORT (DISPLAYFROM) UTF-8 ALL",
        b"THREAD REFS UTF-8 ALL", b"SEARCH RETURN (SAVE) BOGUS", b"FETCH $ FLAGS",
    ]


def bodies(box: Box) -> list[Step]:
    """BINARY, PREVIEW, SAVEDATE, OBJECTID, SNIPPET: what FETCH gives beyond the base; literal8 in both directions."""
    work = box("Work")
    return [
        b"SELECT " + work, b"FETCH 2 BINARY.PEEK[2]", b"FETCH 2 (BINARY.SIZE[2] BINARY[1])",
        b"FETCH 2 BINARY.PEEK[2]<2.3>", b"FETCH 1:* (PREVIEW)", b"FETCH 1 (PREVIEW (LAZY))",
        b"FETCH 2 (SNIPPET (FUZZY))", b"FETCH 1:* (SAVEDATE)", b"SEARCH SAVEDBEFORE 1-Jan-2020",
        b"FETCH 1 (EMAILID THREADID)", b"FETCH 1 (DIGEST.SHA1)", b"FETCH 2 BINARY[9]",
        (b"APPEND " + work + b" (\\Seen) " + DATE + b" ", Literal(WITH_NUL, b"~")),
        b"FETCH * (RFC822.SIZE BINARY.PEEK[])", b"FETCH * (BODY.PEEK[])",
        (b"APPEND " + work + b" ", Literal(PLAIN, b"~")), b"FETCH * (RFC822.SIZE)",
    ]


def deliveries(box: Box, uid_validity: bytes) -> list[Step]:
    """MULTIAPPEND, CATENATE, MOVE, UIDPLUS."""
    work, copy = box("Work"), box("Copy")
    url = b'"/' + work + b";UIDVALIDITY=" + uid_validity + b'/;UID=1/;SECTION=HEADER"'
    return [
        b"CREATE " + copy,
        (b"APPEND " + copy + b" (\\Seen) " + DATE + b" ", Literal(PLAIN), b" (work) ", Literal(MULTIPART),
         b" ", Literal(PLAIN)),
        (b"APPEND " + copy + b" CATENATE (URL " + url + b" TEXT ", Literal(b"text of it\r\n"), b" TEXT ",
         Literal(b"more\r\n"), b")"),
        b"APPEND " + copy + b' CATENATE (URL "/' + work + b';UID=999")',
        (b"APPEND " + copy + b" CATENATE (TEXT ", Literal(b"Subject: c\r\n\r\n"), b")"), b"SELECT " + copy,
        b"FETCH 1:* (UID RFC822.SIZE FLAGS)", b"FETCH 4 BODY.PEEK[]", b"MOVE 1 " + work,
        b"UID MOVE 2:3 " + work, b"MOVE 1 " + box("none"), b"MOVE 99 " + work, b"UID MOVE 999 " + work,
        b"FETCH 1:* UID", b"SELECT " + work, b"FETCH 5:* (UID FLAGS)", (b"MOVE 1 ", Literal(copy)),
        b"UNSELECT",
    ]


def metadata(box: Box) -> list[Step]:
    work = box("Work")
    return [
        b'GETMETADATA "" /private/comment', b"SETMETADATA " + work + b' (/private/comment "a note")',
        (b"SETMETADATA " + work + b" (/private/vendor/x ", Literal(b"line\r\nline \"q\""), b")"),
        b"GETMETADATA " + work + b" /private/comment",
        b"GETMETADATA (DEPTH infinity) " + work + b" (/private)",
        b"GETMETADATA (MAXSIZE 4) " + work + b" (/private/comment /private/vendor/x)",
        b"SETMETADATA " + work + b" (/private/comment NIL)", b"GETMETADATA " + work + b" (/private/comment)",
        b"SETMETADATA " + work + b" (/bogus x)", b"GETMETADATA " + box("none") + b" /private/comment",
        (b"SETMETADATA " + work + b" (/private/bin ", Literal(b"a\0b", b"~"), b")"),
    ]


def notifications(box: Box) -> list[Step]:
    """NOTIFY, RFC 5465, with what it tells of other mailboxes."""
    work = box("Work")
    return [
        b"SELECT INBOX",
        b"NOTIFY SET (selected (MessageNew (FLAGS) MessageExpunge)) (mailboxes " + work
        + b" (MessageNew MessageExpunge))",
        append(b"INBOX", b"", PLAIN), b"NOOP",
        b"NOTIFY SET STATUS (personal (MailboxName SubscriptionChange))", b"NOTIFY NONE",
        b"NOTIFY SET (bogus)", b"NOTIFY", b"NOOP",
    ]


def identities(box: Box) -> list[Step]:
    """ID behind login, and ENABLE of what is nothing."""
    return [
        b'ID ("name" "script" "version" "1")', b"ID ()", (b"ID (", Literal(b"name"), b' "a b")'), b"ENABLE",
    ]


def of_cyrus(box: Box) -> list[Step]:
    """ANNOTATE, LIST-METADATA, LIST-MYRIGHTS, XLIST, XMOVE, SCAN."""
    work = box("Work")
    return [
        b"SELECT " + work, b'STORE 1 ANNOTATION (/comment (value.priv "mine"))',
        b"FETCH 1:2 (ANNOTATION (/comment value.priv))", b'SEARCH ANNOTATION /comment value.priv "mine"',
        (b"STORE 1 ANNOTATION (/comment (value.priv ", Literal(b"a literal"), b"))"),
        b"FETCH 1 (ANNOTATION (/comment (value.priv size.priv)))", b'XLIST "" "*"',
        b'LIST "" "*" RETURN (MYRIGHTS)', b'LIST "" "*" RETURN (METADATA (/private/comment))',
        b"CREATE " + box("Target"), b"UID XMOVE 1 " + box("Target"), b"XMOVE 1 " + box("Target"),
        b'GETANNOTATION INBOX "/comment" "value.priv"', b"SORT (UID) UTF-8 ALL", b"SORT (MODSEQ) UTF-8 ALL",
        b"XWARMUP INBOX (INDEX)", b"XAPPLEPUSHSERVICE", b"MUPDATEPUSH INBOX", b"LOCALCREATE x", b"UNDUMP x",
        b"RECONSTRUCT INBOX", b"XFER a b",
    ]


def of_courier(box: Box) -> list[Step]:
    """UTF-8 names and messages, keywords, and where Courier has its own mind."""
    return [
        b"ENABLE UTF8=ACCEPT", "CREATE ".encode() + b'"' + box("Grüße") + b'"', b'LIST "" "*"',
        b'SELECT "' + box("Grüße") + b'"',
        (b'APPEND "' + box("Grüße") + b'" UTF8 (', Literal("Subject: Grüße\r\n\r\nx\r\n".encode(), b"~"),
         b")"),
        b"NOOP", b"FETCH 1:* (FLAGS RFC822.SIZE)", b"STORE 1 +FLAGS (keyword)", b"SEARCH KEYWORD keyword",
        "SEARCH SUBJECT \"Grü\"".encode(), Idle(), b'LISTRIGHTS INBOX anyone', b"CREATE Outside",
        b"CREATE #shared.x", b'LIST "#shared." "*"', b'DELETE "' + box("Grüße") + b'"', b"NOOP",
    ]

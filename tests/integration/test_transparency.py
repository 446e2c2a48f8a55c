"""The relay cannot be told from the server: the same commands at the server and through the gateway, the same answers.

Each script is played in turn directly at the server; then through the gateway over implicit TLS and STARTTLS, in
turn, octet by octet, pipelined, and glued into one piece, each time by a fresh user with the same mail.
"""

from __future__ import annotations

import concurrent.futures
import difflib
import itertools
import re
from collections.abc import Callable
from typing import Any

from support import (NAME, PASSWORDS, ForVersion, GatewayTest, PrivateDovecot, Wire, configuration, main, new_folder,
                     self_signed, start_gateway, start_server)

from servers import extensions, scripts
from servers.courier import PrivateCourier
from servers.cyrus import PrivateCyrus
from servers.dialogue import Exchange, Literal, Step, Way, play
from servers.scripts import Box

PASSWORD = PASSWORDS["alice"]
USERS = [f"user{number:03}" for number in range(120)]
OTHER = "other"

# What differs between any two sessions at the same server.
CHANGING: list[tuple[bytes, bytes]] = [
    (rb"user\d{3}", b"USER"),
    (rb"\d+\.\d{3}( \+ \d+\.\d{3})* secs?", b"TIME"),
    (rb"(UIDVALIDITY|COPYUID|APPENDUID)([ =])\d+", rb"\1\2N"),
    (rb"\(QRESYNC \(\d{4,} ", b"(QRESYNC (N "),
    (rb"(MAILBOXID|EMAILID|THREADID) \(\w+\)", rb"\1 (ID)"),
    (rb'SAVEDATE "[^"]*"', b'SAVEDATE "NOW"'),
]

# What the gateway answers itself, so that it is the gateway's text and not the server's that the client reads.
OwnAnswers = dict[bytes, list[bytes]]
OWN_ANSWERS: OwnAnswers = {
    # UID without a command is not forwarded: who reads on there could be misled.
    b"UID": [b"BAD Malformed command"],
    # An opened parenthesis has to be closed, a date has to be one: who counts on could be misled.
    b"FETCH 1 (FLAGS": [b"BAD Malformed command"],
    b"SEARCH RETURN (COUNT": [b"BAD Malformed command"],
    b'APPEND Work "not a date" {223}': [b"BAD Malformed command"],
    b'APPEND INBOX.Work "not a date" {223}': [b"BAD Malformed command"],
    # A second user in one session is never let through.
    b"LOGIN": [b"BAD Already logged in"],
    # Nothing is left when the unknown words are cut out.
    b"ENABLE X-NONE": [b"* ENABLED", b"OK ENABLE completed"],
}
# ID is offered before servers that have none, and answered there as before login.
OWN_ID: OwnAnswers = {step: [b'* ID ("name" "Postern")', b"OK ID completed"]
                      for step in (b'ID ("name" "script" "version" "1")', b"ID ()", b'ID ({4} "a b")')}

# Dovecot runs pipelined commands at once where it thinks it may: behind these a client has to wait (RFC 9051 §5.5).
DOVECOT_WAITS = re.compile(
    rb"(?i)(UID )?(STORE|EXPUNGE|MOVE|COPY|APPEND|CLOSE|NOTIFY|FETCH \S+ \(?(BODY|RFC822|BINARY)|SEARCH RETURN \((UPDATE|SAVE))")

Script = Callable[[Box, bytes], list[Step]]


def normal(answer: bytes) -> bytes:
    for pattern, replacement in CHANGING:
        answer = re.sub(pattern, replacement, answer)
    return answer


def as_text(exchanges: list[Exchange]) -> list[str]:
    return [line.decode("latin-1").rstrip("\r\n") for exchange in exchanges
            for line in [b"C: " + normal(exchange.command), *map(normal, exchange.answers)]]


def apart(exchanges: list[Exchange]) -> list[str]:
    """The completions in the order of the commands; then the untagged answers in an order that means nothing."""
    lines = as_text(exchanges)
    return [line for line in lines if line[0] in "Ct"] + sorted(line for line in lines if line[0] not in "Ct")


def with_own_answers(exchanges: list[Exchange], own: OwnAnswers) -> list[Exchange]:
    """What is expected of the gateway where the server answered so."""
    expected = []
    for number, exchange in enumerate(exchanges):
        answers = [(line if line.startswith(b"*") else b"t%d " % number + line) + b"\r\n"
                   for line in own.get(exchange.command, [])]
        expected.append(Exchange(exchange.command, answers or exchange.answers))
    return expected


class Transparency(GatewayTest):
    """A server and a gateway before it; the class of each server says which."""

    server: Any
    users: "itertools.count[int]"
    pause_behind: re.Pattern[bytes] | None = None
    own_answers = OWN_ANSWERS
    is_in_order = True  # pipelined commands are answered one after the other

    @staticmethod
    def box(name: str) -> bytes:
        return name.encode()

    @classmethod
    def make_server(cls) -> Any:
        raise NotImplementedError

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls)
        cls.pair = self_signed(cls.folder / "tls", NAME)
        cls.users = itertools.count()
        cls.server = start_server(cls, cls.make_server())
        cls.gateway = start_gateway(cls, configuration(cls.server.imap_port, cls.pair, log={"level": "info"}))

    def direct(self, user: str) -> Wire:
        wire = Wire(self.server.imap_port)
        self.addCleanup(wire.close)
        wire.line()
        wire.log_in(user, PASSWORD)
        return wire

    def through(self, user: str, listener: str) -> Wire:
        wire = self.wire() if listener == "imaps" else self.starttls_wire()
        wire.log_in(user, PASSWORD)
        return wire

    def fresh_user(self, *, with_mail: bool) -> tuple[str, bytes]:
        """A user that nobody has used, and the UIDVALIDITY of the mail that was put there, directly at the server."""
        user = USERS[next(self.users)]
        if not with_mail:
            return user, b""
        work = self.box("Work")
        with self.direct(user) as wire:
            told = play(wire, [b"CREATE " + work, *scripts.fill(work), b"STATUS " + work + b" (UIDVALIDITY)", b"LOGOUT"],
                        Way.IN_TURN)
        return user, re.search(rb"UIDVALIDITY (\d+)", told[-2].answers[0])[1]

    def compare(self, script: Script, *, with_mail: bool = True) -> None:
        def run(listener: str, way: Way) -> list[Exchange]:
            user, uid_validity = self.fresh_user(with_mail=with_mail)
            wire = self.direct(user) if listener == "direct" else self.through(user, listener)
            return play(wire, script(self.box, uid_validity), way, pause_behind=self.pause_behind)

        ways = [("direct", Way.IN_TURN), ("imaps", Way.IN_TURN), ("imap", Way.IN_TURN), ("imaps", Way.OCTETS),
                ("imap", Way.PIPELINED), ("imaps", Way.GLUED)]
        # All at once: a server that takes its time (Courier sleeps behind RENAME and DELETE) takes it once.
        with concurrent.futures.ThreadPoolExecutor(len(ways)) as pool:
            futures = {each: pool.submit(run, *each) for each in ways}
        expected = with_own_answers(futures.pop(ways[0]).result(), self.own_answers)
        for (listener, way), future in futures.items():
            with self.subTest(listener=listener, way=way.name):
                show = as_text if self.is_in_order or way in (Way.IN_TURN, Way.OCTETS) else apart
                said, wanted = show(future.result()), show(expected)
                if said != wanted:
                    self.fail("\n" + "\n".join(difflib.unified_diff(wanted, said, "direct", "gateway", lineterm="")))

    def test_mailboxes(self) -> None:
        self.compare(lambda box, _: scripts.mailboxes(box), with_mail=False)

    def test_mistakes(self) -> None:
        self.compare(lambda box, _: scripts.mistakes(box), with_mail=False)

    def test_messages(self) -> None:
        self.compare(lambda box, _: scripts.messages(box), with_mail=False)

    def test_changes(self) -> None:
        self.compare(lambda box, _: scripts.changes(box))

    def test_sort_and_thread(self) -> None:
        self.compare(lambda box, _: scripts.threads(box))

    def test_rights_and_quota(self) -> None:
        self.compare(lambda box, _: scripts.rights(box, OTHER.encode()))

    def test_id_behind_login(self) -> None:
        self.compare(lambda box, _: extensions.identities(box))


class MoreExtensions:
    """What both Dovecot and Cyrus offer, and Courier does not."""

    def test_an_unknown_item_of_store(self) -> None:
        self.compare(lambda box, _: scripts.unknown_store(box))

    def test_condstore_and_qresync(self) -> None:
        self.compare(extensions.modification_sequences)

    def test_list_extended(self) -> None:
        self.compare(lambda box, _: extensions.lists(box))

    def test_searches(self) -> None:
        self.compare(lambda box, _: extensions.searches(box))

    def test_bodies(self) -> None:
        self.compare(lambda box, _: extensions.bodies(box))

    def test_catenate_multiappend_and_move(self) -> None:
        self.compare(extensions.deliveries)

    def test_a_further_message_that_is_refused(self) -> None:
        """The NO is the server's. Behind it the session ends: what the server takes for a command next is unknown."""
        refused: Step = (b"APPEND INBOX ", Literal(scripts.PLAIN), b" (\\Bogus) ", Literal(scripts.PLAIN))
        user, _ = self.fresh_user(with_mail=False)
        directly = play(self.direct(user), [refused, b"STATUS INBOX (MESSAGES)"], Way.IN_TURN)
        self.assertRegex(directly[0].answers[-1], rb"^t0 (NO|BAD) ")
        wire = self.through(user, "imaps")
        self.assertEqual(as_text(play(wire, [refused], Way.IN_TURN)), as_text(directly[:1]))
        self.assertRegex(wire.line(), rb"^\* BYE ")
        self.assertEqual(wire.line(), b"")
        again = play(self.through(user, "imaps"), [b"NOOP", b"STATUS INBOX (MESSAGES)"], Way.IN_TURN)
        self.assertEqual(as_text(again[1:]), as_text(directly[1:]))

    def test_metadata(self) -> None:
        self.compare(lambda box, _: extensions.metadata(box))


DOVECOT = ForVersion("""
mail_plugins = acl quota zlib
mail_attribute_dict = file:%h/attributes
imap_urlauth_host = *
protocol imap {
  mail_plugins = $mail_plugins imap_acl imap_quota imap_zlib
  imap_metadata = yes
}
plugin {
  acl = vfile
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=100M
}
""", """
mail_plugins {
  acl = yes
  quota = yes
}
mail_attribute {
  dict file {
    path = %{home}/attributes
  }
}
imap_urlauth_host = *
protocol imap {
  mail_plugins {
    imap_acl = yes
    imap_quota = yes
  }
  imap_metadata = yes
}
acl_driver = vfile
quota "User quota" {
  storage_size = 100M
}
""")


class BeforeDovecot(MoreExtensions, Transparency):
    pause_behind = DOVECOT_WAITS
    is_in_order = False

    @classmethod
    def make_server(cls) -> PrivateDovecot:
        return PrivateDovecot(cls.folder / "dovecot", dict.fromkeys([*USERS, OTHER], PASSWORD), extra=DOVECOT)

    def test_notify(self) -> None:
        self.compare(lambda box, _: extensions.notifications(box))

    def test_an_empty_message(self) -> None:
        self.compare(lambda box, _: scripts.empty_message(box))


class BeforeCyrus(MoreExtensions, Transparency):
    @classmethod
    def make_server(cls) -> PrivateCyrus:
        return PrivateCyrus(cls.folder / "cyrus", dict.fromkeys([*USERS, OTHER], PASSWORD))

    def test_what_cyrus_alone_has(self) -> None:
        self.compare(lambda box, _: extensions.of_cyrus(box))


class BeforeCourier(Transparency):
    own_answers = OWN_ANSWERS | OWN_ID

    def test_mailboxes(self) -> None:
        # Courier sleeps two seconds behind each RENAME and DELETE: one of each is enough.
        def script(box: Box, _: bytes) -> list[Step]:
            seen: set[bytes] = set()
            steps = []
            for step in scripts.mailboxes(box):
                verb = (step if isinstance(step, bytes) else step[0]).partition(b" ")[0]
                if verb not in seen or verb not in (b"RENAME", b"DELETE"):
                    steps.append(step)
                seen.add(verb)
            return steps

        self.compare(script, with_mail=False)

    @staticmethod
    def box(name: str) -> bytes:
        return b"INBOX." + name.replace("/", ".").encode()

    @classmethod
    def make_server(cls) -> PrivateCourier:
        return PrivateCourier(cls.folder / "courier", dict.fromkeys([*USERS, OTHER], PASSWORD))

    def test_what_courier_alone_has(self) -> None:
        self.compare(lambda box, _: extensions.of_courier(box))

    def test_an_empty_message(self) -> None:
        self.compare(lambda box, _: scripts.empty_message(box))


del Transparency  # its tests are those of each server

if __name__ == "__main__":
    main()

"""The audit trail as a test reads it: whole records, waited for, and the chain checked without Postern's own code."""

from __future__ import annotations

import hashlib
import json
import pathlib
from collections.abc import Callable
from typing import Any

import jsonschema

from support import (NAME, PASSWORDS, ROOT, Client, GatewayTest, Wire, configuration, merge, new_folder, poll,
                     self_signed, start_dovecot, start_gateway)

Record = dict[str, Any]
SEALED = b',"hash":"'
GENESIS = "0" * 64
OWN = ("audit.start", "audit.stop", "audit.gap", "audit.rotate", "audit.recovered", "config.reload")


def parse(octets: bytes) -> list[Record]:
    """The records of whole lines; anything else is a failure."""
    lines = octets.split(b"\n")
    return [json.loads(line) for line in lines[:-1]]


def matches(record: Record, event: str, fields: dict[str, Any]) -> bool:
    return (not event or record["event"] == event) and all(record.get(key) == value for key, value in fields.items())


class Trail:
    """One file, which is read anew each time."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path

    def records(self, event: str = "", **fields: Any) -> list[Record]:
        octets = self.path.read_bytes() if self.path.exists() else b""
        return [each for each in parse(octets) if matches(each, event, fields)]

    def of(self, client: Client, event: str = "", **fields: Any) -> list[Record]:
        """What is told of the client's connection so far. By its port alone: the address may be redacted."""
        return [each for each in self.records(event, **fields)
                if each.get("conn", {}).get("client_port") == client.port]

    def wait_for(self, event: str, *, of: Client, **fields: Any) -> Record:
        """The first record of that event that tells of the client's connection and has these fields, now or later."""
        return self._await(lambda: self.of(of, event, **fields), 1, f"the record {event} {fields} of {of}")

    def wait_for_own(self, event: str, number: int = 1) -> Record:
        """The n-th record in this file of what the process tells of itself: each has a cause of the caller's making."""
        if event not in OWN:
            raise ValueError(f"'{event}' is told of a session: of which?")
        return self._await(lambda: self.records(event), number, f"record {number} of {event}")

    def _await(self, found: Callable[[], list[Record]], number: int, what: str) -> Record:
        poll(lambda: len(found()) >= number, f"{what} in {self.path}")
        return found()[number - 1]

    def session(self, name: str) -> list[Record]:
        """All that is told of one session, when it has ended."""
        poll(lambda: bool(self.records("session.close", session=name)), f"the end of {name} in {self.path}")
        return self.records(session=name)


def assert_whole(*files: pathlib.Path, first: int = 1) -> list[Record]:
    """Nothing is missing, changed or in another order, and no password stands in it (no key, or none is needed)."""
    octets = b"".join(each.read_bytes() for each in files)
    for password in PASSWORDS.values():
        if password.encode() in octets:
            raise AssertionError("a password stands in the audit trail")
    records = parse(octets)
    numbers = [each["seq"] for each in records]
    if numbers != list(range(first, first + len(numbers))):
        raise AssertionError(f"the sequence numbers are {numbers}")
    before = GENESIS
    for record, line in zip(records, octets.split(b"\n"), strict=False):
        if first == 1 or record["seq"] > first:
            if record["prev"] != before:
                raise AssertionError(f"{record['seq']} does not follow the record before it")
            sealed = bytes.fromhex(before) + line[:line.rindex(SEALED)]
            if record["hash"] != hashlib.sha256(sealed).hexdigest():
                raise AssertionError(f"{record['seq']} is not what was sealed: {line!r}")
        before = record["hash"]
    return records


class AuditTest(GatewayTest):
    """A gateway with a trail; the class may change its settings by `audit`."""

    audit: dict[str, Any] = {"events": ["all"]}
    trail: Trail

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls)
        cls.pair = self_signed(cls.folder / "tls", NAME)
        cls.dovecot = start_dovecot(cls)
        cls.start_gateway()

    @classmethod
    def tearDownClass(cls) -> None:
        super().tearDownClass()
        if hasattr(cls, "trail"):
            validator = jsonschema.Draft202012Validator(json.loads((ROOT / "config/audit.schema.json").read_text()))
            for each in cls.trail.records():
                validator.validate(each)

    @classmethod
    def start_gateway(cls) -> None:
        (cls.folder / "trail").mkdir(mode=0o700)
        cls.trail = Trail(cls.folder / "trail" / "audit.jsonl")
        cls.gateway = start_gateway(cls, cls.tree())

    @classmethod
    def tree(cls, **changes: Any) -> dict[str, Any]:
        audit = {"audit": {"file": str(cls.trail.path)} | cls.audit}
        return merge(configuration(cls.dovecot.imap_port, cls.pair, **merge(cls.settings, audit)), changes)

    def name_of(self, wire: Wire) -> str:
        """The session's, by the port that its client has."""
        poll(lambda: bool(self.trail.of(wire.client)), "the session's first record")
        return self.trail.of(wire.client)[-1]["session"]

    def end(self, wire: Wire) -> list[Record]:
        """Logs out; all that is told of the session."""
        name = self.name_of(wire)
        wire.expect_ok("LOGOUT")
        wire.close()
        return self.trail.session(name)

"""The audit trail as a test reads it: whole records, waited for, and the chain checked without Postern's own code."""

from __future__ import annotations

import hashlib
import json
import pathlib
from typing import Any

import jsonschema

from support import (NAME, PASSWORDS, ROOT, GatewayTest, Wire, configuration, merge, new_folder, poll, self_signed,
                     start_dovecot, start_gateway)

Record = dict[str, Any]
SEALED = b',"hash":"'
GENESIS = "0" * 64


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

    def last(self) -> int:
        """The sequence number of the last record, for wait_for(after=…)."""
        found = self.records()
        return found[-1]["seq"] if found else 0

    def wait_for(self, event: str, *, after: int = 0, **fields: Any) -> Record:
        """The first record of that event with these fields behind `after`, now or later."""
        found: list[Record] = []

        def seen() -> bool:
            found.extend(each for each in self.records(event, **fields) if each["seq"] > after)
            return bool(found)

        poll(seen, f"the record {event} {fields} in {self.path}")
        return found[0]

    def session(self, name: str) -> list[Record]:
        """All that is told of one session, when it has ended."""
        self.wait_for("session.close", session=name)
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
        port = wire.socket.getsockname()[1]
        poll(lambda: any(each["conn"]["client_port"] == port for each in self.trail.records("session.open")),
             "the session's first record")
        return [each for each in self.trail.records("session.open") if each["conn"]["client_port"] == port][-1]["session"]

    def end(self, wire: Wire) -> list[Record]:
        """Logs out; all that is told of the session."""
        name = self.name_of(wire)
        wire.expect_ok("LOGOUT")
        wire.close()
        return self.trail.session(name)

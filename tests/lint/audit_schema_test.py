#!/usr/bin/env python3
"""config/audit.schema.json against lines that the encoder has made (tests/unit/audit/every_record.jsonl, which a
unit test keeps up to date): each is valid, and nothing may be added to one or taken from it. Written for
`python3 tests/lint/audit_schema_test.py`; exit status 0 or 1."""

from __future__ import annotations

import copy
import json
import pathlib
import unittest

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OUTCOMES = {"success", "failure", "denied", "error"}
RESULTS = {"ok", "no", "bad", "lost", None}


class AuditSchema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.schema = json.loads((ROOT / "config/audit.schema.json").read_text(encoding="utf-8"))
        cls.events = {ref["$ref"].rsplit("/", 1)[1] for ref in cls.schema["oneOf"]}
        text = (ROOT / "tests/unit/audit/every_record.jsonl").read_text(encoding="utf-8")
        cls.lines = text.splitlines()
        cls.records = [json.loads(line) for line in cls.lines]

    def faults(self, record: dict) -> list[str]:
        """By the part for the record's own event: of `oneOf` alone the message is of no use."""
        part = {"$schema": self.schema["$schema"], "$ref": f"#/$defs/{record['event']}", "$defs": self.schema["$defs"]}
        validator = jsonschema.Draft202012Validator(part)
        return [f"{list(fault.absolute_path)}: {fault.message[:300]}" for fault in validator.iter_errors(record)]

    def test_is_a_schema(self):
        jsonschema.Draft202012Validator.check_schema(self.schema)

    def test_accepts_each_line_of_the_encoder(self):
        for line, record in zip(self.lines, self.records):
            with self.subTest(line=line[:200]):
                self.assertEqual(self.faults(record), [])

    def test_the_whole_schema_knows_each_event(self):
        validator = jsonschema.Draft202012Validator(self.schema)
        seen = {record["event"]: record for record in self.records}
        self.assertEqual(set(seen), self.events)
        for record in seen.values():
            validator.validate(record)

    def test_the_lines_have_each_outcome_and_result(self):
        self.assertEqual({record["outcome"] for record in self.records}, OUTCOMES)
        self.assertEqual({record["result"] for record in self.records if record["event"] == "command"}, RESULTS)

    def test_a_seal_is_allowed_and_whole(self):
        for record in self.records:
            sealed = dict(record, prev="0" * 64, hash="a" * 64)
            self.assertEqual(self.faults(sealed), [])
            self.assertNotEqual(self.faults(dict(record, prev="0" * 64)), [])
            self.assertNotEqual(self.faults(dict(sealed, hash="A" * 64)), [])

    def test_nothing_may_be_added(self):
        for record in self.records:
            self.assertNotEqual(self.faults(dict(record, password="secret")), [])
            for key, value in record.items():
                if isinstance(value, dict):
                    deeper = copy.deepcopy(record)
                    deeper[key]["password"] = "secret"
                    self.assertNotEqual(self.faults(deeper), [], key)

    def test_what_all_have_may_not_be_left_out(self):
        for record in self.records:
            for key in ("ts", "seq", "event", "v", "id", "outcome"):
                less = {name: value for name, value in record.items() if name != key}
                if key == "event":
                    self.assertFalse(jsonschema.Draft202012Validator(self.schema).is_valid(less))
                else:
                    self.assertNotEqual(self.faults(less), [], key)

    def test_describes_what_the_schema_bounds(self):
        longest = max(self.lines, key=len)
        self.assertLess(len(longest.encode()), 32 * 1024)


if __name__ == "__main__":
    unittest.main(verbosity=1)

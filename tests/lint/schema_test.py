#!/usr/bin/env python3
"""The configuration's schema against real files: the example that ships and the reference must pass, and what
is wrong must not. Written for `python3 tests/lint/schema_test.py`; exit status 0 or 1."""

from __future__ import annotations

import copy
import json
import pathlib
import re
import sys
import unittest

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class CoreLoader(yaml.SafeLoader):
    """YAML 1.2's core schema, as editors read it. PyYAML itself takes `off` for false and 0123 for 83."""


CoreLoader.yaml_implicit_resolvers = {}
for tag, pattern, first in (
        ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
        ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+0123456789.")):
    CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), list(first))


def load(text: str):
    return yaml.load(text, Loader=CoreLoader)


def blocks_of(schema: dict, name: str = ""):
    """Every key of the schema with its own schema, blocks in lists included."""
    for key, inner in schema.get("properties", {}).items():
        path = f"{name}.{key}".lstrip(".")
        yield path, inner
        yield from blocks_of(inner, path)
        yield from blocks_of(inner.get("items", {}), path + "[]")


class Schema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.schema = json.loads((ROOT / "config/postern.schema.json").read_text(encoding="utf-8"))
        cls.validator = jsonschema.Draft7Validator(cls.schema)
        cls.reference = load((ROOT / "tests/unit/config/reference.yaml").read_text(encoding="utf-8"))

    def faults(self, document) -> list[str]:
        return [f"{list(fault.absolute_path)}: {fault.message}" for fault in self.validator.iter_errors(document)]

    def changed(self, *path, value):
        document = copy.deepcopy(self.reference)
        inner = document
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = value
        return document

    def test_is_a_draft_07_schema(self):
        jsonschema.Draft7Validator.check_schema(self.schema)
        self.assertEqual(self.schema["$schema"], "http://json-schema.org/draft-07/schema#")

    def test_describes_every_key_and_gives_its_default(self):
        paths = [path for path, _ in blocks_of(self.schema)]
        self.assertGreater(len(paths), 100)
        for path, inner in blocks_of(self.schema):
            with self.subTest(path):
                self.assertTrue(inner.get("description"))
                self.assertIn("default", inner)
                if "properties" in inner:
                    self.assertIs(inner["additionalProperties"], False)
                if "properties" in inner.get("items", {}):
                    self.assertIs(inner["items"]["additionalProperties"], False)

    def test_takes_each_default_for_valid(self):
        for path, inner in blocks_of(self.schema):
            required = inner.get("minItems", 0) > 0
            if not required:
                with self.subTest(path):
                    jsonschema.Draft7Validator(inner).validate(inner["default"])

    def test_accepts_the_reference(self):
        self.assertEqual(self.faults(self.reference), [])

    def test_accepts_the_example_that_ships(self):
        text = (ROOT / "config/postern.yaml").read_text(encoding="utf-8")
        self.assertEqual(self.faults(load(text)), [])
        self.assertTrue(text.startswith("# yaml-language-server: $schema=./postern.schema.json\n"))

    def test_accepts_substitutions_wherever_a_value_is(self):
        self.assertEqual(self.faults(self.changed("workers", value="${env:WORKERS}")), [])
        self.assertEqual(self.faults(self.changed("tls", "watch", value="${env:WATCH:-true}")), [])
        self.assertEqual(self.faults(self.changed("limits", "line", value="${file:/etc/postern/line}")), [])

    def test_knows_every_key_of_the_reference(self):
        known = {path.replace("[]", "") for path, _ in blocks_of(self.schema)}

        def keys(value, name=""):
            for key, inner in value.items() if isinstance(value, dict) else ():
                path = f"{name}.{key}".lstrip(".")
                yield path
                for one in inner if isinstance(inner, list) else [inner]:
                    yield from keys(one, path)

        self.assertEqual(set(keys(self.reference)) - known, set())

    def test_refuses_what_is_wrong(self):
        for path, value in ((("bogus",), 1), (("workers",), "4"), (("workers",), -1), (("version",), 2),
                            (("listeners",), []), (("listeners", 0, "tls"), False), (("listeners", 0, "tsl"), "off"),
                            (("tls", "min_version"), "1.1"), (("tls", "watch"), "yes"),
                            (("limits", "line"), "64KB"), (("limits", "timeouts", "idle"), 32),
                            (("limits", "timeouts", "idle"), "032m"), (("upstreams", 0, "servers"), "a:1"),
                            (("user",), 1000), (("log", "level"), "loud")):
            with self.subTest(path=path, value=value):
                self.assertNotEqual(self.faults(self.changed(*path, value=value)), [])


if __name__ == "__main__":
    unittest.main(verbosity=1)

#!/usr/bin/env python3
"""config/postern.schema.json is a draft-07 schema, and every configuration in the repository passes it."""

from __future__ import annotations

import json
import pathlib
import re
import sys
from collections.abc import Iterator
from typing import Any

import jsonschema
import yaml

from sources import Finding, report

SCHEMA = "config/postern.schema.json"
FILES = ("config/postern.yaml", "tests/unit/config/reference.yaml")
YAML_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Yaml12(yaml.SafeLoader):
    """PyYAML speaks YAML 1.1, where off and no are booleans; editors, and we, speak 1.2."""


BOOLEAN = "tag:yaml.org,2002:bool"
Yaml12.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != BOOLEAN]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}
Yaml12.add_implicit_resolver(BOOLEAN, re.compile(r"^(?:true|false)$"), list("tf"))


def configurations(root: pathlib.Path) -> Iterator[tuple[str, str]]:
    for name in FILES:
        yield name, (root / name).read_text()
    blocks = YAML_BLOCK.findall((root / "README.md").read_text())
    for number, block in enumerate(blocks, 1):
        # One that shows a part stands beside the first, which is whole.
        is_part = re.search(r"^listeners:", block, re.MULTILINE) is None
        yield f"README.md (block {number})", (blocks[0] + block if is_part else block)


def violations(schema: dict[str, Any], name: str, text: str) -> Iterator[Finding]:
    tree = yaml.load(text, Yaml12)  # noqa: S506: it is a SafeLoader
    for error in jsonschema.Draft7Validator(schema).iter_errors(tree):
        place = "/".join(str(part) for part in error.absolute_path)
        yield Finding(name, 0, f"{place}: {error.message}")


def check(root: pathlib.Path) -> Iterator[Finding]:
    schema = json.loads((root / SCHEMA).read_text())
    try:
        jsonschema.Draft7Validator.check_schema(schema)
    except jsonschema.SchemaError as problem:
        yield Finding(SCHEMA, 0, problem.message)
        return
    if "draft-07" not in schema.get("$schema", ""):
        yield Finding(SCHEMA, 1, "is no draft-07 schema: editors read no later one")
    for name, text in configurations(root):
        yield from violations(schema, name, text)


if __name__ == "__main__":
    sys.exit(report(check))

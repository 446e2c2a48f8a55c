#!/usr/bin/env python3
"""Codes and labels that nothing makes: a metric's label that stays 0 for ever, a row that no session ends by."""

from __future__ import annotations

import pathlib
import re
import sys
from collections.abc import Iterable, Iterator

from functions import OPAQUE
from sources import Finding, Source, cpp_sources, report

# Where codes and labels are declared.
HEADERS = {"proxy/base/error_code.h", "proxy/telemetry/cells.h", "proxy/status/metrics.h"}
# What files call these enumerations for short.
ALIASES = {"CloseReason": "Why", "ErrorCode": "Code"}
# The table of codes names each of them.
TABLE_ROW = re.compile(r"^\s*\{Code::\w+,", re.MULTILINE)
CASE = re.compile(r"\bcase\s+[\w:]+\s*:(?!:)")  # asks for a value, makes none
ENUMERATION = re.compile(r"enum class (\w+)[^{;]*\{([^}]*)\}")
NO_VALUES = {"kCount"}


def without_comments(text: str) -> str:
    return OPAQUE.sub(lambda found: "" if found[0].startswith("/") else found[0], text)


def enumerators(source: Source) -> Iterator[tuple[str, str]]:
    for name, body in ENUMERATION.findall(without_comments(source.text)):
        for value in re.findall(r"\w+", body):
            if value not in NO_VALUES:
                yield name, value


def check_sources(sources: Iterable[Source]) -> Iterator[Finding]:
    declared: list[tuple[Source, str, str]] = []
    made: set[tuple[str, str]] = set()
    for source in sources:
        if source.path in HEADERS:
            declared += [(source, name, value) for name, value in enumerators(source)]
        if source.path.startswith("tests/"):
            continue
        made.update(re.findall(r"\b(?=(\w+)::(\w+))", CASE.sub("", TABLE_ROW.sub("{", without_comments(source.text)))))
    for source, name, value in declared:
        if not {(name, value), (ALIASES.get(name, name), value)} & made:
            yield Finding(source.path, 0, f"{name}::{value}: nothing makes it")


def check(root: pathlib.Path) -> Iterator[Finding]:
    yield from check_sources(cpp_sources(root))


if __name__ == "__main__":
    sys.exit(report(check))

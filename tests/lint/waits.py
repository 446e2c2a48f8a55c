#!/usr/bin/env python3
"""Waits by position in the tests: the next line of a log that another thread writes may be anybody's."""

from __future__ import annotations

import pathlib
import re
import sys
from collections.abc import Iterable, Iterator

from sources import Finding, Source, files_below, read, report

FOLDERS = ("tests/integration", "deploy")
LOG = r"\.(?:lines|log\(\)|log\(\)\.splitlines\(\))"
PLACES = (
    # A place in the log, but for the last lines of a report and for what stands ahead of settle().
    re.compile(LOG + r"\[(?!-[\w.]+:\]|\w+:[\w.]+\.settle\(\)\])"),
    re.compile(r"\blen\([\w.]*" + LOG + r"\)"),
    re.compile(r"\.mark\(\)|\bafter="),
    # The first line of an event, whosever it is.
    re.compile(r"\.wait_for\((?![^\n]*\bof=)"),
)


def check_sources(sources: Iterable[Source]) -> Iterator[Finding]:
    for source in sources:
        for number, line in enumerate(source.lines, 1):
            for place in PLACES:
                for found in place.finditer(line):
                    yield Finding(source.path, number, f"'{found[0]}' waits by position: name the connection")


def check(root: pathlib.Path) -> Iterator[Finding]:
    paths = (path for path in files_below(root, FOLDERS) if path.suffix == ".py")
    return check_sources(source for path in paths if (source := read(root, path)))


if __name__ == "__main__":
    sys.exit(report(check))

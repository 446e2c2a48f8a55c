#!/usr/bin/env python3
"""The measures of the house: sizes of files and functions, and what no file may hold."""

from __future__ import annotations

import pathlib
import re
import sys
from collections.abc import Iterator

from functions import functions_of
from sources import Finding, Source, files_below, read, report

HEADER_LINES_MAX = 200
SOURCE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70

PROGRAM_SUFFIXES = {".h", ".cc", ".py", ".sh"}
TEXT_SUFFIXES = PROGRAM_SUFFIXES | {".md", ".txt", ".yaml", ".yml", ".json", ".cmake", ".in", ""}

# Written in two pieces, so that this file does not find itself.
FORBIDDEN = {
    re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b"): "unfinished work is not committed",
    re.compile(r"(?<![\w.$}])/(wo" r"rk|ho" r"me|ro" r"ot|Us" r"ers)/\w"): "a path of somebody's machine",
    re.compile(r"(?<![\w.$}])/t" r"mp/\w"): "a path of somebody's machine",
    re.compile(r"\bissue #?\d", re.IGNORECASE): "a text must be understood without the issue",
    re.compile(r"\bfa" r"rm-\w"): "a tool that is no part of the project",
}


def check_sizes(source: Source) -> Iterator[Finding]:
    lines = source.text.count("\n")
    allowed = HEADER_LINES_MAX if source.is_header else SOURCE_LINES_MAX
    if lines > allowed:
        yield Finding(source.path, lines, f"{lines} lines; at most {allowed}")
    if not source.is_cpp:
        return
    for function in functions_of(source.text):
        if function.lines > FUNCTION_LINES_MAX:
            yield Finding(source.path, function.first_line,
                          f"{function.name}: {function.lines} lines; at most {FUNCTION_LINES_MAX}")


def check_text(source: Source) -> Iterator[Finding]:
    for number, line in enumerate(source.lines, 1):
        if "\t" in line:
            yield Finding(source.path, number, "a tab")
        if line != line.rstrip() and not source.path.endswith(".md"):
            yield Finding(source.path, number, "blanks at the end of the line")
        for pattern, why in FORBIDDEN.items():
            found = pattern.search(line)
            if found:
                yield Finding(source.path, number, f"'{found[0]}': {why}")
    if source.text and not source.text.endswith("\n"):
        yield Finding(source.path, len(source.lines), "no end of line at the end of the file")


def is_program(path: pathlib.Path, source: Source) -> bool:
    return path.suffix in PROGRAM_SUFFIXES or (path.suffix == "" and source.text.startswith("#!"))


def check(root: pathlib.Path) -> Iterator[Finding]:
    for path in files_below(root):
        if path.suffix not in TEXT_SUFFIXES or path.name == "LICENSE" or path.is_symlink():
            continue
        source = read(root, path)
        if source is None:
            continue
        if is_program(path, source):
            yield from check_sizes(source)
        yield from check_text(source)


if __name__ == "__main__":
    sys.exit(report(check))

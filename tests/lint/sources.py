"""Which files the lint reads, and how a finding is written."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import sys
from collections.abc import Callable, Iterable, Iterator

CODE_FOLDERS = ("proxy", "config", "filters", "tests")
SKIPPED_FOLDERS = {".git", ".cache", "build", "corpus", "__pycache__"}


@dataclasses.dataclass(frozen=True)
class Finding:
    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


@dataclasses.dataclass(frozen=True)
class Source:
    """A file below the project's root; `path` is relative to it, with slashes."""

    path: str
    text: str

    @property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    @property
    def is_header(self) -> bool:
        return self.path.endswith(".h")

    @property
    def is_cpp(self) -> bool:
        return self.path.endswith((".h", ".cc"))


def files_below(root: pathlib.Path, folders: Iterable[str] = (".",)) -> Iterator[pathlib.Path]:
    for folder in folders:
        for place, names, files in os.walk(root / folder):
            names[:] = sorted(name for name in names if name not in SKIPPED_FOLDERS)
            for name in sorted(files):
                yield pathlib.Path(place) / name


def read(root: pathlib.Path, path: pathlib.Path) -> Source | None:
    """None for what is no text."""
    try:
        return Source(path.relative_to(root).as_posix(), path.read_bytes().decode())
    except UnicodeDecodeError:
        return None


def cpp_sources(root: pathlib.Path) -> Iterator[Source]:
    for path in files_below(root, CODE_FOLDERS):
        if path.suffix in (".h", ".cc"):
            source = read(root, path)
            if source:
                yield source


def report(check: Callable[[pathlib.Path], Iterable[Finding]]) -> int:
    """The main function of every lint: the findings, and the exit status that says whether there are any."""
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    findings = list(check(root))
    for finding in findings:
        print(finding)
    print(f"{len(findings)} findings")
    return 1 if findings else 0

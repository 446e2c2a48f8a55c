#!/usr/bin/env python3
"""Every C++ file is laid out as clang-format 14 lays it out; another version would lay it out otherwise.

Debian 13 has no clang-format 14. Where the system's archive offers none and CLANG_FORMAT names none the check is
skipped, and says so; where there is one to install it has to be installed.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

from sources import Finding, cpp_sources, report

BATCH = 40
NAME = "clang-format-14"
SKIPPED = 77  # as ctest is told by SKIP_RETURN_CODE
PLACE = re.compile(r"^(.*?):(\d+):\d+: (?:error|warning): (.*)$")


def find_program() -> str | None:
    return os.environ.get("CLANG_FORMAT") or shutil.which(NAME)


def offered_by(policy: str) -> bool:
    """Whether `apt-cache policy` knows a version that could be installed."""
    candidate = re.search(r"(?m)^  Candidate: (.*)$", policy)
    return candidate is not None and candidate[1] != "(none)"


def is_offered() -> bool:
    """True also where nobody can be asked: there a missing program is a finding."""
    apt = shutil.which("apt-cache")
    if not apt:
        return True
    return offered_by(subprocess.run([apt, "policy", NAME], capture_output=True, text=True, check=False,
                                     env=os.environ | {"LC_ALL": "C"}).stdout)


def check(root: pathlib.Path) -> Iterator[Finding]:
    program = find_program()
    if not program:
        yield Finding(NAME, 0, "is not installed (Debian 12: clang-format-14; elsewhere CLANG_FORMAT may name it)")
        return
    paths = [source.path for source in cpp_sources(root)]
    for begin in range(0, len(paths), BATCH):
        result = subprocess.run([program, "--dry-run", "-Werror", *paths[begin:begin + BATCH]], cwd=root,
                                capture_output=True, text=True, check=False)
        if result.returncode == 0:
            continue
        seen = set()
        for line in result.stderr.splitlines():
            found = PLACE.match(line)
            if found and found[1] not in seen:  # the first of each file is enough
                seen.add(found[1])
                yield Finding(found[1], int(found[2]), f"not laid out by clang-format-14 ({found[3]})")
        if not seen:
            yield Finding(NAME, 0, result.stderr.strip() or "failed")


def main() -> int:
    if not find_program() and not is_offered():
        print(f"skipped: this system has no {NAME}, and CLANG_FORMAT names none")
        return SKIPPED
    return report(check)


if __name__ == "__main__":
    sys.exit(main())

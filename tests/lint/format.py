#!/usr/bin/env python3
"""Every C++ file is laid out as clang-format 14 lays it out; another version would lay it out otherwise."""

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
PLACE = re.compile(r"^(.*?):(\d+):\d+: (?:error|warning): (.*)$")


def check(root: pathlib.Path) -> Iterator[Finding]:
    program = os.environ.get("CLANG_FORMAT") or shutil.which("clang-format-14")
    if not program:
        yield Finding("clang-format-14", 0, "is not installed (Debian: clang-format-14)")
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
            yield Finding("clang-format-14", 0, result.stderr.strip() or "failed")


if __name__ == "__main__":
    sys.exit(report(check))

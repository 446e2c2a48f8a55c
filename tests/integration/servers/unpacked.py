"""The programs of servers that are unpacked and not installed: where they are, and copies of them for a test."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sysconfig
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3] / "build" / "servers"
MULTIARCH = sysconfig.get_config_var("MULTIARCH") or "x86_64-linux-gnu"


def unpacked(path: str) -> pathlib.Path:
    """A file below the folder of the unpacked packages; without it the test is skipped."""
    found = ROOT / path
    if not found.exists():
        raise unittest.SkipTest(f"{found.name} is not there: deploy/packages test unpacks it")
    return found


def copy_into(root: pathlib.Path, paths: list[str]) -> None:
    """Copies of unpacked files, or folders of them, at the same place below `root`."""
    for path in paths:
        source, target = unpacked(path), root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        else:
            shutil.copy2(source, target, follow_symlinks=False)


def copy_libraries(root: pathlib.Path, programs: list[str], library_path: str) -> None:
    """All that the programs below `root` link to and that is not there, from the system, for a change of root."""
    environment = os.environ | {"LD_LIBRARY_PATH": library_path}
    told = subprocess.run(["ldd", *[str(root / program) for program in programs]], capture_output=True, text=True,
                          env=environment, check=True).stdout
    for line in told.splitlines():
        words = line.split()
        if "not found" in line:
            raise RuntimeError(f"{words[0]} is missing: deploy/packages test installs it")
        name = words[2] if "=>" in words else words[0]
        if not name.startswith("/") or name.endswith(":") or pathlib.Path(name).is_relative_to(root):
            continue
        target = root / name.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copy2(name, target)


def run_quietly(command: list[str], *, given: str = "", library_path: str = "",
                environment: dict[str, str] | None = None) -> str:
    """What the command prints; `given` is its input. What it was given is never shown."""
    environment = environment or os.environ | ({"LD_LIBRARY_PATH": library_path} if library_path else {})
    done = subprocess.run(command, input=given, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{pathlib.Path(command[0]).name} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout

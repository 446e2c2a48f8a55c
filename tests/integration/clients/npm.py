"""The packages of node/package-lock.json, in the build folder or, without one, in the test's own."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parent / "node"
LIMIT_SECONDS = 300


def packages(folder: pathlib.Path) -> pathlib.Path:
    """A folder with the scripts of node/ and the modules they need; `folder` is used outside of a build."""
    place = pathlib.Path(os.environ.get("POSTERN_NODE_FOLDER", folder))
    place.mkdir(parents=True, exist_ok=True)
    lock = (SOURCE / "package-lock.json").read_bytes()
    stamp = place / "installed"
    with (place / "busy").open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        for each in SOURCE.iterdir():
            shutil.copy(each, place)
        if not stamp.exists() or stamp.read_text() != hashlib.sha256(lock).hexdigest():
            _install(place)
            stamp.write_text(hashlib.sha256(lock).hexdigest())
    return place


def _install(place: pathlib.Path) -> None:
    # No package runs a script of its own here.
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=place, text=True,
                          capture_output=True, timeout=LIMIT_SECONDS, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"npm ci ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")

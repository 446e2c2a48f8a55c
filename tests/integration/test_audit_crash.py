"""Killed at any moment, on a full disk, after a write that failed: what the upstream was told to destroy is in the trail."""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import random
import resource
import signal
import subprocess
import unittest
from collections.abc import Callable
from typing import Any

from recording_upstream import Key, Loop, RecordingUpstream, destroy
from support import PrivatePostern, binary, end_well, main, new_folder

KILLS = int(os.environ.get("POSTERN_KILLS", "100"))
SESSIONS = 50


def configuration(port: int, **audit: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "listeners": [{"name": "imap", "address": "127.0.0.1:0", "tls": "off", "allow_cleartext": True}],
        "upstreams": [{"name": "mail", "servers": [f"127.0.0.1:{port}"], "health": {"interval": "1h"}}],
        "audit": {"file": "audit.log", **audit},
        "limits": {"timeouts": {"drain": "20s", "drain_delay": "0s"}},
        "status": {"address": "127.0.0.1:0"},
        "log": {"format": "json"},
        "workers": 2,
    }


def records(path: pathlib.Path) -> list[dict[str, Any]]:
    """Whole records; what a crash has torn is none."""
    found = []
    for line in path.read_bytes().split(b"\n"):
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return [each for each in found if isinstance(each, dict)]


def intents(trail: list[dict[str, Any]]) -> set[Key]:
    return {(each["name"], each.get("set") or each["mailbox"]) for each in trail if each["event"] == "command.intent"}


class Crash(unittest.TestCase):
    loop: Loop
    upstream: RecordingUpstream

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls)
        cls.loop = Loop()
        cls.addClassCleanup(cls.loop.close)
        cls.upstream = RecordingUpstream(cls.loop)
        cls.addClassCleanup(cls.upstream.close)

    def setUp(self) -> None:
        self.upstream.received.clear()
        self.upstream.on_destructive = lambda count: None

    def started(self, name: str, **audit: Any) -> PrivatePostern:
        """A fresh process over the trail that lies there."""
        gateway = PrivatePostern(binary(), self.folder / name, configuration(self.upstream.port, **audit))
        self.addCleanup(lambda: gateway.is_running and end_well(gateway))
        gateway.start(("imap",))
        return gateway

    def keys(self, folder: pathlib.Path) -> tuple[dict[str, str], str]:
        """Settings with a key for the chain and one for checkpoints; the verifier's first key in a file."""
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run([str(binary()), "audit", "keygen", "--chain-key", str(folder / "chain.key"),
                               "--checkpoint-key", str(folder / "checkpoint.key")],
                              capture_output=True, text=True, check=True)
        verifier = folder / "verifier.key"
        verifier.write_text(next(line for line in done.stdout.splitlines() if len(line) == 64) + "\n")
        return {"chain_key_file": "chain.key", "checkpoint_key_file": "checkpoint.key"}, str(verifier)

    def load(self, gateway: PrivatePostern, enough: Callable[[list[str]], bool] = lambda answers: False) -> list[str]:
        """50 clients until every connection has ended, or it is `enough`; what they were answered."""
        port = gateway.ports["imap"]
        answers: list[str] = []

        async def all_of_them() -> None:
            await asyncio.gather(*(destroy(port, number, answers, lambda: enough(answers))
                                   for number in range(SESSIONS)))

        self.loop.run(all_of_them())
        return answers

    def kill_at(self, gateway: PrivatePostern, count: int) -> None:
        """SIGKILL as soon as the upstream has received so many destructive commands."""
        def look(received: int) -> None:
            if received == count:
                os.kill(gateway.pid, signal.SIGKILL)
        self.upstream.on_destructive = look

    def assert_recorded(self, folder: pathlib.Path) -> None:
        trail = [each for path in folder.glob("audit.log*") if path.suffix not in (".state", ".lock")
                 for each in records(path)]
        missing = set(self.upstream.received) - intents(trail)
        self.assertEqual(missing, set(), f"{len(missing)} of {len(self.upstream.received)} commands are not recorded")

    def assert_verifies(self, folder: pathlib.Path, *options: str) -> str:
        files = sorted(str(path) for path in folder.glob("audit.log*") if path.suffix not in (".state", ".lock"))
        done = subprocess.run([str(binary()), "audit", "verify", *options, *files], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_killed_at_random(self) -> None:
        folder = self.folder / "killed"
        keys, verifier = self.keys(folder)
        dice = random.Random(20261121)
        settings = {"rotate": {"size": "1MiB", "keep": 0}, **keys}
        for _ in range(KILLS):
            begun = len(self.upstream.received)
            gateway = self.started("killed", **settings)
            self.kill_at(gateway, begun + dice.randint(1, 300))
            self.load(gateway)
            self.assertEqual(gateway.wait(), -signal.SIGKILL)
        self.assert_recorded(folder)
        self.assertGreater(len(self.upstream.received), KILLS * 20)
        # What the last crash has left is recorded as well.
        self.assertEqual(self.started("killed", **settings).stop(), 0)
        self.assert_verifies(folder, "--key", verifier)

    def fill_up(self, gateway: PrivatePostern, folder: pathlib.Path) -> None:
        """What cannot be recorded is answered NO and does not reach the upstream; killed then, nothing is missing."""
        answers = self.load(gateway, lambda told: told.count("NO") >= SESSIONS)
        self.assertIn("OK", answers)
        self.assertGreaterEqual(answers.count("NO"), SESSIONS)
        self.assert_recorded(folder)
        os.kill(gateway.pid, signal.SIGKILL)
        gateway.wait()
        self.assert_recorded(folder)

    def test_a_write_that_fails(self) -> None:
        folder = self.folder / "limited"
        keys, verifier = self.keys(folder)
        gateway = self.started("limited", **keys)
        resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
        self.fill_up(gateway, folder)
        self.assertEqual(self.started("limited", **keys).stop(), 0)
        self.assert_verifies(folder, "--key", verifier)

    def test_a_disk_that_fills_up(self) -> None:
        folder = self.folder / "full"
        keys, verifier = self.keys(folder)
        disk = folder / "disk"
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(disk)], check=False,
                                 capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"no small file system can be mounted: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", str(disk)], check=True)
        settings = {"file": "disk/audit.log", **keys}
        gateway = self.started("full", **settings)
        self.fill_up(gateway, disk)
        subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
        self.assertEqual(self.started("full", **settings).stop(), 0)
        self.assert_verifies(disk, "--key", verifier)


if __name__ == "__main__":
    main()

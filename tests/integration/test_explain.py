"""postern explain and the warnings of postern check, as an operator asks for them."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import tempfile
import unittest
from typing import Any

from support import NAME, WAIT_SECONDS, binary, configuration, main, self_signed

RULES = [
    {"name": "keep-the-archive", "when": {"class": "destructive", "mailbox": ["Archive", "Archive/**"]},
     "action": "deny", "reply": "the archive is kept for seven years"},
    {"name": "auditors", "when": {"user": "*@auditor.example"}, "action": "read_only"},
    {"name": "inside", "when": {"client": "10.0.0.0/8", "command": ["DELETE", "EXPUNGED"]}, "action": "deny"},
    {"name": "again", "when": {"class": "destructive", "mailbox": "Archive/2020"}, "action": "deny"},
]


class Explain(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        holder = tempfile.TemporaryDirectory(prefix="postern-test-")
        cls.addClassCleanup(holder.cleanup)
        cls.folder = pathlib.Path(holder.name)
        tree = configuration(143, self_signed(cls.folder, NAME), rules=RULES)
        cls.path = cls.folder / "postern.yaml"
        cls.path.write_text(json.dumps(tree, indent=1))

    def postern(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(binary()), *arguments], capture_output=True, text=True, timeout=WAIT_SECONDS,
                              cwd=self.folder, env=dict(os.environ), check=False)

    def explain(self, command: str, *arguments: str) -> dict[str, Any]:
        done = self.postern("explain", "-c", str(self.path), "--from", "192.0.2.7", "--json", "--command", command,
                            *arguments)
        self.assertEqual((done.returncode, done.stderr.count("error")), (0, 0), done.stderr)
        return json.loads(done.stdout)

    def line_of(self, name: str) -> int:
        """Where a rule's name stands."""
        lines = self.path.read_text().splitlines()
        return next(i for i, line in enumerate(lines, 1) if f'"{name}"' in line)

    def test_names_the_rule_and_its_place(self) -> None:
        for command in (r"UID STORE 1:* +FLAGS (\Deleted)", r"uid store 1 flags.silent \DELETED", "CLOSE", "EXPUNGE"):
            with self.subTest(command):
                told = self.explain(command, "--user", "fred", "--mailbox", "archive/2020")
                self.assertEqual(told["rule"]["name"], "keep-the-archive")
                self.assertEqual(told["rule"]["file"], str(self.path))
                self.assertEqual(told["rule"]["line"], self.line_of("keep-the-archive"))
                self.assertEqual(told["result"], "rewritten" if command == "CLOSE" else "refused")

    def test_words_for_people(self) -> None:
        done = self.postern("explain", "-c", str(self.path), "--from", "192.0.2.7", "--user", "a@auditor.example",
                            "--mailbox", "x", "--command", "APPEND x {3}\r\nabc")
        self.assertEqual(done.returncode, 0)
        self.assertIn("result    refused: NO [NOPERM]", done.stdout)
        self.assertIn(f"rule      'auditors' ({self.path}:{self.line_of('auditors')})", done.stdout)

    def test_exit_status(self) -> None:
        self.assertEqual(self.postern("explain", "-c", str(self.path)).returncode, 2)
        self.assertEqual(self.postern("explain", "-c", str(self.path), "--command", "NOOP", "--listener",
                                      "x").returncode, 2)
        self.assertEqual(self.postern("explain", "-c", "missing.yaml", "--command", "NOOP").returncode, 1)
        self.assertEqual(self.explain("FETCH 1 FLAGS", "--user", "fred", "--mailbox", "x")["result"], "allowed")

    def test_check_warns_of_rules(self) -> None:
        done = self.postern("check", "-c", str(self.path))
        self.assertEqual(done.returncode, 0, done.stderr)
        place = f"{self.path}:{self.line_of('again')}"
        self.assertRegex(done.stderr, rf"(?m)^{place}:\d+: warning: 'again' never decides: 'keep-the-archive' "
                                      rf"\({self.path}:{self.line_of('keep-the-archive')}\) comes first")
        self.assertIn("'EXPUNGED' is no command that this version knows (did you mean 'EXPUNGE'?)", done.stderr)


if __name__ == "__main__":
    main()

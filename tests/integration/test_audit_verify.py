"""postern audit, as an auditor uses it: on trails that are sealed here, by what the documentation says of the form
and not by Postern's own code."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import unittest
from collections.abc import Callable
from typing import Any

from support import WAIT_SECONDS, binary, main, poll

GENESIS = bytes(32)
TIME = "2026-11-21T08:01:{:02}.000042Z"
CONN = {"listener": "imaps", "client_ip": "192.0.2.7", "client_port": 50123, "proxied": False}
LABEL = b"postern audit epoch"


class Sealer:
    """Makes lines; with a key as the writer does, whose first epoch is 1."""

    def __init__(self, key: bytes | None = None) -> None:
        self.key = hashlib.sha256(key + LABEL).digest() if key else None
        self.epoch, self.seq, self.head = 1, 0, GENESIS

    def line(self, event: str, **members: Any) -> bytes:
        self.seq += 1
        record = {"ts": TIME.format(self.seq % 60), "seq": self.seq, "event": event, "v": 1}
        record |= {"id": f"INSTANCE.{self.seq}", "outcome": "success"} | members
        text = json.dumps(record, separators=(",", ":"), ensure_ascii=False)[:-1] + f',"prev":"{self.head.hex()}"'
        sealed = self.head + text.encode()
        self.head = (hmac.new(self.key, sealed, hashlib.sha256) if self.key else hashlib.sha256(sealed)).digest()
        return text.encode() + f',"hash":"{self.head.hex()}"}}\n'.encode()

    def checkpoint(self) -> bytes:
        line = self.line("audit.checkpoint", epoch=self.epoch + 1, covered=self.seq, head=self.head.hex())
        self.epoch += 1
        self.key = hashlib.sha256(self.key + LABEL).digest() if self.key else None
        return line

    def command(self, name: str, mailbox: str = "INBOX", **members: Any) -> bytes:
        common = {"session": "ABCDEFGHIJKLMNOP", "id": f"ABCDEFGHIJKLMNOP.{self.seq}", "conn": CONN, "user": "fred",
                  "seq_in_session": 1, "name": name, "uid": False, "class": ["write", "destructive"],
                  "mailbox": mailbox, "rewritten": False}
        return (self.line("command.intent", **common)
                + self.line("command", **common, result="ok", expunged_seen=3, bytes_out=None, duration_ms=1.25, **members))

    def start(self) -> bytes:
        return self.line("audit.start", version="0.1.0", epoch=self.epoch, keyed=self.key is not None)

    def state(self, file: pathlib.Path) -> str:
        """As FILE.state; nothing of it is used but what is said of the end."""
        lines = {"version": 1, "sequence": self.seq, "epoch": self.epoch, "head": self.head.hex(), "chain": "yes",
                 "device": 0, "inode": 0, "offset": file.stat().st_size, "clean": "yes", "redaction_key": "11" * 32}
        return "".join(f"{name} {value}\n" for name, value in lines.items())


class AuditCommand(unittest.TestCase):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory(prefix="postern-test-")
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)

    def postern(self, *arguments: str | pathlib.Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(binary()), "audit", *map(str, arguments)], capture_output=True, text=True,
                              timeout=WAIT_SECONDS, cwd=self.folder, env=dict(os.environ), check=False)

    def write(self, name: str, octets: bytes) -> pathlib.Path:
        path = self.folder / name
        path.write_bytes(octets)
        return path

    def three_files(self, sealer: Sealer) -> list[pathlib.Path]:
        """As rotation by size leaves them, with the state beside the last."""
        first = sealer.start() + sealer.command("EXPUNGE") + sealer.checkpoint()
        first += sealer.line("audit.rotate", next="audit.log", epoch=sealer.epoch)
        old = [self.write(f"audit.log.{sealer.seq:012}", first)]
        second = sealer.line("audit.rotate", previous=old[0].name, epoch=sealer.epoch) + sealer.command("DELETE", "Old")
        second += sealer.checkpoint() + sealer.line("audit.rotate", next="audit.log", epoch=sealer.epoch)
        old.append(self.write(f"audit.log.{sealer.seq:012}", second))
        third = sealer.line("audit.rotate", previous=old[1].name, epoch=sealer.epoch) + sealer.command("CLOSE")
        file = self.write("audit.log", third + sealer.line("audit.stop") + sealer.checkpoint())
        self.write("audit.log.state", sealer.state(file).encode())
        return [*old, file]

    def verify(self, *arguments: str | pathlib.Path) -> dict[str, Any]:
        done = self.postern("verify", "--json", *arguments)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(report["verdict"], "bad" if done.returncode else "good")
        return report


class Verify(AuditCommand):
    def assert_bad(self, files: list[pathlib.Path], kind: str, file: pathlib.Path, offset: int, seq: int,
                   **more: Any) -> None:
        bad = self.verify(*files)["first_bad"]
        line = file.read_bytes()[:offset].count(b"\n") + 1
        self.assertEqual((bad["kind"], bad["file"], bad["offset"], bad["line"], bad["seq"]),
                         (kind, str(file), offset, line, seq), bad)
        for name, value in more.items():
            self.assertEqual(bad[name], value)

    def test_a_whole_trail_in_any_order(self) -> None:
        files = self.three_files(Sealer())
        report = self.verify(*reversed(files))
        self.assertEqual((report["records"], report["files"], report["end_proven"], report["ended_in_order"]),
                         (15, [str(each) for each in files], True, True))
        # A pattern takes the state along.
        self.assertEqual(self.verify(*sorted(self.folder.glob("audit.log*")))["records"], 15)
        told = self.postern("verify", *files)
        self.assertEqual(told.returncode, 0)
        self.assertIn("good: records 1 to 15 in 3 files", told.stdout)

    def test_each_damage_by_its_name(self) -> None:
        files = self.three_files(Sealer())
        whole = [each.read_bytes() for each in files]
        lines = [each.splitlines(keepends=True) for each in whole]
        firsts = [1, 1 + len(lines[0]), 1 + len(lines[0]) + len(lines[1])]
        for i, file in enumerate(files):
            offset = len(lines[i][0])
            damages: list[tuple[str, bytes, int, int]] = [
                ("changed", bytes([whole[i][0] ^ 4]) + whole[i][1:], 0, firsts[i]),
                ("changed", whole[i].replace(b'"outcome":"success"', b'"outcome":"failure"', 2)
                 .replace(b'"outcome":"failure"', b'"outcome":"success"', 1), offset, firsts[i] + 1),
                ("missing", lines[i][0] + b"".join(lines[i][2:]), offset, firsts[i] + 1),
                ("reordered", lines[i][0] + lines[i][2] + lines[i][1] + b"".join(lines[i][3:]), offset, firsts[i] + 1),
                ("cut off", whole[i][:-7], len(whole[i]) - len(lines[i][-1]), firsts[i] + len(lines[i]) - 1)]
            for kind, octets, at, seq in damages:
                with self.subTest(kind, file=i):
                    file.write_bytes(octets)
                    self.assert_bad(files, kind, file, at, seq)
            file.write_bytes(whole[i])
        with self.subTest("a whole file"):
            self.assert_bad(files[1:], "missing", files[1], 0, 1, missing=5, missing_file=files[0].name)
            self.assert_bad([files[0], files[2]], "missing", files[2], 0, 6, missing=5, missing_file=files[1].name)
            self.assert_bad(files[:2], "missing", files[1], len(whole[1]), 11, missing=5, missing_file="audit.log")
        with self.subTest("a torn tail"):
            (self.folder / "audit.log.state").unlink()
            files[2].write_bytes(whole[2][:-7])
            self.assert_bad(files, "torn tail", files[2], len(whole[2]) - len(lines[2][-1]), 15)

    def test_says_what_it_cannot_prove(self) -> None:
        files = self.three_files(Sealer())
        (self.folder / "audit.log.state").unlink()
        told = self.postern("verify", *files).stdout
        self.assertIn("NOT proven to be the last", told)
        self.assertIn("without a key whoever can write the files", told)
        told = self.postern("verify", "--from", "6", *files[1:]).stdout
        self.assertIn("nothing is said of those before it", told)

    def test_with_a_key(self) -> None:
        made = self.postern("keygen", "--chain-key", self.folder / "chain.key")
        self.assertEqual(made.returncode, 0, made.stderr)
        key = self.write("verifier.key", made.stdout.encode())
        first = bytes.fromhex(made.stdout)
        self.assertEqual(bytes.fromhex((self.folder / "chain.key").read_text()), hashlib.sha256(first + LABEL).digest())
        files = self.three_files(Sealer(first))
        self.assertTrue(self.verify("--key", key, *files)["content_proven"])
        self.assertEqual(self.verify("--key", key, "--from", "8", *files)["first"], 8)
        without = self.postern("verify", *files)
        self.assertEqual(without.returncode, 2)
        self.assertIn("--key", without.stderr)
        wrong = self.postern("verify", "--key", self.folder / "chain.key", *files)
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("or --key is not the key", wrong.stdout)

    def test_wrong_usage_and_unreadable_files(self) -> None:
        for arguments in (["verify"], ["verify", "absent"], ["verify", "--key", "absent", "x"], ["keygen"], ["cat"],
                          ["cat", "--since", "yesterday", "x"], ["cat", "--class", "evil", "x"], ["tail", "absent"], []):
            with self.subTest(arguments):
                done = self.postern(*arguments)
                self.assertEqual(done.returncode, 2)
                self.assertTrue(done.stderr.strip())


class Keygen(AuditCommand):
    def test_keys_are_for_their_owner_and_never_overwritten(self) -> None:
        chain, checkpoint = self.folder / "chain.key", self.folder / "checkpoint.pem"
        made = self.postern("keygen", "--chain-key", chain, "--checkpoint-key", checkpoint)
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertIn("-----BEGIN PUBLIC KEY-----", made.stdout)
        kept = [each.read_bytes() for each in (chain, checkpoint)]
        for each in (chain, checkpoint):
            self.assertEqual(each.stat().st_mode & 0o777, 0o600)
            again = self.postern("keygen", f"--{'chain' if each == chain else 'checkpoint'}-key", each)
            self.assertEqual((again.returncode, again.stdout), (1, ""))
            self.assertIn(str(each), again.stderr)
        self.assertEqual([each.read_bytes() for each in (chain, checkpoint)], kept)
        self.assertNotIn(made.stdout.split("\n")[0], kept[0].decode())

    def test_checkpoints_are_held_against_the_key(self) -> None:
        made = self.postern("keygen", "--checkpoint-key", self.folder / "checkpoint.pem")
        public = self.write("checkpoint.pub", made.stdout.encode())
        done = self.postern("verify", "--checkpoint-key", public, *self.three_files(Sealer()))
        self.assertEqual(done.returncode, 1)
        self.assertIn("no checkpoint is signed", done.stdout)


class Cat(AuditCommand):
    def rows(self, *arguments: str | pathlib.Path) -> list[str]:
        done = self.postern("cat", *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()[1:]

    def test_answers_who_deleted_this(self) -> None:
        files = self.three_files(Sealer())
        rows = self.rows("--user", "FRED", "--mailbox", "Ol?", "--class", "destructive", *reversed(files))
        self.assertEqual(len(rows), 1)
        self.assertEqual(rows[0].split()[1:], ["fred", "192.0.2.7", "success", "3", "DELETE", "Old:", "ok"])
        self.assertEqual(self.rows("--user", "alice", *files), [])
        self.assertEqual(self.rows("--class", "admin", *files), [])
        self.assertEqual(len(self.rows("--session", "ABCDEFGHIJKLMNOP", *files)), 3)
        self.assertEqual(len(self.rows("--event", "audit.rotate", *files)), 4)
        self.assertEqual(self.rows("--since", "2h", *files) + self.rows("--until", "2026-11-21T08:01:00Z", *files), [])
        self.assertEqual(len(self.rows("--since", "2026-11-21", "--until", "2026-11-21T09:01:02.5+01:00", *files)), 1)
        self.assertEqual(len(self.rows(*files)), 15 - 3)  # intents are not shown beside their outcome

    def test_an_intent_without_outcome_is_shown(self) -> None:
        sealer = Sealer()
        trail = sealer.start() + sealer.command("EXPUNGE").splitlines(keepends=True)[0] + sealer.start()
        rows = self.rows("--class", "destructive", self.write("audit.log", trail))
        self.assertEqual(len(rows), 1)
        self.assertIn("no outcome recorded", rows[0])

    def test_json_is_the_records_themselves(self) -> None:
        files = self.three_files(Sealer())
        self.assertEqual("\n".join(self.rows("--json", *files)) + "\n",
                         "".join(each.read_text() for each in files).split("\n", 1)[1])

    def test_redacted_names_are_found_by_their_hash(self) -> None:
        sealer = Sealer()
        key = bytes.fromhex("11" * 32)
        hashed = "hmac:" + hmac.new(key, b"user:fred", hashlib.sha256).hexdigest()[:32]
        box = "hmac:" + hmac.new(key, b"mailbox:Archive", hashlib.sha256).hexdigest()[:32]
        trail = sealer.start() + sealer.line("command", name="DELETE", user=hashed, mailbox=box)
        file = self.write("audit.log", trail)
        state = self.write("audit.log.state", sealer.state(file).encode())
        self.assertEqual(len(self.rows("--user", "Fred", "--mailbox", "Archive", "--state", state, file)), 1)
        self.assertEqual(self.rows("--user", "Fred", file), [])

    def test_nothing_steers_the_terminal(self) -> None:
        evil = "a\x1b[2J\r\n\x07\x9b31m\u2028\u202e\x7f\t" + "m" * 8192 + '"'
        sealer = Sealer()
        line = sealer.line("command", name=evil, user=evil, mailbox=evil, session=evil, reason=evil)
        raw = sealer.line("session.open", user="x").replace(b'"x"', '"\u202e\x7f\x9b"'.encode())
        file = self.write("audit.log", line + raw + b'{"ts":"\x1b[2J"}\n\xff\x1b\n')
        for options in ([], ["--json"]):
            done = self.postern("cat", *options, file)
            self.assertEqual(done.returncode, 0)
            for text in (done.stdout, done.stderr):
                self.assertEqual([each for each in text if not (each.isprintable() or each == "\n")], [])
            self.assertEqual(len(done.stdout.splitlines()), 2 if options else 3)
            self.assertEqual(done.stderr.count("no record at octet"), 2)


class Tail(AuditCommand):
    def follow(self, *arguments: str | pathlib.Path) -> Callable[[], list[str]]:
        with (self.folder / "shown").open("wb") as shown:
            process = subprocess.Popen([str(binary()), "audit", "tail", *map(str, arguments)], stdout=shown,
                                       cwd=self.folder)

        def end() -> None:
            process.send_signal(signal.SIGTERM)
            process.wait(WAIT_SECONDS)

        self.addCleanup(end)
        return lambda: (self.folder / "shown").read_text().splitlines()[1:]

    def test_goes_on_over_a_rotation(self) -> None:
        sealer = Sealer()
        file = self.write("audit.log", b"".join(sealer.command("STORE", f"box{i}") for i in range(5)))
        rows = self.follow("-n", "4", file)
        poll(lambda: len(rows()) == 2, "the last two commands")
        self.assertIn("box3", rows()[0])
        with file.open("ab") as more:
            line = sealer.command("STORE", "later")
            more.write(line[:100])
            more.flush()
            more.write(line[100:])
        poll(lambda: len(rows()) == 3, "the one that was added")
        file.rename(self.folder / "audit.log.1")
        with (self.folder / "audit.log.1").open("ab") as old:
            old.write(sealer.command("STORE", "last"))
        self.write("audit.log", sealer.command("STORE", "anew"))
        poll(lambda: len(rows()) == 5, "the new file's")
        self.assertIn("last", rows()[3])
        self.assertIn("anew", rows()[4])


if __name__ == "__main__":
    main()

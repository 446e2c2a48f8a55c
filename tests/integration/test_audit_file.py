"""The audit trail's file: a disk that is full, rotation from outside and inside, a file that is cut or taken away."""

from __future__ import annotations

import io
import os
import pathlib
import resource
import signal
import threading
from collections.abc import Callable
from typing import Any

from audit_trail import AuditTest, Trail, assert_whole, parse
from sandbox.wire import Client, Wire
from support import PASSWORDS, PrivatePostern, binary, configuration, end_well, main, poll, start_gateway

UNAVAILABLE = "NO [UNAVAILABLE] "


class FileTest(AuditTest):
    """A gateway and a trail for each test, all of one Dovecot."""

    @classmethod
    def start_gateway(cls) -> None:
        """Each test does."""

    def setUp(self) -> None:
        folder = self.folder / self._testMethodName
        folder.mkdir(mode=0o700)
        self.trail = Trail(folder / "audit.jsonl")

    def auditing(self, audit: dict[str, Any]) -> dict[str, Any]:
        return configuration(self.dovecot.imap_port, self.pair, audit={"file": str(self.trail.path)} | audit)

    def start(self, **audit: Any) -> None:
        self.gateway = start_gateway(type(self), self.auditing(audit), name=self._testMethodName)

    def stop(self) -> None:
        end_well(self.gateway)

    def file(self, name: str) -> pathlib.Path:
        return self.trail.path.with_name(name)

    def visit(self, user: str = "alice") -> Client:
        """Logs in and out again."""
        with self.session(user) as wire:
            wire.expect_ok("LOGOUT")
        return wire.client

    def expunge(self, wire: Wire) -> str:
        return wire.command("EXPUNGE").text


class FullDisk(FileTest):
    """The process may not write files beyond a size, which looks like a full disk to it."""

    def fill(self) -> None:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        size = self.trail.path.stat().st_size + 100
        resource.prlimit(self.gateway.pid, resource.RLIMIT_FSIZE, (size, hard))

    def make_room(self) -> None:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.prlimit(self.gateway.pid, resource.RLIMIT_FSIZE, (hard, hard))

    def up(self) -> float:
        return self.gateway.metric("postern_audit_sink_up", sink="file")

    def test_what_cannot_be_recorded_is_not_done_until_there_is_room(self) -> None:
        self.start(events=["all"])
        wire = self.session()
        wire.expect_ok("CREATE Box")
        wire.expect_ok("SELECT INBOX")
        name = self.name_of(wire)
        self.assertEqual(self.gateway.http("/readyz")[0], 200)
        self.fill()
        self.assertTrue(wire.command("DELETE Box").text.startswith(UNAVAILABLE))
        self.assertEqual(self.up(), 0)
        self.assertEqual(self.gateway.http("/readyz"), (503, "audit\n"))
        self.assertIn("[-]audit failed: ", self.gateway.http("/readyz?verbose")[1])
        self.assertEqual(self.gateway.http("/livez")[0], 200)
        stranger = self.wire()
        self.assertTrue(stranger.command(f"LOGIN bob {PASSWORDS['bob']}").text.startswith(UNAVAILABLE))
        self.assertTrue(self.expunge(wire).startswith(UNAVAILABLE))
        failed = self.gateway.wait_for_own("audit write failed")
        self.assertEqual([failed.fields[key] for key in ("level", "file")], ["error", str(self.trail.path)])

        self.make_room()
        poll(lambda: self.up() == 1, "the trail to be written again")
        self.assertEqual(self.gateway.http("/readyz")[0], 200)
        wire.expect_ok("DELETE Box")
        stranger.log_in("bob", PASSWORDS["bob"])
        wire.expect_ok("LOGOUT")
        wire.close()
        self.trail.session(name)
        stranger.close()
        self.stop()
        told = assert_whole(self.trail.path)
        deleted = [each for each in told if each.get("name") == "DELETE"]
        done = [each for each in deleted if each["event"] == "command" and each.get("result") == "ok"]
        self.assertEqual(len(done), 1)
        self.assertIn(done[0]["id"], [each["id"] for each in deleted if each["event"] == "command.intent"])

    def test_the_process_ends_all_the_same(self) -> None:
        self.start(events=["all"])
        wire = self.session()
        wire.expect_ok("SELECT INBOX")
        self.fill()
        self.assertTrue(self.expunge(wire).startswith(UNAVAILABLE))
        self.gateway.signal(signal.SIGTERM)
        self.assert_ends(wire)
        self.stop()

    def test_with_allow_the_gap_is_told(self) -> None:
        self.start(events=["all"], on_failure="allow")
        wire = self.session()
        wire.expect_ok("CREATE Box")
        wire.expect_ok("SELECT INBOX")
        self.fill()
        wire.expect_ok("DELETE Box")
        poll(lambda: self.up() == 0, "the disk to be full")
        self.assertEqual(self.gateway.http("/readyz")[0], 200)
        self.assertIn("[ ]audit not ok", self.gateway.http("/readyz?verbose")[1])
        self.session("bob").expect_ok("LOGOUT")
        dropped = 0.0
        while dropped == 0:
            for _ in range(100):
                wire.send("\r\n".join(f"n{i} NOOP" for i in range(10)))
                wire.reply("n9")
            dropped = self.gateway.metric("postern_audit_events_dropped_total", sink="file")
        self.make_room()
        gap = self.trail.wait_for_own("audit.gap")
        self.assertGreater(gap["lost"], 0)
        poll(lambda: self.up() == 1, "the trail to be written again")
        wire.expect_ok("LOGOUT")
        wire.close()
        self.stop()
        told = assert_whole(self.trail.path)
        lost = sum(each["lost"] for each in told if each["event"] == "audit.gap")
        self.assertGreaterEqual(lost, dropped)


class Rotation(FileTest):
    def rotated(self) -> list[pathlib.Path]:
        return sorted(self.trail.path.parent.glob("audit.jsonl.0*"))

    def test_an_outside_tool_moves_it_and_says_so(self) -> None:
        self.start()
        self.trail.wait_for("auth.success", of=self.visit())
        old = self.file("audit.jsonl.1")
        self.trail.path.rename(old)
        # What is told before the signal still goes into the file that was moved.
        Trail(old).wait_for("auth.success", of=self.visit("bob"), user="bob")
        self.assertFalse(self.trail.path.exists())
        self.gateway.signal(signal.SIGUSR1)
        first = self.trail.wait_for_own("audit.rotate")
        last = Trail(old).wait_for_own("audit.rotate")
        self.assertEqual(self.trail.records()[0], first)
        self.assertEqual(Trail(old).records()[-1], last)
        self.assertEqual(first["seq"], last["seq"] + 1)
        self.trail.wait_for("auth.success", of=self.visit("carol"), user="carol")
        # Nothing was moved: nothing happens.
        self.gateway.signal(signal.SIGUSR1)
        self.assertEqual(self.gateway.reload().event, "reloaded")
        self.stop()
        self.assertEqual(len(self.trail.records("audit.rotate")), 1)
        assert_whole(old, self.trail.path)

    def test_by_size_it_rotates_itself_and_keeps_so_many(self) -> None:
        self.start(events=["all"], rotate={"size": "16KiB", "keep": 2})
        wire = self.session()
        for _ in range(200):  # of some 500 octets each
            wire.expect_ok("NOOP")
        wire.expect_ok("LOGOUT")
        wire.close()
        self.stop()
        files = self.rotated() + [self.trail.path]
        self.assertEqual(len(files), 3)
        first = parse(files[0].read_bytes())[0]["seq"]
        self.assertGreater(first, 1)
        assert_whole(*files, first=first)
        for each in files[:-1]:
            # What came meanwhile is written in one batch with the record that goes beyond the size.
            self.assertTrue(16 * 1024 <= each.stat().st_size < 64 * 1024, each.stat().st_size)
            self.assertEqual(each.name, f"audit.jsonl.{parse(each.read_bytes())[-1]['seq']:012}")

    def test_a_restart_goes_on(self) -> None:
        for _ in range(2):
            self.start()
            self.trail.wait_for("session.close", of=self.visit())
            self.stop()
        told = assert_whole(self.trail.path)
        self.assertEqual(len([each for each in told if each["event"] == "audit.start"]), 2)
        self.assertEqual([each for each in told if each["event"] == "audit.recovered"], [])
        self.assertEqual(self.file("audit.jsonl.state").stat().st_mode & 0o777, 0o600)

    def test_a_file_that_is_cut_is_told(self) -> None:
        self.start()
        self.trail.wait_for("session.close", of=self.visit())
        size = self.trail.path.stat().st_size
        os.truncate(self.trail.path, 0)
        bob = self.visit("bob")
        gap = self.trail.wait_for_own("audit.gap")
        self.assertEqual(gap["cause"], "truncated")
        self.assertEqual(gap["lost"], size)
        self.trail.wait_for("auth.success", of=bob, user="bob")

    def test_a_file_that_is_removed_is_made_again_and_told(self) -> None:
        self.start()
        self.trail.wait_for("session.close", of=self.visit())
        self.trail.path.unlink()
        self.session("bob").expect_ok("LOGOUT")
        self.assertEqual(self.trail.wait_for_own("audit.gap")["cause"], "removed")
        self.trail.wait_for("auth.success", of=self.visit("carol"), user="carol")


class Durability(FileTest):
    def test_each_of_them_records_what_was_done(self) -> None:
        for durability in ("write_ahead", "interval", "none"):
            with self.subTest(durability):
                self.trail = Trail(self.file(f"{durability}.jsonl"))
                self.start(durability=durability)
                wire = self.session()
                wire.expect_ok("SELECT INBOX")
                wire.expect_ok("EXPUNGE")
                name = self.name_of(wire)
                wire.expect_ok("LOGOUT")
                wire.close()
                told = [each["event"] for each in self.trail.session(name) if each.get("name") == "EXPUNGE"]
                self.assertEqual(told, ["command.intent", "command"] if durability == "write_ahead" else ["command"])
                self.stop()
                assert_whole(self.trail.path)


class Streams(FileTest):
    """Standard output and a pipe: there is no file to go on with."""

    def collect(self, opened: Callable[[], io.FileIO]) -> list[bytes]:
        parts: list[bytes] = []

        def read() -> None:
            with opened() as stream:
                while octets := stream.read(65536):
                    parts.append(octets)

        self.reader = threading.Thread(target=read)
        self.reader.start()
        return parts

    def ended(self, parts: list[bytes]) -> None:
        """All of it has come, and nothing of it was lost."""
        self.reader.join()
        self.trail.path = self.file("collected")
        self.trail.path.write_bytes(b"".join(parts))
        told = assert_whole(self.trail.path)
        self.assertEqual([told[0]["event"], told[-2]["event"]], ["audit.start", "audit.stop"])
        self.assertEqual(len([each for each in told if each["event"] == "auth.success"]), 1)
        self.assertEqual([each["event"] for each in told if each.get("name") == "EXPUNGE"], ["command.intent", "command"])

    def use(self) -> None:
        wire = self.session()
        wire.expect_ok("SELECT INBOX")
        wire.expect_ok("EXPUNGE")
        wire.expect_ok("LOGOUT")
        self.gateway.signal(signal.SIGUSR1)
        self.stop()

    def test_standard_output(self) -> None:
        tree = self.auditing({"file": "-"})
        self.gateway = PrivatePostern(binary(), self.trail.path.parent, tree)
        ours, theirs = os.pipe()
        parts = self.collect(lambda: os.fdopen(ours, "rb", buffering=0))
        self.gateway.start(output=theirs)
        os.close(theirs)
        self.use()
        self.ended(parts)

    def test_a_pipe(self) -> None:
        pipe = self.file("pipe")
        os.mkfifo(pipe)
        self.trail = Trail(pipe)
        parts = self.collect(lambda: pipe.open("rb", buffering=0))
        self.start()
        self.use()
        self.ended(parts)


class Start(FileTest):
    """What is wrong with the trail is told before anything is served."""

    def refused(self, **audit: Any) -> str:
        gateway = PrivatePostern(binary(), self.trail.path.parent / "refused", self.auditing(audit))
        with self.assertRaises(TimeoutError):
            gateway.start()
        self.assertEqual(gateway.wait(), 1)
        return gateway.log()

    def test_a_folder_that_is_missing(self) -> None:
        self.assertIn("no audit trail can be kept in", self.refused(file=str(self.file("no") / "audit.jsonl")))

    def test_a_trail_that_another_process_writes(self) -> None:
        self.start()
        self.assertIn("is being written already", self.refused())
        self.assert_works()

    def test_a_key_that_is_none(self) -> None:
        for key in ("chain_key_file", "checkpoint_key_file"):
            self.file("key").write_text("no key\n")
            self.file("key").chmod(0o600)
            self.assertIn("audit-key", self.refused(**{key: str(self.file("key"))}))


if __name__ == "__main__":
    main()

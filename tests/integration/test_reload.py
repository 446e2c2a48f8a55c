"""Reload: new certificates and configurations reach new connections, and no session is dropped for it."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import ssl
import threading
import unittest
from typing import Any

from support import (NAME, PASSWORDS, RELOAD_FAILED, GatewayTest, Pair, Wire, configuration, main, new_folder, poll,
                     self_signed, start_dovecot, start_gateway, trusting)


class Load:
    """Sessions that work without a pause while something happens; a broken one is told of at the end."""

    def __init__(self, port: int, sessions: int) -> None:
        self.rounds = 0
        self.problems: list[str] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(port,)) for _ in range(sessions)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _work(self, port: int) -> None:
        try:
            with Wire(port, tls=trusting()) as wire:
                wire.line()
                wire.log_in("alice", PASSWORDS["alice"])
                wire.expect_ok("SELECT INBOX")
                while not self._ended.is_set():
                    wire.expect_ok("NOOP")
                    wire.expect_ok("STATUS INBOX (MESSAGES)")
                    self.rounds += 1
                wire.expect_ok("LOGOUT")
        except Exception as problem:  # noqa: BLE001: whatever it is, the test shall see it
            self.problems.append(repr(problem))


def place(pair: Pair, at: Pair) -> None:
    """Puts the files of a pair to where the configuration expects them, each at once."""
    for source, target in ((pair.cert, at.cert), (pair.key, at.key)):
        fresh = target.with_suffix(".new")
        shutil.copy(source, fresh)
        fresh.rename(target)


class Certificates(GatewayTest):
    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls)
        cls.pairs = [self_signed(cls.folder / "tls", NAME, common_name=name) for name in ("first", "second", "third")]
        cls.used = Pair(cls.folder / "tls.crt", cls.folder / "tls.key")
        place(cls.pairs[0], cls.used)
        cls.dovecot = start_dovecot(cls)
        cls.gateway = start_gateway(cls, configuration(cls.dovecot.imap_port, cls.used))

    def tearDown(self) -> None:
        place(self.pairs[0], self.used)
        self.reload()
        self.await_served("first")

    def served(self) -> str:
        """The common name of the certificate that a new connection sees."""
        with Wire(self.gateway.ports["imaps"], tls=trusting()) as wire:
            der = wire.socket.getpeercert(binary_form=True)
        for name, pair in zip(("first", "second", "third"), self.pairs):
            if ssl.PEM_cert_to_DER_cert(pair.cert.read_text()) == der:
                return name
        return "unknown"

    def await_served(self, name: str) -> None:
        """Each worker takes the new snapshot in its own time, right after it was published."""
        poll(lambda: self.served() == name, f"the certificate '{name}' to be served")

    def test_sighup_under_load_changes_the_certificate_and_drops_nobody(self) -> None:
        self.assertEqual(self.served(), "first")
        with Load(self.gateway.ports["imaps"], 8) as load:
            for number in (1, 2, 0, 1, 2):
                poll(lambda rounds=load.rounds: load.rounds > rounds + 20 or bool(load.problems), "the load to work")
                place(self.pairs[number], self.used)
                self.assertEqual(self.reload().event, "reloaded")
                self.await_served(("first", "second", "third")[number])
        self.assertEqual(load.problems, [])
        self.assertGreater(load.rounds, 100)

    def test_a_broken_pair_changes_nothing_and_is_logged(self) -> None:
        wire = self.session()
        self.used.key.write_text(self.pairs[1].key.read_text())  # the key of another certificate
        told = self.reload()
        self.assertEqual(told.event, RELOAD_FAILED)
        self.assertTrue(any("tls.key" in text or "tls.crt" in text for text in told.findings), told)
        self.assertEqual(self.served(), "first")
        wire.expect_ok("NOOP")
        self.assertEqual(self.gateway.metric("postern_config_last_reload_successful"), 0)
        self.used.cert.write_text("no certificate at all\n")
        self.assertEqual(self.reload().event, RELOAD_FAILED)
        self.assertEqual(self.served(), "first")
        place(self.pairs[1], self.used)
        self.assertEqual(self.reload().event, "reloaded")
        self.await_served("second")
        self.assertEqual(self.gateway.metric("postern_config_last_reload_successful"), 1)
        wire.expect_ok("NOOP")


class Configuration(GatewayTest):
    def tearDown(self) -> None:
        self.gateway.configure(self.tree())

    def tree(self, **changes: Any) -> dict[str, Any]:
        return configuration(self.dovecot.imap_port, self.pair, **changes)

    def greeting(self) -> bytes:
        with Wire(self.gateway.ports["imaps"], tls=trusting()) as wire:
            return wire.line()

    def test_a_broken_configuration_keeps_serving(self) -> None:
        wire = self.session()
        for text in ("version: 1\nlisteners: [", json.dumps(self.tree() | {"colour": "blue"}), ""):
            told = self.reload(text)
            self.assertEqual(told.event, RELOAD_FAILED)
            self.assertRegex("".join(told.findings), r"postern\.yaml")
            wire.expect_ok("NOOP")
            self.assert_works()

    def test_new_sessions_see_the_new_configuration_old_ones_keep_theirs(self) -> None:
        wire = self.session()
        self.assertEqual(self.reload(self.tree(rewrite={"greeting": "Under new rules"})).event, "reloaded")
        poll(lambda: b"Under new rules" in self.greeting(), "the new greeting")
        wire.expect_ok("NOOP")


class Watched(unittest.TestCase):
    """tls.watch: the files themselves are the trigger, and a Kubernetes Secret's way of swapping them works."""

    def setUp(self) -> None:
        cls = type(self)
        cls.folder = new_folder(cls)
        self.pairs = [self_signed(cls.folder / "made", NAME, common_name=name) for name in ("first", "second")]
        self.dovecot = start_dovecot(cls)

    def served(self, port: int) -> bytes:
        with Wire(port, tls=trusting()) as wire:
            return wire.socket.getpeercert(binary_form=True)

    def run_with(self, used: Pair) -> None:
        tree = configuration(self.dovecot.imap_port, used, tls={"watch": True})
        self.gateway = start_gateway(type(self), tree)

    def assert_comes_to_serve(self, pair: Pair) -> None:
        self.assertEqual(self.gateway.wait_for_file_reload().event, "reloaded")
        expected = ssl.PEM_cert_to_DER_cert(pair.cert.read_text())
        poll(lambda: self.served(self.gateway.ports["imaps"]) == expected, "the new certificate to be served")

    def test_replaced_files(self) -> None:
        used = Pair(self.folder / "tls.crt", self.folder / "tls.key")
        place(self.pairs[0], used)
        self.run_with(used)
        place(self.pairs[1], used)
        self.assert_comes_to_serve(self.pairs[1])

    def test_the_symlinks_of_a_kubernetes_secret(self) -> None:
        mount = self.folder / "secret"
        for number, pair in enumerate(self.pairs):
            (mount / f"..{number}").mkdir(parents=True)
            shutil.copy(pair.cert, mount / f"..{number}" / "tls.crt")
            shutil.copy(pair.key, mount / f"..{number}" / "tls.key")
        (mount / "..data").symlink_to("..0")
        for name in ("tls.crt", "tls.key"):
            (mount / name).symlink_to(pathlib.Path("..data") / name)
        self.run_with(Pair(mount / "tls.crt", mount / "tls.key"))
        (mount / "..data_new").symlink_to("..1")
        (mount / "..data_new").rename(mount / "..data")
        self.assert_comes_to_serve(self.pairs[1])


class Tickets(GatewayTest):
    def test_two_workers_share_their_tickets(self) -> None:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version):
                tls = trusting()
                tls.minimum_version = tls.maximum_version = version
                session = None
                reused = []
                for _ in range(40):
                    with Wire(self.gateway.ports["imaps"], tls=tls, session=session) as wire:
                        wire.line()  # in TLS 1.3 the ticket comes with the greeting
                        wire.expect_ok("LOGOUT")
                        reused.append(wire.socket.session_reused)
                        session = wire.socket.session
                # The first has nothing to resume; each of the others may meet either worker.
                self.assertEqual(reused, [False] + [True] * 39)

    def test_tickets_survive_a_reload(self) -> None:
        tls = trusting()
        with Wire(self.gateway.ports["imaps"], tls=tls) as wire:
            wire.line()
            wire.expect_ok("LOGOUT")
            session = wire.socket.session
        self.assertEqual(self.reload().event, "reloaded")
        with Wire(self.gateway.ports["imaps"], tls=tls, session=session) as wire:
            wire.line()
            self.assertTrue(wire.socket.session_reused)


class Failed(GatewayTest):
    """A reload that fails changes nothing, however much of it was good."""

    def setUp(self) -> None:
        self.keys = [self.folder / f"{name}.keys" for name in ("first", "second")]
        for path in self.keys:
            path.write_bytes(os.urandom(80))
            path.chmod(0o600)
        self.assertEqual(self.reload(self.tree(self.keys[0])).event, "reloaded")

    def tree(self, keys: pathlib.Path, pair: Pair | None = None, **changes: Any) -> dict[str, Any]:
        return configuration(self.dovecot.imap_port, pair or self.pair, tls={"ticket_key_file": str(keys)}, **changes)

    def connect(self, session: ssl.SSLSession | None = None) -> tuple[bytes, bool, ssl.SSLSession]:
        """The greeting, whether the session was resumed, and what the next one could resume."""
        with Wire(self.gateway.ports["imaps"], tls=self.tls, session=session) as wire:
            greeting = wire.line()
            wire.expect_ok("LOGOUT")
            return greeting, wire.socket.session_reused, wire.socket.session

    # What a session would notice, and a scrape.
    CHANGES: dict[str, Any] = {
        "rules": [{"name": "nobody-selects", "when": {"command": "SELECT"}, "action": "deny"}],
        "rewrite": {"greeting": "Under new rules"},
        "limits": {"sessions": {"per_user": 1}},
    }

    def assert_nothing_has_changed(self, session: ssl.SSLSession) -> None:
        greeting, resumed, _ = self.connect(session)
        self.assertTrue(resumed, "the ticket keys have changed")
        self.assertNotIn(b"Under new rules", greeting)
        self.assertNotIn("nobody-selects", self.gateway.metrics())
        for wire in (self.session(), self.session()):
            wire.expect_ok("SELECT INBOX")
            wire.expect_ok("LOGOUT")

    def test_ticket_keys_rules_and_limits_stay(self) -> None:
        self.tls = trusting()
        _, _, session = self.connect()
        other = self_signed(self.folder / "other", NAME)
        mismatched = self.tree(self.keys[1], Pair(self.pair.cert, other.key), **self.CHANGES)
        self.assertEqual(self.reload(mismatched).event, RELOAD_FAILED)
        self.assert_nothing_has_changed(session)
        self.assertEqual(self.reload(self.tree(self.keys[1], **self.CHANGES)).event, "reloaded")
        greeting, resumed, _ = self.connect(session)
        self.assertFalse(resumed, "the other file's keys are not in use")
        self.assertIn(b"Under new rules", greeting)
        self.assertIn("nobody-selects", self.gateway.metrics())

    def test_a_log_file_that_cannot_be_opened(self) -> None:
        self.tls = trusting()
        _, _, session = self.connect()
        log = self.folder / "missing" / "postern.log"
        broken = self.tree(self.keys[1], log={"file": str(log)}, **self.CHANGES)
        told = self.reload(broken)
        self.assertEqual(told.event, RELOAD_FAILED)
        self.assertIn(str(log), "".join(told.findings))
        self.assert_nothing_has_changed(session)


if __name__ == "__main__":
    main()

"""What the integration tests share: a private Dovecot, the real binary in front of it, and clients.

POSTERN_BINARY names the binary. Ports come from the kernel, waiting is on events with generous limits, and
the logs of both servers are printed when a test fails.
"""

from __future__ import annotations

import contextlib
import imaplib
import os
import pathlib
import re
import sys
import tempfile
import time
import unittest
from collections.abc import Callable
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy"))

from sandbox.certificates import Pair, authority, self_signed, signed  # noqa: E402
from sandbox.dovecot import PrivateDovecot  # noqa: E402
from sandbox.dovecot_config import ForVersion, is_2_4  # noqa: E402
from sandbox.postern import RELOAD_FAILED, WAIT_SECONDS, PrivatePostern, Reload  # noqa: E402
from sandbox.wire import Client, Wire, trusting  # noqa: E402

NAME = "mail.example"
# Canaries: no log and no metric may ever hold one (test_status.py looks for them).
PASSWORDS = {"alice": "canary-alice-7Q", "bob": "canary-bob-3K", "carol": "canary-carol-9Z"}


def binary() -> pathlib.Path:
    return pathlib.Path(os.environ["POSTERN_BINARY"]).resolve()


def merge(into: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The tree with the changes in it; what is no mapping replaces what was there."""
    merged = dict(into)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def configuration(upstream_port: int, pair: Pair, **changes: Any) -> dict[str, Any]:
    """Both listeners in front of one clear-text upstream; `changes` are merged into it."""
    return merge({
        "version": 1,
        "listeners": [{"name": "imaps", "address": "127.0.0.1:0", "tls": "implicit"},
                      {"name": "imap", "address": "127.0.0.1:0", "tls": "starttls"}],
        "tls": {"certificates": [{"cert": str(pair.cert), "key": str(pair.key)}], "watch": False},
        "upstreams": [{"name": "mail", "servers": [f"127.0.0.1:{upstream_port}"], "tls": "off"}],
        "limits": {"login": {"failures": 1000, "delay": "10ms"},
                   "timeouts": {"drain": "20s", "drain_delay": "0s", "login": "10m", "handshake": "5m"}},
        "status": {"address": "127.0.0.1:0"},
        "log": {"level": "debug", "format": "json"},
        "workers": 2,
    }, changes)


class GatewayTest(unittest.TestCase):
    """A Dovecot and a gateway for each class; the class may change the configuration by `settings`."""

    settings: dict[str, Any] = {}
    dovecot: PrivateDovecot
    gateway: PrivatePostern
    folder: pathlib.Path
    pair: Pair

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls)
        cls.pair = self_signed(cls.folder / "tls", NAME)
        cls.dovecot = start_dovecot(cls)
        cls.gateway = start_gateway(cls, configuration(cls.dovecot.imap_port, cls.pair, **cls.settings))

    # ---- clients

    def wire(self, listener: str = "imaps", **options: Any) -> Wire:
        """A raw client whose greeting has been read; on the implicit listener TLS is up."""
        tls = options.pop("tls", trusting() if listener == "imaps" else None)
        wire = Wire(self.gateway.ports[listener], tls=tls, **options)
        self.addCleanup(wire.close)
        self.assertRegex(wire.line(), rb"^\* OK ")
        return wire

    def starttls_wire(self, **options: Any) -> Wire:
        wire = self.wire("imap", **options)
        self.assertEqual(wire.command("STARTTLS").status, "OK")
        wire.start_tls(trusting())
        return wire

    def reload(self, tree: dict[str, Any] | str | None = None) -> Reload:
        """By SIGHUP, with another configuration if one is given; what came of it."""
        if tree is not None:
            self.gateway.configure(tree)
        return self.gateway.reload()

    def session(self, user: str = "alice", **options: Any) -> Wire:
        """A raw client that is logged in."""
        wire = self.wire(**options)
        wire.log_in(user, PASSWORDS[user])
        return wire

    def imaplib_client(self, listener: str) -> imaplib.IMAP4:
        port = self.gateway.ports[listener]
        if listener == "imaps":
            client: imaplib.IMAP4 = imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=trusting(), timeout=WAIT_SECONDS)
        else:
            client = imaplib.IMAP4("127.0.0.1", port, timeout=WAIT_SECONDS)
            client.starttls(ssl_context=trusting())
        self.addCleanup(close_client, client)
        return client

    # ---- what is asked again and again

    def assert_text(self, reply_text: str, begin: str) -> None:
        self.assertTrue(reply_text.startswith(begin), reply_text)

    def assert_ends(self, wire: Wire, *, bye: bool = True) -> bytes:
        """The gateway says BYE (or nothing) and closes."""
        last = wire.rest()
        if bye:
            self.assertRegex(last, rb"(?m)^\* BYE ")
        return last

    def await_ends(self, clients: list[Client]) -> None:
        """All that the log tells of these connections, which end by themselves or have ended, can be read."""
        for each in clients:
            self.gateway.wait_for("session closed", of=each)

    def assert_works(self, **options: Any) -> None:
        """A fresh client can log in and out: the gateway serves."""
        with self.session(**options) as wire:
            wire.expect_ok("NOOP")
            wire.expect_ok("LOGOUT")


def close_client(client: imaplib.IMAP4) -> None:
    with contextlib.suppress(OSError):
        client.shutdown()  # closed already if the test logged out


def new_folder(cls: type[unittest.TestCase], *, small_files: bool = False) -> pathlib.Path:
    """A folder that ends with the class; the users of Dovecot's processes may walk through it.

    `small_files`: thousands of them will lie in it; where the machine has a file system in memory they lie there.
    """
    memory = "/dev/shm" if small_files and os.access("/dev/shm", os.W_OK | os.X_OK) else None
    holder = tempfile.TemporaryDirectory(prefix="postern-test-", dir=memory)
    cls.addClassCleanup(holder.cleanup)
    folder = pathlib.Path(holder.name)
    folder.chmod(0o711)
    return folder


def start_dovecot(cls: type[unittest.TestCase], name: str = "dovecot", **options: Any) -> PrivateDovecot:
    return start_server(cls, PrivateDovecot(pathlib.Path(getattr(cls, "folder")) / name, PASSWORDS, **options))


def start_server(cls: type[unittest.TestCase], server: Any) -> Any:
    """Any private server, which ends with the class."""
    LogShowingResult.servers.append(server)
    cls.addClassCleanup(LogShowingResult.servers.remove, server)
    cls.addClassCleanup(server.kill)
    server.start()
    return server


def start_gateway(cls: type[unittest.TestCase], tree: dict[str, Any], *, name: str = "postern",
                  listeners: tuple[str, ...] | None = None) -> PrivatePostern:
    """It must end with status 0 when the class is done: a sanitizer's finding is a failure of the class."""
    gateway = PrivatePostern(binary(), pathlib.Path(getattr(cls, "folder")) / name, tree)
    LogShowingResult.servers.append(gateway)
    cls.addClassCleanup(LogShowingResult.servers.remove, gateway)
    cls.addClassCleanup(end_well, gateway)
    gateway.start(tuple(each["name"] for each in tree["listeners"]) + ("status",) if listeners is None else listeners)
    return gateway


def end_well(gateway: PrivatePostern) -> None:
    status = gateway.stop()
    if status != 0:
        raise AssertionError(f"the gateway ended with status {status}:\n{gateway.log()[-20000:]}")


def measure_own_memory() -> None:
    """For tests that look at the gateway's memory: AddressSanitizer shall not keep much of what was freed."""
    options = os.environ.get("ASAN_OPTIONS", "")
    if "quarantine_size_mb" not in options:
        os.environ["ASAN_OPTIONS"] = options + ":quarantine_size_mb=1"


def poll(condition: Callable[[], bool], what: str) -> None:
    """For what shows itself only when it is asked for, as a metric does; asking is what takes the time."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited for {what}")


class LogShowingResult(unittest.TextTestResult):
    """Prints what the servers said when a test fails."""

    servers: list[Any] = []  # each has a log()
    LINES = 80

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self.show()

    def addFailure(self, test: Any, err: Any) -> None:
        super().addFailure(test, err)
        self.show()

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.show()

    def show(self) -> None:
        for server in self.servers:
            lines = mask(server.log()).splitlines()[-self.LINES:]
            self.stream.writeln(f"--- {type(server).__name__} ---")
            self.stream.writeln("\n".join(lines))


def mask(text: str) -> str:
    return re.sub("|".join(map(re.escape, PASSWORDS.values())), "<a password>", text)


def main() -> None:
    unittest.main(testRunner=unittest.TextTestRunner(resultclass=LogShowingResult, verbosity=2))

#!/usr/bin/env python3
"""A guided tour through Postern, on the terminal: a private Dovecot stands behind it, and every step is checked."""

from __future__ import annotations

import argparse
import pathlib
import re
import secrets
import signal
import sys
import tempfile

from sandbox.certificates import self_signed
from sandbox.dovecot import PrivateDovecot
from sandbox.postern import PrivatePostern
from sandbox.wire import Client, Wire, trusting

NAME = "mail.example"

CONFIGURATION = """\
version: 1
listeners:
  - {{ name: imaps, address: "127.0.0.1:{imaps}", tls: implicit }}
  - {{ name: imap, address: "127.0.0.1:{imap}", tls: starttls }}
tls:
  certificates: [{{ cert: {cert}, key: {key} }}]
upstreams:
  - {{ name: legacy, servers: ["127.0.0.1:{upstream}"], tls: off }}
limits:
  timeouts: {{ drain: 5s, drain_delay: 0s }}
status: {{ address: "127.0.0.1:{status}" }}
"""

MESSAGE = """\
From: Ada <ada@mail.example>\r
To: {user} <{user}@mail.example>\r
Subject: {subject}\r
Date: Sat, 21 Nov 2026 10:00:00 +0000\r
\r
{text}\r
"""

SHOWN_METRICS = re.compile(
    r"^(postern_build_info|postern_connections_accepted_total|postern_starttls_total|postern_tls_handshakes_total"
    r"|postern_auth_attempts_total|postern_commands_total|postern_upstream_connects_total"
    r"|postern_upstream_endpoint_up|postern_sessions_closed_total)\b.* [1-9]\S*$")


class Tour:
    """Shows each step and remembers whether it went as it should."""

    def __init__(self, gateway: PrivatePostern, passwords: dict[str, str], cert: pathlib.Path) -> None:
        self.gateway = gateway
        self.passwords = passwords
        self.tls = trusting(ca=str(cert))
        self.failures: list[str] = []
        self.clients: list[Client] = []
        self.colour = sys.stdout.isatty()

    # ---- the terminal

    def heading(self, text: str) -> None:
        print(f"\n\033[1m== {text}\033[0m" if self.colour else f"\n== {text}")

    def dialogue(self, direction: str, octets: bytes) -> None:
        text = octets.decode("utf-8", "replace").rstrip("\r\n")
        for password in self.passwords.values():
            text = text.replace(password, "********")
        for line in text.splitlines():
            print(f"   {direction}: {line}")

    def check(self, what: str, holds: bool) -> None:
        print(f"   {'ok' if holds else 'NOT SO'}: {what}")
        if not holds:
            self.failures.append(what)

    # ---- the steps

    def run(self) -> bool:
        steps = (self.refused_clear_text, self.starttls_session, self.implicit_session, self.what_was_logged,
                 self.what_was_counted)
        for step in steps:
            try:
                step()
            except (OSError, AssertionError, KeyError, TimeoutError) as problem:
                self.check(f"{step.__name__}: {problem}", False)
        self.heading("The tour is over" if not self.failures else "The tour found what should not be")
        for failure in self.failures:
            print(f"   {failure}")
        return not self.failures

    def connect(self, listener: str, *, tls: bool) -> Wire:
        wire = Wire(self.gateway.ports[listener], tls=self.tls if tls else None, name=NAME, on_line=self.dialogue)
        self.clients.append(wire.client)
        self.check("the gateway greets by itself", wire.line().startswith(b"* OK"))
        return wire

    def refused_clear_text(self) -> None:
        self.heading("A password in clear text is refused")
        with self.connect("imap", tls=False) as wire:
            reply = wire.command(f"LOGIN alice {self.passwords['alice']}")
            self.check("LOGIN without TLS gets NO [PRIVACYREQUIRED]", reply.text.startswith("NO [PRIVACYREQUIRED]"))
            wire.command("LOGOUT")

    def starttls_session(self) -> None:
        self.heading("A session by STARTTLS")
        with self.connect("imap", tls=False) as wire:
            before = b" ".join(wire.command("CAPABILITY").untagged)
            self.check("in clear STARTTLS is offered, logging in is not",
                       b"STARTTLS" in before and b"LOGINDISABLED" in before and b"AUTH=" not in before)
            self.check("STARTTLS is accepted", wire.command("STARTTLS").status == "OK")
            wire.start_tls(self.tls)
            print(f"   -- {wire.socket.version()}, {wire.socket.cipher()[0]}, certificate verified")
            inside = b" ".join(wire.command("CAPABILITY").untagged)
            self.check("inside TLS it is the other way round", b"STARTTLS" not in inside and b"AUTH=PLAIN" in inside)
            wrong = wire.command("LOGIN bob not-the-password")
            self.check("a wrong password gets NO", wrong.status == "NO")
            self.check("the right one then is let in", wire.command(f"LOGIN bob {self.passwords['bob']}").status == "OK")
            wire.command("LIST \"\" *")
            wire.command("LOGOUT")

    def implicit_session(self) -> None:
        self.heading("A session by implicit TLS: read, mark and remove mail")
        with self.connect("imaps", tls=True) as wire:
            wire.log_in("alice", self.passwords["alice"])
            selected = wire.expect_ok("SELECT INBOX")
            self.check("three messages are there", b"* 3 EXISTS\r\n" in selected.untagged)
            fetched = wire.expect_ok("FETCH 1:* (UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
            self.check("their headers come through", len(fetched.untagged) == 3)
            wire.expect_ok("FETCH 2 BODY[TEXT]")
            stored = wire.expect_ok("STORE 2 +FLAGS (\\Deleted)")
            self.check("the second is marked", any(b"\\Deleted" in line for line in stored.untagged))
            expunged = wire.expect_ok("EXPUNGE")
            self.check("and removed", b"* 2 EXPUNGE\r\n" in expunged.untagged)
            left = wire.expect_ok("SEARCH ALL")
            self.check("two are left", b"* SEARCH 1 2\r\n" in left.untagged)
            wire.expect_ok("LOGOUT")

    def what_was_logged(self) -> None:
        self.heading("What was logged")
        # One line tells of each session's end; it is written when the connection is gone.
        for client in self.clients:
            self.gateway.wait_for("session closed", of=client)
        log = self.gateway.log()
        print("".join(f"   {line}\n" for line in log.splitlines()), end="")
        self.check("no password stands in the log", not any(each in log for each in self.passwords.values()))

    def what_was_counted(self) -> None:
        self.heading("What was counted (some lines of /metrics)")
        metrics = self.gateway.metrics()
        for line in metrics.splitlines():
            if SHOWN_METRICS.match(line):
                print(f"   {line}")
        count = self.gateway.metric
        self.check("two logins succeeded, one failed", (count("postern_auth_attempts_total", result="success"),
                                                        count("postern_auth_attempts_total", result="failure")) == (2, 1))
        self.check("two TLS handshakes", count("postern_tls_handshakes_total", side="client") == 2)
        self.check("/readyz says that it can serve", self.gateway.http("/readyz")[0] == 200)
        self.check("no password stands in the metrics", not any(each in metrics for each in self.passwords.values()))

    def how_to_connect(self, cert: pathlib.Path) -> None:
        ports = self.gateway.ports
        self.heading("Now you")
        print(f"   users: {', '.join(f'{name} (password {word})' for name, word in self.passwords.items())}")
        print("   by hand:")
        print(f"     openssl s_client -quiet -crlf -connect 127.0.0.1:{ports['imaps']} -CAfile {cert}")
        print(f"     openssl s_client -quiet -crlf -starttls imap -connect 127.0.0.1:{ports['imap']} -CAfile {cert}")
        print("   by a mail program (accept the certificate once):")
        print(f"     mutt -f imaps://alice@127.0.0.1:{ports['imaps']}/")
        print("   its numbers:")
        print(f"     http://127.0.0.1:{ports['status']}/metrics")
        print(f"   its configuration: {self.gateway.config_path}")
        print("   Ctrl-C ends it and removes all of this.", flush=True)


def seed(dovecot: PrivateDovecot) -> None:
    subjects = (("Welcome", "The first message."), ("Delete me", "The second, which goes."), ("Stays", "The third."))
    for user in dovecot.users:
        for subject, text in subjects:
            dovecot.deliver(user, MESSAGE.format(user=user, subject=subject, text=text).encode())


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--once", action="store_true")
    for listener in ("imaps", "imap", "status"):
        parser.add_argument(f"--port-{listener}", type=int, default=0, metavar="N")
    return parser.parse_args()


def serve(options: argparse.Namespace, folder: pathlib.Path) -> bool:
    passwords = {"alice": secrets.token_hex(8), "bob": secrets.token_hex(8)}
    dovecot = PrivateDovecot(folder / "dovecot", passwords)
    seed(dovecot)
    with dovecot:
        pair = self_signed(folder / "tls", NAME)
        gateway = PrivatePostern(options.binary.resolve(), folder / "postern", CONFIGURATION.format(
            imaps=options.port_imaps, imap=options.port_imap, status=options.port_status,
            cert=pair.cert, key=pair.key, upstream=dovecot.imap_port))
        try:
            gateway.start()
            tour = Tour(gateway, passwords, pair.cert)
            good = tour.run()
            if good and not options.once:
                tour.how_to_connect(pair.cert)
                until_interrupted()
        finally:
            # Nothing may interrupt the tidying up.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            status = gateway.stop()
    if status != 0:
        print(f"the gateway ended with status {status}:\n{gateway.log()}", file=sys.stderr)
    return good and status == 0


def until_interrupted() -> None:
    try:
        while True:
            signal.pause()
    except KeyboardInterrupt:
        print("\nTidying up.")


def main() -> int:
    options = arguments()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        with tempfile.TemporaryDirectory(prefix="postern-try-") as name:
            folder = pathlib.Path(name)
            folder.chmod(0o711)  # Dovecot's own users must be able to walk through
            return 0 if serve(options, folder) else 1
    except KeyboardInterrupt:
        return 130
    except (OSError, RuntimeError) as problem:
        print(f"deploy/try: {problem}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

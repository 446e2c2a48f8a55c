"""Which upstream a login goes to: by user, by listener, by server name, and past servers that are down."""

from __future__ import annotations

import socket
import unittest
from typing import Any

from support import (NAME, PASSWORDS, PrivateDovecot, PrivatePostern, Wire, configuration, main, new_folder,
                     self_signed, start_dovecot, start_gateway, trusting)


class Routing(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls)
        cls.pair = self_signed(cls.folder / "tls", NAME)
        cls.old = start_dovecot(cls, "old")
        cls.new = start_dovecot(cls, "new")
        for dovecot, word in ((cls.old, b"old"), (cls.new, b"new")):
            for user in PASSWORDS:
                dovecot.deliver(user, b"Subject: " + word + b"\r\n\r\nx\r\n")

    def gateway_with(self, **changes: Any) -> PrivatePostern:
        upstreams = [self.upstream("old", self.old.imap_port), self.upstream("new", self.new.imap_port)]
        number = len(list(self.folder.glob("postern-*")))
        return start_gateway(type(self), configuration(0, self.pair, upstreams=upstreams) | changes,
                             name=f"postern-{number}")

    def upstream(self, name: str, *ports: int) -> dict[str, Any]:
        return {"name": name, "servers": [f"127.0.0.1:{port}" for port in ports], "tls": "off"}

    def mail_of(self, gateway: PrivatePostern, user: str, *, name: str = NAME, listener: str = "imaps") -> str:
        """Which server's mail the user sees."""
        with Wire(gateway.ports[listener], tls=trusting() if listener == "imaps" else None, name=name) as wire:
            wire.line()
            if listener == "imap":
                wire.expect_ok("STARTTLS")
                wire.start_tls(trusting())
            wire.log_in(user, PASSWORDS[user])
            wire.expect_ok("SELECT INBOX")
            fetched = wire.expect_ok("FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]").untagged[0]
            wire.expect_ok("LOGOUT")
        return "new" if b"Subject: new" in fetched else "old"

    def test_without_routes_the_first_upstream_serves(self) -> None:
        self.assertEqual(self.mail_of(self.gateway_with(), "alice"), "old")

    def test_by_user_the_first_match_wins(self) -> None:
        gateway = self.gateway_with(routes=[{"match": {"user": ["bo*"]}, "upstream": "new"},
                                            {"match": {"user": ["bob"]}, "upstream": "old"}])
        self.assertEqual(self.mail_of(gateway, "bob"), "new")
        self.assertEqual(self.mail_of(gateway, "alice"), "old")

    def test_by_listener(self) -> None:
        gateway = self.gateway_with(routes=[{"match": {"listener": ["imap"]}, "upstream": "new"}])
        self.assertEqual(self.mail_of(gateway, "alice", listener="imap"), "new")
        self.assertEqual(self.mail_of(gateway, "alice"), "old")

    def test_by_server_name(self) -> None:
        gateway = self.gateway_with(routes=[{"match": {"sni": ["*.new.example"]}, "upstream": "new"}])
        self.assertEqual(self.mail_of(gateway, "alice", name="imap.new.example"), "new")
        self.assertEqual(self.mail_of(gateway, "alice"), "old")

    def test_by_network(self) -> None:
        gateway = self.gateway_with(routes=[{"match": {"client": ["127.0.0.0/8"]}, "upstream": "new"}])
        self.assertEqual(self.mail_of(gateway, "alice"), "new")

    def test_a_server_that_is_down_is_passed_over(self) -> None:
        with socket.socket() as nobody:
            # Bound and not listening: connections are refused for as long as the test runs.
            nobody.bind(("127.0.0.1", 0))
            dead = nobody.getsockname()[1]
            for ports in ((dead, self.new.imap_port), (self.new.imap_port, dead)):
                gateway = self.gateway_with(upstreams=[self.upstream("mail", *ports)])
                for user in PASSWORDS:
                    self.assertEqual(self.mail_of(gateway, user), "new")

    def test_a_refusal_is_final_no_other_server_is_asked(self) -> None:
        gateway = self.gateway_with(upstreams=[self.upstream("mail", self.old.imap_port, self.new.imap_port)])
        before = len(refusals(self.old)) + len(refusals(self.new))
        with Wire(gateway.ports["imaps"], tls=trusting()) as wire:
            wire.line()
            self.assertTrue(wire.command("LOGIN alice not-it").text.startswith("NO [AUTHENTICATIONFAILED]"))
            wire.expect_ok("LOGOUT")
        self.assertEqual(gateway.metric("postern_auth_attempts_total", result="failure"), 1)
        self.assertLessEqual(len(refusals(self.old)) + len(refusals(self.new)), before + 1)


def refusals(dovecot: PrivateDovecot) -> list[str]:
    dovecot.settle()
    return [line for line in dovecot.log().splitlines() if "auth failed" in line and "user=<alice>" in line]


if __name__ == "__main__":
    main()

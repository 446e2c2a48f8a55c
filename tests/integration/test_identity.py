#!/usr/bin/env python3
"""Who the client is, told by ID: Dovecot's own log shows what it was told, and whom the gateway believes.

One Dovecot reads the ID of its trusted networks, another one PROXY headers. Clients come from loopback addresses
of their own, so that they are told from the gateway; 127.0.0.77 is a proxy in front of the gateway.
"""

import itertools
from typing import Any

from support import (NAME, PASSWORDS, Client, GatewayTest, PrivateDovecot, Wire, configuration, main, new_folder, poll,
                     self_signed, start_dovecot, start_gateway, trusting)

PROXY = "127.0.0.77"
CONNECTED = "127.0.0.2"
SPOKEN_FOR = 'ID ("x-originating-ip" "192.0.2.99" "x-originating-port" "{port}" "x-connected-ip" "198.51.100.9"' \
             ' "x-connected-port" "993" "x-session-id" "outer1" "x-proxy-ttl" "{ttl}" "name" "a client")'


class Identity(GatewayTest):
    by_id: PrivateDovecot
    by_header: PrivateDovecot
    ports = itertools.count(4711)

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls)
        cls.pair = self_signed(cls.folder / "tls", NAME)
        cls.by_id = start_dovecot(cls, "by_id", extra="login_trusted_networks = 127.0.0.0/8\n")
        cls.by_header = start_dovecot(cls, "by_header", haproxy=True)
        tree = configuration(0, cls.pair)
        listener = {"address": f"{CONNECTED}:0", "tls": "implicit", "trusted_proxies": [f"{PROXY}/32"]}
        tree["listeners"] = [{"name": "to-id", **listener}, {"name": "to-header", **listener},
                             {"name": "to-header-proxied", **listener, "address": "127.0.0.1:0",
                              "proxy_protocol": "required"}]
        tree["upstreams"] = [
            {"name": "id", "servers": [f"127.0.0.1:{cls.by_id.imap_port}"], "send_id": True},
            {"name": "header", "servers": [f"127.0.0.1:{cls.by_header.imap_port}"], "proxy_protocol": "v2"}]
        tree["routes"] = [{"match": {"listener": ["to-id"]}, "upstream": "id"}, {"upstream": "header"}]
        cls.gateway = start_gateway(cls, tree)

    def spoken_for(self) -> Client:
        """Whom a proxy names: each time another port of the same client."""
        return Client("192.0.2.99", next(self.ports))

    def log_in(self, listener: str, user: str, *, named: Client | None = None, **options: Any) -> None:
        """A whole session, of a client that tells by ID who it is, or speaks for."""
        options.setdefault("host", CONNECTED)
        with Wire(self.gateway.ports[listener], tls=trusting(), **options) as wire:
            self.assertRegex(wire.line(), rb"^\* OK ")
            if named:
                wire.expect_ok(SPOKEN_FOR.format(port=named.port, ttl=5))
            wire.log_in(user, PASSWORDS[user])
            wire.expect_ok("LOGOUT")

    def assert_saw(self, dovecot: PrivateDovecot, user: str, client: str, connected: str) -> None:
        text = f"Login: user=<{user}>, method=PLAIN, rip={client}, lip={connected},"
        poll(lambda: text in dovecot.log(), f"Dovecot to log {text}")

    def test_a_server_is_told_by_id(self) -> None:
        self.log_in("to-id", "alice", source="127.0.0.81")
        self.assert_saw(self.by_id, "alice", "127.0.0.81", CONNECTED)

    def test_a_trusted_proxy_is_believed(self) -> None:
        for listener, dovecot in (("to-id", self.by_id), ("to-header", self.by_header)):
            with self.subTest(listener):
                client = self.spoken_for()
                self.log_in(listener, "bob", named=client, source=PROXY)
                self.assert_saw(dovecot, "bob", "192.0.2.99", "198.51.100.9")
                self.gateway.wait_for("login", of=client, user="bob")

    def test_nobody_else_is(self) -> None:
        for listener, dovecot in (("to-id", self.by_id), ("to-header", self.by_header)):
            with self.subTest(listener):
                self.log_in(listener, "carol", named=self.spoken_for(), source="127.0.0.82")
                self.assert_saw(dovecot, "carol", "127.0.0.82", CONNECTED)
                self.assertNotIn("user=<carol>, method=PLAIN, rip=192.0.2.99", dovecot.log())

    def test_who_comes_through_a_header_is_judged_by_the_address_in_it(self) -> None:
        """The balancer's own address says nothing of what its clients may claim."""
        for client, believed in ((PROXY, True), ("127.0.0.83", False)):
            with self.subTest(client):
                self.log_in("to-header-proxied", "alice", named=self.spoken_for(), host="127.0.0.1",
                            source=PROXY, header=f"PROXY TCP4 {client} 198.51.100.20 1 993\r\n".encode())
                self.assert_saw(self.by_header, "alice", *(("192.0.2.99", "198.51.100.9") if believed
                                                           else (client, "198.51.100.20")))


if __name__ == "__main__":
    main()

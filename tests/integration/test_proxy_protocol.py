#!/usr/bin/env python3
"""The PROXY protocol on both sides: who the client is crosses every hop, and Dovecot's own log says so.

Dovecot wants a header on each connection. The gateway takes clients directly and through a balancer, which the
tests play; each network of clients is routed to the same Dovecot in another way (version, TLS).
"""

import ipaddress
import socket
import struct
from typing import Any

from support import (NAME, PASSWORDS, Client, ForVersion, GatewayTest, PrivatePostern, Wire, configuration, main,
                     merge, new_folder, poll, self_signed, start_dovecot, start_gateway, trusting)

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL = SIGNATURE + b"\x20\x00\x00\x00"
NETWORKS = {  # of clients: the way to Dovecot
    "192.0.2.0/24": {"name": "v1", "proxy_protocol": "v1"},
    "198.51.100.0/24": {"name": "v2", "proxy_protocol": "v2"},
    "203.0.113.0/24": {"name": "v1-starttls", "proxy_protocol": "v1", "tls": "starttls"},
    "2001:db8::/32": {"name": "v2-implicit", "proxy_protocol": "v2", "tls": "implicit"},
    "127.0.0.0/8": {"name": "v2-starttls", "proxy_protocol": "v2", "tls": "starttls"},
}
PORT = 56324  # of every client that a header names
# What Dovecot's log says of a client that speaks TLS to the gateway; 2.4 says "secured" of one that does not.
TOLD_OF_TLS = ForVersion("secured", "TLS")
CLIENTS = ("192.0.2.7", "198.51.100.7", "203.0.113.7", "2001:db8::7")


def line(client: str, connected: str) -> bytes:
    """Version 1."""
    family = "TCP6" if ":" in client else "TCP4"
    return f"PROXY {family} {client} {connected} {PORT} 993\r\n".encode()


def crc32c(octets: bytes) -> int:
    crc = 0xFFFFFFFF
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def binary(client: str, connected: str, *, wrong: bool = False) -> bytes:
    """Version 2 with a name, a checksum (right or wrong) and something that nobody knows."""
    source, destination = ipaddress.ip_address(client), ipaddress.ip_address(connected)
    body = source.packed + destination.packed + struct.pack("!HH", PORT, 993)
    body += b"\x02\x00\x0cmail.example" + b"\xea\x00\x03abc" + b"\x03\x00\x04"
    family = b"\x21" if source.version == 6 else b"\x11"
    head = SIGNATURE + b"\x21" + family + struct.pack("!H", len(body) + 4)
    checksum = crc32c(head + body + bytes(4))
    return head + body + struct.pack("!I", checksum ^ wrong)


def listeners(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    """Listeners for balancers at 127.0.0.1."""
    return [{"address": "127.0.0.1:0", "proxy_protocol": "required", "trusted_proxies": ["127.0.0.1/32"], **change}
            for change in changes]


class ProxyProtocol(GatewayTest):
    hasty: PrivatePostern
    hasty_tree: dict[str, Any]
    strict: PrivatePostern

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls)
        cls.pair = self_signed(cls.folder / "tls", NAME)
        cls.dovecot = start_dovecot(cls, haproxy=True, cert=cls.pair.cert, key=cls.pair.key)
        tree = configuration(cls.dovecot.imap_port, cls.pair)
        tree["listeners"] = listeners(
            {"name": "imaps", "tls": "implicit"}, {"name": "imap", "tls": "starttls"},
            {"name": "clear", "tls": "off", "allow_cleartext": True},
            {"name": "stranger", "tls": "implicit", "trusted_proxies": ["192.0.2.0/24"]})
        # In front of nobody's balancer; the address tells that it is the one that the client connected to.
        tree["listeners"].append({"name": "direct", "address": "127.0.0.2:0", "tls": "implicit"})
        tree["upstreams"] = [
            {"tls": "off", "verify": "none", "servers": [f"127.0.0.1:{cls.port_for(way)}"], **way}
            for way in NETWORKS.values()]
        tree["routes"] = [{"match": {"client": [network]}, "upstream": way["name"]}
                          for network, way in NETWORKS.items()]
        cls.gateway = start_gateway(cls, tree)
        # One that waits for nobody, and one that bans at the second failure.
        tree["listeners"] = tree["listeners"][2:3]
        cls.hasty_tree = merge(tree, {"limits": {"timeouts": {"handshake": "50ms"}}, "workers": 1})
        cls.hasty = start_gateway(cls, cls.hasty_tree, name="hasty")
        cls.strict = start_gateway(cls, merge(tree, {"limits": {"login": {"failures": 2}}}), name="strict")

    @classmethod
    def port_for(cls, way: dict[str, str]) -> int:
        return cls.dovecot.imaps_port if way.get("tls") == "implicit" else cls.dovecot.imap_port

    # ---- clients

    def greeted(self, listener: str, header: bytes, **options: Any) -> Wire:
        """A client inside TLS (but on the clear listener) whose connection begins with the header."""
        gateway = options.pop("gateway", self.gateway)
        wire = Wire(gateway.ports[listener], header=header,
                    tls=trusting() if listener in ("imaps", "direct", "stranger") else None, **options)
        self.addCleanup(wire.close)
        self.assertRegex(wire.line(), rb"^\* OK ")
        if listener == "imap":
            self.assertEqual(wire.command("STARTTLS").status, "OK")
            wire.start_tls(trusting())
        return wire

    def raw(self, listener: str, octets: bytes, *, gateway: PrivatePostern | None = None) -> Wire:
        wire = Wire((gateway or self.gateway).ports[listener])
        self.addCleanup(wire.close)
        wire.send(octets)
        return wire

    # ---- what is looked at

    def assert_dovecot_saw(self, user: str, client: str, connected: str) -> None:
        text = f"Login: user=<{user}>, method=PLAIN, rip={client}, lip={connected},"
        poll(lambda: text in self.dovecot.log(), f"Dovecot to log {text}")

    def assert_refused(self, reason: str, fault: str, listener: str, octets: bytes, *,
                       gateway: PrivatePostern | None = None, level: str = "warning") -> None:
        """Closed without a word, logged once with what was wrong, counted by reason."""
        gateway = gateway or self.gateway

        def counted() -> tuple[float, float]:
            return (gateway.metric("postern_proxy_protocol_errors_total", listener=listener, reason=reason),
                    gateway.metric("postern_connections_rejected_total", listener=listener, reason="proxy_protocol"))

        before = counted()
        wire = self.raw(listener, octets, gateway=gateway)
        if reason == "closed":
            wire.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(wire.rest(), b"")
        said = gateway.wait_for("proxy header refused", of=wire.client, listener=listener, reason=reason)
        self.assertIn(fault, said.fields["fault"])
        self.assertEqual(said.fields["peer"], "127.0.0.1")
        self.assertEqual(said.fields["level"], level)
        self.assertEqual(counted(), (before[0] + 1, before[1] + 1))

    # ---- the server sees the client

    def test_dovecot_sees_the_client_behind_a_balancer(self) -> None:
        for listener in ("imaps", "imap", "clear"):
            for write in (line, binary):
                for client in CLIENTS:
                    connected = "2001:db8::1" if ":" in client else "198.51.100.250"
                    # Every login has an address of its own, so that each has a line of its own.
                    client = str(ipaddress.ip_address(client) + 16 * ("imaps", "imap", "clear").index(listener)
                                 + 8 * (write is binary))
                    with self.subTest(listener=listener, write=write.__name__, client=client):
                        named = Client(client, PORT)
                        with self.greeted(listener, write(client, connected), client=named) as wire:
                            wire.log_in("alice", PASSWORDS["alice"])
                            self.assert_dovecot_saw("alice", client, connected)
                            self.gateway.wait_for("login", of=named, user="alice")
                            wire.expect_ok("LOGOUT")
                        self.gateway.wait_for("session closed", of=named, listener=listener)

    def test_dovecot_sees_a_direct_client(self) -> None:
        with self.greeted("direct", b"", host="127.0.0.2", source="127.0.0.77") as wire:
            wire.log_in("bob", PASSWORDS["bob"])
            self.assert_dovecot_saw("bob", "127.0.0.77", "127.0.0.2")
            wire.expect_ok("LOGOUT")

    def test_dovecot_learns_that_the_client_speaks_tls(self) -> None:
        """By the TLV of version 2: the leg to Dovecot is in clear."""
        for listener, address, secured in (("imaps", "198.51.100.201", True), ("clear", "198.51.100.202", False)):
            with self.greeted(listener, line(address, "198.51.100.250")) as wire:
                wire.log_in("carol", PASSWORDS["carol"])
                wire.expect_ok("LOGOUT")
            self.assert_dovecot_saw("carol", address, "198.51.100.250")
            said = next(each for each in self.dovecot.log().splitlines() if "Login: user=<carol>" in each
                        and f"rip={address}," in each)
            self.assertEqual(f", {TOLD_OF_TLS.text()}," in said, secured, said)

    def test_a_connection_of_the_balancers_own_speaks_for_itself(self) -> None:
        for header in (LOCAL, b"PROXY UNKNOWN\r\n", SIGNATURE + b"\x21\x00\x00\x00",
                       SIGNATURE + b"\x21\x31\x00\xd8" + bytes(216), SIGNATURE + b"\x21\x41\x00\x03abc"):
            with self.subTest(header=header[:16].hex()):
                with self.greeted("imaps", header) as wire:
                    wire.log_in("carol", PASSWORDS["carol"])
                    wire.expect_ok("LOGOUT")
                self.assertEqual(wire.client.address, "127.0.0.1")
                self.gateway.wait_for("login", of=wire.client, user="carol")
        self.assert_dovecot_saw("carol", "127.0.0.1", "127.0.0.1")

    def test_the_health_checks_send_a_header_too(self) -> None:
        for way in NETWORKS.values():
            name = way["name"]
            poll(lambda: self.gateway.metric("postern_upstream_endpoint_up", upstream=name) == 1, f"{name} to be up")
            for result in ("refused", "timeout", "dns", "tls", "greeting", "error"):
                self.assertEqual(
                    self.gateway.metric("postern_upstream_health_checks_total", upstream=name, result=result), 0)
        self.dovecot.settle()
        self.assertNotIn("haproxy", self.dovecot.log())

    def test_who_fails_to_log_in_is_the_client_and_not_the_balancer(self) -> None:
        for _ in range(2):
            with self.greeted("clear", line("192.0.2.130", "198.51.100.250"), gateway=self.strict) as wire:
                self.assertEqual(wire.command("LOGIN alice wrong").status, "NO")
        with self.greeted("clear", line("192.0.2.130", "198.51.100.250"), gateway=self.strict) as wire:
            self.assertIn("[LIMIT]", wire.command("LOGIN bob wrong").text)
        with self.greeted("clear", line("192.0.2.131", "198.51.100.250"), gateway=self.strict) as wire:
            wire.log_in("carol", PASSWORDS["carol"])

    def test_dovecot_sees_addresses_of_two_families(self) -> None:
        """An IPv4 client at an IPv6 address, and the other way round, told as HAProxy and as nginx do it.

        The IPv4 one goes on as mapped, and that is how Dovecot writes it down.
        """
        def mapped(address: str) -> str:
            return address if ":" in address else f"::ffff:{address}"

        for client, connected, written in (
                ("192.0.2.140", "2001:db8::1", "TCP6 ::ffff:{client} {connected}"),  # goes on as version 1
                ("198.51.100.140", "2001:db8::1", "TCP6 ::ffff:{client} {connected}"),
                ("2001:db8::140", "198.51.100.1", "TCP6 {client} ::ffff:{connected}"),
                ("2001:db8::141", "198.51.100.1", "TCP6 {client} {connected}")):
            with self.subTest(written):
                said = written.format(client=client, connected=connected)
                header = f"PROXY {said} {PORT} 993\r\n".encode()
                with self.greeted("imaps", header, client=Client(client, PORT)) as wire:
                    wire.log_in("alice", PASSWORDS["alice"])
                    self.assert_dovecot_saw("alice", mapped(client), mapped(connected))
                    wire.expect_ok("LOGOUT")

    # ---- what is glued, cut and wrong

    def test_what_is_glued_to_the_header_is_the_clients(self) -> None:
        header = line("192.0.2.140", "198.51.100.250")
        with self.raw("clear", header + f"a LOGIN alice {PASSWORDS['alice']}\r\nb NOOP\r\n".encode()) as wire:
            wire.line()
            self.assertEqual(wire.reply("a").status, "OK")
            self.assertEqual(wire.reply("b").status, "OK")
        # With TLS from the start, what is glued to the header is the ClientHello.
        self.greeted("imaps", header)

    def test_a_header_may_come_octet_by_octet(self) -> None:
        for header in (line("192.0.2.150", "198.51.100.250"), binary("192.0.2.151", "198.51.100.250")):
            wire = Wire(self.gateway.ports["clear"])
            self.addCleanup(wire.close)
            wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for octet in header:
                wire.send(bytes([octet]))
            self.assertRegex(wire.line(), rb"^\* OK ")

    def test_what_is_no_header_is_refused_without_a_word(self) -> None:
        cases = {
            "no signature": (f"a LOGIN alice {PASSWORDS['alice']}\r\n".encode(), b"\x16\x03\x01\x02\x00\x01",
                             b"PROXY\r\n"),
            "not an address": (b"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",),
            "not a port": (b"PROXY TCP4 192.0.2.7 192.0.2.1 1 70000\r\n",),
            "within 107 octets": (b"PROXY UNKNOWN " + b"x" * 100,),
            "longer than 4096": (SIGNATURE + b"\x21\x11\x10\x01",),
            "neither LOCAL nor PROXY": (SIGNATURE + b"\x31\x11\x00\x0c",),
            "too short": (SIGNATURE + b"\x21\x21\x00\x0c",),
        }
        for fault, headers in cases.items():
            for header in headers:
                for listener in ("imaps", "imap", "clear"):
                    with self.subTest(fault=fault, listener=listener):
                        self.assert_refused("malformed", fault, listener, header)
        self.assert_refused("checksum", "checksum is wrong", "imaps", binary("192.0.2.7", "192.0.2.1", wrong=True))
        self.assert_works(listener="direct", host="127.0.0.2", tls=trusting())

    def test_a_header_that_is_cut_or_stalls_is_refused(self) -> None:
        self.assert_refused("closed", "inside of the header", "clear", b"PROXY TCP4 192.0.2.7")
        self.assert_refused("closed", "without a header", "clear", b"", level="debug")
        self.assert_refused("timeout", "within limits.timeouts.handshake", "clear", b"PROXY TCP4 192.0.2.7", gateway=self.hasty)
        self.assert_refused("timeout", "within limits.timeouts.handshake", "clear", b"", gateway=self.hasty)
        self.assertEqual(self.hasty.metric("postern_connections_active"), 0)

    def test_a_header_of_somebody_else_is_not_read(self) -> None:
        self.assert_refused("untrusted", "not in trusted_proxies", "stranger", b"", level="info")
        before = self.gateway.metric("postern_sessions_closed_total", listener="stranger")
        self.assertEqual(before, 0)

    def test_a_reload_changes_who_may_send_one(self) -> None:
        def reload(tree: dict[str, Any]) -> None:
            self.hasty.configure(tree)
            self.assertEqual(self.hasty.reload().event, "reloaded")

        def is_believed(expected: bool) -> bool:
            """The worker takes the new settings in its own time, and asking takes 50 ms at the most."""
            reason = "timeout" if expected else "untrusted"
            before = self.hasty.metric("postern_proxy_protocol_errors_total", reason=reason)
            self.raw("clear", b"", gateway=self.hasty).rest()
            return self.hasty.metric("postern_proxy_protocol_errors_total", reason=reason) == before + 1

        self.assertTrue(is_believed(True))
        changed = merge(self.hasty_tree, {})
        changed["listeners"] = [{**changed["listeners"][0], "trusted_proxies": ["192.0.2.0/24"]}]
        reload(changed)
        poll(lambda: is_believed(False), "the balancer to be a stranger")
        reload(self.hasty_tree)
        poll(lambda: is_believed(True), "the balancer to be trusted again")


if __name__ == "__main__":
    main()

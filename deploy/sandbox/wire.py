"""A small IMAP client that hides nothing: what is sent is what was written, what comes is given back as it came."""

from __future__ import annotations

import dataclasses
import re
import socket
import ssl
from collections.abc import Callable
from typing import NamedTuple

WAIT_SECONDS = 90
LITERAL = re.compile(rb"\{(\d+)\}\r\n$")
USED_PORTS: set[int] = set()  # own ends of all connections of this process


def trusting(*, ca: str | None = None, alpn: list[str] | None = None) -> ssl.SSLContext:
    """A client's TLS context that verifies against `ca`, or nothing at all without one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = ca is not None
    context.verify_mode = ssl.CERT_REQUIRED if ca else ssl.CERT_NONE
    if ca:
        context.load_verify_locations(ca)
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


class Client(NamedTuple):
    """A connection by its client's end, as the gateway knows it: no two Wires of a process have the same."""

    address: str
    port: int


@dataclasses.dataclass(frozen=True)
class Reply:
    """The tagged line of a command and all that came before it, literals included."""

    tagged: bytes
    untagged: list[bytes]

    @property
    def status(self) -> str:
        return self.tagged.split(b" ")[1].decode()

    @property
    def text(self) -> str:
        return self.tagged.partition(b" ")[2].decode("utf-8", "replace").rstrip()


def _bound(family: int, source: str) -> socket.socket:
    """With a port that no connection of this process has had: left to itself, the kernel gives one again at once,
    also to two that are open and go to different ports."""
    while True:
        own = socket.socket(family)
        try:
            own.bind((source, 0))
        except OSError:
            own.close()
            raise
        port = own.getsockname()[1]
        if port not in USED_PORTS:
            USED_PORTS.add(port)
            return own
        own.close()


class Wire:
    """One connection. `tls` makes it an implicit-TLS one; `on_line(direction, octets)` sees the dialogue.

    `source` is the address that it comes from, `header` what goes ahead of everything, in one segment with what
    follows it (a PROXY header and a ClientHello, say); `client` is whom such a header names. The attribute
    `client` is who the gateway takes this for, also when the connection has ended.
    """

    def __init__(self, port: int, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1",
                 name: str | None = "mail.example", session: ssl.SSLSession | None = None, receive_buffer: int = 0,
                 source: str = "", header: bytes = b"", client: Client | None = None,
                 on_line: Callable[[str, bytes], None] | None = None) -> None:
        self._name = name
        self._tags = 0
        self._held = b""
        self._on_line = on_line or (lambda direction, octets: None)
        self.socket = _bound(socket.AF_INET6 if ":" in host else socket.AF_INET, source)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(WAIT_SECONDS)
        try:
            self.socket.connect((host, port))
            self.client = client or Client(*self.socket.getsockname()[:2])
            if header:
                self.socket.send(header, socket.MSG_MORE if tls else 0)
            if tls:
                self.start_tls(tls, session)
        except OSError:
            self.socket.close()
            raise

    def start_tls(self, tls: ssl.SSLContext, session: ssl.SSLSession | None = None) -> None:
        """The handshake alone; STARTTLS is the caller's to send."""
        self.socket = tls.wrap_socket(self.socket, server_hostname=self._name, session=session)

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    # ---- octets

    def send(self, octets: bytes | str) -> None:
        """A text gets its CRLF, octets are sent as they are."""
        if isinstance(octets, str):
            octets = octets.encode() + b"\r\n"
        self._on_line("C", octets)
        self.socket.sendall(octets)

    def line(self) -> bytes:
        """One line with its CRLF; what is left at the end of the stream, b"" behind it."""
        while b"\r\n" not in self._held:
            octets = self.socket.recv(65536)
            if not octets:
                line, self._held = self._held, b""
                return line
            self._held += octets
        line, end, self._held = self._held.partition(b"\r\n")
        self._on_line("S", line + end)
        return line + end

    def exactly(self, count: int) -> bytes:
        """So many octets, or those that came before the end."""
        parts, left = [self._held[:count]], count - len(self._held)
        self._held = self._held[count:]
        while left > 0:
            octets = self.socket.recv(min(left, 1 << 20))
            if not octets:
                break
            parts.append(octets)
            left -= len(octets)
        return b"".join(parts)

    def rest(self) -> bytes:
        """All that comes until the end of the stream; a reset ends it too."""
        parts = [self._held]
        self._held = b""
        try:
            while octets := self.socket.recv(1 << 20):
                parts.append(octets)
        except (ConnectionError, ssl.SSLError):
            pass
        return b"".join(parts)

    # ---- IMAP

    def response(self) -> bytes:
        """One response with its literals."""
        whole = self.line()
        while found := LITERAL.search(whole):
            literal = self.exactly(int(found[1]))
            self._on_line("S", literal)
            whole += literal + self.line()
        return whole

    def tag(self) -> str:
        self._tags += 1
        return f"a{self._tags}"

    def command(self, text: str | bytes) -> Reply:
        """Sends the command under a fresh tag and reads up to its completion."""
        tag = self.tag()
        self.send(f"{tag} {text}" if isinstance(text, str) else tag.encode() + b" " + text)
        return self.reply(tag)

    def reply(self, tag: str) -> Reply:
        untagged: list[bytes] = []
        while True:
            response = self.response()
            if not response.endswith(b"\n"):
                raise ConnectionError(f"the stream ended before {tag} was answered; last came {untagged[-2:]}")
            if response.startswith(tag.encode() + b" "):
                return Reply(response, untagged)
            untagged.append(response)

    def expect_ok(self, text: str | bytes) -> Reply:
        reply = self.command(text)
        if reply.status != "OK":
            # The verb alone: what was sent may hold a password.
            raise AssertionError(f"{text.split()[0]!r} was answered {reply.text}")
        return reply

    def log_in(self, user: str, password: str) -> Reply:
        return self.expect_ok(f'LOGIN {user} "{password}"')

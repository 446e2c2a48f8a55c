"""An upstream that says whatever a test wants it to say, and keeps what it was told."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

Script = Callable[["Conversation"], None]


class Conversation:
    """One connection, from the upstream's side."""

    def __init__(self, peer: socket.socket) -> None:
        self.peer = peer
        self.heard = b""
        self.ended = threading.Event()  # nothing more is heard
        self._held = b""

    def say(self, octets: bytes) -> None:
        self.peer.sendall(octets)

    def line(self) -> bytes:
        """The next line; b"" at the end."""
        while b"\r\n" not in self._held:
            octets = self.peer.recv(65536)
            if not octets:
                return b""
            self.heard += octets
            self._held += octets
        line, _, self._held = self._held.partition(b"\r\n")
        return line

    def listen(self) -> None:
        """Hears everything until the gateway hangs up."""
        while octets := self.peer.recv(65536):
            self.heard += octets

    def answer(self, answers: dict[bytes, bytes]) -> bytes:
        """Answers commands by their verb (TAG stands for the tag) until one is unknown, which is returned."""
        while line := self.line():
            tag, _, rest = line.partition(b" ")
            verb = rest.split(b" ")[0].upper()
            if verb not in answers:
                return line
            self.say(answers[verb].replace(b"TAG", tag))
        return b""


class FakeUpstream:
    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.script: Script = lambda conversation: conversation.listen()
        self.conversations: list[Conversation] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def play(self, script: Script) -> None:
        """From now on each connection gets this script; what was heard before is forgotten."""
        self.script = script
        self.conversations = []

    @property
    def has_ended(self) -> bool:
        """Whether a connection came, and all that came are over: heard() is whole."""
        return bool(self.conversations) and all(conversation.ended.is_set() for conversation in self.conversations)

    def heard(self) -> bytes:
        return b"".join(conversation.heard for conversation in self.conversations)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(peer, self.script, self.conversations),
                                 daemon=True).start()

    @staticmethod
    def _serve(peer: socket.socket, script: Script, conversations: list[Conversation]) -> None:
        conversation = Conversation(peer)
        conversations.append(conversation)
        try:
            with peer, contextlib.suppress(OSError):
                peer.settimeout(90)
                script(conversation)
        finally:
            conversation.ended.set()

"""An upstream that keeps every command it was given, and 50 clients that destroy: for the audit trail's drills.

Both run on one event loop in a thread of their own, so that hundreds of sessions cost little.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import threading
from collections.abc import Callable, Coroutine
from typing import Any

CAPABILITIES = b"IMAP4rev1 UIDPLUS MOVE UNSELECT LITERAL+"
Key = tuple[str, str]  # a command's name, and its UID or mailbox: no two commands of a drill have the same


class Loop:
    """asyncio in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(120)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)


class RecordingUpstream:
    """Says OK to everything; `received` is what destroys, in the order in which it came."""

    def __init__(self, loop: Loop) -> None:
        self.received: list[Key] = []
        self.on_destructive: Callable[[int], None] = lambda count: None
        self._server = loop.run(asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20))
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            writer.write(b"* OK [CAPABILITY " + CAPABILITIES + b"] ready\r\n")
            while line := await reader.readline():
                await self._command(line.rstrip(b"\r\n"), reader, writer)
        writer.close()

    async def _command(self, line: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tag, _, rest = line.partition(b" ")
        if line.endswith(b"}"):
            writer.write(b"+ go\r\n")
            await reader.readexactly(int(line[line.rindex(b"{") + 1:-1]))
            await reader.readline()
        key = destructive_key(rest.decode())
        if key is not None:
            self.received.append(key)
            self.on_destructive(len(self.received))
        verb = rest.split(b" ")[0].upper()
        if verb == b"LIST":
            writer.write(b'* LIST (\\Noselect) "/" ""\r\n')
        code = b"[CAPABILITY " + CAPABILITIES + b"] " if verb == b"LOGIN" else b""
        if verb == b"SELECT":
            code = b"[READ-WRITE] "
        writer.write(tag + b" OK " + code + b"done\r\n")


def destructive_key(command: str) -> Key | None:
    """By the words alone, as the drill's clients write them."""
    words = command.replace("UID ", "", 1).split(" ")
    if words[0] in ("STORE", "EXPUNGE", "MOVE", "DELETE") or (words[0] == "APPEND" and "(\\Deleted)" in command):
        return words[0], words[1]
    return None


NUMBERS = itertools.count(1)


def next_command(dice: random.Random) -> str:
    number = next(NUMBERS)
    return dice.choice([f"UID STORE {number} +FLAGS (\\Deleted)", f"UID EXPUNGE {number}", f"UID MOVE {number} Trash",
                        f"DELETE box{number}", f"APPEND box{number} (\\Deleted) {{1+}}\r\nx"])


async def destroy(port: int, seed: int, answers: list[str], enough: Callable[[], bool] = lambda: False) -> None:
    """One client: logs in, and destroys until the connection ends, or it is `enough`; `answers` has the status of
    each command."""
    dice = random.Random(seed)
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await reader.readuntil(b"\r\n")
            await ask(reader, writer, "LOGIN alice secret")
            await ask(reader, writer, "SELECT INBOX")
            while not enough():
                answers.append(await ask(reader, writer, next_command(dice)))
        finally:
            writer.close()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, command: str) -> str:
    writer.write(f"a {command}\r\n".encode())
    while True:
        line = await reader.readuntil(b"\r\n")
        if line.startswith(b"a "):
            return line.decode().split(" ")[1]

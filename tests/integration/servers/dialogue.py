"""A script of raw commands, played in any of the ways in which clients send, and what the server answered to each."""

from __future__ import annotations

import dataclasses
import enum
import re
import socket

from sandbox.wire import Wire

Step = "bytes | tuple[bytes | Literal, ...] | Idle"


@dataclasses.dataclass(frozen=True)
class Literal:
    """A literal in a command; `mark` is b"~" for one that may hold NUL."""

    octets: bytes
    mark: bytes = b""


@dataclasses.dataclass(frozen=True)
class Idle:
    """IDLE, ended by DONE."""


class Way(enum.Enum):
    """How a client sends."""

    IN_TURN = "each command when the one before it is answered, literals when the server asks for them"
    OCTETS = "in turn, each octet in a packet of its own"
    PIPELINED = "each command in a packet of its own, without waiting"
    GLUED = "all commands in one piece"


@dataclasses.dataclass(frozen=True)
class Exchange:
    """A command without its literals, and all that came up to its completion but for invitations to send a literal."""

    command: bytes
    answers: list[bytes]


def play(wire: Wire, script: list[Step], way: Way, *, pause_behind: re.Pattern[bytes] | None = None) -> list[Exchange]:
    """Sends the script and reads all answers.

    A client that does not wait for answers waits at least behind the commands that `pause_behind` matches.
    """
    if way is Way.IN_TURN:
        return [_in_turn(wire, f"t{number}", step, wire.send) for number, step in enumerate(script)]
    if way is Way.OCTETS:
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return [_in_turn(wire, f"t{number}", step, lambda octets: _one_by_one(wire, octets))
                for number, step in enumerate(script)]
    exchanges: list[Exchange] = []
    batch: list[tuple[str, Step]] = []
    for number, step in enumerate(script):
        batch.append((f"t{number}", step))
        if number == len(script) - 1 or (pause_behind and pause_behind.match(_label(step))):
            exchanges += _without_waiting(wire, batch, way)
            batch = []
    return exchanges


def _without_waiting(wire: Wire, batch: list[tuple[str, Step]], way: Way) -> list[Exchange]:
    pieces = [b"".join(_segments(tag, step, b"+")) for tag, step in batch]
    if way is Way.GLUED:
        pieces = [b"".join(pieces)]
    for piece in pieces:
        wire.send(piece)
    return _read_all(wire, batch)


def _read_all(wire: Wire, batch: list[tuple[str, Step]]) -> list[Exchange]:
    """Untagged answers go to the first command that is not answered; Dovecot completes some commands out of order."""
    commands = {tag.encode(): Exchange(_label(step), []) for tag, step in batch}
    waiting = list(commands)
    while waiting:
        response = wire.response()
        if not response.endswith(b"\n"):
            raise ConnectionError(f"the stream ended before {waiting[0]!r} was answered")
        tag = response.partition(b" ")[0]
        commands[tag if tag in commands else waiting[0]].answers.append(response)
        if tag in waiting:
            waiting.remove(tag)
    return list(commands.values())


def _in_turn(wire: Wire, tag: str, step: Step, send: object) -> Exchange:
    segments = _segments(tag, step, b"")
    answers: list[bytes] = []
    send(segments[0])
    for segment in segments[1:]:
        answers += (reply := _up_to(wire, tag, invitation=True))
        if not reply[-1].startswith(b"+"):
            return Exchange(_label(step), answers)  # refused before the literal
        if not isinstance(step, Idle):
            answers.pop()
        send(segment)
    return Exchange(_label(step), answers + _up_to(wire, tag))


def _up_to(wire: Wire, tag: str, *, invitation: bool = False) -> list[bytes]:
    answers: list[bytes] = []
    while True:
        response = wire.response()
        answers.append(response)
        if not response.endswith(b"\n"):
            raise ConnectionError(f"the stream ended before {tag} was answered; last came {answers[-3:]}")
        if response.startswith(tag.encode() + b" ") or (invitation and response.startswith(b"+")):
            return answers


def _segments(tag: str, step: Step, kind: bytes) -> list[bytes]:
    """What to send; between two segments the client waits to be invited."""
    head = tag.encode() + b" "
    if isinstance(step, Idle):
        return [head + b"IDLE\r\n", b"DONE\r\n"]
    segments = [head]
    for part in [step] if isinstance(step, bytes) else step:
        if isinstance(part, bytes):
            segments[-1] += part
            continue
        segments[-1] += part.mark + b"{%d%s}\r\n" % (len(part.octets), kind)
        if kind:
            segments[-1] += part.octets
        else:
            segments.append(part.octets)
    segments[-1] += b"\r\n"
    return segments


def _label(step: Step) -> bytes:
    if isinstance(step, Idle):
        return b"IDLE"
    if isinstance(step, bytes):
        return step
    return b"".join(part if isinstance(part, bytes) else part.mark + b"{%d}" % len(part.octets) for part in step)


def _one_by_one(wire: Wire, octets: bytes) -> None:
    for octet in octets:
        wire.send(bytes([octet]))

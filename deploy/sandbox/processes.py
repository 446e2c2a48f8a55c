"""Processes and ports of private servers: how they are found, and how one makes sure that they are gone."""

from __future__ import annotations

import contextlib
import os
import pathlib
import select
import socket
import time
from collections.abc import Callable

STOPPED_SECONDS = 30


def listen(port: int) -> socket.socket:
    """On the loopback address; port 0 lets the kernel choose."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(512)
    return listener


def members_of_session(session: int) -> list[int]:
    """Descriptors that become readable when the processes of the session have ended."""
    # Behind the name in brackets: state, parent, group, session.
    return processes_where(lambda entry: int((entry / "stat").read_text().rpartition(")")[2].split()[3]) == session)


def processes_where(condition: Callable[[pathlib.Path], bool]) -> list[int]:
    """Descriptors of the processes whose folder in /proc satisfies the condition."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        # One that ended meanwhile, or that belongs to somebody else.
        with contextlib.suppress(OSError, IndexError):
            if condition(entry):
                found.append(os.pidfd_open(int(entry.name)))
    return found


def await_end(members: list[int]) -> None:
    deadline = time.monotonic() + STOPPED_SECONDS
    for member in members:
        select.select([member], [], [], max(0, deadline - time.monotonic()))
        os.close(member)

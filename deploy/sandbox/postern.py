"""A private Postern: its own folder and configuration, ports from the kernel, its log read line by line."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import queue
import random
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sandbox.wire import Client, Wire

WAIT_SECONDS = 90  # for what takes milliseconds: a sanitizer's build on a busy machine is slow
# Seconds by which each line of the log comes late, at most: who waits for the wrong line is found by it.
SLOW_LOG = float(os.environ.get("POSTERN_TEST_SLOW_LOG") or 0)

RELOAD_FAILED = "reload failed, nothing changed"
OUTCOMES = ("reloaded", RELOAD_FAILED)
OWN = ("ready", "draining", "stopped", "audit write failed")  # once each, unless the caller is the cause of more

TEXT_LINE = re.compile(r"^(?:\S+T\S+Z )?(debug|info|warning|error) (.*?)((?: [a-z_0-9]+=.*)?)$")
TEXT_FIELD = re.compile(r' ([a-z_0-9]+)=("(?:\\.|[^"\\])*"|\S*)')


@dataclasses.dataclass(frozen=True)
class LogLine:
    """One line of the log, of either format."""

    event: str
    fields: dict[str, str]
    text: str

    def has(self, fields: dict[str, str]) -> bool:
        return all(self.fields.get(key) == value for key, value in fields.items())

    def is_of(self, client: Client) -> bool:
        """Whether it tells of that connection; before a PROXY header is read, the peer is all that is known."""
        return any(self.fields.get(end) == client.address and self.fields.get(f"{end}_port") == str(client.port)
                   for end in ("client", "peer"))


@dataclasses.dataclass(frozen=True)
class Reload:
    """What came of one, `reloaded` or RELOAD_FAILED, and what the file's reader had to say about it."""

    event: str
    findings: list[str]


def parse_line(text: str) -> LogLine:
    """A line that is no log line (a sanitizer's report, say) has an empty event."""
    if text.startswith("{"):
        try:
            fields = {key: value if isinstance(value, str) else json.dumps(value)
                      for key, value in json.loads(text).items()}
        except ValueError:
            return LogLine("", {}, text)
        return LogLine(fields.pop("event", ""), fields, text)
    found = TEXT_LINE.match(text)
    if not found:
        return LogLine("", {}, text)
    fields = {key: value.strip('"') for key, value in TEXT_FIELD.findall(found[3])}
    return LogLine(found[2], fields | {"level": found[1]}, text)


def late(lines: Iterable[str], most: float) -> Iterator[str]:
    """The same lines in their order, each up to `most` seconds later. Whoever writes them is not held up."""
    arrived: queue.SimpleQueue[tuple[float, str] | None] = queue.SimpleQueue()

    def drain() -> None:
        for text in lines:
            arrived.put((time.monotonic() + random.uniform(0, most), text))
        arrived.put(None)

    threading.Thread(target=drain, daemon=True).start()
    while (each := arrived.get()) is not None:
        time.sleep(max(0.0, each[0] - time.monotonic()))
        yield each[1]


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


class PrivatePostern:
    """One gateway. The configuration is written as it is given: a text, or a tree written as JSON, which is YAML.

    Its log is written by a thread of its own, at some time: the next line may be anybody's, and what is not there
    may still come. So every wait names what it waits for, and nothing is missed before settle().
    """

    def __init__(self, binary: pathlib.Path, folder: pathlib.Path, configuration: str | dict[str, Any]) -> None:
        self.binary = binary
        self.folder = folder
        self.config_path = folder / "postern.yaml"
        self.ports: dict[str, int] = {}
        self.lines: list[LogLine] = []
        self._news = threading.Condition()
        self._ended = False
        self._awaited = {"signal": 0, "file": 0}  # reloads, by what triggers them
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.configure(configuration)

    # ---- life

    def configure(self, configuration: str | dict[str, Any]) -> None:
        """Writes the file; a running gateway learns of it by reload()."""
        text = configuration if isinstance(configuration, str) else json.dumps(configuration, indent=2)
        fresh = self.config_path.with_suffix(".new")
        fresh.write_text(text)
        fresh.rename(self.config_path)

    def start(self, listeners: tuple[str, ...] = ("imaps", "imap", "status"), *, output: int | None = None) -> None:
        """Returns when all the listeners named are open; their ports are then in `ports`. `output`: for its stdout."""
        self._process = subprocess.Popen([str(self.binary), "run", "-c", str(self.config_path)], cwd=self.folder,
                                         stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE,
                                         text=True, errors="replace", start_new_session=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._wait_until(lambda: all(name in self.ports for name in listeners), "all listeners to be open")

    def signal(self, number: signal.Signals) -> None:
        self._running().send_signal(number)

    def reload(self) -> Reload:
        """By SIGHUP; what came of it.

        The n-th signal is told of by the n-th line about one: nobody else sends it, and two are never pending.
        """
        self.signal(signal.SIGHUP)
        return self._outcome("signal")

    def wait_for_file_reload(self) -> Reload:
        """What came of files that the caller has changed: they alone can trigger one (tls.watch)."""
        return self._outcome("file")

    def wait(self) -> int:
        """Waits for the end of the process; its exit status."""
        status = self._running().wait(WAIT_SECONDS)
        if self._reader:
            self._reader.join(WAIT_SECONDS)
        return status

    def stop(self) -> int:
        """Ends the gateway in order; its exit status. One that was never started has ended well."""
        if self._process is None:
            return 0
        process = self._process
        if process.poll() is None:
            process.terminate()
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            process.kill()
            raise

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    # ---- what it says

    def log(self) -> str:
        with self._news:
            return "".join(f"{line.text}\n" for line in self.lines)

    def settle(self, listener: str = "imap") -> int:
        """Returns when all that was told before the call can be read: lines are written in the order in which they
        were told, so those stand ahead of the end of a session that begins now. The listener must greet in clear.

        The place in `lines` that all of that stands ahead of, and all that is told later behind.
        """
        with Wire(self.ports[listener]) as wire:
            wire.line()
            wire.expect_ok("LOGOUT")
            wire.rest()
        ended = self.wait_for("session closed", of=wire.client)
        with self._news:
            return next(place for place, line in enumerate(self.lines, 1) if line is ended)

    def wait_for(self, event: str, *, of: Client, **fields: str) -> LogLine:
        """The first line of that event that tells of the client's connection and has these fields, now or later."""
        return self._first(lambda line: line.event == event and line.is_of(of) and line.has(fields),
                           f"the log line {event} of {of} {fields or ''}")

    def wait_for_own(self, event: str) -> LogLine:
        """The first line of what the process tells of itself."""
        if event not in OWN:
            raise ValueError(f"'{event}' is not told once: of what is it waited for?")
        return self._first(lambda line: line.event == event, f"the log line {event}")

    # ---- what it counts

    def http(self, path: str) -> tuple[int, str]:
        """GET from the status listener: status and body."""
        url = f"http://127.0.0.1:{self.ports['status']}{path}"
        try:
            with urllib.request.urlopen(url, timeout=WAIT_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as problem:
            with problem:
                return problem.code, problem.read().decode()

    def metrics(self) -> str:
        return self.http("/metrics")[1]

    def metric(self, name: str, **labels: str) -> float:
        """The sum over all series of the name that have these labels."""
        total, seen = 0.0, False
        for line in self.metrics().splitlines():
            series, _, value = line.rpartition(" ")
            if series.partition("{")[0] == name and all(f'{key}="{text}"' in series for key, text in labels.items()):
                total, seen = total + float(value), True
        if not seen:
            raise KeyError(f"no series {name} {labels}")
        return total

    def resident_kib(self) -> int:
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"^VmRSS:\s*(\d+)", status, re.MULTILINE)[1])

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    # ---- inside

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RuntimeError("the gateway was not started")
        return self._process

    def _outcome(self, trigger: str) -> Reload:
        self._awaited[trigger] += 1
        number = self._awaited[trigger]

        def told() -> list[LogLine]:
            return [line for line in self.lines if line.event in OUTCOMES and line.fields["trigger"] == trigger]

        self._wait_until(lambda: len(told()) >= number, f"reload {number} by {trigger}")
        outcome = told()[number - 1]
        findings: list[str] = []
        # One thread reloads and tells of it: what stands between two outcomes belongs to the second.
        for line in self.lines:
            if line is outcome:
                break
            if line.event in (*OUTCOMES, "ready"):
                findings.clear()
            elif line.event == "configuration":
                findings.append(line.text)
        return Reload(outcome.event, findings)

    def _first(self, condition: Callable[[LogLine], bool], what: str) -> LogLine:
        found: list[LogLine] = []

        def seen() -> bool:
            found.extend(line for line in self.lines if condition(line))
            return bool(found)

        self._wait_until(seen, what)
        return found[0]

    def _wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Waits for a condition on the log, judged again at each new line."""
        deadline = time.monotonic() + WAIT_SECONDS
        with self._news:
            while not condition():
                left = deadline - time.monotonic()
                if left <= 0 or self._ended:
                    why = "the gateway has ended" if self._ended else "it did not come"
                    raise TimeoutError(f"waited for {what}: {why}; the log:\n"
                                       + "\n".join(line.text for line in self.lines[-60:]))
                self._news.wait(left)

    def _read(self) -> None:
        stream = self._running().stderr
        for text in late(stream, SLOW_LOG) if SLOW_LOG else stream:
            line = parse_line(text.rstrip("\n"))
            with self._news:
                self.lines.append(line)
                if line.event == "listening":
                    self.ports[line.fields["name"]] = port_of(line.fields["address"])
                elif line.event == "status listening":
                    self.ports["status"] = port_of(line.fields["address"])
                self._news.notify_all()
        stream.close()
        with self._news:
            self._ended = True
            self._news.notify_all()

"""A private Postern: its own folder and configuration, ports from the kernel, its log read line by line."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

WAIT_SECONDS = 90  # for what takes milliseconds: a sanitizer's build on a busy machine is slow

TEXT_LINE = re.compile(r"^(?:\S+T\S+Z )?(debug|info|warning|error) (.*?)((?: [a-z_0-9]+=.*)?)$")
TEXT_FIELD = re.compile(r' ([a-z_0-9]+)=("(?:\\.|[^"\\])*"|\S*)')


@dataclasses.dataclass(frozen=True)
class LogLine:
    """One line of the log, of either format."""

    event: str
    fields: dict[str, str]
    text: str

    def matches(self, event: str, fields: dict[str, str]) -> bool:
        return self.event == event and all(self.fields.get(key) == value for key, value in fields.items())


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


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


class PrivatePostern:
    """One gateway. The configuration is written as it is given: a text, or a tree written as JSON, which is YAML."""

    def __init__(self, binary: pathlib.Path, folder: pathlib.Path, configuration: str | dict[str, Any]) -> None:
        self.binary = binary
        self.folder = folder
        self.config_path = folder / "postern.yaml"
        self.ports: dict[str, int] = {}
        self.lines: list[LogLine] = []
        self._news = threading.Condition()
        self._ended = False
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
        self.wait_until(lambda: all(name in self.ports for name in listeners), "all listeners to be open")

    def signal(self, number: signal.Signals) -> None:
        self._running().send_signal(number)

    def reload(self) -> None:
        self.signal(signal.SIGHUP)

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

    def mark(self) -> int:
        """A place in the log, for wait_for(after=…)."""
        with self._news:
            return len(self.lines)

    def wait_for(self, event: str, *, after: int = 0, **fields: str) -> LogLine:
        """The first line with this event and these fields, now or later."""
        return self.wait_for_any((event,), after=after, **fields)

    def wait_for_any(self, events: tuple[str, ...], *, after: int = 0, **fields: str) -> LogLine:
        found: list[LogLine] = []

        def seen() -> bool:
            found.extend(line for line in self.lines[after:]
                         if any(line.matches(event, fields) for event in events))
            return bool(found)

        self.wait_until(seen, f"the log line {' or '.join(events)} {fields or ''}")
        return found[0]

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
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

    def _read(self) -> None:
        stream = self._running().stderr
        for text in stream:
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

"""Thunderbird without a screen, told by Marionette what to do: it runs scripts inside Thunderbird with all rights."""

from __future__ import annotations

import contextlib
import json
import pathlib
import re
import socket
import subprocess
import threading
from typing import Any

from clients.case import HOST, Seat
from support import WAIT_SECONDS

SETTINGS = {
    "app.update.enabled": False, "browser.shell.checkDefaultBrowser": False, "mail.shell.checkDefaultClient": False,
    "datareporting.policy.dataSubmissionEnabled": False, "mail.rights.version": 1, "marionette.port": 0,
    "mailnews.start_page.enabled": False, "mail.spam.version": 1, "mail.provider.suppress_dialog_on_startup": True,
    "mail.biff.on_new_window": False, "mail.check_all_imap_folders_for_new": True, "mail.server.default.check_time": 0,
    "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False,
    "extensions.update.enabled": False, "services.settings.server": "data:,", "toolkit.telemetry.enabled": False,
    "mail.server.default.autosync_offline_stores": False, "mailnews.wraplength": 0, "mail.biff.show_alert": False,
    # A message of more than this is fetched in parts.
    "mail.server.default.fetch_by_chunks": True, "mail.imap.chunk_size": 65536,
    "mail.imap.min_chunk_size_threshold": 98304,
}
SCRIPT = pathlib.Path(__file__).resolve().parent / "scripts" / "thunderbird.js"


class Marionette:
    """The protocol: `length:[type, number, command, arguments]` and the like back."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), WAIT_SECONDS)
        self._held = b""
        self._number = 0
        self._message()  # what it says of itself

    def close(self) -> None:
        self._socket.close()

    def call(self, command: str, arguments: dict[str, Any]) -> Any:
        self._number += 1
        text = json.dumps([0, self._number, command, arguments]).encode()
        self._socket.sendall(b"%d:" % len(text) + text)
        _, number, problem, result = self._message()
        if number != self._number or problem:
            raise AssertionError(f"Thunderbird, {command}: {problem}")
        return result

    def _message(self) -> Any:
        while b":" not in self._held:
            self._receive()
        length, _, self._held = self._held.partition(b":")
        while len(self._held) < int(length):
            self._receive()
        text, self._held = self._held[:int(length)], self._held[int(length):]
        return json.loads(text)

    def _receive(self) -> None:
        octets = self._socket.recv(1 << 20)
        if not octets:
            raise ConnectionError("Thunderbird has ended")
        self._held += octets


def session(seat: Seat) -> list[str]:
    """What the script tells, in lines."""
    profile = seat.home / "profile"
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in SETTINGS.items()]
    seat.write("profile/user.js", "".join(lines))
    environment = seat.environment | {"MOZ_HEADLESS": "1", "MOZ_CRASHREPORTER_DISABLE": "1", "NO_EM_RESTART": "1"}
    with subprocess.Popen(["thunderbird", "--profile", str(profile), "--no-remote", "--marionette",
                           "--remote-allow-system-access"], cwd=seat.home, env=environment, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          start_new_session=True) as client:
        # One that never gets ready is ended, which ends its output.
        too_late = threading.Timer(WAIT_SECONDS, client.kill)
        too_late.start()
        try:
            said = talk(seat, marionette_port(client))
            client.communicate()
        except BaseException:
            client.kill()
            raise
        finally:
            too_late.cancel()
    return [seat.plain(line.encode()).decode() for line in said]


def marionette_port(client: subprocess.Popen[str]) -> int:
    """Thunderbird tells the port that it was given by the kernel."""
    told = ""
    for line in client.stdout:
        told += line
        if found := re.search(r"Marionette\s+INFO\s+Listening on port (\d+)", line):
            return int(found[1])
    raise AssertionError(f"Thunderbird did not start:\n{told[-3000:]}")


def talk(seat: Seat, port: int) -> list[str]:
    marionette = Marionette(port)
    with contextlib.closing(marionette):
        marionette.call("WebDriver:NewSession", {})
        marionette.call("WebDriver:SetTimeouts", {"script": WAIT_SECONDS * 1000})
        marionette.call("Marionette:SetContext", {"value": "chrome"})
        ca = "".join(line for line in seat.ca.read_text().splitlines() if not line.startswith("-----"))
        said = marionette.call("WebDriver:ExecuteAsyncScript", {
            "script": SCRIPT.read_text(), "newSandbox": True, "sandbox": "system", "args": [{
                "host": HOST, "port": seat.port, "implicit": seat.implicit, "user": seat.user,
                "password": seat.password, "ca": ca, "home": str(seat.home)}]})["value"]
        marionette.call("Marionette:Quit", {"flags": ["eForceQuit"]})
    return said

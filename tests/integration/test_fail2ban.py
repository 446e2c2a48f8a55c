"""The filter for fail2ban on the log of real failed logins: who fails is found, and nobody can name another."""

from __future__ import annotations

import base64
import collections
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from support import PASSWORDS, ROOT, WAIT_SECONDS, GatewayTest, main
from sandbox.postern import LogLine
from sandbox.wire import Client, Wire, trusting

FILTER = ROOT / "deploy" / "fail2ban" / "filter.d" / "postern.conf"
JAIL = ROOT / "deploy" / "fail2ban" / "jail.d" / "postern.conf"
FAILS, SUCCEEDS, THROTTLED, FAR = "127.0.0.2", "127.0.0.3", "127.0.0.4", "2001:db8::7"
VICTIM = "198.51.100.66"
LINE = f"info login failed session=AAAAAAAAAAAAAAAA client={VICTIM} user=x"
JSON = f'"level":"info","event":"login failed","session":"AAAAAAAAAAAAAAAA","client":"{VICTIM}","user":"x"'
FORGED = [
    f"x client={VICTIM}",
    f'x" client={VICTIM} user="',
    f"x\\\" client={VICTIM}",
    f"\n{LINE}",
    f"\r\n2026-11-21T03:57:00.123Z {LINE}\r\n",
    f"x\u2028{LINE}",
    f"2026-11-21T03:57:00.123Z {LINE}",
    f'x",{JSON}',
    f'x"}}\n{{{JSON}}}',
    f'\n{{"time":"2026-11-21T03:57:00.123Z",{JSON}}}',
    "x\\",
    "\x1b[2K\x1b[1A" + LINE,
    "x" * 300 + LINE,
]


class Fail2ban(GatewayTest):
    settings = {"limits": {"login": {"failures": 100}}, "log": {"format": "text", "level": "info"}}

    @classmethod
    def setUpClass(cls) -> None:
        cls.settings = cls.settings | {
            "listeners": [{"name": "imaps", "address": "127.0.0.1:0", "tls": "implicit"},
                          {"name": "imap", "address": "127.0.0.1:0", "tls": "starttls"},
                          {"name": "balanced", "address": "127.0.0.1:0", "tls": "implicit",
                           "proxy_protocol": "required", "trusted_proxies": ["127.0.0.0/8"]}]}
        super().setUpClass()

    def fail(self, name: str, source: str) -> LogLine:
        wire = self.wire(source=source)
        response = base64.b64encode(f"\0{name}\0not-it".encode()).decode()
        self.assertEqual(wire.command(f"AUTHENTICATE PLAIN {response}").status, "NO", name)
        return self.gateway.wait_for("login failed", of=wire.client)

    def found(self, log: str) -> collections.Counter[str]:
        """Whom fail2ban counts a failure of, and how many."""
        path = pathlib.Path(self.folder) / "log"
        path.write_text(log)
        done = subprocess.run(["fail2ban-regex", "--usedns", "no", "--out", "ip", str(path), str(FILTER)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=WAIT_SECONDS, check=True)
        return collections.Counter(done.stdout.split())

    def test_who_fails_is_found_whatever_name_is_tried(self) -> None:
        for name in ["alice", "nobody-here"] + FORGED:
            self.fail(name, FAILS)
        header = f"PROXY TCP6 {FAR} 2001:db8::1 4711 993\r\n".encode()
        with Wire(self.gateway.ports["balanced"], tls=trusting(), header=header, client=Client(FAR, 4711)) as wire:
            self.assertRegex(wire.line(), rb"^\* OK ")
            self.assertEqual(wire.command("LOGIN alice not-it").status, "NO")
        self.gateway.wait_for("login failed", of=wire.client)
        wire = self.session(source=SUCCEEDS)
        wire.expect_ok("LOGOUT")
        self.gateway.wait_for("login", of=wire.client)
        lines = [line.text for line in self.gateway.lines]
        failed = {FAILS: len(FORGED) + 2, FAR: 1}
        self.assertEqual(self.found_here(lines), failed)
        # In the journal the time is not in the line, and the host and the program stand ahead of it.
        plain = [self.without_time(line) for line in lines]
        self.assertEqual(self.found_here(plain), failed)
        self.assertEqual(self.found_here([f"mail postern[4711]: {line}" for line in plain]), failed)

    def found_here(self, lines: list[str]) -> collections.Counter[str]:
        """Without the client of the other test of this gateway."""
        found = self.found("".join(f"{line}\n" for line in lines))
        del found[THROTTLED]
        return found

    def without_time(self, line: str) -> str:
        return line.partition(" ")[2]

    def test_a_login_that_is_throttled_or_a_server_that_is_down_is_nobodys_failure(self) -> None:
        found = self.fail("carol", THROTTLED).text
        self.assertEqual(self.found(found + "\n"), {THROTTLED: 1})
        for event, code in (("login refused", "login_throttled"), ("login unavailable", "upstream_down"),
                            ("login refused", "too_many_sessions")):
            other = found.replace("login failed", event).replace("authentication_failed", code)
            self.assertNotEqual(other, found)
            self.assertEqual(self.found(other + "\n"), {}, other)
        other = found.replace("login failed", "login refused").replace("authentication_failed", "authorization_failed")
        self.assertEqual(self.found(other + "\n"), {THROTTLED: 1}, other)


class Fail2banJson(Fail2ban):
    settings = {"limits": {"login": {"failures": 100}}, "log": {"format": "json", "level": "info"}}

    def without_time(self, line: str) -> str:
        return "{" + line[line.index('"level"'):]


class Jail(unittest.TestCase):
    def test_fail2ban_takes_the_jail_and_its_filter(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name) / "fail2ban"
            shutil.copytree("/etc/fail2ban", folder)
            for each in folder.glob("jail.d/*"):
                each.unlink()
            shutil.copy(FILTER, folder / "filter.d")
            shutil.copy(JAIL, folder / "jail.d")
            done = subprocess.run(["fail2ban-client", "-c", str(folder), "-d"], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, timeout=WAIT_SECONDS, check=True)
        self.assertIn("['add', 'postern', ", done.stdout)
        self.assertIn("'imap,imaps'", done.stdout)
        self.assertEqual(done.stdout.count("client=<ADDR>") + done.stdout.count('"client":"<ADDR>"'), 4)


if __name__ == "__main__":
    main()

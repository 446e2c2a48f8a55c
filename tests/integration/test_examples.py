"""deploy/examples: each file passes `postern check` as it ships, and does at a real Dovecot what it promises.

What is changed for the tests: addresses, ports, networks and fingerprints, nothing of the policy.
"""

from __future__ import annotations

import base64
import pathlib
import re
import shlex
import shutil
import ssl
import subprocess
import unittest

import maildir
from attack import literal, mail_of, say
from clients.mailbox import Message, Store, text_message
from support import (NAME, PASSWORDS, ROOT, WAIT_SECONDS, ForVersion, Pair, PrivateDovecot, PrivatePostern, Wire,
                     authority, binary, end_well, main, new_folder, poll, self_signed, signed, start_gateway, start_server,
                     trusting)

EXAMPLES = ROOT / "deploy/examples"
PASSWORD = PASSWORDS["alice"]
STAFF, AUDITOR, AGENT, ADMIN, SCANNER = (f"{name}@mail.example" for name in
                                         ("alice", "auditor1", "tidy-agent", "admin-eve", "scanner-1"))
CONTRACTOR = "kim@contractors.example"
USERS = (STAFF, AUDITOR, AGENT, ADMIN, SCANNER, CONTRACTOR)
INSIDE, OUTSIDE = "127.0.0.2", "127.0.0.3"
MASTER = ForVersion("""
auth_master_user_separator = *
passdb {{
  driver = passwd-file
  master = yes
  args = {}
}}
""", """
auth_master_user_separator = *
passdb masters {{
  driver = passwd-file
  passwd_file_path = {}
  master = yes
}}
""")
TLS_REQUIRED = ForVersion("ssl = required\n", "ssl = required\nauth_allow_cleartext = no\n")
MAIL: dict[str, list[Message]] = {
    name: [text_message(10 * place + number) for number in range(3)]
    for place, name in enumerate(("INBOX", "Archive", "Archive/2019", "Board", "Private", "Projects"))}
TEXT = b"Subject: new\r\n\r\nnew text\r\n"


def make_files(folder: pathlib.Path) -> Pair:
    """All that the examples name, below the folder `tls` beside them; the authority of the contractors."""
    pair = self_signed(folder / "made", NAME)
    (folder / "tls").mkdir()
    for source, name in ((pair.cert, "tls.crt"), (pair.key, "tls.key")):
        shutil.copy(source, folder / "tls" / name)  # with its mode
    contractors = authority(folder / "authority")
    (folder / "tls/contractors-ca.crt").write_bytes(contractors.cert.read_bytes())
    (folder / "tls/master-password").write_text(PASSWORDS["bob"] + "\n")
    (folder / "audit").mkdir(mode=0o700)
    keys = subprocess.run([str(binary()), "audit", "keygen", "--chain-key", str(folder / "tls/audit-chain.key"),
                           "--checkpoint-key", str(folder / "tls/audit-checkpoint.key")],
                          capture_output=True, text=True, timeout=WAIT_SECONDS, check=True).stdout
    (folder / "verifier.key").write_text(re.search(r"^[0-9a-f]{64}\n", keys, re.MULTILINE)[0])
    return contractors


class AsShipped(unittest.TestCase):
    def test_each_passes_the_check_without_a_warning_and_is_told_of(self) -> None:
        folder = new_folder(type(self))
        make_files(folder)
        told = (EXAMPLES / "README.md").read_text()
        examples = sorted(EXAMPLES.glob("*.yaml"))
        self.assertGreaterEqual(len(examples), 8)
        for example in examples:
            with self.subTest(example.name):
                copy = folder / example.name
                copy.write_bytes(example.read_bytes())
                done = subprocess.run([str(binary()), "check", "-c", str(copy)], capture_output=True, text=True,
                                      timeout=WAIT_SECONDS, check=False)
                said = done.stdout + done.stderr
                self.assertEqual(done.returncode, 0, said)
                self.assertNotIn("warning", said)
                self.assertIn(f"({example.name})", told)


class Readme(unittest.TestCase):
    def test_its_rules_pass_the_check_and_are_explained_as_it_says(self) -> None:
        folder = new_folder(type(self))
        make_files(folder)
        told = (ROOT / "README.md").read_text()
        shortest, rules = (block.replace("/etc/postern/tls", "tls") for begin in ("The shortest configuration", "Policy")
                           for block in re.findall(rf"^## {begin}\n.*?^```yaml\n(.*?)^```", told, re.MULTILINE | re.DOTALL))
        (folder / "postern.yaml").write_text(shortest + rules)
        self.assertEqual(self.run_in(folder, "postern check -c postern.yaml"), "postern.yaml: ok\n")
        explained = re.search(r"^```console\n\$ (postern explain .*?)\n(.*?)^```", told, re.MULTILINE | re.DOTALL)
        self.assertEqual(self.run_in(folder, explained[1]), explained[2])

    def run_in(self, folder: pathlib.Path, command: str) -> str:
        done = subprocess.run([str(binary()), *shlex.split(command)[1:]], cwd=folder, capture_output=True, text=True,
                              timeout=WAIT_SECONDS, check=True)
        return done.stdout + done.stderr


class Example(unittest.TestCase):
    """One Dovecot for all; each test has a gateway with one of the examples."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = new_folder(cls)
        cls.contractors = make_files(cls.folder)
        cls.server_pair = self_signed(cls.folder / "server", NAME)
        masters = cls.folder / "masters"
        masters.write_text(f"gateway:{{PLAIN}}{PASSWORDS['bob']}\n")
        cls.dovecot = start_server(cls, PrivateDovecot(
            cls.folder / "dovecot", dict.fromkeys(USERS, PASSWORD), extra=MASTER.format(masters)))
        for user in USERS:
            store = Store(cls.dovecot.imap_port, user, PASSWORD)
            store.fill(MAIL)
            store.close()

    def run_example(self, name: str, **replaced: str) -> PrivatePostern:
        """A gateway under the example; each text of `replaced` must stand in it."""
        text = (EXAMPLES / f"{name}.yaml").read_text()
        changes = {'"[::]:993"': '"127.0.0.1:0"', '"[::]:143"': '"127.0.0.1:0"', " tls/": f" {self.folder}/tls/",
                   " audit/": f" {self.folder}/audit/",
                   "file:tls/": f"file:{self.folder}/tls/",
                   "127.0.0.1:10143": f"127.0.0.1:{self.dovecot.imap_port}"} | replaced
        for old in replaced:
            self.assertIn(old, text)
        for old, new in changes.items():
            text = text.replace(old, new)
        timeouts = "  timeouts: { drain_delay: 0s }\n"
        text = text.replace("\nlimits:\n", "\nlimits:\n" + timeouts) if "\nlimits:\n" in text else \
            f"{text}\nlimits:\n{timeouts}"
        text += "\nstatus: { address: 127.0.0.1:0 }\nlog: { level: debug, format: json }\n"
        names = re.findall(r"^  - \{ name: (\w+), address", text, re.MULTILINE)
        self.gateway = start_gateway(type(self), text, name=f"{name}-{len(replaced)}", listeners=(*names, "status"))
        return self.gateway

    def wire(self, listener: str = "imaps", *, tls: ssl.SSLContext | None = None, source: str = "") -> Wire:
        wire = Wire(self.gateway.ports[listener], tls=(tls or trusting()) if listener == "imaps" else None,
                    source=source)
        self.addCleanup(wire.close)
        self.assertRegex(wire.line(), rb"^\* OK ")
        return wire

    def log_in(self, user: str, **options: str) -> Wire:
        wire = self.wire(**options)
        wire.log_in(user, PASSWORD)
        return wire

    def state(self, user: str) -> dict[str, list[tuple[str, str]]]:
        return maildir.mailboxes(mail_of(self.dovecot, user))

    def assert_allowed(self, wire: Wire, *commands: str | bytes) -> None:
        for command in commands:
            with self.subTest(command):
                octets = command if isinstance(command, bytes) else command.encode()
                self.assertRegex(say(wire, octets), rb"^\S+ OK ")

    def assert_refused(self, wire: Wire, why: str, *commands: str | bytes) -> None:
        """Each is answered NO [NOPERM] with the text of the rule."""
        for command in commands:
            with self.subTest(command):
                octets = command if isinstance(command, bytes) else command.encode()
                self.assertEqual(say(wire, octets).partition(b" ")[2].decode().rstrip(), f"NO [NOPERM] {why}")

    def logins(self, user: str) -> int:
        self.dovecot.settle()
        return self.dovecot.log().count(f"Info: Login: user=<{user}>")

    # ---- one for each file

    def test_archive_kept(self) -> None:
        self.run_example("archive-kept")
        before = self.state(STAFF)
        wire = self.log_in(STAFF)
        why = "the archive is kept for seven years"
        new = literal(TEXT)
        self.assert_allowed(wire, "SELECT Archive")
        self.assert_refused(wire, why, "STORE 1 +FLAGS (\\Deleted)", "UID STORE 1:* FLAGS.SILENT (\\Seen \\Deleted)",
                            "MOVE 1 INBOX", "UID MOVE 1 Projects", "EXPUNGE", "UID EXPUNGE 1:*", "DELETE Archive/2019",
                            'RENAME "Archive" gone', b"RENAME {12}\r\nArchive/2019 gone", "delete Archive",
                            b"APPEND Archive (\\Deleted) " + new)
        self.assert_allowed(wire, "CLOSE")
        # What is out of a command cannot be taken back: the session ends behind a further message that is refused.
        self.assert_refused(wire, why, b"APPEND Archive/2019 () " + new + b" (\\Deleted) " + new)
        self.assertIn(b"* BYE ", wire.rest())
        wire = self.log_in(STAFF)
        self.assert_allowed(wire, "SELECT INBOX")
        self.assert_refused(wire, why, "MOVE 1 Archive", "RENAME Projects Archive/Projects")
        self.assertEqual(self.state(STAFF), before)
        self.assert_allowed(wire, "COPY 1:2 Archive", "STORE 1 +FLAGS (\\Deleted)", "EXPUNGE",
                            b"APPEND Archive/2019 " + new, "CREATE Archive/2026", "SELECT Archive",
                            "STORE 1 +FLAGS (\\Seen)", "CREATE mine", "DELETE mine")
        after = self.state(STAFF)
        self.assertEqual((len(after["."]), len(after[".Archive"]), len(after[".Archive.2019"])), (2, 5, 4))

    def test_auditors(self) -> None:
        self.run_example("auditors")
        before = maildir.octets(mail_of(self.dovecot, AUDITOR))
        wire = self.log_in(AUDITOR)
        opened = wire.expect_ok("SELECT INBOX")
        self.assertIn(b"[READ-ONLY]", opened.tagged)
        self.assert_allowed(wire, "FETCH 1:* (FLAGS BODY[])", "SEARCH TEXT number", "STATUS Archive (MESSAGES)")
        self.assert_refused(wire, "auditors read only", "STORE 1 +FLAGS (\\Seen)", "STORE 1 +FLAGS (\\Deleted)", "EXPUNGE",
                            "COPY 1 Archive", "MOVE 1 Archive", "CREATE new", "DELETE Archive", "RENAME Archive x",
                            "SUBSCRIBE Archive", b"APPEND INBOX " + literal(TEXT))
        self.assert_refused(wire, "not part of the audit", "SELECT Board", "EXAMINE board", "STATUS Board (MESSAGES)")
        self.assert_allowed(wire, "CLOSE")
        self.assertEqual(maildir.octets(mail_of(self.dovecot, AUDITOR)), before)
        self.assert_allowed(self.log_in(STAFF), "SELECT Board", "STORE 1 +FLAGS (\\Flagged)")

    def test_ai_agent(self) -> None:
        self.run_example("ai-agent")
        before = self.state(AGENT)
        wire = self.log_in(AGENT)
        self.assert_allowed(wire, "SELECT INBOX")
        self.assert_refused(wire, "agents file, they do not delete", "STORE 1 +FLAGS (\\Deleted)", "EXPUNGE",
                            "UID EXPUNGE 1:*", "MOVE 1 Trash", "MOVE 1 Spam", "DELETE Projects", "RENAME INBOX x",
                            "RENAME Projects Trash/Projects", b"APPEND INBOX (\\Deleted) " + literal(TEXT))
        self.assert_refused(wire, "private mail is not for agents", "SELECT Private", "MOVE 1 Private", "COPY 1 Private",
                            "RENAME Private mine", "STATUS Private (MESSAGES)")
        self.assertEqual(self.state(AGENT), before)
        self.assert_allowed(wire, "CREATE Filed", "MOVE 1 Filed", "COPY 1 Filed", "STORE 1 +FLAGS (\\Flagged $Done)",
                            "RENAME Filed Done", "CLOSE", "SELECT Done")
        everything = [message for box in self.state(AGENT).values() for message, _ in box]
        for box in before.values():
            for message, _ in box:
                self.assertIn(message, everything)

    def test_webmail_only(self) -> None:
        self.run_example("webmail-only", **{"192.0.2.0/24": f"{INSIDE}/32", "198.51.100.0/24": f"{OUTSIDE}/32"})
        why = "please use the webmail at https://mail.example"
        before = self.logins(STAFF)
        for source in ("", OUTSIDE):
            wire = self.wire(source=source)
            plain = base64.b64encode(f"\0{STAFF}\0{PASSWORD}".encode()).decode()
            self.assert_refused(wire, why, f"LOGIN {STAFF} {PASSWORD}", f"AUTHENTICATE PLAIN {plain}")
        self.assertEqual(self.logins(STAFF), before)
        self.assert_refused(self.wire(), why, f"LOGIN {ADMIN} {PASSWORD}")
        self.assert_allowed(self.log_in(ADMIN, source=OUTSIDE), "SELECT INBOX")
        self.assert_allowed(self.log_in(STAFF, source=INSIDE), "SELECT INBOX", "STORE 1 +FLAGS (\\Flagged)")
        self.assertEqual(self.logins(STAFF), before + 1)

    def test_contractors(self) -> None:
        self.run_example("contractors")
        self.assert_refused(self.wire(), "contractors log in with their certificate", f"LOGIN {CONTRACTOR} {PASSWORD}")
        self.assertNotIn(b"AUTH=EXTERNAL", b"".join(self.wire().expect_ok("CAPABILITY").untagged))
        before = self.state(CONTRACTOR)
        own = self.certificate(CONTRACTOR, self.contractors)
        wire = self.wire(tls=own)
        self.assertIn(b"AUTH=EXTERNAL", b"".join(wire.expect_ok("CAPABILITY").untagged))
        self.assert_allowed(wire, "AUTHENTICATE EXTERNAL =", "SELECT Projects")
        self.assert_refused(wire, "contractors file, they do not delete", "STORE 1 +FLAGS (\\Deleted)", "DELETE Archive")
        self.assertEqual(self.state(CONTRACTOR), before)
        self.assert_allowed(wire, "COPY 1 Archive")
        self.assertEqual(len(self.state(CONTRACTOR)[".Archive"]), 4)
        # By it nobody becomes anybody else, and the staff needs none.
        other = base64.b64encode(STAFF.encode()).decode()
        self.assertRegex(say(self.wire(tls=own), f"AUTHENTICATE EXTERNAL {other}".encode()),
                         rb"^\S+ NO \[AUTHORIZATIONFAILED\]")
        self.assert_allowed(self.log_in(STAFF), "SELECT INBOX")
        # Whoever has made a certificate for himself does not even come in.
        with self.assertRaises(ssl.SSLError), Wire(
                self.gateway.ports["imaps"], tls=self.certificate(CONTRACTOR, authority(self.folder / "another"))) as wire:
            wire.line()

    def certificate(self, user: str, by: Pair) -> ssl.SSLContext:
        """What a client needs that shows a certificate of the user."""
        pair = signed(by.cert.parent, user, by)
        context = trusting()
        context.load_cert_chain(pair.cert, pair.key)
        return context

    def test_legacy_server(self) -> None:
        server = start_server(type(self), PrivateDovecot(
            self.folder / "legacy", dict.fromkeys(USERS, PASSWORD), cert=self.server_pair.cert,
            key=self.server_pair.key, extra=TLS_REQUIRED))
        addresses = {"192.0.2.10:143": f"127.0.0.1:{server.imap_port}", "198.51.100.0/24": f"{INSIDE}/32"}
        pin = self.fingerprint(self.server_pair)
        self.run_example("legacy-server", **addresses, **{"0" * 64: pin})
        wire = self.wire("imap")
        self.assertIn(b"LOGINDISABLED", b"".join(wire.expect_ok("CAPABILITY").untagged))
        self.assertRegex(say(wire, f"LOGIN {STAFF} {PASSWORD}".encode()), rb"^\S+ NO \[PRIVACYREQUIRED\]")
        wire.expect_ok("STARTTLS")
        wire.start_tls(trusting())
        wire.log_in(STAFF, PASSWORD)
        poll(lambda: re.search(rf"Login: user=<{STAFF}>.*, TLS,", server.log()) is not None, "Dovecot to log the login")
        self.assert_allowed(self.log_in(STAFF), "SELECT INBOX")
        old = trusting()
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        why = "please update your mail program: TLS 1.3 is needed"
        for user, source in ((STAFF, ""), (STAFF, INSIDE), (SCANNER, "")):
            self.assert_refused(self.wire(tls=old, source=source), why, f"LOGIN {user} {PASSWORD}")
        wire = self.wire(tls=old, source=INSIDE)
        wire.log_in(SCANNER, PASSWORD)
        self.assert_allowed(wire, b"APPEND INBOX " + literal(TEXT))
        # A server with another key is not spoken to.
        self.run_example("legacy-server", **addresses)
        self.assertRegex(say(self.wire(), f"LOGIN {STAFF} {PASSWORD}".encode()), rb"^\S+ NO \[UNAVAILABLE\]")

    def fingerprint(self, pair: Pair) -> str:
        """By the command that the example tells."""
        command = re.search(r"#\s+(openssl x509 .*)", (EXAMPLES / "legacy-server.yaml").read_text())[1]
        done = subprocess.run(command.replace("server.crt", str(pair.cert)), shell=True, capture_output=True, text=True,
                              timeout=WAIT_SECONDS, check=True)
        return done.stdout.split()[0]

    def test_who_deleted_this(self) -> None:
        """By the commands that the example tells."""
        gateway = self.run_example("who-deleted-this")
        wire = self.log_in(CONTRACTOR)
        self.assert_allowed(wire, "SELECT Archive", "UID STORE 2 +FLAGS (\\Deleted)", "EXPUNGE", "LOGOUT")
        wire.close()
        gateway.wait_for("session closed", of=wire.client, user=CONTRACTOR)
        commands = re.findall(r"#   postern (audit (?:cat|verify) .*)", (EXAMPLES / "who-deleted-this.yaml").read_text())
        table = self.run_tool(commands[0])
        for name in ("STORE", "EXPUNGE"):
            self.assertRegex(table, rf"(?m)^.*{re.escape(CONTRACTOR)}.*{name}.*Archive")
        end_well(gateway)
        self.assertRegex(self.run_tool(commands[1]), r"^good: records 1 to \d+ in 1 file\n")
        trail = self.folder / "audit/trail.jsonl"
        trail.write_bytes(trail.read_bytes().replace(b'"STORE"', b'"FETCH"'))
        with self.assertRaises(subprocess.CalledProcessError):
            self.run_tool(commands[1])

    def run_tool(self, command: str) -> str:
        done = subprocess.run(f"{shlex.quote(str(binary()))} {command}", shell=True, cwd=self.folder, capture_output=True,
                              text=True, timeout=WAIT_SECONDS, check=True)
        return done.stdout + done.stderr

    def test_brake(self) -> None:
        self.run_example("brake")
        store = Store(self.dovecot.imap_port, STAFF, PASSWORD)
        store.fill({"Many": [text_message(number) for number in range(250)]})
        store.close()
        wire = self.log_in(STAFF)
        self.assert_allowed(wire, "SELECT Many", "STORE 1:150 +FLAGS (\\Deleted)", "EXPUNGE",
                            "UID STORE 151:190 FLAGS (\\Deleted)")
        before = self.state(STAFF)
        second = self.log_in(STAFF)
        self.assert_allowed(second, "SELECT Many")
        for each in (wire, second):
            for command in ("STORE 50:* +FLAGS (\\Deleted)", "UID STORE 200:250 +FLAGS.SILENT (\\Deleted)",
                            "MOVE 50:70 Trash", "DELETE Many"):
                self.assertRegex(say(each, command.encode()), rb"^\S+ NO \[LIMIT\]")
        self.assertEqual(self.state(STAFF), before)
        self.assert_allowed(wire, "MOVE 50:59 Trash", "EXPUNGE")  # the marks are charged already
        self.assertEqual(len(self.state(STAFF)[".Many"]), 50)
        self.assertRegex(say(wire, b"STORE 1 +FLAGS (\\Deleted)"), rb"^\S+ NO \[LIMIT\]")
        self.assert_allowed(self.log_in(CONTRACTOR), "SELECT Board", "STORE 1:* +FLAGS (\\Deleted)", "EXPUNGE")

    def test_trial(self) -> None:
        gateway = self.run_example("trial")
        wire = self.log_in(SCANNER)
        self.assert_allowed(wire, "SELECT Archive", "STORE 1 +FLAGS (\\Deleted)", "EXPUNGE", "DELETE Archive/2019")
        self.assertEqual(gateway.metric("postern_policy_decisions_total", policy="keep-the-archive", action="observe"), 3)
        line = gateway.wait_for("policy", of=wire.client)
        self.assertIn("keep-the-archive", line.text)
        self.assertEqual(len(self.state(SCANNER)[".Archive"]), 2)


if __name__ == "__main__":
    main()

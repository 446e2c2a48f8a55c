"""What the audit trail tells: every kind of record, for sessions before a real Dovecot."""

from __future__ import annotations

import base64
import json
import socket
import ssl
from typing import Any

from audit_trail import AuditTest, Record, assert_whole
from sandbox.wire import Client, Wire, trusting
from support import NAME, PASSWORDS, RELOAD_FAILED, authority, main, signed
from test_mail import append

MESSAGE = b"Subject: secret plans\r\n\r\nburn after reading\r\n"


def closed_port() -> int:
    """Bound and not listening, so that it refuses as long as the process lives."""
    HELD.append(socket.socket())
    HELD[-1].bind(("127.0.0.1", 0))
    return HELD[-1].getsockname()[1]


HELD: list[socket.socket] = []


class Story(AuditTest):
    @classmethod
    def tree(cls, **changes: Any) -> dict[str, Any]:
        tree = super().tree(**changes)
        tree["rules"] = [
            {"name": "kept", "when": {"command": "DELETE", "mailbox": "Kept"}, "action": "deny"},
            {"name": "trial", "when": {"command": "DELETE", "mailbox": "Tried"}, "action": "deny", "mode": "observe"},
            {"name": "looked at", "when": {"mailbox": "Looked"}, "action": "read_only"}]
        return tree

    def one(self, told: list[Record], event: str, **fields: Any) -> Record:
        found = [each for each in told
                 if each["event"] == event and all(each.get(key) == value for key, value in fields.items())]
        self.assertEqual(len(found), 1, f"{event} {fields} in {[(each['event'], each.get('name')) for each in told]}")
        return found[0]

    def command(self, told: list[Record], name: str, *, intent: bool, **fields: Any) -> Record:
        """The record of its outcome; the intent stands ahead of it, under the same id."""
        outcome = self.one(told, "command", name=name, **fields)
        intents = [each for each in told if each["event"] == "command.intent" and each["id"] == outcome["id"]]
        self.assertEqual(len(intents), 1 if intent else 0, name)
        for each in intents:
            self.assertLess(each["seq"], outcome["seq"])
            self.assertEqual({key: each[key] for key in ("name", "uid", "class", "user", "session")},
                             {key: outcome[key] for key in ("name", "uid", "class", "user", "session")})
            self.assertNotIn("result", each)
        return outcome

    def test_a_session_is_told_from_its_beginning_to_its_end(self) -> None:
        self.dovecot.deliver("alice", MESSAGE, mailbox="Looked")
        wire = self.wire("imap")
        port = wire.socket.getsockname()[1]
        wire.expect_ok("STARTTLS")
        wire.start_tls(trusting())
        wire.expect_ok('ID ("name" "Mulberry" "version" "9" "vendor" "Acme" "os" "CP/M")')
        self.assertEqual(wire.command("LOGIN alice not-it").status, "NO")
        wire.log_in("alice", PASSWORDS["alice"])
        for box in ("Box", "Kept", "Tried"):
            wire.expect_ok(f"CREATE {box}")
        for _ in range(3):
            append(wire, "Box", MESSAGE)
        wire.expect_ok("SELECT Box")
        wire.expect_ok("FETCH 1 (BODY[])")
        wire.expect_ok('SEARCH SUBJECT "secret plans"')
        wire.expect_ok("UID COPY 1 Tried")
        wire.expect_ok("STORE 2:3 +FLAGS (\\Deleted)")
        wire.expect_ok("EXPUNGE")
        self.assertEqual(wire.command("COPY 1 Nowhere").status, "NO")
        wire.expect_ok("MOVE 1 Tried")
        self.assertEqual(wire.command("DELETE Kept").status, "NO")
        wire.expect_ok("DELETE Tried")
        self.assertIn(b"[READ-ONLY]", wire.expect_ok("SELECT Looked").tagged)
        wire.expect_ok("UNSELECT")
        told = self.end(wire)

        opened = told[0]
        self.assertEqual(opened["event"], "session.open")
        self.assertEqual(opened["tls_mode"], "starttls")
        self.assertEqual(opened["conn"], {"listener": "imap", "client_ip": "127.0.0.1", "client_port": port,
                                          "local_ip": "127.0.0.1", "local_port": self.gateway.ports["imap"],
                                          "proxied": False})
        handshake = self.one(told, "tls.handshake")
        self.assertEqual([handshake[key] for key in ("side", "version", "sni", "resumed", "outcome")],
                         ["client", "TLSv1.3", NAME, False, "success"])
        self.assertTrue(handshake["cipher"].startswith("TLS_"))
        # Python's library is the gateway's: post-quantum where it is new enough.
        self.assertEqual(handshake["group"], "X25519MLKEM768" if ssl.OPENSSL_VERSION_INFO >= (3, 5) else "x25519")
        client = self.one(told, "client.id")
        self.assertEqual([client[key] for key in ("name", "version", "vendor", "os")], ["Mulberry", "9", "Acme", "CP/M"])
        self.assertNotIn("user", client)

        failed = self.one(told, "auth.failure")
        self.assertEqual([failed[key] for key in ("user", "outcome", "reason", "mechanism", "upstream_code", "attempt",
                                                  "cleartext")],
                         ["alice", "failure", "authentication_failed", "LOGIN", "AUTHENTICATIONFAILED", 1, False])
        success = self.one(told, "auth.success")
        self.assertEqual([success[key] for key in ("user", "outcome", "mechanism", "attempt")],
                         ["alice", "success", "LOGIN", 2])
        dials = [each for each in told if each["event"] == "upstream.connect"]
        self.assertEqual([each["endpoint"] for each in dials], [f"127.0.0.1:{self.dovecot.imap_port}"] * 2)
        for each in told[told.index(success):]:
            self.assertEqual(each["user"], "alice", each)

        appended = [each for each in told if each["event"] == "command" and each["name"] == "APPEND"]
        self.assertEqual(len(appended), 3)
        for uid, each in enumerate(appended, 1):
            self.assertEqual([each["mailbox"], each["literal_bytes"], each["result"], each["class"]],
                             ["Box", len(MESSAGE), "ok", ["write"]])
            self.assertEqual(each["appenduid"]["destination"], str(uid))
        self.assertEqual(self.command(told, "SELECT", intent=False, mailbox="Box")["class"], ["read"])
        self.assertGreater(self.command(told, "FETCH", intent=False)["bytes_out"], len(MESSAGE))
        copied = self.command(told, "COPY", intent=False, uid=True)
        self.assertEqual([copied[key] for key in ("mailbox", "target", "set", "result", "outcome")],
                         ["Box", "Tried", "1", "ok", "success"])
        self.assertEqual([copied["copyuid"][key] for key in ("source", "destination")], ["1", "1"])
        stored = self.command(told, "STORE", intent=True)
        self.assertEqual([stored[key] for key in ("mailbox", "set", "result")], ["Box", "2:3", "ok"])
        self.assertIn("\\Deleted", stored["flags"])
        self.assertIn("destructive", stored["class"])
        self.assertEqual(self.command(told, "EXPUNGE", intent=True)["expunged_seen"], 2)
        moved = self.command(told, "MOVE", intent=True)
        self.assertEqual([moved["target"], moved["copyuid"]["source"], moved["expunged_seen"]], ["Tried", "1", 1])
        refused = self.one(told, "command", name="COPY", uid=False)
        self.assertEqual([refused[key] for key in ("result", "outcome")], ["no", "failure"])

        denied = self.one(told, "policy.deny", mode="enforce", command="DELETE")
        self.assertEqual([denied[key] for key in ("rule", "action", "verdict", "mailbox", "outcome", "reason")],
                         ["kept", "deny", "refused", "Kept", "denied", "no_permission"])
        self.assertRegex(denied["file_line"], r"postern\.yaml:\d+$")
        tried = self.one(told, "policy.deny", mode="observe")
        self.assertEqual([tried[key] for key in ("rule", "verdict", "mailbox", "outcome")],
                         ["trial", "passed", "Tried", "success"])
        deleted = self.command(told, "DELETE", intent=True)
        self.assertEqual([deleted["mailbox"], deleted["result"], deleted["expunged_seen"]], ["Tried", "ok", None])
        examined = self.one(told, "policy.deny", rule="looked at", verdict="examined")
        self.assertEqual(examined["command"], "SELECT")
        looked = self.command(told, "SELECT", intent=True, mailbox="Looked")
        self.assertEqual([looked["rewritten"], looked["sent_as"]], [True, "EXAMINE"])

        closed = told[-1]
        self.assertEqual([closed[key] for key in ("event", "reason", "outcome", "user")],
                         ["session.close", "logout", "success", "alice"])
        self.assertEqual(set(closed["bytes"]), {"client_in", "client_out", "upstream_in", "upstream_out"})
        self.assertGreater(min(closed["bytes"].values()), 0)
        self.assert_nothing_private()

    def assert_nothing_private(self) -> None:
        octets = self.trail.path.read_bytes()
        for secret in ("secret plans", "burn after reading", "not-it", *PASSWORDS.values()):
            self.assertNotIn(secret.encode(), octets)

    def test_names_cannot_forge_a_record(self) -> None:
        forged = ['x","event":"audit.stop', "x\r\n{\"seq\":1}", "\x1b[2J", "x\u2028y", "'\\\"", "n" * 8000]
        wire = self.wire()
        for name in forged:
            response = base64.b64encode(f"\0{name}\0not-it".encode()).decode()
            self.assertEqual(wire.command(f"AUTHENTICATE PLAIN {response}").status, "NO")
        octets = base64.b64encode(b"\0\xff\xc0\x80\0no").decode()
        self.assertEqual(wire.command(f"AUTHENTICATE PLAIN {octets}").status, "NO")
        told = [each for each in self.end(wire) if each["event"] == "auth.failure"]
        self.assertEqual(len(told), len(forged) + 1)
        self.assertEqual([each["user"] for each in told[:5]], forged[:5])
        self.assertLess(len(told[5]["user"]), 2000)
        self.assertIn("\\xff", told[6]["user"])
        for line in self.trail.path.read_bytes().split(b"\n")[:-1]:
            self.assertIsInstance(json.loads(line.decode()), dict)
            self.assertNotRegex(line.decode(), "[\x00-\x1f\x7f-\x9f\u2028\u2029]")

    def test_a_handshake_that_fails_is_told_in_openssls_words(self) -> None:
        with Wire(self.gateway.ports["imaps"]) as wire:
            wire.send("a LOGIN alice not-it")
            wire.rest()
        failed = self.trail.wait_for("tls.handshake", of=wire.client, outcome="failure")
        self.assertEqual([failed["side"], failed["reason"]], ["client", "other"])
        self.assertTrue(failed["openssl_reason"])
        closed = self.trail.wait_for("session.close", of=wire.client, session=failed["session"])
        self.assertEqual(closed["outcome"], "failure")
        self.assertNotIn("user", closed)

    def test_a_password_in_clear_is_told_as_refused(self) -> None:
        wire = self.wire("imap")
        self.assertIn("[PRIVACYREQUIRED]", wire.command("LOGIN alice not-it").text)
        told = self.end(wire)
        failed = self.one(told, "auth.failure")
        self.assertEqual([failed["outcome"], failed["reason"], failed["cleartext"]], ["denied", "privacy_required", True])

    def test_reloads_are_told_good_and_bad(self) -> None:
        # No other test of this class reloads.
        self.assertEqual(self.reload("limits: much\n").event, RELOAD_FAILED)
        failed = self.trail.wait_for_own("config.reload")
        self.assertEqual([failed["outcome"], failed["trigger"]], ["failure", "signal"])
        self.assertRegex(failed["errors"][0], r"postern\.yaml:1:\d+: ")
        self.assertEqual(self.reload(self.tree(workers=1, audit={"durability": "none"})).event, "reloaded")
        done = self.trail.wait_for_own("config.reload", 2)
        self.assertEqual([done["outcome"], done["errors"], done["restart_required"]],
                         ["success", [], ["workers", "audit.durability"]])
        self.assertNotIn("session", done)
        self.assertEqual(self.reload(self.tree()).event, "reloaded")

    @classmethod
    def tearDownClass(cls) -> None:
        super().tearDownClass()
        cls.gateway.stop()
        records = assert_whole(cls.trail.path)
        assert [each["event"] for each in records[-2:]] == ["audit.stop", "audit.checkpoint"], records[-2:]
        assert records[0]["event"] == "audit.start"


class Selected(AuditTest):
    audit = {"events": ["auth", "upstream"]}

    def test_only_what_is_selected_is_recorded_and_a_reload_changes_it_for_new_sessions(self) -> None:
        old = self.session("alice")
        old.expect_ok("SELECT INBOX")
        self.trail.wait_for("auth.success", of=old.client)
        self.assertEqual(self.reload(self.tree(audit={"events": ["session", "destructive"]})).event, "reloaded")
        new = self.session("bob")
        new.expect_ok("SELECT INBOX")
        new.expect_ok("EXPUNGE")
        told = self.end(new)
        self.assertEqual([each["event"] for each in told],
                         ["session.open", "tls.handshake", "command.intent", "command", "session.close"])
        self.assertEqual({each.get("user") for each in told[2:]}, {"bob"})
        old.expect_ok("EXPUNGE")
        old.expect_ok("LOGOUT")
        old.close()
        self.gateway.stop()  # what is not in the trail now never comes
        events = {each["event"] for each in self.trail.records() if each.get("user") == "alice"}
        self.assertEqual(events, {"auth.success", "upstream.connect"})
        self.assertEqual(self.trail.records("config.reload"), [])


class UpstreamDown(AuditTest):
    audit = {"events": ["upstream", "auth"]}

    @classmethod
    def tree(cls, **changes: Any) -> dict[str, Any]:
        tree = super().tree(**changes)
        tree["upstreams"] = [{"name": "down", "servers": [f"127.0.0.1:{closed_port()}"], "health": {"interval": "1h"}}]
        return tree

    def test_a_server_that_is_down_is_told_with_what_was_tried(self) -> None:
        wire = self.wire()
        self.assertIn("[UNAVAILABLE]", wire.command("LOGIN alice x").text)
        failed = self.trail.wait_for("upstream.fail", of=wire.client)
        self.assertEqual([failed["upstream"], failed["outcome"], failed["attempt"], failed["reason"]],
                         ["down", "error", 1, "refused"])
        login = self.trail.wait_for("auth.failure", of=wire.client)
        self.assertEqual([login["outcome"], login["reason"], login["session"]], ["error", "refused", failed["session"]])


class Balanced(AuditTest):
    audit = {"events": ["session"]}

    @classmethod
    def tree(cls, **changes: Any) -> dict[str, Any]:
        tree = super().tree(**changes)
        tree["listeners"] = [{"name": "imaps", "address": "127.0.0.1:0", "tls": "implicit",
                              "proxy_protocol": "required", "trusted_proxies": ["127.0.0.0/8"]}]
        return tree

    def test_the_client_is_told_and_whose_word_it_is(self) -> None:
        header = b"PROXY TCP4 192.0.2.7 198.51.100.5 4711 993\r\n"
        with Wire(self.gateway.ports["imaps"], tls=trusting(), header=header, source="127.0.0.9",
                  client=Client("192.0.2.7", 4711)) as wire:
            self.assertRegex(wire.line(), rb"^\* OK ")
        opened = self.trail.wait_for("session.open", of=wire.client)
        self.assertEqual(opened["conn"], {"listener": "imaps", "client_ip": "192.0.2.7", "client_port": 4711,
                                          "local_ip": "198.51.100.5", "local_port": 993, "proxied": True})
        self.assertEqual(opened["proxy_protocol"], {"src": "127.0.0.9"})


class ByCertificate(AuditTest):
    audit = {"events": ["session", "auth"]}
    password = "canary-master-5T"

    @classmethod
    def tree(cls, **changes: Any) -> dict[str, Any]:
        cls.authority = authority(cls.folder / "authority")
        tree = super().tree(tls={"client_auth": {"mode": "request", "ca": str(cls.authority.cert), "user_from": "email"}})
        tree["upstreams"][0] |= {"master_user": "gate", "master_password": cls.password}
        return tree

    def test_the_certificate_is_told(self) -> None:
        pair = signed(self.folder / "people", "alice@contractors.example", self.authority)
        context = trusting()
        context.load_cert_chain(pair.cert, pair.key)
        wire = self.wire(tls=context)
        handshake = self.trail.wait_for("tls.handshake", of=wire.client)
        self.assertIn("subject", handshake["client_cert"])
        self.assertRegex(handshake["client_cert"]["sha256"], r"^[0-9a-f]{64}$")
        self.assertRegex(handshake["client_cert"]["serial"], r"^[0-9a-f]+$")
        # The Dovecot here has no master user: it refuses whom the certificate names.
        self.assertEqual(wire.command("AUTHENTICATE EXTERNAL =").status, "NO")
        failed = self.trail.wait_for("auth.failure", of=wire.client)
        self.assertEqual([failed["user"], failed["mechanism"], failed["outcome"], failed["upstream_code"]],
                         ["alice@contractors.example", "EXTERNAL", "denied", "AUTHENTICATIONFAILED"])
        self.end(wire)
        self.assertNotIn(self.password.encode(), self.trail.path.read_bytes())

    def test_a_strangers_certificate_is_told(self) -> None:
        pair = signed(self.folder / "strangers", "mallory@elsewhere.example", authority(self.folder / "others"))
        context = trusting()
        context.load_cert_chain(pair.cert, pair.key)
        with Wire(self.gateway.ports["imaps"]) as wire, self.assertRaises(OSError):
            wire.start_tls(context)
            while wire.line():
                pass
        failed = self.trail.wait_for("tls.handshake", of=wire.client, outcome="failure")
        self.assertEqual(failed["reason"], "verify")


class Redacted(AuditTest):
    audit = {"events": ["all"], "redact": {"user": True, "mailbox": True, "client": True}}

    def test_names_and_addresses_are_hashed_alike_each_time(self) -> None:
        hashes = []
        for user in ("alice", "ALICE", "bob"):
            wire = self.wire()
            self.assertEqual(wire.command(f"LOGIN {user} not-it").status, "NO")
            hashes += [each["user"] for each in self.end(wire) if each["event"] == "auth.failure"]
        self.assertEqual(hashes[0], hashes[1])
        self.assertNotEqual(hashes[0], hashes[2])
        wire = self.session("alice")
        wire.command("CREATE Payroll")
        wire.expect_ok("DELETE Payroll")
        told = self.end(wire)
        deleted = [each for each in told if each.get("name") == "DELETE"]
        for value in (deleted[0]["user"], deleted[0]["mailbox"], deleted[0]["conn"]["client_ip"]):
            self.assertRegex(value, r"^hmac:[0-9a-f]{32}$")
        self.assertEqual(deleted[0]["user"], hashes[0])
        octets = self.trail.path.read_bytes()
        for name in (b"alice", b"Payroll", b'"client_ip":"127'):
            self.assertNotIn(name, octets)
        # At once, for the next record.
        self.assertEqual(self.reload(self.tree(audit={"redact": {"user": False}})).event, "reloaded")
        wire.close()
        told = self.end(self.session("bob"))
        self.assertEqual(told[-1]["user"], "bob")
        self.assertRegex(told[-1]["conn"]["client_ip"], "^hmac:")


if __name__ == "__main__":
    main()

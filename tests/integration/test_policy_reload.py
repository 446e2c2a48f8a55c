"""Rules on trial, and rules that change while the gateway runs."""

from __future__ import annotations

import json
from typing import Any

from support import RELOAD_FAILED, GatewayTest, configuration, main, poll
from test_mail import append

RULE = {"name": "keep", "when": {"class": "destructive", "mailbox": "kept"}, "action": "deny", "reply": "it is kept"}
REFUSED = "NO [NOPERM] it is kept"


class Trial(GatewayTest):
    settings = {"rules": [
        {"name": "nobody", "when": {"user": "alice"}, "action": "read_only", "mode": "observe"},
        {"name": "nothing", "when": {"user": "carol", "class": "destructive"}, "action": "disconnect", "mode": "observe"},
        {"name": "login", "when": {"user": "bob", "command": "LOGIN"}, "action": "deny", "mode": "observe"},
        {"name": "trial", "when": {"user": "bob", "class": "destructive"}, "action": "deny", "mode": "observe"},
        {"name": "real", "when": {"user": "bob", "command": "DELETE"}, "action": "deny", "reply": "not even on trial"}]}

    def counted(self, policy: str, action: str) -> float:
        return self.gateway.metric("postern_policy_decisions_total", policy=policy, action=action)

    def test_what_is_observed_passes_is_counted_and_logged(self) -> None:
        for user, policy in (("alice", "nobody"), ("carol", "nothing")):
            with self.subTest(user):
                wire = self.session(user)
                wire.expect_ok("CREATE box")
                append(wire, "box", b"Subject: x\r\n\r\nx\r\n")
                self.assertIn(b"[READ-WRITE]", wire.expect_ok("SELECT box").tagged)
                before = self.counted(policy, "observe")
                wire.expect_ok("STORE 1 +FLAGS (\\Deleted)")
                self.assertIn(b"* 1 EXPUNGE\r\n", wire.expect_ok("EXPUNGE").untagged)
                self.assertIn(b"DELETE", wire.expect_ok("DELETE box").tagged.upper())
                self.assertEqual(self.counted(policy, "observe") - before, 3)
                line = self.gateway.wait_for("policy", of=wire.client, rule=policy, command="EXPUNGE")
                self.assertEqual(line.fields["user"], user)

    def test_a_login_that_would_be_refused_is_told_with_its_user(self) -> None:
        before = self.counted("login", "observe")
        wire = self.session("bob")
        line = self.gateway.wait_for("policy", of=wire.client, rule="login")
        self.assertEqual([line.fields[key] for key in ("user", "command", "mode", "action", "outcome")],
                         ["bob", "LOGIN", "observe", "deny", "passed"])
        self.assertEqual(self.counted("login", "observe") - before, 1)

    def test_a_trial_does_not_stand_before_what_is_enforced(self) -> None:
        wire = self.session("bob")
        wire.expect_ok("CREATE box")
        tried, real = self.counted("trial", "observe"), self.counted("real", "deny")
        self.assertEqual(wire.command("DELETE box").text, "NO [NOPERM] not even on trial")
        self.assertEqual((self.counted("trial", "observe") - tried, self.counted("real", "deny") - real), (1, 1))


class Reloaded(GatewayTest):
    def tree(self, **changes: Any) -> dict[str, Any]:
        return configuration(self.dovecot.imap_port, self.pair, **changes)

    def answer(self) -> str:
        with self.session() as wire:
            wire.command("CREATE kept")
            return wire.command("DELETE kept").text

    def test_new_rules_are_for_new_sessions_and_broken_ones_for_nobody(self) -> None:
        old = self.session()
        old.expect_ok("CREATE kept")
        self.assertEqual(self.reload(self.tree(rules=[RULE])).event, "reloaded")
        poll(lambda: self.answer() == REFUSED, "the new rule to be in force")
        old.expect_ok("DELETE kept")  # the session has the rules that it began with
        for broken, words in ((RULE | {"action": "forbid"}, "forbid"), (RULE | {"when": {"clas": "write"}}, "clas"),
                              (RULE | {"when": {"client": "10.0.0.1/8"}}, "10.0.0.1/8"),
                              (RULE | {"when": {"class": "all"}}, "all")):
            with self.subTest(words):
                text = json.dumps(self.tree(rules=[broken]), indent=1)
                place = 1 + text[:text.index(f'"{words}"')].count("\n")
                told = self.reload(text)
                self.assertEqual(told.event, RELOAD_FAILED)
                self.assertIn(f"postern.yaml:{place}:", "".join(told.findings))
                self.assertEqual(self.answer(), REFUSED)
        self.assertEqual(self.reload(self.tree()).event, "reloaded")
        poll(lambda: self.answer().startswith("OK"), "the rule to be gone")


if __name__ == "__main__":
    main()

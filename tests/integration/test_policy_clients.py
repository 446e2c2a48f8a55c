"""Mail programs under rules that forbid what they do: they come to an end, and no mail is lost.

Each action has a listener of its own.
"""

from __future__ import annotations

import dataclasses
import imaplib
import re
from collections.abc import Callable
from typing import Any

from clients import case
from clients.case import HOST, Seat
from clients.mailbox import Message, text_message
from support import WAIT_SECONDS, main, trusting
from test_clients_sync import MBSYNC

REPLY = "not by this program"
ACTIONS: dict[str, dict[str, str]] = {"deny": {"class": "destructive"}, "read_only": {}, "organise": {},
                                      "disconnect": {"class": "destructive"}}
COUNT = 12

IMAPFILTER = """\
options.timeout = 90
options.certificates = true
account = IMAP {{ server = '{host}', port = {port}, username = '{user}', password = '{password}', ssl = 'auto' }}
print(#account.INBOX:select_all())
account.INBOX:contain_subject('number 1'):mark_flagged()
account.INBOX:contain_subject('number 2'):copy_messages(account.Archive)
account.INBOX:contain_subject('number 3'):delete_messages()
account.INBOX:contain_subject('number 4'):move_messages(account.Trash)
account.INBOX:contain_subject('number 5'):move_messages(account.Archive)
account:delete_mailbox('Old')
print('end')
"""


def mail() -> dict[str, list[Message]]:
    return {"INBOX": [text_message(number) for number in range(1, COUNT + 1)],
            "Archive": [text_message(20), text_message(21, flags="\\Seen")], "Old": [text_message(30)]}


class UnderRules(case.ClientTest):
    settings = {
        "listeners": [{"name": name, "address": "127.0.0.1:0", "tls": "starttls" if name == "imap" else "implicit"}
                      for name in ("imaps", "imap", *ACTIONS)],
        "rules": [{"name": action, "when": {"listener": action, **when}, "action": action, "reply": REPLY}
                  for action, when in ACTIONS.items()]}

    def under_each(self, client: Callable[[Seat, str], None]) -> None:
        """Runs the client under every action; then all mail is there, unmarked and not only in the trash, and under
        read_only nothing at all has changed."""
        for action in ACTIONS:
            with self.subTest(action):
                seat = dataclasses.replace(self.seat("gateway", "implicit", mail()), port=self.gateway.ports[action])
                before = seat.store.state()
                client(seat, action)
                after = seat.store.state()
                if action == "read_only":
                    self.assertEqual(after, before)
                self.assertLessEqual(self.kept(before), self.kept(after))

    def kept(self, state: dict[str, Any]) -> set[str]:
        """The messages that are neither in the trash nor marked as deleted."""
        return {octets for name, box in state["mailboxes"].items() if name != "Trash"
                for _, flags, _, _, octets in box["messages"] if "\\Deleted" not in flags}

    # ---- imaplib

    def test_imaplib(self) -> None:
        self.under_each(self.imaplib)

    def imaplib(self, seat: Seat, action: str) -> None:
        answers: dict[str, str] = {}
        for name, step in (
                ("flag", lambda: client.store("1", "+FLAGS", "(\\Flagged)")),
                ("copy", lambda: client.copy("1", "Archive")),
                ("append", lambda: client.append("Archive", "(\\Seen)", None, b"Subject: new\r\n\r\nx\r\n")),
                ("mark", lambda: client.store("1:3", "+FLAGS", "(\\Deleted)")), ("expunge", lambda: client.expunge()),
                ("move", lambda: client.uid("MOVE", "2", "Trash")), ("delete", lambda: client.delete("Old")),
                ("file", lambda: client.uid("MOVE", "2", "Archive")), ("rename", lambda: client.rename("INBOX", "x")),
                ("append deleted", lambda: client.append("Archive", "(\\Deleted)", None, b"Subject: new\r\n\r\nx\r\n")),
                ("close", lambda: client.close())):
            client = imaplib.IMAP4_SSL(HOST, seat.port, ssl_context=trusting(ca=str(seat.ca)), timeout=WAIT_SECONDS)
            client.login(seat.user, seat.password)
            if action == "read_only":
                with self.assertRaises(imaplib.IMAP4.readonly):  # so it tells its user
                    client.select("INBOX")
            client.select("INBOX", readonly=action == "read_only")
            try:
                answers[name], said = step()
                if answers[name] == "NO":
                    self.assertEqual(said, [f"[NOPERM] {REPLY}".encode()])
                self.assertEqual(client.noop()[0], "OK")
                client.logout()
            except imaplib.IMAP4.abort:
                answers[name] = "abort"
                client.shutdown()
        refused = "abort" if action == "disconnect" else "NO"
        writes = "NO" if action == "read_only" else "OK"
        expected = dict.fromkeys(answers, refused) | {
            "flag": writes, "copy": writes, "append": writes, "file": "OK" if action == "organise" else refused,
            "close": refused if action == "disconnect" else "OK"}
        self.assertEqual(answers, expected)

    # ---- mbsync

    def test_mbsync(self) -> None:
        self.under_each(self.mbsync)

    def mbsync(self, seat: Seat, action: str) -> None:
        seat.write("password", seat.password)
        inbox = seat.home / "mail" / "INBOX"
        inbox.parent.mkdir()
        seat.write("mbsyncrc", MBSYNC.format(host=HOST, port=seat.port, user=seat.user, home=seat.home, ca=seat.ca,
                                             mechanisms="*", tls="IMAPS"))
        sync = lambda status: seat.run("sh", "-c", 'exec "$0" "$@" 2>&1', "mbsync", "-c", seat.home / "mbsyncrc", "-a",
                                       statuses=(status,))
        # To CLOSE, which it does at the end, the other actions say OK; 1.5 also counts it as a failure if a message
        # cannot be uploaded.
        version = re.match(rb"isync (\d+)\.(\d+)", seat.run("mbsync", "--version"))
        assert version
        uploads_count = (int(version[1]), int(version[2])) >= (1, 5)
        status = 1 if action == "disconnect" or (action == "read_only" and uploads_count) else 0
        # 1.5 tells the answer without its NO.
        refusal = f"{'' if uploads_count else 'NO '}[NOPERM] {REPLY}".encode()
        sync(1 if action == "disconnect" else 0)
        found = sorted(path for part in ("new", "cur") for path in (inbox / part).iterdir())
        self.assertEqual(len(found), COUNT)
        for path in found[:4]:
            path.unlink()
        for path in found[4:8]:
            path.rename(inbox / "cur" / f"{path.name.partition(':2,')[0]}:2,FS")
        (inbox / "cur" / "1700000000.local.here:2,S").write_bytes(b"Subject: local\n\nlocal\n")
        # What was refused it tells, and tries again the next time.
        for _ in range(2):
            self.assertIn(b"unexpected BYE" if action == "disconnect" else refusal, sync(status))

    # ---- imapfilter

    def test_imapfilter(self) -> None:
        self.under_each(self.imapfilter)

    def imapfilter(self, seat: Seat, action: str) -> None:
        seat.write("config.lua", IMAPFILTER.format(host=HOST, port=seat.port, user=seat.user, password=seat.password))
        said = seat.run("imapfilter", "-t", seat.ca, "-c", seat.home / "config.lua",
                        statuses=(2,) if action == "disconnect" else (0,))
        self.assertTrue(said.startswith(b"%d\n" % COUNT), said)
        self.assertEqual(said.endswith(b"\nend\n"), action != "disconnect", said)


if __name__ == "__main__":
    main()

"""Clients of the command line: each does its work directly at the server and through the gateway."""

from __future__ import annotations

import os
import pathlib
import re
import select
import subprocess
import termios
import time
from typing import Any
from urllib.parse import quote

from clients import case
from clients.case import HOST, Seat
from clients.mailbox import Store, digest, text_message
from support import WAIT_SECONDS, main, mask

IMAPFILTER = """\
options.timeout = 90
options.certificates = true
options.starttls = {starttls}
options.namespace = true
account = IMAP {{ server = '{host}', port = {port}, username = '{user}', password = '{password}'{ssl} }}
odd = account.INBOX:contain_subject('odd ')
print(#odd)
account.INBOX:is_unseen():mark_flagged();
(account.INBOX:contain_subject('number 1') + account.INBOX:contain_subject('number 2')):move_messages(account.Archive)
account.INBOX:contain_from('sender3@'):copy_messages(account['Lists/été'])
account.INBOX:contain_subject('number 4'):delete_messages()
account.INBOX:is_larger(60000):mark_seen()
account:create_mailbox('made (here)')
for _, message in ipairs(account.INBOX:match_body('text of 5')) do
  mailbox, uid = table.unpack(message)
  print(uid, mailbox[uid]:fetch_field('Subject'), #mailbox[uid]:fetch_message())
end
mailboxes, folders = account:list_all()
table.sort(mailboxes)
print(table.concat(mailboxes, '|'))
"""

FETCHMAIL = """\
poll {host} service {port} protocol IMAP user "{user}" password "{password}"
  folder INBOX, Archive fetchall {keep} mda "sh {home}/deliver" {tls} sslcertck sslcertfile {ca}
"""

# Behind each message something that no message holds; line ends are those of the disk.
DELIVER = "{ cat; echo ===next===; } >>received\n"

S_NAIL = """\
set v15-compat tls-verify=strict tls-ca-file={ca} tls-ca-no-defaults
set imap-auth=login imap-keepalive=0 nosave {starttls}
"""
S_NAIL_COMMANDS = b"headers\ncopy 1 2 saved\nflag 4\ndelete 5\ncopy 3 +Archive\ntype 9 11\nquit\n"

MUTT = """\
set folder="{url}" spoolfile="{url}INBOX"
set imap_user="{user}" imap_pass="{password}"
set ssl_ca_certificates_file="{ca}" certificate_file="" ssl_force_tls=yes ssl_starttls=yes
set header_cache="" message_cachedir="" move=no delete=yes confirmappend=no confirmcreate=no quit=yes mark_old=no
set wait_key=no beep=no imap_idle=no imap_check_subscribed=yes sort=mailbox-order save_empty=yes copy=no
set mbox_type=maildir imap_keepalive=300 sleep_time=0 collapse_unread=yes auto_tag=no
"""
# What is typed: copies two messages to another mailbox, moves one, flags one, saves one on the disk, deletes one.
MUTT_KEYS = ("<tag-pattern>~s 'number [12]'<enter><tag-prefix><copy-message>=Archive<enter>"
             "<untag-pattern>~A<enter><limit>~A<enter>"
             "<search>~s 'number 3'<enter><save-message>=Lists/été<enter>"
             "<search>~s 'number 4'<enter><flag-message>"
             "<search>~s 'odd size'<enter><copy-message>{home}/saved<enter>"
             "<search>~s 'odd parts'<enter><display-message><exit>"
             "<delete-pattern>~s 'number 5'<enter><sync-mailbox>"
             "<change-folder>=Archive<enter><toggle-new><quit>")


class Command(case.ClientTest):
    def subjects_of(self, store: Store, mailbox: str, *expected: str) -> None:
        found = store.subjects(mailbox)
        for each in expected:
            self.assertIn(each, found)

    # ---- curl

    def curl(self, seat: Seat, path: str, *options: str | pathlib.Path, mechanism: str = "AUTH=PLAIN") -> bytes:
        scheme, more = ("imaps", []) if seat.implicit else ("imap", ["--ssl-reqd"])
        return seat.run("curl", "--silent", "--show-error", "--max-time", "90", "--cacert", seat.ca, *more,
                        "--config", seat.home / "curlrc", "--login-options", mechanism,
                        f"{scheme}://{HOST}:{seat.port}/{path}", *options)

    def test_curl(self) -> None:
        def client(seat: Seat) -> Any:
            seat.write("curlrc", f'user = "{seat.user}:{seat.password}"\n')
            upload = seat.write("upload", text_message(77, "by curl").octets.decode())
            said = [self.curl(seat, "", mechanism=mechanism)
                    for mechanism in ("AUTH=PLAIN", "AUTH=LOGIN", "AUTH=CRAM-MD5", "AUTH=*")]
            self.assertEqual(said, said[:1] * len(said))
            said += [self.curl(seat, "INBOX?NEW"), self.curl(seat, "INBOX?SUBJECT%20%22odd%20size%22")]
            said += [self.curl(seat, f"INBOX;UID={uid}") for uid in (1, 9, 10, 11, 12, 13)]
            said += [self.curl(seat, "INBOX;UID=12;SECTION=2"), self.curl(seat, "INBOX;MAILINDEX=2"),
                     self.curl(seat, "Lists%2F%26AOk-t%26AOk-;UID=1")]
            said += [self.curl(seat, "Archive", "--upload-file", upload)]
            said += [self.curl(seat, "INBOX", "--request", request)
                     for request in ("STORE 2:3 +FLAGS (\\Deleted)", "EXPUNGE", "UID COPY 1 Archive", "FETCH 1:* FLAGS",
                                     "UID MOVE 4 Archive", "GETQUOTAROOT INBOX", "NAMESPACE")]
            return [seat.plain(each) for each in said]

        def check(said: Any, store: Store) -> None:
            self.assertIn(b"text of 1\r\n", said[6])
            self.assertEqual(len(store.messages("INBOX")), 10)
            self.subjects_of(store, "Archive", "by curl", "number 1", "number 4")

        self.compare(client, check=check)

    def test_a_client_that_trusts_another_authority_is_not_served(self) -> None:
        """Here it shows that the certificate is looked at: the seats trust the private authority alone."""
        seat = self.seat("gateway", "implicit", {})
        seat.write("curlrc", f'user = "{seat.user}:{seat.password}"\n')
        seat.run("curl", "--silent", "--config", seat.home / "curlrc", f"imaps://{HOST}:{seat.port}/", statuses=(60,),
                 environment={"SSL_CERT_FILE": "", "SSL_CERT_DIR": str(seat.home)})

    # ---- imapfilter

    def test_imapfilter(self) -> None:
        def client(seat: Seat) -> Any:
            seat.write("config.lua", IMAPFILTER.format(
                ca=seat.ca, starttls="false" if seat.implicit else "true", host=HOST, port=seat.port, user=seat.user,
                password=seat.password, ssl=", ssl = 'auto'" if seat.implicit else ""))
            return seat.plain(seat.run("imapfilter", "-t", seat.ca, "-c", seat.home / "config.lua"))

        def check(said: Any, store: Store) -> None:
            self.assertTrue(said.startswith(b"5\n"), said)
            self.subjects_of(store, "Archive", "number 1", "number 2")
            self.subjects_of(store, "Lists/&AOk-t&AOk-", "number 3")
            self.assertEqual(len(store.messages("INBOX")), 10)

        self.compare(client, check=check)

    # ---- fetchmail

    def test_fetchmail(self) -> None:
        def client(seat: Seat) -> Any:
            said = []
            seat.write("deliver", DELIVER)
            for keep in ("keep", "no keep"):
                seat.write("fetchmailrc", FETCHMAIL.format(
                    host=HOST, port=seat.port, user=seat.user, password=seat.password, keep=keep, home=seat.home,
                    ca=seat.ca, tls="ssl" if seat.implicit else "sslproto TLS1.2+"))
                seat.run("fetchmail", "--fetchmailrc", seat.home / "fetchmailrc", "--nosyslog", "--pidfile",
                         seat.home / "pid", "--nodetach")
                said.append(self.received(seat))
            return said

        def check(said: Any, store: Store) -> None:
            self.assertEqual([len(each) for each in said], [15, 30])
            self.assertEqual(store.messages("INBOX") + store.messages("Archive"), [])

        self.compare(client, check=check)

    def received(self, seat: Seat) -> list[str]:
        """The hashes of the messages that the deliver script got, without the trace line that tells time and port."""
        parts = (seat.home / "received").read_bytes().split(b"===next===\n")[:-1]
        return [digest(re.sub(rb"(?m)^Received: .*\n([ \t].*\n)*", b"", each)) for each in parts]

    # ---- s-nail

    def test_s_nail(self) -> None:
        def client(seat: Seat) -> Any:
            settings = seat.write("nailrc", S_NAIL.format(
                ca=seat.ca, starttls="" if seat.implicit else "imap-use-starttls"))
            scheme = "imaps" if seat.implicit else "imap"
            url = f"{scheme}://{quote(seat.user)}:{quote(seat.password)}@{HOST}:{seat.port}"
            said = seat.run("s-nail", "-:/", "-#", "-X", f"source {settings}", "-S", f"folder={url}",
                            "-f", f"{url}/INBOX", given=S_NAIL_COMMANDS)
            # What it says of the folders has the whole URL in it, password and all.
            told = [line for line in said.splitlines() if b"://" not in line]
            return [seat.plain(b"\n".join(told)), digest((seat.home / "saved").read_bytes())]

        def check(said: Any, store: Store) -> None:
            self.assertIn(b"number 8", said[0])
            self.assertIn(b"literal {7}", said[0])
            self.subjects_of(store, "Archive", "number 3")
            self.assertNotIn("number 5", store.subjects("INBOX"))

        self.compare(client, check=check)

    # ---- mutt

    def test_mutt(self) -> None:
        def client(seat: Seat) -> Any:
            scheme = "imaps" if seat.implicit else "imap"
            seat.write("muttrc", MUTT.format(url=f"{scheme}://{HOST}:{seat.port}/", user=seat.user,
                                             password=seat.password, ca=seat.ca))
            for part in ("cur", "new", "tmp"):
                (seat.home / "saved" / part).mkdir(parents=True)
            run_in_terminal(seat, "mutt", "-n", "-F", str(seat.home / "muttrc"), "-e",
                            f'push "{MUTT_KEYS.format(home=seat.home)}"')
            return sorted(digest(path.read_bytes()) for path in (seat.home / "saved").glob("*/*"))

        def check(said: Any, store: Store) -> None:
            self.assertEqual(len(said), 1)
            self.subjects_of(store, "Archive", "number 1", "number 2")
            self.subjects_of(store, "Lists/&AOk-t&AOk-", "number 3")
            self.assertNotIn("number 5", store.subjects("INBOX"))
            self.assertIn("\\Flagged", [flags for uid, flags, *_ in store.messages("INBOX") if uid == 4])

        self.compare(client, check=check)


def run_in_terminal(seat: Seat, *command: str) -> None:
    """For a client that wants a terminal: it gets one, and its screen is read until it ends."""
    mine, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (40, 120))  # newer mutt takes none without a size
    screen = b""
    with subprocess.Popen(command, cwd=seat.home, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
                          env=seat.environment) as client:
        os.close(theirs)
        deadline = time.monotonic() + WAIT_SECONDS
        try:
            while select.select([mine], [], [], max(0, deadline - time.monotonic()))[0]:
                screen += os.read(mine, 65536)
        except OSError:
            pass  # the terminal's other end is closed: the client has ended
        finally:
            os.close(mine)
            if client.poll() is None and time.monotonic() > deadline:
                client.kill()
    if client.returncode != 0:
        raise AssertionError(f"{command[0]} ({seat.way}, {seat.tls}) ended with {client.returncode}:\n"
                             f"{mask(repr(screen[-3000:]))}")


if __name__ == "__main__":
    main()

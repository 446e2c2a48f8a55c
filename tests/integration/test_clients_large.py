"""A mailbox of 10,000 messages: what is told of it, and lines of 49 kB that name every other message."""

from __future__ import annotations

import os
import shutil

from clients import case
from clients.case import HOST, Seat, Store
from support import Wire, main, trusting

COUNT = 10_000


class Large(case.ClientTest):
    def fill(self, user: str) -> None:
        """Straight into the maildir: appending takes a minute."""
        folder = self.dovecot.folder / "mail" / user / ".large"
        for part in ("cur", "new", "tmp"):
            (folder / part).mkdir(parents=True)
        for number in range(COUNT):
            text = f"Subject: number {number}\n\ntext {number}\n"
            (folder / "cur" / f"{1_600_000_000 + number}.sandbox:2,{'S' if number % 3 else ''}").write_text(text)
        owner = (self.dovecot.folder / "mail").stat()
        if os.geteuid() == 0:
            for path in [folder.parent, folder, *folder.rglob("*")]:
                shutil.chown(path, owner.st_uid, owner.st_gid)

    def session(self, seat: Seat) -> list[bytes]:
        every_other = ",".join(f"{uid}:{uid}" for uid in range(1, COUNT + 1, 2))
        every_third = ",".join(f"{uid}:{uid + 1}" for uid in range(1, COUNT, 3))
        with Wire(seat.port, tls=trusting(ca=str(seat.ca)), name=HOST) as wire:
            wire.line()
            wire.log_in(seat.user, seat.password)
            said = []
            for command in ("SELECT large", "UID SEARCH ALL", "FETCH 1:* (UID FLAGS RFC822.SIZE)",
                            "UID SORT (REVERSE SUBJECT) UTF-8 ALL", "UID THREAD REFERENCES UTF-8 ALL",
                            f"UID FETCH {every_third} (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])",
                            f"UID STORE {every_other} +FLAGS (\\Flagged)", f"UID SEARCH UID {every_other} FLAGGED",
                            "UID SEARCH RETURN (COUNT) FLAGGED", f"UID COPY {every_third} INBOX",
                            f"UID STORE {every_other} +FLAGS.SILENT (\\Deleted)", "EXPUNGE", "UID FETCH 1:* (FLAGS)"):
                reply = wire.expect_ok(command)
                said += [seat.plain(line) for line in (*reply.untagged, reply.tagged)]
            # What came in between is told in either order.
            self.assertEqual(sum(b" EXPUNGE\r\n" in line for line in said), COUNT // 2)
            self.assertEqual(wire.expect_ok("UNSELECT").untagged, [])
            wire.expect_ok("LOGOUT")
        return said

    def test_ten_thousand_messages(self) -> None:
        def client(seat: Seat) -> list[bytes]:
            self.fill(seat.user)
            return self.session(seat)

        def check(said: list[bytes], store: Store) -> None:
            self.assertEqual(len(store.messages("large")), COUNT // 2)
            self.assertEqual(len(store.messages("INBOX")), 2 * len(range(1, COUNT, 3)))

        self.compare(client, mail={"INBOX": []}, tls=("implicit",), check=check)


if __name__ == "__main__":
    main()

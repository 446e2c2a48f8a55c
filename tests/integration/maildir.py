"""What lies in a maildir, read from the disk: nobody has to be asked, and nobody can gloss over it."""

from __future__ import annotations

import hashlib
import pathlib
import re

from clients.mailbox import digest

# What Dovecot writes for itself whenever it looks at a mailbox. Its dovecot-keywords, dovecot-acl and attributes
# are not among them: those hold what a client has said.
DOVECOTS_OWN = re.compile(r"dovecot\.(index|list\.index|mailbox\.log)|dovecot-(uidlist|uidvalidity|acl-list)|maildirsize"
                          r"|temp\.")


def octets(root: pathlib.Path) -> dict[str, str]:
    """Every folder and file by its path, files with the hash of every octet in them."""
    found = {}
    for path in sorted(root.rglob("*")):
        if not DOVECOTS_OWN.match(path.name):
            name = str(path.relative_to(root))
            found[name] = "" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def messages(box: pathlib.Path) -> list[tuple[str, str]]:
    """Hash and flags of each message of one mailbox, in an order that does not depend on names."""
    found = []
    for part in ("new", "cur"):
        for path in (box / part).iterdir():
            flags = path.name.rpartition(":2,")[2] if ":2," in path.name else ""
            found.append((digest(path.read_bytes()), "".join(sorted(flags))))
    return sorted(found)


def mailboxes(root: pathlib.Path) -> dict[str, list[tuple[str, str]]]:
    """The messages of each mailbox below, by the path of its folder."""
    return {str(cur.parent.relative_to(root)): messages(cur.parent) for cur in sorted(root.rglob("cur"))}

"""A private Dovecot: its own folder, users, mail and ports; as root or as an ordinary user.

The listening sockets are made here, on ports that the kernel chooses, and handed over in the way of systemd's
socket activation. So no port can be taken by somebody else between choosing and binding, and a client that
connects early waits in the backlog.
"""

from __future__ import annotations

import contextlib
import fcntl
import grp
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import time

from sandbox import dovecot_config
from sandbox.dovecot_config import ForVersion
from sandbox.processes import STOPPED_SECONDS, await_end, listen, members_of_session
from sandbox.wire import WAIT_SECONDS, Wire

STARTED_SECONDS = 60
# The mail belongs to this user when root starts the server: Dovecot refuses to open mail as root.
MAIL_USER = "nobody"


class PrivateDovecot:
    """One Dovecot below `folder`. `users` maps names to passwords."""

    def __init__(self, folder: pathlib.Path, users: dict[str, str], *, cert: pathlib.Path | None = None,
                 key: pathlib.Path | None = None, mechanisms: str = "plain login cram-md5",
                 extra: str | ForVersion = "", haproxy: bool = False) -> None:
        """`extra` is configuration that stands at the end of the file, where it overrides what is above it.

        `haproxy`: every connection must begin with a PROXY header.
        """
        self.folder = folder
        self.users = users
        self.mechanisms = mechanisms
        self.extra = extra.text() if isinstance(extra, ForVersion) else extra
        self.haproxy = haproxy
        self.cert = cert
        self.key = key
        self.imap_port = 0
        self.imaps_port = 0
        self._settled = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._prepare()

    # ---- life

    def start(self) -> None:
        """Starts the server; a second start uses the same ports as the first."""
        sockets = [listen(self.imap_port)]
        if self.cert:
            sockets.append(listen(self.imaps_port))
        self.imap_port = sockets[0].getsockname()[1]
        self.imaps_port = sockets[1].getsockname()[1] if self.cert else 0
        config = self.folder / "dovecot.conf"
        config.write_text(self._config())
        try:
            self._process = _spawn([dovecot_config.binary(), "-F", "-c", str(config)], sockets, self.folder)
        finally:
            for each in sockets:
                each.close()
        self._await_greeting()

    def stop(self) -> None:
        """Ends the server and its children, in order."""
        if self._process is None:
            return
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOPPED_SECONDS)
        self.kill()

    def kill(self) -> None:
        """Ends everything at once, as a crash of the machine would."""
        if self._process is None:
            return
        members = members_of_session(self._process.pid)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(STOPPED_SECONDS)
        # The children hold the ports and the mail until they are gone.
        await_end(members)
        self._process = None

    def __enter__(self) -> "PrivateDovecot":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # ---- mail

    def deliver(self, user: str, message: bytes, *, mailbox: str = "") -> None:
        """Puts a message into a mailbox of the user before anybody looks at it."""
        maildir = self.folder / "mail" / user
        if mailbox:
            maildir = maildir / f".{mailbox}"
        for part in ("cur", "new", "tmp"):
            (maildir / part).mkdir(parents=True, exist_ok=True)
        count = len(list((maildir / "new").iterdir()))
        (maildir / "new" / f"{1700000000 + count}.{count}.sandbox").write_bytes(message)
        _give_to_mail_user(self.folder / "mail" / user)

    def settle(self) -> None:
        """Returns when log() has all that was said of logins before the call: a login that fails comes behind it.

        Its name is nobody else's. The server must take passwords in clear.
        """
        self._settled += 1
        name = f"settle-{self._settled}"
        with Wire(self.imap_port, header=b"PROXY UNKNOWN\r\n" if self.haproxy else b"") as wire:
            wire.line()
            wire.command(f"LOGIN {name} wrong")
            wire.expect_ok("LOGOUT")
        deadline = time.monotonic() + WAIT_SECONDS
        while f"user=<{name}>" not in self.log():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited for Dovecot to log {name}")

    def log(self) -> str:
        """What the server has said so far, of a login in the words of 2.3; what is not there may still come."""
        parts = [path.read_text(errors="replace") for path in sorted(self.folder.glob("dovecot*.log"))]
        return "".join(parts).replace("Info: Logged in: user=<", "Info: Login: user=<")

    # ---- inside

    def _prepare(self) -> None:
        for part in ("mail", "state", "run"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        # Dovecot's own processes are other users than root: they must be able to walk in.
        self.folder.chmod(0o755)
        mail_user = _mail_user()
        lines = [f"{name}:{{PLAIN}}{password}:{mail_user.pw_uid}:{mail_user.pw_gid}::{self.folder}/mail/{name}::\n"
                 for name, password in self.users.items()]
        users = self.folder / "users"
        users.write_text("".join(lines))
        users.chmod(0o600)
        if os.geteuid() == 0:
            shutil.chown(users, "dovecot", "dovecot")
        _give_to_mail_user(self.folder / "mail")

    def _config(self) -> str:
        mine = pwd.getpwuid(os.geteuid())
        root = os.geteuid() == 0
        base = dovecot_config.BASE.format(
            base=self.folder / "run", folder=self.folder, mail=self.folder / "mail", mechanisms=self.mechanisms,
            internal_user="dovecot" if root else mine.pw_name,
            internal_group="dovecot" if root else grp.getgrgid(os.getegid()).gr_name,
            login_user="dovenull" if root else mine.pw_name,
            tls=dovecot_config.TLS.format(cert=self.cert, key=self.key) if self.cert else "ssl = no",
            imap_port=self.imap_port, imaps_port=self.imaps_port)
        return base + (dovecot_config.HAPROXY if self.haproxy else "") + self.extra

    def _await_greeting(self) -> None:
        try:
            with socket.create_connection(("127.0.0.1", self.imap_port), STARTED_SECONDS) as probe:
                probe.settimeout(STARTED_SECONDS)
                if self.haproxy:
                    probe.sendall(b"PROXY UNKNOWN\r\n")
                greeting = probe.recv(512)
        except OSError as problem:
            greeting = str(problem).encode()
        if not greeting.startswith(b"* OK"):
            self.kill()
            raise RuntimeError(f"the private Dovecot did not start ({greeting!r}):\n{self.log()}")


def _mail_user() -> pwd.struct_passwd:
    return pwd.getpwnam(MAIL_USER) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


def _give_to_mail_user(path: pathlib.Path) -> None:
    if os.geteuid() != 0:
        return
    owner = _mail_user()
    for each in [path, *path.rglob("*")]:
        os.chown(each, owner.pw_uid, owner.pw_gid)


def _spawn(command: list[str], sockets: list[socket.socket], folder: pathlib.Path) -> subprocess.Popen[bytes]:
    """Starts the command with the sockets as descriptors 3, 4, … as sd_listen_fds(3) wants them."""
    # Copies with high numbers, so that moving one down cannot overwrite another. The shell puts its own process
    # number, which exec keeps, into LISTEN_PID.
    copies = [fcntl.fcntl(each.fileno(), fcntl.F_DUPFD, 50) for each in sockets]
    moves = "".join(f"exec {3 + i}<&{copy} {copy}<&-; " for i, copy in enumerate(copies))
    script = f'{moves}LISTEN_PID=$$ LISTEN_FDS={len(sockets)} exec "$@"'
    try:
        return subprocess.Popen(["bash", "-c", script, "bash", *command], pass_fds=copies, cwd=folder,
                                stdin=subprocess.DEVNULL, start_new_session=True)
    finally:
        for copy in copies:
            os.close(copy)

"""A private Courier IMAP, in a root directory of its own: its paths are compiled in, and root alone changes the root.

The listening is done here, in the place of Courier's couriertcpd, which cannot say which port the kernel chose: each
connection is handed to a fresh login program, as inetd does it.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import threading
import unittest

from sandbox.processes import STOPPED_SECONDS, await_end, listen, processes_where

from servers.unpacked import copy_into, copy_libraries, run_quietly

STARTED_SECONDS = 60
AUTH_DAEMON = "usr/lib/courier/courier-authlib/authdaemond"
LOGIN = "usr/lib/courier/courier/imaplogin"
TLS = "usr/bin/couriertls"
MAKE_DATABASE = "usr/lib/courier/courier/makedatprog"
PASSWORD = "usr/sbin/userdbpw"
FILE_ALTERATION_MONITOR = "usr/libexec/gam_server"
AUTH_MODULE = "usr/lib/courier-authlib/libauthuserdb.so.0"
PROGRAMS = [AUTH_DAEMON, LOGIN, TLS, MAKE_DATABASE, PASSWORD, AUTH_MODULE, "usr/bin/imapd"]
LIBRARIES = [f"usr/lib/libcourierauth{name}.so.0{full}" for name in ("", "common", "sasl", "saslclient")
             for full in ("", ".0.0")]
DEVICES = {"null": (1, 3), "urandom": (1, 9), "random": (1, 8)}
HMACS = ("md5", "sha1", "sha256")

AUTH_SETTINGS = """\
authmodulelist="authuserdb"
authmodulelistorig="authuserdb"
daemons=3
authdaemonvar=/run/courier/authdaemon
DEBUG_LOGIN=0
DEFAULTOPTIONS=""
"""

CAPABILITY = ("IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA "
              "AUTH=CRAM-MD5 AUTH=CRAM-SHA1 AUTH=CRAM-SHA256 AUTH=PLAIN AUTH=LOGIN IDLE")

# As the files /etc/courier/imapd and imapd-ssl of the package set them, but for what is said above.
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin", "IMAP_CAPABILITY": CAPABILITY, "IMAP_CAPABILITY_TLS": CAPABILITY, "IMAP_KEYWORDS": "1",
    "IMAP_ACL": "1", "IMAP_MAILBOX_SANITY_CHECK": "1", "IMAP_IDLE_TIMEOUT": "1", "IMAP_TRASHFOLDERNAME": "Trash",
    "IMAP_USELOCKS": "1", "IMAP_ENHANCEDIDLE": "1", "IMAP_TLS_REQUIRED": "0", "IMAP_UMASK": "022",
    "IMAP_EMPTYTRASH": "Trash:7", "HEADERFROM": "X-IMAP-Sender", "TCPREMOTEIP": "127.0.0.1", "TCPREMOTEPORT": "1",
    "TCPREMOTEHOST": "localhost", "TCPLOCALIP": "127.0.0.1", "TCPLOCALPORT": "143",
}


class PrivateCourier:
    """One Courier below `folder`, which is its root. `users` maps names to passwords."""

    def __init__(self, folder: pathlib.Path, users: dict[str, str], *, cert: pathlib.Path | None = None,
                 key: pathlib.Path | None = None) -> None:
        if os.geteuid() != 0:
            raise unittest.SkipTest("Courier's paths are compiled in: only root can give it a root of its own")
        self.folder = folder
        self.imap_port = 0
        self.imaps_port = 0
        self._listeners: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._auth: subprocess.Popen[bytes] | None = None
        self._children: list[subprocess.Popen[bytes]] = []
        self._owner = pwd.getpwnam("nobody")
        self._prepare(users, cert, key)

    # ---- life

    def start(self) -> None:
        """Starts the server; a second start uses the same ports as the first."""
        with (self.folder / "courier.log").open("ab") as log:
            self._auth = self._spawn([AUTH_DAEMON], {}, subprocess.DEVNULL, log, log)
        self._await_auth_daemon()
        plain = listen(self.imap_port)
        self._serve(plain, [LOGIN, "/usr/bin/imapd", "Maildir"], self._environment)
        self.imap_port = plain.getsockname()[1]
        if "IMAP_STARTTLS" in self._environment:
            tls = listen(self.imaps_port)
            self._serve(tls, [TLS, "-server", "-tcpd", f"/{LOGIN}", "/usr/bin/imapd", "Maildir"],
                        self._environment | {"IMAP_TLS": "1"})
            self.imaps_port = tls.getsockname()[1]

    def kill(self) -> None:
        """Ends everything that runs under this root at once."""
        for each in self._listeners:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)  # ends the accept() of the thread
            each.close()
        for each in self._threads:
            each.join()
        self._listeners, self._threads = [], []
        members = processes_where(lambda entry: os.readlink(entry / "root") == str(self.folder.resolve()))
        for member in members:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(member, signal.SIGKILL)
        for child in [*self._children, *filter(None, [self._auth])]:
            child.wait(STOPPED_SECONDS)
        await_end(members)
        self._auth, self._children = None, []

    def log(self) -> str:
        """What the server has to say, for the report of a failed test."""
        return (self.folder / "courier.log").read_text(errors="replace")

    # ---- inside

    def _prepare(self, users: dict[str, str], cert: pathlib.Path | None, key: pathlib.Path | None) -> None:
        root = self.folder
        for part in ("dev", "etc/courier", "run/courier/authdaemon", "var/run", "tmp"):
            (root / part).mkdir(parents=True, exist_ok=True)
        (root / "tmp").chmod(0o1777)
        copy_into(root, [*PROGRAMS, f"{AUTH_MODULE}.0.0", *LIBRARIES])
        programs = list(PROGRAMS)
        # Since Debian 13 Courier asks the kernel itself.
        if pathlib.Path(f"/{FILE_ALTERATION_MONITOR}").exists():
            monitor = root / FILE_ALTERATION_MONITOR
            monitor.parent.mkdir(parents=True)
            shutil.copy2(f"/{FILE_ALTERATION_MONITOR}", monitor)
            programs.append(FILE_ALTERATION_MONITOR)
        copy_libraries(root, programs, self._library_path)
        for name, numbers in DEVICES.items():
            os.mknod(root / "dev" / name, stat.S_IFCHR | 0o666, os.makedev(*numbers))
            (root / "dev" / name).chmod(0o666)
        # The TLS helper becomes the user `courier` before it shakes hands.
        (root / "etc/passwd").write_text(f"courier:x:{self._owner.pw_uid}:{self._owner.pw_gid}::/:/bin/false\n")
        (root / "etc/courier/authdaemonrc").write_text(AUTH_SETTINGS)
        self._environment = ENVIRONMENT | {"IMAP_STARTTLS": "NO"}
        if cert and key:
            (root / "etc/courier/imapd.pem").write_text(key.read_text() + cert.read_text())
            self._environment = ENVIRONMENT | {
                "IMAP_STARTTLS": "YES", "COURIERTLS": f"/{TLS}", "TLS_CERTFILE": "/etc/courier/imapd.pem",
                "TLS_VERIFYPEER": "NONE", "TLS_PROTOCOL": "TLS1_2+"}
        self._write_users(users)

    @property
    def _library_path(self) -> str:
        return f"{self.folder}/usr/lib:{self.folder}/usr/lib/courier-authlib"

    def _write_users(self, users: dict[str, str]) -> None:
        accounts, secrets = [], []
        for user, password in users.items():
            maildir = self.folder / "mail" / user / "Maildir"
            for part in ("cur", "new", "tmp"):
                (maildir / part).mkdir(parents=True)
            accounts.append(f"{user}\tuid={self._owner.pw_uid}|gid={self._owner.pw_gid}|home=/mail/{user}|"
                            "quota=100000000S|_=\n")
            hashes = {"imappw": self._hash(password, "-md5")}
            hashes |= {f"hmac-{kind}pw": self._hash(password, f"-hmac-{kind}") for kind in HMACS}
            secrets.append(f"{user}\t{'|'.join(f'{name}={value}' for name, value in hashes.items())}\n")
        self._write_database("userdb", accounts)
        self._write_database("userdbshadow", secrets)
        for each in [self.folder / "mail", *(self.folder / "mail").rglob("*")]:
            os.chown(each, self._owner.pw_uid, self._owner.pw_gid)

    def _hash(self, password: str, kind: str) -> str:
        return run_quietly([str(self.folder / PASSWORD), kind], given=f"{password}\n{password}\n",
                           library_path=self._library_path).strip()

    def _write_database(self, name: str, lines: list[str]) -> None:
        path = self.folder / "etc/courier" / name
        run_quietly([str(self.folder / MAKE_DATABASE), "-", f"{path}.new", f"{path}.dat"],
                    given="".join(lines) + "\n.\n", library_path=self._library_path)
        path.with_suffix(".dat").chmod(0o600)

    def _spawn(self, command: list[str], environment: dict[str, str], *streams: object) -> subprocess.Popen[bytes]:
        chroot = shutil.which("chroot", path="/usr/sbin:/sbin:/usr/bin")
        standard_input, output, errors = streams
        return subprocess.Popen([chroot, str(self.folder), f"/{command[0]}", *command[1:]], env=environment,
                                stdin=standard_input, stdout=output, stderr=errors, start_new_session=True)

    def _serve(self, listener: socket.socket, command: list[str], environment: dict[str, str]) -> None:
        def run() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, (self.folder / "courier.log").open("ab") as log:
                    self._children = [child for child in self._children if child.poll() is None]
                    self._children.append(self._spawn(command, environment, connection, connection, log))

        self._listeners.append(listener)
        self._threads.append(threading.Thread(target=run, daemon=True))
        self._threads[-1].start()

    def _await_auth_daemon(self) -> None:
        # It says so on its log, which is read until then: its socket is there before it listens.
        with (self.folder / "courier.log").open() as log:
            seen = ""
            while "Installation complete: authuserdb" not in seen:
                seen += log.read()
                if self._auth.poll() is not None:
                    raise RuntimeError(f"the private Courier did not start:\n{self.log()}")

"""A private Cyrus IMAP: its own folder, users, mail and ports; as root or as an ordinary user.

Its master binds port 0 on two loopback addresses, one for each service; what the kernel chose is read from /proc.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import time

from sandbox.processes import STOPPED_SECONDS, await_end, members_of_session

from servers.unpacked import MULTIARCH, copy_into, run_quietly

STARTED_SECONDS = 60
NAME = "mail.example"
IMAP_ADDRESS, IMAPS_ADDRESS = "127.0.0.1", "127.0.0.2"
PROGRAMS = "usr/lib/cyrus/bin"
LIBRARIES = f"usr/lib/{MULTIARCH}"
LISTENING = "0A"  # as /proc/net/tcp writes it

SERVER = """\
configdirectory: {folder}/conf
partition-default: {folder}/spool
defaultpartition: default
cyrus_user: {user}
proc_path: {folder}/proc
mboxname_lockpath: {folder}/lock
temp_path: {folder}/scratch
idlesocket: {folder}/conf/socket/idle
servername: {name}
altnamespace: yes
unixhierarchysep: yes
allowplaintext: yes
autocreate_quota: 100000
autocreate_post: yes
duplicatesuppression: no
annotation_allow_undefined: yes
delete_mode: immediate
expunge_mode: immediate
specialusealways: yes
imapidlepoll: 1
skiplist_unsafe: yes
failedloginpause: 0
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {folder}/sasldb2
sasl_mech_list: {mechanisms}
"""

TLS = """\
tls_server_cert: {cert}
tls_server_key: {key}
allowstarttls: yes
tls_versions: tls1_2 tls1_3
"""

SERVICES = """\
START {{
}}
SERVICES {{
  imap cmd="{imapd}" listen="{imap_address}:{imap_port}" prefork=1 maxchild=200
{imaps}}}
DAEMON {{
  idled cmd="{idled}"
}}
EVENTS {{
}}
"""


class PrivateCyrus:
    """One Cyrus below `folder`. `users` maps names to passwords."""

    def __init__(self, folder: pathlib.Path, users: dict[str, str], *, cert: pathlib.Path | None = None,
                 key: pathlib.Path | None = None,
                 mechanisms: str = "PLAIN LOGIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256",
                 keytab: pathlib.Path | None = None, environment: dict[str, str] | None = None) -> None:
        """`keytab` and the environment of its realm are for GSSAPI."""
        self.folder = folder
        self.cert, self.key = cert, key
        self.mechanisms = mechanisms
        self.keytab = keytab
        self.environment = environment or {}
        self.imap_port = 0
        self.imaps_port = 0
        self.imaps_address = IMAPS_ADDRESS
        self._owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self._process: subprocess.Popen[bytes] | None = None
        self._prepare(users)

    # ---- life

    def start(self) -> None:
        """Starts the server; a second start uses the same ports as the first."""
        self._write_configuration()
        log = (self.folder / "cyrus.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [str(self.folder / PROGRAMS / "master"), "-D", "-C", str(self.folder / "imapd.conf"),
                 "-M", str(self.folder / "cyrus.conf"), "-p", str(self.folder / "master.pid")],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": str(self.folder / LIBRARIES),
                     "SASL_PATH": f"{self.folder / LIBRARIES}/sasl2:/{LIBRARIES}/sasl2"} | self.environment)
        try:
            self._await_ports()
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """Ends the server and all its children at once."""
        if self._process is None:
            return
        members = members_of_session(self._process.pid)
        for member in members:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(member, signal.SIGKILL)
        self._process.wait(STOPPED_SECONDS)
        await_end(members)
        self._process = None

    def log(self) -> str:
        """What the server has to say, for the report of a failed test; most of it goes to syslog, which is not kept."""
        return (self.folder / "cyrus.log").read_text(errors="replace")

    # ---- inside

    def _prepare(self, users: dict[str, str]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        copy_into(self.folder, [f"{PROGRAMS}/{name}" for name in ("master", "imapd", "idled")])
        copy_into(self.folder, [LIBRARIES, "usr/sbin/saslpasswd2"])
        for part in ("conf/socket", "conf/log", "spool", "proc", "lock", "scratch"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        for user, password in users.items():
            run_quietly([str(self.folder / "usr/sbin/saslpasswd2"), "-p", "-c", "-f", str(self.folder / "sasldb2"),
                         "-u", NAME, user], given=password)
        for pem in filter(None, (self.cert, self.key)):
            shutil.copy(pem, self.folder)
        if os.geteuid() == 0:
            for each in [self.folder, *self.folder.rglob("*")]:
                os.chown(each, self._owner.pw_uid, self._owner.pw_gid, follow_symlinks=False)

    def _write_configuration(self) -> None:
        settings = self.folder / "imapd.conf"
        text = SERVER.format(folder=self.folder, user=self._owner.pw_name, name=NAME, mechanisms=self.mechanisms)
        if self.cert and self.key:
            text += TLS.format(cert=self.folder / self.cert.name, key=self.folder / self.key.name)
        if self.keytab:
            text += f"sasl_keytab: {self.keytab}\n"
        settings.write_text(text)

        def program(name: str, *options: str) -> str:
            return " ".join([str(self.folder / PROGRAMS / name), "-C", str(settings), *options])

        imaps = (f'  imaps cmd="{program("imapd", "-s")}" listen="{IMAPS_ADDRESS}:{self.imaps_port}" prefork=1 '
                 "maxchild=200\n" if self.cert else "")
        (self.folder / "cyrus.conf").write_text(SERVICES.format(
            imapd=program("imapd"), idled=program("idled"), imap_address=IMAP_ADDRESS, imap_port=self.imap_port,
            imaps=imaps))

    def _await_ports(self) -> None:
        deadline = time.monotonic() + STARTED_SECONDS
        wanted = {IMAP_ADDRESS, IMAPS_ADDRESS} if self.cert else {IMAP_ADDRESS}
        ports: dict[str, int] = {}
        while not wanted <= ports.keys():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError(f"the private Cyrus did not start:\n{self.log()}")
            ports = _listening(self._process.pid)
        self.imap_port, self.imaps_port = ports[IMAP_ADDRESS], ports.get(IMAPS_ADDRESS, 0)
        with socket.create_connection((IMAP_ADDRESS, self.imap_port), STARTED_SECONDS) as probe:
            greeting = probe.recv(512)
        if not greeting.startswith(b"* OK"):
            raise RuntimeError(f"the private Cyrus greets by {greeting!r}:\n{self.log()}")


def _listening(process: int) -> dict[str, int]:
    """The ports on which the process listens, by address."""
    mine = set()
    with contextlib.suppress(OSError):
        for descriptor in pathlib.Path(f"/proc/{process}/fd").iterdir():
            with contextlib.suppress(OSError):
                mine.add(os.readlink(descriptor))
    found = {}
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == LISTENING and f"socket:[{fields[9]}]" in mine:
            address, _, port = fields[1].partition(":")
            found[socket.inet_ntoa(bytes.fromhex(address)[::-1])] = int(port, 16)
    return found

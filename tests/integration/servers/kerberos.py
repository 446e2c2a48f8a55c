"""A private Kerberos realm, and the client's side of SASL GSSAPI (RFC 4752) by the system's own library."""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import os
import pathlib
import select
import signal
import socket
import subprocess
from collections.abc import Iterator

from sandbox.processes import STOPPED_SECONDS

from servers.sasl import Dialogue
from servers.unpacked import MULTIARCH, ROOT, run_quietly, unpacked

REALM = "MAIL.EXAMPLE"
SERVICE = "imap/mail.example"
STARTED_SECONDS = 60
TRIES = 5

CLIENT = """\
[libdefaults]
 default_realm = {realm}
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
[realms]
 {realm} = {{
  kdc = 127.0.0.1:{port}
 }}
[domain_realm]
 mail.example = {realm}
[dbmodules]
 db_module_dir = {modules}
"""
SERVER = """\
[realms]
 {realm} = {{
  database_name = {folder}/principal
  key_stash_file = {folder}/stash
  kdc_listen = ""
  kdc_tcp_listen = 127.0.0.1:{port}
 }}
"""


class PrivateKerberos:
    """One realm below `folder` with these users, and the key of the IMAP service in `keytab`."""

    def __init__(self, folder: pathlib.Path, users: dict[str, str]) -> None:
        self.folder = folder
        self.keytab = folder / "keytab"
        self.environment = {"KRB5_CONFIG": str(folder / "krb5.conf"), "KRB5_KDC_PROFILE": str(folder / "kdc.conf"),
                            "KRB5CCNAME": f"FILE:{folder}/tickets"}
        self._process: subprocess.Popen[str] | None = None
        folder.mkdir()
        folder.chmod(0o755)
        self._configure(0)
        self._run("usr/sbin/kdb5_util", "create", "-s", given="master\nmaster\n")
        commands = [f"addprinc -pw {password} {user}" for user, password in users.items()]
        self._run("usr/sbin/kadmin.local", given="\n".join([
            *commands, f"addprinc -randkey {SERVICE}", f"ktadd -k {self.keytab} {SERVICE}", "quit", ""]))
        self.keytab.chmod(0o644)

    def start(self) -> None:
        # The KDC takes no port 0: one that was free a moment ago, and another one if it is not free any more.
        for _ in range(TRIES):
            with socket.create_server(("127.0.0.1", 0)) as probe:
                port = probe.getsockname()[1]
            self._configure(port)
            self._process = subprocess.Popen([str(unpacked("usr/sbin/krb5kdc")), "-n"], env=self._environment(),
                                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                             stderr=subprocess.STDOUT, text=True)
            select.select([self._process.stdout], [], [], STARTED_SECONDS)
            if "starting" in self._process.stdout.readline():
                return
            self.kill()
        raise RuntimeError("the private KDC did not start")

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(STOPPED_SECONDS)
            self._process.stdout.close()
            self._process = None

    def log(self) -> str:
        return "(the KDC keeps no log)"

    def get_ticket(self, user: str, password: str) -> None:
        """For the next security contexts in this process."""
        # Since Debian 13 the plain name is an alternative, which unpacking does not set up.
        kinit = "usr/bin/kinit.mit" if (ROOT / "usr/bin/kinit.mit").exists() else "usr/bin/kinit"
        self._run(kinit, user, given=password + "\n")

    def _configure(self, port: int) -> None:
        modules = ROOT / "usr/lib" / MULTIARCH / "krb5/plugins/kdb"
        (self.folder / "krb5.conf").write_text(CLIENT.format(realm=REALM, port=port, modules=modules))
        (self.folder / "kdc.conf").write_text(SERVER.format(realm=REALM, port=port, folder=self.folder))

    def _environment(self) -> dict[str, str]:
        return os.environ | self.environment | {"LD_LIBRARY_PATH": str(ROOT / "usr/lib" / MULTIARCH)}

    def _run(self, program: str, *arguments: str, given: str) -> None:
        run_quietly([str(unpacked(program)), *arguments], given=given, environment=self._environment())


# ---- the client

class _Buffer(ctypes.Structure):
    _fields_ = [("length", ctypes.c_size_t), ("value", ctypes.c_void_p)]


class _Oid(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint32), ("elements", ctypes.c_char_p)]


HOST_BASED_SERVICE = _Oid(10, b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04")
KERBEROS = _Oid(9, b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02")
MUTUAL, INTEGRITY = 2, 32
CONTINUE_NEEDED = 1
NO_SECURITY_LAYER = b"\1\0\0\0"


@contextlib.contextmanager
def _set(environment: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def gssapi(kerberos: PrivateKerberos, user: str) -> Dialogue:
    """Without a security layer, as the ticket's owner for the user."""
    library = ctypes.CDLL(ctypes.util.find_library("gssapi_krb5") or "libgssapi_krb5.so.2")
    minor, context, name = ctypes.c_uint32(), ctypes.c_void_p(), ctypes.c_void_p()

    def call(function: str, *arguments: object) -> int:
        status = getattr(library, function)(ctypes.byref(minor), *arguments)
        if status & 0xffff0000:
            raise AssertionError(f"{function} failed: {status:#x}, {minor.value}")
        return status

    def buffer(octets: bytes) -> _Buffer:
        return _Buffer(len(octets), ctypes.cast(ctypes.create_string_buffer(octets), ctypes.c_void_p))

    def taken(given: _Buffer) -> bytes:
        octets = ctypes.string_at(given.value, given.length) if given.length else b""
        call("gss_release_buffer", ctypes.byref(given))
        return octets

    def step(token: bytes) -> tuple[bytes, bool]:
        given, output = buffer(token), _Buffer()
        with _set(kerberos.environment):
            status = call("gss_init_sec_context", None, ctypes.byref(context), name, ctypes.byref(KERBEROS),
                          ctypes.c_uint32(MUTUAL | INTEGRITY), ctypes.c_uint32(0), None, ctypes.byref(given), None,
                          ctypes.byref(output), None, None)
        return taken(output), status != CONTINUE_NEEDED

    call("gss_import_name", ctypes.byref(buffer(SERVICE.replace("/", "@").encode())), ctypes.byref(HOST_BASED_SERVICE),
         ctypes.byref(name))
    token, is_done = step(b"")
    while not is_done:
        challenge = yield token
        token, is_done = step(challenge)
    challenge = yield token
    offered, chosen = _Buffer(), _Buffer()
    call("gss_unwrap", context, ctypes.byref(buffer(challenge)), ctypes.byref(offered), None, None)
    if not taken(offered)[0] & NO_SECURITY_LAYER[0]:
        raise AssertionError("the server insists on a security layer")
    call("gss_wrap", context, 0, ctypes.c_uint32(0), ctypes.byref(buffer(NO_SECURITY_LAYER + user.encode())), None,
         ctypes.byref(chosen))
    call("gss_release_name", ctypes.byref(name))
    call("gss_delete_sec_context", ctypes.byref(context), None)
    yield taken(chosen)

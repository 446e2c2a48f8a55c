"""The servers that are measured: how each is configured, started and reached."""

import os
import re
import shutil
import subprocess

from driver import processes


class Failure(Exception):
    """Something that the bench needs does not work; the text says what."""


class Upstream:
    """The fake IMAP server, on the load's core."""

    def __init__(self, bench):
        self.process = processes.spawn([bench.program("bench_fake_upstream")], bench.cores.load,
                                       stdout=subprocess.PIPE, text=True)
        ports = re.match(r"imap=(\d+) http=(\d+)", self.process.stdout.readline())
        if not ports:
            raise Failure("the fake upstream did not start")
        self.imap, self.http = ports.groups()


class Target:
    """A server: start() brings it up under bench.folder; ports has one for implicit, starttls and off."""

    def __init__(self, name, modes):
        self.name = name
        self.modes = modes
        self.ports = {}
        self.process = None
        self.everywhere = False  # it may use every core: for what a thread of its own is there for

    def command(self, bench, folder):
        """Writes what the server needs into the folder and returns its command line."""
        raise NotImplementedError

    def start(self, bench, wrapper=(), patience=20):
        folder = os.path.join(bench.folder, self.name)
        os.makedirs(folder, exist_ok=True)
        log_path = os.path.join(folder, "log")
        # A port that was free a moment ago may have been taken: then another is tried.
        for _ in range(3):
            self.ports = {mode: processes.free_port() for mode in self.modes}
            with open(log_path, "w", encoding="utf-8") as log:
                cores = bench.cores.all if self.everywhere else bench.cores.server
                self.process = processes.spawn([*wrapper, *self.command(bench, folder)], cores,
                                               stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            if all(processes.wait_listening(port, self.process, patience) for port in self.ports.values()):
                return
            processes.stop(self.process)
        with open(log_path, encoding="utf-8", errors="replace") as log:
            raise Failure(f"{self.name} did not start:\n{log.read()[-2000:]}")

    def stop(self):
        if self.process is not None:
            processes.stop(self.process)
            self.process = None


class Relay(Target):
    """One of the bench's own relays."""

    def __init__(self, name, program, *options, plain=False):
        super().__init__(name, ["off"] if plain else ["implicit"])
        self.program = program
        self.options = options

    def command(self, bench, folder):
        (port,) = self.ports.values()
        return [bench.program(self.program), f"--port={port}",
                f"--upstream=127.0.0.1:{bench.upstream.imap}", f"--cert={bench.certificate}",
                f"--key={bench.key}", *self.options]


POSTERN = """\
version: 1
listeners:
  - {{ name: imaps, address: "127.0.0.1:{implicit}", tls: implicit }}
  - {{ name: imap, address: "127.0.0.1:{starttls}", tls: starttls }}
  - {{ name: plain, address: "127.0.0.1:{off}", tls: off, allow_cleartext: true }}
tls:
  certificates:
    - cert: {certificate}
      key: {key}
upstreams:
  - name: mail
    servers: ["127.0.0.1:{imap}"]
status:
  address: "127.0.0.1:{status}"
log: {{ level: warning }}
workers: {workers}
audit: {audit}
"""


class Postern(Target):
    def __init__(self, name, program, workers, audit="{ file: '' }"):
        super().__init__(name, ["implicit", "starttls", "off", "status"])
        self.program = program
        self.workers = workers
        self.audit = audit

    def command(self, bench, folder):
        path = os.path.join(folder, "postern.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(POSTERN.format(certificate=bench.certificate, key=bench.key,
                                      imap=bench.upstream.imap, workers=self.workers, audit=self.audit,
                                      **self.ports))
        return [self.program, "run", "-c", path]


NGINX = """\
{module}
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile {descriptors};
pid {folder}/pid;
error_log {folder}/error.log error;
events {{ worker_connections {descriptors}; }}
mail {{
  auth_http 127.0.0.1:{http}/auth;
  imap_capabilities IMAP4rev1 SASL-IR ID ENABLE IDLE LITERAL+ UIDPLUS MOVE UNSELECT NAMESPACE CHILDREN;
  ssl_certificate {certificate};
  ssl_certificate_key {key};
  ssl_protocols TLSv1.2 TLSv1.3;
  {extra}
  server {{ listen 127.0.0.1:{implicit} ssl backlog=4096; protocol imap; }}
  server {{ listen 127.0.0.1:{starttls} backlog=4096; protocol imap; starttls on; }}
  server {{ listen 127.0.0.1:{off} backlog=4096; protocol imap; }}
}}
"""


class Nginx(Target):
    """Debian's nginx-light with libnginx-mod-mail, started from a folder of its own."""

    def __init__(self, name, extra=""):
        super().__init__(name, ["implicit", "starttls", "off"])
        self.extra = extra

    @staticmethod
    def module():
        """The path of the mail module, or None where nginx or the module is missing."""
        program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        if program is None:
            return None
        built = subprocess.run([program, "-V"], capture_output=True, text=True, check=False).stderr
        folder = re.search(r"--modules-path=(\S+)", built)
        path = os.path.join(folder.group(1) if folder else "", "ngx_mail_module.so")
        return path if os.path.exists(path) else None

    def command(self, bench, folder):
        path = os.path.join(folder, "nginx.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(NGINX.format(module=f"load_module {self.module()};", folder=folder,
                                    user="user root;" if os.geteuid() == 0 else "", extra=self.extra,
                                    http=bench.upstream.http, descriptors=min(bench.descriptors, 20000),
                                    certificate=bench.certificate, key=bench.key, **self.ports))
        program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        return [program, "-p", folder, "-e", os.path.join(folder, "error.log"), "-c", path]


def all_targets(postern):
    """Every target by its name, in the order of the table."""
    return {target.name: target for target in (
        Postern("postern", postern, 1),
        Nginx("nginx"),
        Nginx("nginx64k", "proxy_buffer 64k;"),
        Relay("floor", "bench_floor"),
        Relay("floorbatch", "bench_floor", "--batch"),
        Relay("floorplain", "bench_floor", "--plain", plain=True),
        Relay("uv_relay", "bench_uv_relay"),
    )}


PEERS = ("nginx", "nginx64k")
FLOORS = ("floor", "floorbatch", "floorplain")

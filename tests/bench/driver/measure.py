"""The scenarios, and one measured run of one of them against one target."""

import dataclasses
import json
import re
import subprocess
import time

from driver import processes
from driver.targets import Failure

BODY_MIB = 64
# What a server does behind the last answer (closing the upstream, say) belongs to the round.
SETTLE_SECONDS = 0.05


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    load: str                 # the load generator's name for it
    tls: str                  # implicit | starttls | off
    connections: int
    operations: int           # in one round
    quick_operations: int
    bulk: bool = False        # CPU is given in seconds for each 10^9 octets, not in microseconds an operation


SCENARIOS = (
    Scenario("login-full", "login", "implicit", 32, 2000, 100),
    Scenario("login-resumed", "resumed", "implicit", 32, 2000, 100),
    Scenario("login-starttls", "login", "starttls", 32, 2000, 100),
    Scenario("noop", "noop", "implicit", 64, 100_000, 5000),
    Scenario("mix", "mix", "implicit", 64, 36_000, 1800),
    Scenario("fetch-bulk", "fetch", "implicit", 4, 24, 2, bulk=True),
    Scenario("append-bulk", "append", "implicit", 4, 24, 2, bulk=True),
    Scenario("plain-login", "login", "off", 32, 5000, 200),
    Scenario("plain-noop", "noop", "off", 64, 100_000, 5000),
    Scenario("plain-fetch", "fetch", "off", 4, 48, 2, bulk=True),
)

# One connection, so that nobody queues: an operation of more than 35 ms has waited for a delayed
# acknowledgement.
STALL_SCENARIOS = (
    Scenario("login-full", "login", "implicit", 1, 40, 10),
    Scenario("login-resumed", "resumed", "implicit", 1, 40, 10),
    Scenario("login-starttls", "login", "starttls", 1, 40, 10),
    Scenario("mix", "mix", "implicit", 1, 240, 60),
)


class Load:
    """The load generator at work: it stands when the constructor returns."""

    def __init__(self, bench, target, scenario, connections, operations):
        command = [bench.program("bench_load"), f"--target=127.0.0.1:{target.ports[scenario.tls]}", "--sync",
                   f"--scenario={scenario.load}", f"--tls={scenario.tls}", f"--connections={connections}",
                   f"--operations={operations}", f"--body-mib={BODY_MIB}"]
        if bench.quickack:
            command.append("--quickack")
        self.what = f"{scenario.name} against {target.name}"
        self.process = processes.spawn(command, bench.cores.load, stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise Failure(f"{self.what}: the connections could not be set up")

    def work(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Failure(f"{self.what}: the load generator ended")
        return json.loads(line)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def run_round(bench, target, scenario, operations):
    """One round: the load's own numbers, and the server's CPU for each operation (us) or 10^9 octets (s)."""
    load = Load(bench, target, scenario, scenario.connections, operations)
    before = processes.cpu_seconds(target.process.pid)
    result = load.work()
    time.sleep(SETTLE_SECONDS)
    used = processes.cpu_seconds(target.process.pid) - before
    load.end()
    if result["operations"] == 0:
        raise Failure(f"{load.what}: not one operation succeeded")
    result["bulk"] = scenario.bulk
    if scenario.bulk:
        result["cpu"] = used * 1e9 / (result["operations"] * BODY_MIB * 1024 * 1024)
    else:
        result["cpu"] = used * 1e6 / result["operations"]
    result["rate"] = result["operations"] / result["seconds"]
    return result


def idle_memory(bench, target, sessions, watch_seconds):
    """KiB for each session that is logged in, has selected a mailbox and is in IDLE; the CPU of them all."""
    target.start(bench)
    try:
        time.sleep(0.5)
        base, base_anonymous = processes.memory_kib(target.process.pid)
        scenario = Scenario("idle", "idle", "implicit", sessions, 0, 0)
        load = Load(bench, target, scenario, sessions, 1)
        time.sleep(1)
        _, anonymous = processes.memory_kib(target.process.pid)
        before = processes.cpu_seconds(target.process.pid)
        time.sleep(watch_seconds)
        cpu = (processes.cpu_seconds(target.process.pid) - before) / watch_seconds
        load.end()
        return {"sessions": sessions, "base_kib": base, "idle_cpu_us_per_second": cpu * 1e6,
                "kib_per_session": (anonymous - base_anonymous) / sessions}
    finally:
        target.stop()


def instructions_per_noop(bench, target, counts):
    """User instructions of one NOOP under callgrind, as the difference between two numbers of operations."""
    totals = []
    for operations in counts:
        out = f"{bench.folder}/callgrind.{target.name}.{operations}"
        valgrind = ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={out}"]
        target.start(bench, wrapper=valgrind, patience=120)
        load = Load(bench, target, Scenario("noop", "noop", "implicit", 64, 0, 0), 64, operations)
        load.work()
        load.end()
        target.stop()
        with open(out, encoding="utf-8", errors="replace") as file:
            total = re.search(r"^(?:totals|summary): (\d+)", file.read(), re.MULTILINE)
        if total is None:
            raise Failure(f"callgrind wrote no total for {target.name}")
        totals.append(int(total.group(1)))
    return (totals[1] - totals[0]) / (counts[1] - counts[0])

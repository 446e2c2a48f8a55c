"""Processes pinned to a core, their CPU clocks and their memory, as Linux tells them."""

import os
import resource
import socket
import subprocess
import time


class Cores:
    """One core for the server that is measured, one for the load and the fake upstream."""

    def __init__(self):
        usable = sorted(os.sched_getaffinity(0))
        self.server = usable[0]
        self.load = usable[1] if len(usable) > 1 else usable[0]
        self.all = set(usable)


def raise_descriptor_limit():
    """Children inherit the limit; returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def spawn(command, cores, **options):
    """`cores`: one, or a set of them."""
    wanted = cores if isinstance(cores, set) else {cores}
    return subprocess.Popen(command, preexec_fn=lambda: os.sched_setaffinity(0, wanted), **options)


def stop(process, patience=30):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def tree(pid):
    """The process and all that descend from it."""
    pids = [pid]
    for parent in pids:
        for task in os.listdir(f"/proc/{parent}/task"):
            with open(f"/proc/{parent}/task/{task}/children", encoding="ascii") as children:
                pids.extend(int(child) for child in children.read().split())
    return pids


def cpu_seconds(pid):
    """CPU time of the tree by the kernel's process clocks (nanoseconds, all threads, user and system)."""
    cpuclock_sched = 2  # see clock_getcpuclockid(3): the clock's number is made of the inverted process id
    return sum(time.clock_gettime((~member << 3) | cpuclock_sched) for member in tree(pid))


def memory_kib(pid):
    """Proportional set size of the tree: (whole, without file pages).

    A file's pages are shared with whatever else runs the same libraries, so the whole changes with the
    neighbours. What a session costs is anonymous memory."""
    whole = files = 0
    for member in tree(pid):
        with open(f"/proc/{member}/smaps_rollup", encoding="ascii") as rollup:
            for line in rollup:
                key, *value = line.split()
                if key == "Pss:":
                    whole += int(value[0])
                elif key == "Pss_File:":
                    files += int(value[0])
    return whole, whole - files


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_listening(port, process, patience):
    """True once the port accepts, False when the process has ended or does not come up."""
    end = time.monotonic() + patience
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.02)
    return False

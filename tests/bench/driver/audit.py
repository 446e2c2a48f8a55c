"""What the audit trail costs: CPU with everything recorded, and what write-ahead adds to an EXPUNGE."""

import json
import re
import statistics
import subprocess
import urllib.request

from driver import targets
from driver.measure import Scenario, run_round

SESSIONS = (1, 10, 100)
COMMANDS = (Scenario("noop", "noop", "implicit", 64, 50_000, 2000),
            Scenario("mix", "mix", "implicit", 64, 18_000, 1800))


def flushes(target):
    """What the trail's flushes have taken so far, as it tells itself: seconds, and how many there were."""
    with urllib.request.urlopen(f"http://127.0.0.1:{target.ports['status']}/metrics") as page:
        text = page.read().decode()
    return [float(re.search(rf"^postern_audit_fsync_duration_seconds_{what}\{{.*\}} (\S+)", text, re.MULTILINE)[1])
            for what in ("sum", "count")]


def measure_cpu(bench, without, everything, say):
    """By scenario, the median ratio of both programs' CPU in rounds that take turns."""
    rounds = 1 if bench.arguments.quick else bench.arguments.rounds
    ratios = {}
    for scenario in COMMANDS:
        found = []
        for number in range(rounds + 1):
            say(f"audit: {scenario.name}, round {number} of {rounds}")
            pair = [without, everything] if number % 2 == 0 else [everything, without]
            cpu = {target.name: run_round(bench, target, scenario, bench.operations(scenario))["cpu"]
                   for target in pair}
            if number > 0:  # the first one warms up
                found.append(cpu[everything.name] / cpu[without.name])
        ratios[scenario.name] = statistics.median(found)
    return ratios


def measure_expunge(bench, without, ahead, say):
    out = []
    for sessions in SESSIONS:
        say(f"audit: EXPUNGE in {sessions} sessions")
        operations = 20 if bench.arguments.quick else 400
        scenario = Scenario("expunge", "expunge", "implicit", sessions, 0, 0)
        before = flushes(ahead)
        took = {target.name: run_round(bench, target, scenario, operations * sessions)["p50_us"]
                for target in (without, ahead)}
        seconds, count = (after - earlier for after, earlier in zip(flushes(ahead), before))
        out.append({"sessions": sessions, "without_us": took[without.name], "with_us": took[ahead.name],
                    "added_us": took[ahead.name] - took[without.name], "flush_us": seconds / count * 1e6,
                    "records_per_flush": operations * sessions / count})
    return out


def measure(bench, say):
    postern = bench.arguments.postern
    without = targets.Postern("without-audit", postern, 1)
    everything = targets.Postern("audit-all", postern, 1, audit="{ file: audit.log, events: [all] }")
    # The writer has a thread of its own so as not to share the worker's core.
    free = targets.Postern("without-audit-free", postern, 1)
    ahead = targets.Postern("write-ahead", postern, 1, audit="{ file: audit.log }")
    free.everywhere = ahead.everywhere = True
    every = (without, everything, free, ahead)
    try:
        for target in every:
            target.start(bench)
        return {"cpu": measure_cpu(bench, without, everything, say),
                "expunge": measure_expunge(bench, free, ahead, say)}
    finally:
        for target in every:
            target.stop()


def measure_records(bench, say):
    """The writer of the trail alone, without a wire."""
    say("audit: records into a file, and waiters for the disk")
    records, rounds = ("20000", "20") if bench.arguments.quick else ("400000", "200")
    done = subprocess.run([bench.program("bench_audit"), bench.folder, records, rounds], check=False,
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise targets.Failure(f"bench_audit ended with {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)

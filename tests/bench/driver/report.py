"""What was measured, as medians and ratios, held against the goals, as text."""

import dataclasses
import statistics

from driver.targets import FLOORS, PEERS

# Per scenario: CPU relative to the best IMAP-aware peer (aim, hard limit) and to the better floor (aim), and
# the scenario whose floor counts: a floor cannot do STARTTLS.
GOALS = {
    "login-full": (0.78, 0.85, 1.10, "login-full"),
    "login-resumed": (0.80, 0.88, 1.10, "login-resumed"),
    "login-starttls": (0.70, 0.80, 1.20, "login-full"),
    "noop": (0.90, 0.95, 1.05, "noop"),
    "mix": (0.85, 0.92, 1.05, "mix"),
    "fetch-bulk": (0.90, 1.00, 1.05, "fetch-bulk"),
    "append-bulk": (0.95, 1.00, 1.05, "append-bulk"),
    "plain-login": (0.65, None, 1.05, "plain-login"),
    "plain-noop": (0.97, None, 1.03, "plain-noop"),
    "plain-fetch": (1.00, None, 1.03, "plain-fetch"),
}
KIB_PER_SESSION_AIM = 17
KIB_PER_SESSION_HARD = 18
KIB_OF_FLOOR = 1.25
KIB_OF_PEER = 0.70
BASE_KIB_AIM = 8 * 1024
INSTRUCTIONS_OVER_RELAY = 1500
NS_OF_RULES = 2000
CPU_WITH_AUDIT = 1.3
NS_OF_RECORD = 3000
SYNCS_OF_A_WAIT = 3
ADDED_BY_AUDIT = 3  # to an EXPUNGE in many sessions, by what a flush takes in one


@dataclasses.dataclass(frozen=True)
class Verdict:
    what: str
    value: float
    limit: float
    hard: bool
    at_least: bool = False

    @property
    def reached(self):
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def median(rounds, key):
    return statistics.median(result[key] for result in rounds)


def best(by_target, names):
    """The name of those with the lowest median CPU, or None."""
    present = [name for name in names if by_target.get(name)]
    return min(present, key=lambda name: median(by_target[name], "cpu"), default=None)


def paired(ours, theirs):
    """The median of the rounds' ratios: what disturbs a round disturbs both."""
    return statistics.median(mine["cpu"] / other["cpu"] for mine, other in zip(ours, theirs))


def ratios(results):
    """Per scenario and target: CPU relative to the best peer and to the better floor, where there are any."""
    out = {}
    for scenario, by_target in results.items():
        floor_results = results.get(GOALS[scenario][3], {})
        peer, floor = best(by_target, PEERS), best(floor_results, FLOORS)
        out[scenario] = {"peer": peer, "floor": floor, "targets": {}}
        for name, rounds in by_target.items():
            entry = out[scenario]["targets"][name] = {}
            if peer:
                entry["peer"] = paired(rounds, by_target[peer])
            if floor:
                entry["floor"] = paired(rounds, floor_results[floor])
    return out


def verdicts(outcome):
    """Every goal that this run can tell of."""
    out = []
    for scenario, entry in ratios(outcome["rounds"]).items():
        aim, hard, floor_aim, _ = GOALS[scenario]
        ours = entry["targets"].get("postern", {})
        if "peer" in ours:
            if hard is not None:
                out.append(Verdict(f"{scenario}: CPU of {entry['peer']}, hard", ours["peer"], hard, True))
            out.append(Verdict(f"{scenario}: CPU of {entry['peer']}, aim", ours["peer"], aim, False))
        if "floor" in ours:
            out.append(Verdict(f"{scenario}: CPU of {entry['floor']}, aim", ours["floor"], floor_aim, False))
    for scenario, by_target in outcome["rounds"].items():
        if scenario == "login-resumed" and "postern" in by_target:
            share = resumed_share(by_target["postern"])
            out.append(Verdict("resumed, one worker", share, 1.0, True, True))
    if outcome["two_workers"]:
        share = resumed_share([outcome["two_workers"]])
        out.append(Verdict("resumed, two workers", share, 1.0, True, True))
    for scenario, by_target in outcome["stalls"].items():
        if "postern" in by_target:
            stalls = by_target["postern"]["stalls"]
            out.append(Verdict(f"{scenario}, one connection: > 35 ms", stalls, 0, True))
    return (out + memory_verdicts(outcome["memory"]) + instruction_verdicts(outcome["instructions"]) +
            rule_verdicts(outcome["rules"]) + audit_verdicts(outcome["audit"]) +
            record_verdicts(outcome["audit_records"]))


def resumed_share(rounds):
    return sum(result["resumed"] for result in rounds) / sum(result["handshakes"] for result in rounds)


def memory_verdicts(memory):
    out = []
    for sessions, by_target in memory.items():
        if "postern" not in by_target:
            continue
        ours = by_target["postern"]
        each = ours["kib_per_session"]
        idle = f"idle, {sessions} sessions: KiB"
        out.append(Verdict(f"{idle} each, hard", each, KIB_PER_SESSION_HARD, True))
        out.append(Verdict(f"{idle} each, aim", each, KIB_PER_SESSION_AIM, False))
        for names, limit in ((PEERS, KIB_OF_PEER), (FLOORS, KIB_OF_FLOOR)):
            theirs = {name: by_target[name]["kib_per_session"] for name in names if name in by_target}
            if theirs:
                name = min(theirs, key=theirs.get)
                out.append(Verdict(f"{idle} of {name}, aim", each / theirs[name], limit, False))
        out.append(Verdict("base KiB, aim", ours["base_kib"], BASE_KIB_AIM, False))
    return out


def instruction_verdicts(instructions):
    if not {"postern", "uv_relay"} <= instructions.keys():
        return []
    over = instructions["postern"] - instructions["uv_relay"]
    return [Verdict("instructions a NOOP over uv_relay", over, INSTRUCTIONS_OVER_RELAY, False)]


def rule_verdicts(rules):
    """Endings are told for their own sake: nobody writes a thousand of them."""
    return [Verdict(f"1,000 rules, {name}: {command}, ns", nanoseconds, NS_OF_RULES, False)
            for name, commands in rules.items() if name != "endings"
            for command, nanoseconds in commands.items()]


def audit_verdicts(audit):
    if not audit:
        return []
    out = [Verdict(f"audit all, {name}: CPU of none, hard", ratio, CPU_WITH_AUDIT, True)
           for name, ratio in audit["cpu"].items()]
    one, most = audit["expunge"][0], audit["expunge"][-1]
    out.append(Verdict(f"EXPUNGE in {most['sessions']} sessions: added by write-ahead, in flushes, hard",
                       most["added_us"] / one["flush_us"], ADDED_BY_AUDIT, True))
    return out


def record_verdicts(measured):
    """The syncs tell of group commit whatever the disk: where it is very fast, sealing takes longer."""
    if not measured:
        return []
    most = max(measured["waiters"], key=int)
    out = [Verdict(f"a record, {durability}: CPU ns, aim", entry["cpu_ns"], NS_OF_RECORD, False)
           for durability, entry in measured["records"].items()]
    out.append(Verdict(f"{most} waiters: syncs while each waits once, hard", measured["waiters"][most]["syncs"],
                       SYNCS_OF_A_WAIT, True))
    return out


def record_tables(measured):
    yield table(("records into a file", "a second", "CPU ns each"),
                [(name, entry["per_second"], entry["cpu_ns"]) for name, entry in measured["records"].items()])
    flush = measured["sync"]
    rows = [("a flush alone", flush["p50_us"], flush["p99_us"], "1.00", "")]
    for name, entry in measured["waiters"].items():
        rows.append((f"{name} at once", entry["p50_us"], entry["p99_us"],
                     f"{entry['p50_us'] / flush['p50_us']:.2f}", f"{entry['syncs']:.2f}"))
    yield table(("waiting for the disk", "p50 us", "p99 us", "/flush", "syncs"), rows)


def audit_rows(audit):
    for entry in audit["expunge"]:
        yield (f"EXPUNGE, {entry['sessions']} sessions", f"{entry['without_us']:.0f}", f"{entry['with_us']:.0f}",
               f"{entry['added_us']:.0f}", f"{entry['flush_us']:.0f}", f"{entry['records_per_flush']:.1f}")


def table(head, rows):
    rows = [head, *rows]
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(head))]
    lines = ["  ".join(str(cell).ljust(width) if i == 0 else str(cell).rjust(width)
                       for i, (cell, width) in enumerate(zip(row, widths))) for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def scenario_rows(outcome):
    all_ratios = ratios(outcome["rounds"])
    for scenario, by_target in outcome["rounds"].items():
        for name, rounds in by_target.items():
            entry = all_ratios[scenario]["targets"][name]
            resumed = f"{100 * resumed_share(rounds):.0f} %" if scenario == "login-resumed" else ""
            cpu = median(rounds, "cpu")
            yield (scenario, name, f"{cpu:.3f} s/GB" if rounds[0]["bulk"] else f"{cpu:.1f} us",
                   f"{entry['peer']:.2f}" if "peer" in entry else "-",
                   f"{entry['floor']:.2f}" if "floor" in entry else "-",
                   f"{median(rounds, 'rate'):.0f}", f"{median(rounds, 'p50_us'):.0f}",
                   f"{median(rounds, 'p99_us'):.0f}", f"{max(result['max_us'] for result in rounds):.0f}",
                   sum(result["errors"] for result in rounds), resumed)


def text(outcome):
    parts = []
    if outcome["rounds"]:
        head = ("scenario", "target", "CPU/op", "/peer", "/floor", "op/s", "p50 us", "p99 us", "max us",
                "errors", "resumed")
        parts.append(table(head, scenario_rows(outcome)))
    if outcome["stalls"]:
        rows = [(scenario, name, result["operations"], result["stalls"], f"{result['p50_us']:.0f}",
                 f"{result['max_us']:.0f}") for scenario, by_target in outcome["stalls"].items()
                for name, result in by_target.items()]
        parts.append(table(("one connection", "target", "operations", "> 35 ms", "p50 us", "max us"), rows))
    if outcome["memory"]:
        rows = [(f"idle, {sessions} sessions", name, entry["base_kib"], f"{entry['kib_per_session']:.1f}",
                 f"{entry['idle_cpu_us_per_second']:.0f}")
                for sessions, by_target in outcome["memory"].items() for name, entry in by_target.items()]
        parts.append(table(("memory", "target", "base KiB", "KiB/session", "CPU us/s"), rows))
    if outcome["instructions"]:
        parts.append(table(("callgrind", "instructions a NOOP"),
                           [(name, f"{count:.0f}") for name, count in outcome["instructions"].items()]))
    if outcome["rules"]:
        rows = [(f"1,000 rules, {name}", command, f"{nanoseconds:.0f}", f"{nanoseconds / NS_OF_RULES:.2f}")
                for name, commands in outcome["rules"].items() for command, nanoseconds in commands.items()]
        parts.append(table(("rules", "command", "ns", "/limit"), rows))
    if outcome["audit"]:
        parts.append(table(("write-ahead audit", "without us", "with us", "added us", "flush us",
                            "commands/flush"),
                           list(audit_rows(outcome["audit"]))))
    if outcome["audit_records"]:
        parts.extend(record_tables(outcome["audit_records"]))
    held = verdicts(outcome)
    if held:
        rows = [(verdict.what, f"{verdict.value:.2f}",
                 f"{'>=' if verdict.at_least else '<='} {verdict.limit:g}",
                 "reached" if verdict.reached else "NOT REACHED") for verdict in held]
        parts.append(table(("goal", "measured", "limit", ""), rows))
    return "\n\n".join(parts)

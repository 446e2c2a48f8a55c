"""The parts of tests/bench/run: processes, targets, measures, report. Python's standard library only."""

"""Figures with their uncertainty, and verdicts on top: arrays and records in, records out, no I/O.

`percentiles` and `rates` make Intervals, `latency` a Metric of them, `verdicts` holds them against Budgets.
"""

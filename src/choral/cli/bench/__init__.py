"""What this machine can do: durable uploads, round trips, cohorts, pages.

Knows: loads, roofs and how to time them. Must not: decide what a figure must be.
Interface: `commands.app`.
Add here: one file a benchmark, and one line in commands.py.
Tested in: tests/cli, tests/server/test_bench.py.
"""

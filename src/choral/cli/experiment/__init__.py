"""Pages of the documentation that a command makes: tables, plots and figures.

Knows: studies, and how their pages look. Must not: compute what another program could want.
Interface: `commands.app`.
Add here: one file an experiment, and one line in commands.py.
Tested in: tests/simulation, tests/cli.
"""

"""One question about a population at a time, answered as a table and as JSON.

Knows: options, and how answers are printed. Must not: draw or compute; that belongs to simulation or to an application.
Interface: `commands.app`.
Add here: one file a simulation, and one line in commands.py.
Tested in: tests/simulation, tests/cli.
"""

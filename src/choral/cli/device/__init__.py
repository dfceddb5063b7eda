"""A device in a terminal: one person's agent, by hand or from a timer.

Knows: the device half of the house and of the applications. Must not: import the server or the simulation.
Interface: `commands.app`.
Add here: one file an application that has commands of its own.
Tested in: tests/cli.
"""

"""Commands; composes everything. The only room with loops, signals, clocks and logging set-up.

Knows: all rooms. Must not: hold logic that another program could want; that belongs to a room below.
Interface: `main`.
Add here: one file a command, or one file in the group of its kind, and one line in its table of commands.
Tested in: tests/cli, tests/docs.
"""

from choral.cli.app import main

__all__ = ["main"]

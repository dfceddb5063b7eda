"""Real servers and real agents over HTTP, with something to watch.

Knows: the whole house, and one play an application. Must not: fake anything that an application does by itself.
Interface: `commands.app`.
Add here: one file a play, and one line in commands.py.
Tested in: tests/cli.
"""

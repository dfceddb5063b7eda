"""One event through the whole path, each value with the place that made it.

Knows: the journey of each application, and how to tell it. Must not: choose numbers: entropy is scripted.
Interface: `commands.app`.
Add here: one file a journey with its words, and one line in commands.py.
Tested in: tests/docs.
"""

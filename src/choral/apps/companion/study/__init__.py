"""How good it would be: generated people, the paper's experiment, other ways to learn, and what is told of them.

Knows: whole populations with their truth. Must not: be needed by anything that a person runs.
Interface: `study`, `her`, `ratings`, `clustering`, `factors`.
Add here: one file a question that an experiment answers.
Tested in: tests/apps/test_companion_*.py.
"""

"""How good it would be: published links dealt out to devices, both ways to learn, poison, drift.

Knows: whole populations with their labels. Must not: be needed by a device.
Interface: `study.study`, `data.links_in`.
Add here: one file a condition that an experiment varies.
Tested in: tests/apps/test_phishing_study.py.
"""

"""Phishing: a detector learnt from links that nobody may look at, and a warning before a password is typed.

Knows: labelled links, their features, devices that hold a few of them. Must not know: other apps.
Interface: `read_links`, `Ground`, `Setting`, `study`.
Add here: a data set's columns in data.py, an attack in poisoning.py; the device half imports neither server nor simulation.
Tested in: tests/apps/test_phishing_study.py.
"""

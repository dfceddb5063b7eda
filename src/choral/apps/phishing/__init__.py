"""Phishing: a detector learnt from links that nobody may look at, and a warning before a password is typed.

Knows: labelled links, their features, devices that hold a few of them. Must not know: other apps.
Interface: `device.watch.LinkWatch` for a person, `study.study` for an experiment.
Add here: a data set's columns in device/columns.py, an attack in study/poisoning.py.
Tested in: tests/apps/test_phishing_*.py.
"""

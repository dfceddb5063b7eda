"""The device's half: links and pages as features, labels, records, the score and its reasons.

Knows: one person's links, for a moment, and records without them. Must not know: a server, a population.
Interface: `watch.LinkWatch`, `features.look`, `detector.Detector`, `tasks`.
Add here: one file a step from a link to its score.
Tested in: tests/apps/test_phishing_*.py.
"""

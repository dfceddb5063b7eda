"""Attacks on what leaves and on what is released, measured: each gives a figure to lay beside the figure that is promised.

Knows: mechanisms, sums, a device's ledger, and what an attacker may know besides. Must not: be needed by anything that runs.
Interface: one module an attack; `Guesses` and `allowed_accuracy` for those that guess.
Add here: one file an attack, with its source, and the fault that must make its figure exceed the promise.
Tested in: tests/simulation/test_attacks_*.py.
"""

"""How good it would be: people, a market, choices that were really made, and what rankings must beat.

Knows: whole populations with their tastes. Must not: be needed by a phone or by the catalogue service.
Interface: `trial`, `study`, `real`.
Add here: one file a source of people, or a way to judge.
Tested in: tests/apps/test_stickers_*.py.
"""

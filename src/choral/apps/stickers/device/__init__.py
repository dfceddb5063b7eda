"""The phone's half: catalogue, keywords, the person's own numbers, the ranking, and what is learnt of choices.

Knows: one person's messages, for a moment, and choices. Must not know: a server, a population.
Interface: `phone.Phone`, `catalogue.Catalogue`, `tasks`.
Add here: one file a step from a key press to a suggestion.
Tested in: tests/apps/test_stickers_*.py.
"""

"""The person's half: their day, their moods, what is guessed and suggested; nothing here leaves but through the agent.

Knows: one person's diary and settings. Must not know: a server, a population.
Interface: `diary.Diary`, `home.Home`, `signals`, `tasks`.
Add here: one file a thing that the person sees or does.
Tested in: tests/apps/test_companion_*.py.
"""

"""The chat page of one phone, served on loopback: type, choose, train, and see what was sent and what it cost.

Knows: one phone and how its page looks. Must not know: servers, other people, a text for longer than ranking takes.
Interface: `application`.
Add here: a template in templates/, a rule in static/stickers.css.
Tested in: tests/apps, tests/browser.
"""

from choral.apps.stickers.page.application import application

__all__ = ["application"]

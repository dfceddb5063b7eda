"""The link page of one device, served on loopback: paste a link, drop a page, see score and reasons, and what was sent.

Knows: one device and how its page looks. Must not know: servers, other people; it opens no link.
Interface: `application`.
Add here: a template in templates/, a rule in static/phishing.css.
Tested in: tests/apps, tests/browser.
"""

from choral.apps.phishing.page.application import application

__all__ = ["application"]

"""What everyone may see of a server, as pages: its tasks and its releases.

Knows: the public JSON API and the pages room. Must not know: stores, keys, reports; it asks as any reader would.
Interface: `application(api)`.
Add here: a route in application.py, a view in tasks.py, releases.py or models.py, a template.
Tested in: tests/apps, tests/browser.
"""

from choral.apps.dashboard.application import application

__all__ = ["application"]

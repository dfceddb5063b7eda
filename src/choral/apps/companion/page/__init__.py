"""The companion's page, served on loopback to one person's browser: the day, the week, mood, suggestions, privacy.

Knows: one person's diary and how its page looks. Must not know: servers, other people, other apps.
Interface: `application`, `Desk`, `Settings`, `Watching`, `WAYS`.
Add here: a way with its rule in routes.py, a template in templates/.
Tested in: tests/apps/test_companion_pages.py, test_companion_authorization.py, tests/browser/test_companion.py.
"""

from choral.apps.companion.page.application import application
from choral.apps.companion.page.desk import Desk
from choral.apps.companion.page.routes import WAYS
from choral.apps.companion.page.settings import Settings
from choral.apps.companion.page.watching import Watching

__all__ = ["WAYS", "Desk", "Settings", "Watching", "application"]

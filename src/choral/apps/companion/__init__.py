"""The companion: a day in fragments, moods, and what others' days teach without anyone seeing them.

Knows: activities, fragments of time, moods, clusters. Must not know: other apps; its device half no server.
Interface: `Activity`, `ACTIVITIES`, `Fragments`; what a person runs in device/, studies in study/.
Add here: what the application shows; a new activity needs a label and a time-use group in device/activities.py.
Tested in: tests/apps/test_companion_*.py.
"""

from choral.apps.companion.device.activities import ACTIVITIES, Activity
from choral.apps.companion.device.fragments import Fragments

__all__ = ["ACTIVITIES", "Activity", "Fragments"]

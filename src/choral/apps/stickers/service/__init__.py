"""The catalogue service: what a server may know of one person, and that person's own downloads. Own host, store and tokens.

Knows: accounts, download logs, what was learnt from them. Must not know: reports, check-outs, messages, choices.
Interface: `application`, `CatalogueStore`, `Stock`, `learn_once`, `load`, `open_accounts`.
Add here: a table in schema.py with its life in docs/stickers.md; a route in api.py with a refusal in the tests.
Tested in: tests/apps/test_stickers_service.py.
"""

from choral.apps.stickers.service.api import application
from choral.apps.stickers.service.learning import learn_once, load, open_accounts
from choral.apps.stickers.service.stock import Stock
from choral.apps.stickers.service.store import CatalogueStore
from choral.apps.stickers.service.tokens import Secrets

__all__ = ["CatalogueStore", "Secrets", "Stock", "application", "learn_once", "load", "open_accounts"]

"""Who issues anonymous tokens: knows accounts and how many tokens each had, and never a task, a report or a token.

Knows: accounts, an allowance a period, blinded requests. Must not know: what a token is spent on; the report server.
Interface: `application`, `IssuerStore`.
Add here: another way to recognise an account, such as a platform's attestation.
Tested in: tests/apps/test_issuer.py.
"""

from choral.apps.issuer.application import Allowance, application
from choral.apps.issuer.store import IssuerStore

__all__ = ["Allowance", "IssuerStore", "application"]

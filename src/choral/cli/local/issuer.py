"""A real issuer of anonymous tokens in a process of its own on this machine, with its accounts: for demos and tests."""

from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx

from choral.cli.local.process import Service, running
from choral.errors import ChoralError
from choral.protocol import Release
from choral.protocol.tokens import Issuer, TokenKey
from choral.server.keys import TOKEN

WAIT_SECONDS = 30
NAME = "issuer.example"
ISSUER = Service("issuer", ("issuer", "serve", "--name", NAME), "the issuer listens on ")


@dataclass(frozen=True, slots=True)
class LocalIssuer:
    """A running issuer. url: where it listens; data: its folder, with store and keys"""

    url: str
    data: Path
    client: httpx.Client

    def accounts(self, count: int) -> list[str]:
        """Open accounts; the token of each, by which its device asks."""
        operator = (self.data / "keys" / TOKEN).read_text().strip()
        return [self._opened({"Authorization": f"Bearer {operator}"}) for _ in range(count)]

    def release(self, now: datetime) -> Release:
        """The public data by which a task names this issuer."""
        about = self.client.get("/v1/issuer").json()
        return Issuer(about["name"], TokenKey.decode(b64decode(about["key"]))).release(now)

    def _opened(self, headers: dict[str, str]) -> str:
        answer = self.client.post("/v1/accounts", headers=headers)
        if answer.is_error:
            raise ChoralError(f"the issuer opened no account: {answer.status_code} {answer.text[:300]}")
        return str(answer.json()["token"])


@contextmanager
def local_issuer() -> Iterator[LocalIssuer]:
    """An issuer that runs while the context does, on a free port, in a temporary folder."""
    with running(ISSUER) as (url, folder), httpx.Client(base_url=url, timeout=WAIT_SECONDS, trust_env=False) as client:
        yield LocalIssuer(url, folder, client)

"""A real catalogue service in a process of its own on this machine, with what its team does: for demos and tests."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from choral.cli.local.process import Service, running
from choral.errors import ChoralError
from choral.server.keys import TOKEN

WAIT_SECONDS = 120  # for the longest answer: learning from all logs
ANNOUNCEMENT = "choral's catalogue serves on "
ACCOUNTS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class LocalCatalogue:
    """A running catalogue service. url: where it listens; data: its folder, with store and keys"""

    url: str
    data: Path
    client: httpx.Client

    def accounts(self, names: Sequence[str]) -> dict[str, str]:
        """Open accounts; the token of each."""
        tokens: dict[str, str] = {}
        for start in range(0, len(names), ACCOUNTS_AT_ONCE):
            answer = self._post("/v1/accounts", json={"accounts": list(names[start : start + ACCOUNTS_AT_ONCE])})
            tokens |= answer.json()["tokens"]
        return tokens

    def load(self, logs: str) -> None:
        """Take in download logs, CSV."""
        self._post("/v1/downloads", content=logs.encode(), headers={"Content-Type": "text/csv"})

    def learn(self, numbers: int) -> Mapping[str, Any]:
        """Learn preference information from all logs."""
        answer: Mapping[str, Any] = self._post("/v1/learn", json={"numbers": numbers}).json()
        return answer

    def _post(self, path: str, *, headers: Mapping[str, str] | None = None, **body: Any) -> httpx.Response:
        token = (self.data / "keys" / TOKEN).read_text().strip()
        answer = self.client.post(path, headers={"Authorization": f"Bearer {token}", **(headers or {})}, **body)
        if answer.is_error:
            raise ChoralError(f"the catalogue refused {path}: {answer.status_code} {answer.text[:300]}")
        return answer


@contextmanager
def local_catalogue(features: int) -> Iterator[LocalCatalogue]:
    """A catalogue of the shipped stickers that runs while the context does, with `features` numbers a sticker."""
    service = Service("catalogue", ("catalogue", "serve", "--features", str(features)), ANNOUNCEMENT)
    with running(service) as (url, folder), httpx.Client(base_url=url, timeout=WAIT_SECONDS, trust_env=False) as client:
        yield LocalCatalogue(url, folder, client)

"""A real issuer of anonymous tokens in a process of its own on this machine, with its accounts: for demos and tests."""

import shutil
import subprocess
import sys
import tempfile
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx

from choral.errors import ChoralError
from choral.protocol import Release
from choral.protocol.tokens import Issuer, TokenKey
from choral.server.keys import TOKEN

WAIT_SECONDS = 30
STOP_SECONDS = 20
ANNOUNCEMENT = "the issuer listens on "
NAME = "issuer.example"


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
    folder = Path(tempfile.mkdtemp(prefix="choral-issuer-"))
    log = folder.parent / f"{folder.name}.log"
    command = [sys.executable, "-m", "choral", "issuer", "serve", "--data", str(folder), "--port", "0", "--name", NAME]
    with log.open("w") as errors, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
        try:
            url = _address(process, log)
            with httpx.Client(base_url=url, timeout=WAIT_SECONDS, trust_env=False) as client:
                yield LocalIssuer(url, folder, client)
        finally:
            _stop(process)
            shutil.rmtree(folder, ignore_errors=True)
            log.unlink(missing_ok=True)


def _address(process: "subprocess.Popen[str]", log: Path) -> str:
    assert process.stdout is not None  # we asked for a pipe
    for line in process.stdout:
        if line.startswith(ANNOUNCEMENT):
            return line.removeprefix(ANNOUNCEMENT).strip()
    raise ChoralError(f"the issuer did not start: {log.read_text().strip()[-2000:] or 'it said nothing'}")


def _stop(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()

"""A PostgreSQL server of the tests' own: its programs come from the machine, its data and its socket lie in a folder."""

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

NOBODY = 65_534
NUMBERS = count()


def _program(name):
    """Where PostgreSQL's program is, as Debian and others put it; None if it is not here."""
    found = shutil.which(name)
    return found or next((str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)), None)


@dataclass
class Cluster:
    """One server. folder: of its data and its socket; it refuses to run as root, so that root's tests run it as nobody"""

    folder: Path

    @property
    def url(self) -> str:
        return f"postgresql:///postgres?host={self.folder}&user=choral"

    def schema(self) -> str:
        """One that nobody used."""
        return f"s{next(NUMBERS)}"

    def make(self) -> None:
        self.run("initdb", "-A", "trust", "-U", "choral", "-E", "UTF8", "--no-locale", "--no-sync")
        with (self.folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write(f"listen_addresses = ''\nunix_socket_directories = '{self.folder}'\nmax_connections = 30\n")

    def start(self) -> None:
        self.run("pg_ctl", "start", "-w", "-l", str(self.folder / "log"))

    def stop(self, mode="fast") -> None:
        """mode: "immediate" is what a crash is."""
        self.run("pg_ctl", "stop", "-w", "-m", mode)

    def run(self, program, *arguments) -> None:
        command = [_program(program), "-D", str(self.folder / "data"), *arguments]
        if os.geteuid() == 0:
            command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.folder, check=False)
        assert done.returncode == 0, done.stdout.decode()


@contextmanager
def cluster():
    """A server that runs while the context does; skips where PostgreSQL's programs are not installed."""
    if _program("initdb") is None or (os.geteuid() == 0 and shutil.which("setpriv") is None):
        pytest.skip("PostgreSQL's initdb and pg_ctl are not on this machine")
    with tempfile.TemporaryDirectory(prefix="choral-pg-") as made:
        folder = Path(made)
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        one = Cluster(folder)
        one.make()
        one.start()
        try:
            yield one
        finally:
            one.stop("immediate")

"""A real browser and a real server: both are started once, and neither reaches beyond this machine."""

import os
import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest
import uvicorn

CHROMIUM = "/usr/bin/chromium"
FONT = "Noto Color Emoji"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
INSTALL = "on Debian and Ubuntu: apt-get install chromium fonts-noto-color-emoji fonts-noto-cjk fontconfig"
START_SECONDS = 10


def missing():
    """What a browser test needs and does not find, in words; empty if all is there."""
    if not os.access(CHROMIUM, os.X_OK):
        return f"Chromium is not at {CHROMIUM}"
    if shutil.which("fc-list") is None:
        return "fontconfig is not installed"
    fonts = subprocess.run(["fc-list", ":", "family"], capture_output=True, text=True, check=True).stdout
    return "" if FONT in fonts else f"the font {FONT} is not installed"


def require(problem, environment):
    """Skips the test if there is a problem; fails it in CI, where all must be there."""
    if problem and environment.get("CI"):
        pytest.fail(f"{problem}; {INSTALL}")
    if problem:
        pytest.skip(f"{problem}; {INSTALL}")


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium; where it is missing the test is skipped, and in CI it fails."""
    require(missing(), os.environ)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@contextmanager
def served_at(make):
    """The host and port of a real HTTP server on loopback, on a thread of its own, of the app that `make` gives for it."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{listening.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(make(host), log_level="warning", ws="none", server_header=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            deadline = time.monotonic() + START_SECONDS
            while not server.started and time.monotonic() < deadline:
                time.sleep(0.01)
            assert server.started
            yield host
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def served(app):
    """The address of a real HTTP server of `app`."""
    with served_at(lambda host: app) as host:
        yield f"http://{host}"

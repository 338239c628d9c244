"""A real server and a real headless Chromium."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

READY = '[data-testid="stApp"][data-test-script-state="notRunning"]'
"""The page's script has run to its end."""

FAILED = pytest.StashKey[bool]()
"""Whether the test itself failed."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


def chromium_path() -> str | None:
    """The system's Chromium or Chrome."""
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        if shutil.which(name):
            return shutil.which(name)
    return None


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium. Skipped where there is none, unless AUDIOGAN_BROWSER_REQUIRED says that this is a failure."""
    path = chromium_path()
    if path is None:
        message = "no Chromium on this machine: install the package 'chromium' to run the browser's story"
        if os.environ.get("AUDIOGAN_BROWSER_REQUIRED"):
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


class Server:
    """The app on a free port of this computer, as `audiogan app` starts it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        with closing(socket.socket()) as probe:
            probe.bind(("localhost", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port)]
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=os.environ | {"AUDIOGAN_HOME": str(self.home)}, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1)
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(self.log)

    @property
    def log(self) -> str:
        """All that it has printed."""
        return (self.home / "server.log").read_text()

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()


@pytest.fixture
def server(tmp_path, request):
    """A server on an empty home; what it logged when a test failed."""
    server = Server(tmp_path)
    server.start()
    yield server
    server.kill()
    if request.node.stash.get(FAILED, False):
        print(f"the server logged:\n{server.log}")


@pytest.fixture
def page(browser, request):
    """An empty tab that gathers the addresses it asked for beyond this computer; what it showed when a test failed."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.foreign = []
    page.on(
        "request",
        lambda request: (
            None
            if "://localhost" in request.url or request.url[:5] in ("data:", "blob:")
            else page.foreign.append(request.url)
        ),
    )
    yield page
    if request.node.stash.get(FAILED, False):
        print(f"the page {page.url} showed:\n{page.inner_text('body')}")
    context.close()

"""How long a visitor waits: first paint, change of page, movement of a slider to sound.

`python benchmarks/waiting.py [--visits 5] [--movements 60]`. The reference for the paint is an empty Streamlit script,
served and opened in the same way in the same run. Needs Chromium and the development requirements.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import closing, contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from report import publish, spread

from audiogan.lab import STARTER

ROOT = Path(__file__).resolve().parent.parent

READY = '[data-testid="stApp"][data-test-script-state="notRunning"]'


@contextmanager
def serving(script: Path, home: Path):
    """The address of a fresh server of that script; its first visitor has not come yet."""
    with closing(socket.socket()) as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    command += ["--server.headless", "true", "--browser.gatherUsageStats", "false", "--server.address", "localhost"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"AUDIOGAN_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://localhost:{port}/_stcore/health", timeout=1)
                break
            except OSError:
                time.sleep(0.05)
        yield f"http://localhost:{port}"
    finally:
        process.kill()
        process.wait()


def first_paint(browser, script: Path, home: Path, text: str) -> float:
    """Seconds from asking a fresh server until the text stands on the page, in an empty browser profile."""
    with serving(script, home) as url:
        context = browser.new_context()
        page = context.new_page()
        started = time.perf_counter()
        page.goto(url)
        page.get_by_text(text).first.wait_for()
        seconds = time.perf_counter() - started
        context.close()
    return seconds


def page_changes(page: Page, url: str, rounds: int) -> list[float]:
    """Seconds from a click in the navigation until the page's title stands there, each page visited once before."""
    seconds = []
    for number in range(rounds + 1):
        for name in ("Sounds", "Train", "Explore"):
            started = time.perf_counter()
            page.get_by_test_id("stTopNavLink").filter(has_text=name).click()
            page.get_by_role("heading", name=name, exact=True).wait_for()
            if number:
                seconds.append(time.perf_counter() - started)
            page.wait_for_selector(READY)
    return seconds


def slider_to_sound(page: Page, url: str, movements: int) -> list[float]:
    """Milliseconds from each movement of a latent slider until its sound is ready to be heard."""
    page.goto(f"{url}/explore?run={STARTER}")
    page.locator(".player.ready").wait_for(timeout=60_000)
    slider = page.get_by_test_id("player-slider-0")
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.1 * box["width"], middle)
    page.mouse.down()
    # the first sounds open the audio device and fill caches
    for number in range(10 + movements):
        if number == 10:
            page.evaluate("window.audiogan.latencies.length = 0")
        page.mouse.move(box["x"] + box["width"] * (0.1 + 0.8 * number / (10 + movements)), middle)
        page.wait_for_timeout(120)
    page.mouse.up()
    return page.evaluate("[...window.audiogan.latencies]")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--movements", type=int, default=60)
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Path(folder)
        empty = home / "empty.py"
        empty.write_text("import streamlit as st\n\nst.title('Nothing here')\n")
        flags = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        ours, theirs = [], []
        for _ in range(arguments.visits):
            theirs.append(first_paint(browser, empty, home, "Nothing here"))
            ours.append(first_paint(browser, ROOT / "app.py", home, "Your sounds, learned and played"))
        with serving(ROOT / "app.py", home) as url:
            page = browser.new_page(viewport={"width": 1280, "height": 1600})
            page.goto(url)
            page.wait_for_selector(READY)
            changes = page_changes(page, url, arguments.visits)
            latencies = slider_to_sound(page, url, arguments.movements)
        browser.close()
    rows = [
        {"what": "first paint, empty Streamlit page (s)", **spread(theirs), "goal": "", "ratio": 1.0},
        {
            "what": "first paint, home (s)",
            **spread(ours),
            "goal": "2.5",
            "ratio": spread(ours)["median"] / spread(theirs)["median"],
        },
        {"what": "change of page (s)", **spread(changes), "goal": "0.7", "ratio": ""},
        {"what": "slider to sound (ms)", **spread(latencies), "goal": "60", "ratio": ""},
    ]
    publish(
        "waiting",
        "What a visitor waits for",
        rows,
        heard=f"{len(latencies)} of {arguments.movements} movements",
        command="python benchmarks/waiting.py",
    )


if __name__ == "__main__":
    main()

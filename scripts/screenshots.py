"""Take the README's pictures of the four pages: `python scripts/screenshots.py [--minutes 3] [--to docs/images]`.

A server on an empty home, the built-in sounds, and a training that is under way while its picture is taken; needs
Chromium and the development requirements. `--dark` and `--width 390` show the same pages as others see them.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from waiting import READY, serving  # noqa: E402

from audiogan.lab import BUILT_IN, STARTER, Lab, Limit  # noqa: E402


def take(page: Page, url: str, path: Path) -> None:
    """A picture of the whole page, however long it is."""
    page.goto(url)
    page.wait_for_selector(READY)
    page.wait_for_timeout(3000)  # sounds are drawn, charts have their first ticks
    size = page.viewport_size
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": height})
    page.wait_for_timeout(500)
    page.screenshot(path=path)
    page.set_viewport_size(size)
    print(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--width", type=int, default=1100)
    arguments = parser.parse_args()
    arguments.to.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        lab = Lab(home)
        run = lab.create_run(lab.configure(lab.prepare_built_in(), "framegan"))
        lab.start(run, Limit(minutes=2 * arguments.minutes))
        try:
            time.sleep(60 * arguments.minutes)
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(
                viewport={"width": arguments.width, "height": 800}, color_scheme="dark" if arguments.dark else "light"
            )
            with serving(ROOT / "app.py", Path(home)) as url:
                take(page, url, arguments.to / "home.png")
                take(page, f"{url}/sounds?data={BUILT_IN}", arguments.to / "sounds.png")
                take(page, f"{url}/train?run={run.name}", arguments.to / "train.png")
                take(page, f"{url}/explore?run={STARTER}", arguments.to / "explore.png")
            browser.close()
        finally:
            lab.stop(run)
            while run.status.is_active:
                time.sleep(0.2)


if __name__ == "__main__":
    main()

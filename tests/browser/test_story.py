"""The whole journey in a real browser: a folder of sounds becomes a model that is played and taken away."""

import io
import json
import re
import zipfile

import numpy as np
import pytest
import soundfile
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from audiogan import audio
from audiogan.lab import Lab
from audiogan.synthesis import built_in_sounds
from tests.browser.conftest import READY

pytestmark = pytest.mark.browser


def write_drums(folder, per_label: int):
    """Kicks and hats in folders of their own, and something that is no sound."""
    for sound in built_in_sounds(rate=22_050, per_label=per_label):
        if sound.label in ("kick", "hat"):
            path = folder / sound.label / f"{sound.name}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(audio.encode_wav(sound.samples, sound.rate))
    (folder / "hat" / "shopping list.wav").write_text("bread, milk")
    return folder


def wait_for_steps(page, at_least: int) -> None:
    """Until the page itself says that so many steps were done."""
    page.wait_for_function(
        """atLeast => {
            const metrics = [...document.querySelectorAll('[data-testid=stMetric]')];
            const steps = metrics.find(metric => metric.querySelector('label').innerText.trim() === 'Steps');
            const shown = steps?.querySelector('[data-testid=stMetricValue]').innerText.replaceAll(',', '');
            return shown !== undefined && parseInt(shown) >= atLeast;
        }""",
        arg=at_least,
    )


def press_play(page) -> None:
    """Play until something is heard: pressed while a slider's own sound still plays, the button stops that."""
    for _ in range(5):
        page.get_by_test_id("player-play").click()
        try:
            page.wait_for_function("window.audiogan.playing", timeout=3_000)
            return
        except PlaywrightTimeout:
            continue
    raise AssertionError("nothing was heard")


def test_from_a_folder_of_sounds_to_a_pack_of_new_ones(server, page, tmp_path):
    drums = write_drums(tmp_path / "drums", per_label=12)

    # a page opened by its own address on a fresh server has the navigation, and the starter model plays
    page.goto(f"{server.url}/explore")
    page.wait_for_selector(READY)
    page.get_by_role("link", name="Sounds").first.click()

    # the folder is dropped, looked at and cut into clips
    folder = page.locator('[data-testid="stFileUploader"]', has_text="A folder; its subfolders become labels")
    folder.locator('[data-testid="stFileUploaderDropzoneInput"]').set_input_files(str(drums))
    page.get_by_text("24 sounds accepted").wait_for()
    page.get_by_text("with 2 labels: hat, kick").wait_for()
    page.get_by_text("1 refused").wait_for()
    page.get_by_label("Name", exact=True).fill("my drums")
    page.get_by_label("Name", exact=True).press("Enter")
    page.get_by_role("button", name="Prepare the clips").click()
    page.get_by_text("24 clips of").wait_for()
    page.get_by_test_id("sound-card").first.wait_for()

    # training starts, shows its cost first, goes on through a reload, and a second visitor sees it
    page.get_by_role("button", name="Train on these").click()
    page.get_by_text("Measured on:").wait_for()
    page.get_by_role("button", name="Start training").click()
    page.get_by_role("button", name="Pause").wait_for()
    wait_for_steps(page, 20)
    page.reload()
    page.wait_for_selector(READY)
    wait_for_steps(page, 30)
    visitor = page.context.browser.new_page()
    visitor.goto(f"{server.url}/train")
    visitor.get_by_role("button", name="Pause").wait_for()
    wait_for_steps(visitor, 30)
    visitor.close()

    # the server dies and comes back: training went on without it
    (run,) = [run for run in Lab(server.home).runs() if run.config.dataset == "my drums"]
    server.kill()
    step_when_killed = run.status.step
    server.start()
    page.goto(f"{server.url}/train?run={run.name}")
    page.wait_for_selector(READY)
    wait_for_steps(page, step_when_killed + 5)

    # it stops when told to, with everything saved
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Resume").wait_for()
    assert run.status.state == "stopped"
    assert run.snapshots()[-1].step == run.status.step

    # it is played: a movement of a slider is heard, seen and can be taken away
    page.get_by_role("button", name="Explore").click()
    slider = page.get_by_test_id("player-slider-0")
    slider.wait_for()
    page.locator(".player.ready").wait_for()
    page.get_by_test_id("player-label-1").click()
    slider.focus()
    for _ in range(5):
        slider.press("ArrowRight")
    # what the last of the five presses asked for has arrived
    page.wait_for_function("window.audiogan.latencies.length >= 1")
    page.locator('.player .picture[aria-busy="false"]').wait_for()
    press_play(page)
    heard = page.evaluate("({bytes: window.audiogan.lastBytes, peak: window.audiogan.lastPeak})")
    assert heard["peak"] > 0.01
    began = page.evaluate("window.audiogan.context.currentTime")
    page.wait_for_timeout(200)
    assert page.evaluate("window.audiogan.context.currentTime") > began

    with page.expect_download() as download:
        page.get_by_test_id("player-download").click()
    wav = download.value.path().read_bytes()
    samples, rate = soundfile.read(io.BytesIO(wav))
    assert len(wav) == heard["bytes"]
    assert (len(samples), rate) == (run.config.clip_samples, run.config.rate)
    assert np.abs(samples).max() == pytest.approx(heard["peak"], abs=1e-3)

    # and in packs, from which each sound can be made again
    page.get_by_label("How many").fill("3")
    page.get_by_label("How many").press("Enter")
    with page.expect_download() as download:
        page.get_by_role("button", name=re.compile("Download 3 sounds")).click()
    with zipfile.ZipFile(download.value.path()) as pack:
        book = json.loads(pack.read("sounds.json"))
        again = Lab(server.home).recall(run, pack.read("sounds.json").decode())
        assert len(again) == 3
        for sound in again:
            assert pack.read(sound.name) == sound.wav
    assert {sound["label"] for sound in book["sounds"]} == {"hat", "kick"}

    # nothing of this left the computer
    assert page.foreign == []


def test_no_page_scrolls_sideways_on_a_phone(server, browser):
    Lab(server.home).prepare_built_in()
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    for name in ("", "sounds", "train", "explore", "compare", "listen"):
        page.goto(f"{server.url}/{name}")
        page.wait_for_selector(READY, timeout=60_000)
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
    context.close()

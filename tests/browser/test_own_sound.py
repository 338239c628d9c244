"""A sound of one's own in a real browser: beside its reconstruction under one zoom, and the way to play on from it."""

import math
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from audiogan import encoder
from audiogan.lab import Lab, Limit
from tests.browser.conftest import READY
from tests.conftest import CLIP_SAMPLES, RATE, TINY

pytestmark = pytest.mark.browser

CLIP_MS = 1000 * CLIP_SAMPLES / RATE

PICTURES = """(root) => [...root.querySelectorAll('canvas')].map((canvas) => {
    const height = parseFloat(getComputedStyle(canvas.parentElement).getPropertyValue('--wave'));
    const rows = Math.round(height * devicePixelRatio);
    const pixels = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, rows).data.buffer);
    const isPainted = (x) => (row) => pixels[row * canvas.width + x] !== pixels[0];
    const all = [...Array(rows).keys()];
    return [...Array(canvas.width).keys()].map((x) => all.filter(isPainted(x)).length);
})"""
"""Of both strips, how many rows are painted in each column."""

HEARD = """
    window.heard = [];
    const Source = window.AudioBufferSourceNode;
    window.AudioBufferSourceNode = class extends Source {
        constructor(context, options) {
            super(context, options);
            const heard = { samples: [...options.buffer.getChannelData(0)], ended: false };
            window.heard.push(heard);
            this.addEventListener('ended', () => (heard.ended = true));
        }
    };"""
"""Keeps the samples of every sound that is started."""

BYTES = "async (link) => [...new Uint8Array(await (await fetch(link.href)).arrayBuffer())]"


@pytest.fixture
def run(tmp_path, sounds, monkeypatch):
    """A model too small to be worth hearing and its encoder, trained by the program in seconds on the server's home."""
    lab = Lab(tmp_path)
    dataset = lab.prepare(lab.survey([sounds]), "tiny", RATE, CLIP_SAMPLES / RATE)
    run = lab.create_run(lab.configure(dataset, "framegan", [*TINY, "groups=2"]), "tiny")
    lab.train(run, Limit(steps=20), "cpu")
    # fewer steps than the page would take, which finds the encoder there
    monkeypatch.setattr(encoder, "STEPS", 50)
    lab.encoder(run)
    return run


def test_a_sound_of_one_s_own_is_compared_under_one_zoom_and_played_on_from(run, server, sounds, page):
    page.add_init_script(HEARD)
    page.goto(f"{server.url}/explore?run={run.name}")
    page.wait_for_selector(READY)
    page.locator(".player.ready").wait_for()
    uploader = page.locator('[data-testid="stFileUploader"]', has_text="A sound of yours")
    uploader.locator('[data-testid="stFileUploaderDropzoneInput"]').set_input_files(str(sounds / "tone" / "03.wav"))
    page.get_by_text("Spectral distance").wait_for()
    page.wait_for_selector(READY)

    a_zoom_is_one_for_both(page)
    both_are_heard(page)
    the_player_goes_on_from_there(page)
    the_point_stays_when_it_is_cleaned(page)


def a_zoom_is_one_for_both(page) -> None:
    compare = page.get_by_test_id("compare")
    whole = compare.evaluate(PICTURES)
    assert len(whole) == 2
    assert window_ms(page) == (0, CLIP_MS)
    for side in (0, 1):
        # after a click there, 400 pixels of the wheel zoom by e around the pointer
        canvas = compare.locator("canvas").nth(side)
        place = canvas.bounding_box()["width"] / 4
        canvas.click(position={"x": place, "y": 20})
        page.mouse.wheel(0, -400)
        expect(page.get_by_test_id("compare-whole")).to_be_enabled()
        first, last = window_ms(page)
        assert last - first == pytest.approx(CLIP_MS / math.e, abs=0.3)
        assert first + (last - first) / 4 == pytest.approx(CLIP_MS / 4, abs=0.3)
        near = compare.evaluate(PICTURES)
        assert near[0] != whole[0]
        assert near[1] != whole[1]
        page.get_by_test_id("compare-whole").click()
        assert compare.evaluate(PICTURES) == whole
    page.get_by_test_id("compare-periods").click()
    first, last = window_ms(page)
    assert last - first == pytest.approx(30, abs=0.2)


def window_ms(page) -> tuple[float, ...]:
    """From when to when both strips are shown, as the page says."""
    return tuple(map(float, re.findall(r"[\d.]+", page.get_by_test_id("compare-window").inner_text())))


def both_are_heard(page) -> None:
    for side in (0, 1):
        before = page.evaluate("window.heard.length")
        page.get_by_test_id(f"compare-play-{side}").click()
        page.wait_for_function("window.heard.at(-1)?.ended && !window.audiogan.playing")
        assert page.evaluate("window.heard.length") == before + 1
        heard = page.evaluate("window.heard.at(-1).samples")
        assert heard == pytest.approx(
            [value / 32768 for value in samples_of(page, f"compare-download-{side}")], abs=1e-4
        )


def the_player_goes_on_from_there(page) -> None:
    assert page.get_by_test_id("player-seed").input_value() == "0"
    with page.expect_request(lambda request: "/audition" in request.url and "latent=" in request.url) as asked:
        page.get_by_role("button", name="Play from here").click()
    query = parse_qs(urlsplit(asked.value.url).query)
    latent, kind = query["latent"], query["kind"]
    assert len(latent[0].split(",")) == 8
    assert kind in (["0"], ["1"])
    rested(page)
    expect(page.get_by_test_id("player-seed")).to_have_value("")
    # what the player has now is the reconstruction: its latent travels with four digits, 16-bit samples keep as many
    made, reconstructed = (samples_of(page, link) for link in ("player-download", "compare-download-1"))
    assert len(made) == len(reconstructed) == CLIP_SAMPLES
    assert max(abs(a - b) for a, b in zip(made, reconstructed, strict=True)) < 40
    # and its sliders move from there
    with page.expect_request(lambda request: "sliders=" in request.url) as moved:
        page.get_by_test_id("player-slider-0").press("ArrowRight")
    query = parse_qs(urlsplit(moved.value.url).query)
    assert (query["latent"], query["kind"]) == (latent, kind)
    rested(page)
    page.wait_for_selector(READY)
    # and back again, from wherever they are
    with page.expect_request(lambda request: "/audition" in request.url and "sliders=" not in request.url) as back:
        page.get_by_role("button", name="Play from here").click()
    assert parse_qs(urlsplit(back.value.url).query)["latent"] == latent
    rested(page)


def the_point_stays_when_it_is_cleaned(page) -> None:
    with page.expect_request(lambda request: "sliders=" in request.url):
        page.get_by_test_id("player-slider-0").press("ArrowRight")
    rested(page)
    as_made = bytes_of(page, "player-download")
    with page.expect_request(lambda request: "clean=1" in request.url) as asked:
        page.get_by_text("Clean the sounds").click()
    assert {"latent", "sliders"} <= parse_qs(urlsplit(asked.value.url).query).keys()
    link = page.get_by_test_id("player-download")
    expect(link).to_have_attribute("download", re.compile(r"-clean\.wav$"))
    cleaned = bytes_of(page, "player-download")
    assert len(cleaned) == len(as_made)
    assert cleaned != as_made


def samples_of(page, link: str) -> list[int]:
    """The samples of the 16-bit WAV file, with the usual header of 44 bytes, behind a download link."""
    return memoryview(bytes_of(page, link)[44:]).cast("h").tolist()


def rested(page) -> None:
    """Until the player has what it asked for."""
    expect(page.get_by_test_id("player").locator(".picture")).to_have_attribute("aria-busy", "false")


def bytes_of(page, link: str) -> bytes:
    """The file behind a download link."""
    return bytes(page.get_by_test_id(link).evaluate(BYTES))

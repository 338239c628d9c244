"""The Compare page in a real browser: every row is heard, and one zoom moves them all."""

import pytest

from audiogan.judging import classifier_training
from audiogan.lab import Lab, Limit
from tests.browser.conftest import READY
from tests.conftest import CLIP_SAMPLES, RATE, TINY

pytestmark = pytest.mark.browser

# for each canvas a number for what its waveform shows, and one for its spectrogram
PAINTED = """canvases => canvases.flatMap(canvas => [[0, 50], [64, 60]].map(([top, height]) => {
    const { data } = canvas.getContext('2d').getImageData(44, top, canvas.width - 44, height);
    return data.reduce((sum, value) => (31 * sum + value) % 1000003, 0);
}))"""


@pytest.fixture
def two_runs(server, sounds):
    """Runs 'first' and 'second' of a few steps on 'tiny', in the server's home."""
    lab = Lab(server.home)
    dataset = lab.prepare(lab.survey([sounds]), "tiny", RATE, CLIP_SAMPLES / RATE)
    for seed, name in enumerate(("first", "second")):
        run = lab.create_run(lab.configure(dataset, "framegan", TINY, seed), name)
        lab.train(run, Limit(steps=5), "cpu")
    return lab


def test_every_row_is_heard_and_one_zoom_moves_them_all(server, page, two_runs):
    page.goto(f"{server.url}/compare?run=first&run=second")
    page.wait_for_selector(READY)
    page.get_by_role("tab", name="Side by side").click()
    rows = page.get_by_test_id("compare")
    rows.get_by_test_id("compare-play-2").wait_for()
    titles = rows.locator(".title").all_inner_texts()
    assert [title.split()[0] for title in titles] == ["Real", "A", "B"]

    # each row plays, by button and by number, and only one at a time
    heard = []
    for number in range(3):
        rows.get_by_test_id(f"compare-play-{number}").click()
        page.wait_for_function("window.audiogan.playing")
        heard.append(page.evaluate("window.audiogan.lastPeak"))
        assert rows.locator(".play.playing").count() == 1
    rows.get_by_test_id("compare-zoom").focus()
    page.wait_for_function("!window.audiogan.playing")
    page.keyboard.press("1")
    page.wait_for_function("window.audiogan.playing")
    assert page.evaluate("window.audiogan.lastPeak") == heard[0]

    # down to single periods: all pictures change together, and come back together
    window = rows.get_by_test_id("compare-window")
    assert window.inner_text() == "0.0 to 250.0 ms"
    whole = rows.locator("canvas").evaluate_all(PAINTED)
    assert len(whole) == 6
    rows.get_by_test_id("compare-periods").click()
    start, end = (float(word) for word in window.inner_text().removesuffix(" ms").split(" to "))
    assert end - start == pytest.approx(30, abs=0.2)
    near = rows.locator("canvas").evaluate_all(PAINTED)
    assert all(a != b for a, b in zip(whole, near, strict=True))
    for _ in range(10):
        rows.get_by_test_id("compare-closer").click()
    # 32 samples of 8 kHz are 4 ms: no nearer
    start, end = (float(word) for word in window.inner_text().removesuffix(" ms").split(" to "))
    assert end - start == pytest.approx(4, abs=0.2)
    rows.get_by_test_id("compare-zoom").press("0")
    assert window.inner_text() == "0.0 to 250.0 ms"
    page.wait_for_timeout(500)  # the cursor of the last sound has left
    assert rows.locator("canvas").evaluate_all(PAINTED) == whole

    # the dice bring the next sounds, of the next label
    page.get_by_role("button", name="Next sounds").click()
    page.get_by_text("A first · step 5 · tone").wait_for()
    assert rows.locator("canvas").evaluate_all(PAINTED)[0] != whole[0]
    assert page.foreign == []


def test_on_a_phone_the_table_scrolls_and_the_page_does_not(server, browser, two_runs, monkeypatch):
    monkeypatch.setattr(classifier_training, "MOST_STEPS", 3)
    for name in ("first", "second"):
        two_runs.evaluate(two_runs.run(name), count=32)
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{server.url}/compare?run=first&run=second")
    page.wait_for_selector(READY, timeout=60_000)
    table = page.get_by_role("region", name="All measures")
    assert table.evaluate("table => (table.scrollLeft = 50)") == table.evaluate("table => table.scrollLeft")
    for tab in ("Report card", "Side by side", "Curves"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, tab
    context.close()

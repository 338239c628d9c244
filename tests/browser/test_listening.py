"""A blind test from the first question to the result, by keyboard, and with a tab that is closed in between."""

import pytest

from audiogan.lab import STARTER, Lab
from tests.browser.conftest import READY

pytestmark = pytest.mark.browser

CAN_ANSWER = '[data-testid="question"][data-ready="true"]'


COUNT_PLAYS = """() => {
    let playing = window.audiogan.playing;
    window.plays = 0;
    Object.defineProperty(window.audiogan, "playing", {
        get: () => playing,
        set: (on) => { playing = on; window.plays += on; },
    });
}"""
"""A sound of half a second may be over before a busy computer has looked."""


def answer(page, *keys: str, question: str) -> None:
    """Once the question of that number is there and has been heard."""
    page.get_by_test_id("question-count").get_by_text(question).wait_for()
    if page.locator(CAN_ANSWER).count() == 0:
        page.keyboard.press("Space")
    page.wait_for_selector(CAN_ANSWER)
    for key in keys:
        page.keyboard.press(key)


def test_a_whole_test_by_keyboard(server, page):
    page.goto(f"{server.url}/listen")
    page.get_by_label("Questions").fill("4")
    page.get_by_label("Your name").fill("Anna")
    page.get_by_label("Your name").press("Tab")
    page.wait_for_selector(READY)
    page.get_by_role("button", name="Begin", exact=True).click()

    # the first sound plays by itself, because "Begin" was clicked; the space bar plays it again, digits answer
    page.get_by_test_id("question").wait_for()
    page.wait_for_selector(CAN_ANSWER)
    page.wait_for_function("!window.audiogan.playing")
    page.evaluate(COUNT_PLAYS)
    page.keyboard.press("Space")
    page.wait_for_function("window.plays === 1")
    answer(page, "1", question="1 of 4")
    answer(page, "1", question="2 of 4")

    # closed and opened again, it goes on where it was
    third = page.get_by_test_id("question-count").get_by_text("3 of 4")
    third.wait_for()
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    third.wait_for()
    answer(page, "1", question="3 of 4")
    answer(page, "1", question="4 of 4")

    # half of the sounds are real, so that who calls all of them real is right in half of the cases
    page.get_by_text("Thank you, Anna: all 4 questions are answered.").wait_for()
    words = (
        "Anna told real from generated in 2 of 4 cases (50 %, 95 % interval 15 to 85 %): this could be chance (p = 1)."
    )
    page.get_by_role("heading", name=words).wait_for()
    (test,) = Lab(server.home).listening_tests()
    assert [given.values for given in test.answers("Anna")] == [(1,)] * 4
    with page.expect_download() as download:
        page.get_by_role("button", name="Download all answers as CSV").click()
    assert download.value.path().read_text() == test.table()
    assert page.foreign == []


def test_pairs_and_ratings_by_keyboard(server, page):
    lab = Lab(server.home)
    starter = lab.run(STARTER)
    pairs = lab.new_listening_test("pairs", [(starter, None)], 2, name="pairs")
    ratings = lab.new_listening_test("ratings", [(starter, None)], 2, name="ratings")

    page.goto(f"{server.url}/listen?test=pairs&listener=Anna")
    page.get_by_test_id("question").wait_for()
    # nobody answers before both were heard
    page.evaluate(COUNT_PLAYS)
    page.keyboard.press("a")
    page.wait_for_function("window.plays === 1")
    page.keyboard.press("2")
    assert page.locator(CAN_ANSWER).count() == 0
    page.keyboard.press("b")
    answer(page, "2", question="1 of 2")
    answer(page, "3", question="2 of 2")
    page.get_by_text("Thank you, Anna").wait_for()
    assert [given.values for given in pairs.answers("Anna")] == [(2,), (3,)]

    # digits fill the lines from above, arrows choose another line, and nothing is sent before all are filled
    page.goto(f"{server.url}/listen?test=ratings&listener=Anna")
    page.get_by_test_id("question").wait_for()
    answer(page, "5", "4", "Enter", "3", "ArrowUp", "1", "Enter", question="1 of 2")
    answer(page, "1", "2", question="2 of 2")
    page.get_by_test_id("question-2-5").click()
    page.get_by_test_id("question-next").click()
    page.get_by_text("Thank you, Anna").wait_for()
    assert [given.values for given in ratings.answers("Anna")] == [(5, 1, 3), (1, 2, 5)]

"""The audition route: sound for this computer's own pages, one sentence for everything else."""

import io
from urllib.parse import urlencode

import numpy as np
import pytest
import soundfile
from starlette.requests import Request
from starlette.responses import Response

from audiogan import cleaning, latent
from audiogan.lab import STARTER, open_lab
from audiogan.ui.audition import audition

ASKED = {"run": STARTER, "seed": "7"}


@pytest.fixture(autouse=True)
def only_the_starter_model(tmp_path, monkeypatch):
    """A home where nothing was trained yet."""
    monkeypatch.setenv("AUDIOGAN_HOME", str(tmp_path))
    open_lab.cache_clear()
    yield
    open_lab.cache_clear()


def ask(query: dict[str, str], **headers: str) -> Response:
    """The route's answer to a GET request with these query parameters."""
    named = {"host": "localhost:8501"} | headers
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/audition",
        "query_string": urlencode(query).encode(),
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
    }
    return audition(Request(scope))


def test_a_seed_is_answered_with_its_sound_and_where_its_sliders_stand():
    answer = ask(ASKED)
    samples, rate = soundfile.read(io.BytesIO(answer.body))
    assert (answer.headers["content-type"], rate, samples.shape) == ("audio/wav", 22_050, (11_025,))
    assert np.abs(samples).max() > 0.05
    sliders = [float(text) for text in answer.headers["x-sliders"].split(",")]
    assert len(sliders) == 8
    assert ask(ASKED).body == answer.body


def test_a_slider_that_moves_changes_the_sound_and_is_answered_where_it_was_put():
    before = ask(ASKED)
    sliders = before.headers["x-sliders"].split(",")
    moved = ",".join(["2.5", *sliders[1:]])
    after = ask(ASKED | {"sliders": moved})
    assert after.headers["x-sliders"] == ",".join(["2.500", *sliders[1:]])
    assert after.body != before.body


def test_a_latent_takes_the_seed_s_place_and_its_sliders_move_from_there():
    seven = latent.from_seed(7, 64, "normal").tolist()
    itself = ask(ASKED | {"seed": "0", "label": "1", "latent": ",".join(map(str, seven))})
    assert itself.body == ask(ASKED | {"label": "1"}).body
    sliders = ["2.5", *itself.headers["x-sliders"].split(",")[1:]]
    moved = {"label": "1", "sliders": ",".join(sliders)}
    from_latent = ask(ASKED | moved | {"seed": "0", "latent": ",".join(map(str, seven))})
    assert from_latent.body == ask(ASKED | moved).body != itself.body


def test_a_sound_is_cleaned_when_that_is_asked(monkeypatch):
    monkeypatch.setattr(cleaning, "clean", lambda samples, rate: samples / 2)
    as_made, cleaned = (soundfile.read(io.BytesIO(ask(ASKED | extra).body))[0] for extra in ({}, {"clean": "1"}))
    assert np.abs(as_made / 2 - cleaned).max() < 1e-4
    assert ask(ASKED | {"clean": "0"}).body == ask(ASKED).body


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"run": "../../etc/passwd"}, "There is no run '../../etc/passwd'. There is starter."),
        ({"seed": "seven"}, "'seven' is not a number."),
        ({"seed": "-1"}, "A seed is a whole number from 0 to 9223372036854775807; -1 is not."),
        ({"snapshot": "3"}, "The run 'starter' kept no snapshot of step 3."),
        ({"label": "99"}, "This model has no label number 99; it knows 6."),
        ({"sliders": "0,0"}, "This model has 8 sliders, not 2."),
        ({"sliders": ",".join(["nan"] * 8)}, "A slider's position must be a number."),
        ({"sliders": ",".join(["0"] * 100_000)}, "'0,0"),
        ({"latent": "0,0"}, "This model's latents have 64 numbers, not 2."),
        ({"latent": ",".join(["inf"] * 64)}, "A latent's numbers must lie between -40 and 40."),
        ({"latent": ",".join(["41"] * 64)}, "A latent's numbers must lie between -40 and 40."),
        ({"latent": ",".join(["0"] * 100_000)}, "'0,0"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_request_that_makes_no_sense_is_one_sentence(changes, sentence):
    answer = ask(ASKED | changes)
    assert answer.status_code == 400
    assert answer.body.decode().startswith(sentence)


def test_a_request_without_a_run_says_so():
    assert ask({}).body.decode() == "The request names no 'run'."


@pytest.mark.parametrize(
    "headers", [{"origin": "http://evil.example"}, {"host": "evil.example"}, {"host": "localhost.evil.example:8501"}]
)
def test_other_computers_pages_may_not_listen(headers):
    answer = ask(ASKED, **headers)
    assert (answer.status_code, answer.body) == (403, b"Only this computer's own pages may listen.")


@pytest.mark.parametrize("origin", ["http://localhost:8501", "http://127.0.0.1:8501", "http://[::1]:8501"])
def test_this_computer_s_pages_may_listen(origin):
    assert ask(ASKED, origin=origin).status_code == 200

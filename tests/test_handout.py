"""The report to hand on: whole, self-contained, and deaf to what strangers write into names."""

import base64
import io
import shutil
from html.parser import HTMLParser

import matplotlib.image
import pytest
import torch

from audiogan import handout as handout_module
from audiogan.audio import decode, encode_wav
from audiogan.config import Limit
from audiogan.lab import Lab, RunError, Upload
from tests.conftest import CLIP_SAMPLES, RATE, TINY, tones_and_noises

HOSTILE = "<img src=x onerror=alert(1)>&\"'"

VOID = {"meta", "img"}


class Page(HTMLParser):
    """The elements of a page, which have to be closed in their order, and its texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements, self.texts, self._open = [], [], []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        if name not in VOID:
            self._open.append(name)

    def handle_startendtag(self, name, attributes):
        self.elements.append((name, dict(attributes)))

    def handle_endtag(self, name):
        assert self._open.pop() == name

    def handle_data(self, text):
        if self._open and self._open[-1] != "style":
            self.texts.append(text.strip())

    def all(self, name: str) -> list[dict]:
        return [attributes for found, attributes in self.elements if found == name]


@pytest.fixture(scope="module")
def report_lab(tmp_path_factory, short_fitting) -> Lab:
    """A data set whose label and file names are an attack, two runs on it, the first of which is evaluated."""
    lab = Lab(tmp_path_factory.mktemp("report"))
    noises, tones = tones_and_noises().values()
    waves = [(HOSTILE, wave) for wave in noises] + [("tone", wave) for wave in tones]
    uploads = [
        Upload(f"{label}/{HOSTILE}{number}.wav", encode_wav(wave, RATE)) for number, (label, wave) in enumerate(waves)
    ]
    dataset = lab.prepare(lab.survey(uploads), "hostile", RATE, CLIP_SAMPLES / RATE)
    assert HOSTILE in dataset.labels
    for name in ("first", "second"):
        lab.train(lab.create_run(lab.configure(dataset, "framegan", TINY), name), Limit(steps=20), "cpu")
    own = tmp_path_factory.mktemp("embedder") / "own ears.pt"
    torch.jit.script(torch.nn.Identity()).save(own)
    lab.evaluate(lab.run("first"), count=16, embedder=own, embedder_rate=RATE)
    return lab


@pytest.fixture(scope="module")
def text(report_lab) -> str:
    return report_lab.report([report_lab.run("first")])


@pytest.fixture(scope="module")
def page(text) -> Page:
    return Page(text)


def sounds_of(page: Page) -> list[bytes]:
    return [base64.b64decode(item["src"].removeprefix("data:audio/wav;base64,")) for item in page.all("audio")]


def test_a_report_needs_nothing_beside_it(text, page):
    names = {name for name, _ in page.elements}
    assert not names & {"script", "link", "iframe", "object", "embed", "base", "form", "a"}
    for _, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on") or key in ("href", "srcset", "action")]
        assert attributes.get("src", "data:").startswith("data:")
    for word in ("http://", "https://", "file:", "url(", "@import", "//cdn"):
        assert word not in text


def test_hostile_names_are_text_and_nothing_else(text, page):
    assert HOSTILE not in text
    assert HOSTILE in page.texts
    assert any(part.startswith(f"{HOSTILE}/{HOSTILE}") for part in page.texts)
    assert not [item for item in page.all("img") if item["src"] == "x"]


def test_the_four_answers_come_before_anything_else(report_lab, page):
    (evaluation,) = report_lab.evaluations(report_lab.run("first"))
    places = [page.texts.index(answer.sentence) for answer in evaluation.card.answers]
    assert places == sorted(places)
    assert max(places) < page.texts.index("Sounds, not chosen")


def test_sounds_are_those_of_the_first_seeds_and_of_the_closest_pairs(report_lab, page):
    run = report_lab.run("first")
    (evaluation,) = report_lab.evaluations(run)
    sounds = sounds_of(page)
    # six real ones, six generated, five pairs
    assert len(sounds) == 6 + 6 + 10
    assert all(len(decode(sound)[0]) == CLIP_SAMPLES for sound in sounds)
    instrument = report_lab.instrument(run)
    first = [seed for seed in page.texts if seed.startswith("seed 100000")]
    assert first[:6] == [f"seed {1_000_000 + number}" for number in range(6)]
    pairs = report_lab.closest_pairs(evaluation)
    assert sounds[12:] == [sound for pair in pairs for sound in (pair.generated, pair.training)]
    labels = evaluated_labels(instrument, report_lab)
    assert sounds[6:12] == [instrument.wav(instrument.point(1_000_000 + n, label)) for n, label in enumerate(labels)]


def evaluated_labels(instrument, lab) -> list[int]:
    from audiogan.judging.evaluation import asked_labels

    return asked_labels(instrument, lab.dataset("hostile"), 6).tolist()


def test_every_sound_has_its_picture(page):
    pictures = [item["src"].removeprefix("data:image/png;base64,") for item in page.all("img")]
    assert len(pictures) == len(page.all("audio"))
    for picture in pictures:
        assert matplotlib.image.imread(io.BytesIO(base64.b64decode(picture)), format="png").shape[:2] == (96, 176)


def test_everything_that_is_needed_to_do_it_again_is_there(report_lab, page):
    run, words = report_lab.run("first"), " ".join(page.texts)
    assert run.config.fingerprint in page.texts
    assert "--set width=4" in words
    assert f"audiogan evaluate first --snapshot {run.snapshot().step} --data hostile --count 16 " in words
    assert f"--embedder 'own ears.pt' --embedder-rate {RATE}" in words
    assert {"griffin_lim_iterations", "2", "latent_size"} <= set(page.texts)


def test_several_runs_stand_side_by_side_and_one_that_was_not_judged_is_named(report_lab):
    runs = [report_lab.run("first"), report_lab.run("second"), report_lab.run("first")]
    page = Page(report_lab.report(runs, [20, None, None]))
    assert "Side by side" in page.texts
    assert "Not evaluated yet: second." in page.texts
    assert page.texts.count("Real?") == 1 + 2
    assert len(page.all("audio")) == 22 + 12 + 22


def test_sounds_stop_where_the_file_would_grow_too_large(report_lab, monkeypatch):
    monkeypatch.setattr(handout_module, "SOUND_BYTES", 30_000)
    page = Page(report_lab.report([report_lab.run("first")]))
    # 2,000 samples and 44 bytes of header, four letters for three bytes
    assert len(page.all("audio")) == 30_000 // (len("data:audio/wav;base64,") + 4 * -(-4044 // 3))
    assert "17 sounds are only pictures here, so that the file stays small." in page.texts
    assert len(page.all("img")) == 22


def test_a_report_is_written_when_the_data_set_is_gone(report_lab, tmp_path):
    shutil.copytree(report_lab.runs_folder, tmp_path / "checkpoints")
    lab = Lab(tmp_path)
    page = Page(lab.report([lab.run("first")]))
    assert "The data set is gone or has changed: there are no real clips to show." in page.texts
    assert len(page.all("audio")) == 6


def test_a_report_on_nothing_is_refused(report_lab):
    with pytest.raises(RunError, match="needs at least one run"):
        report_lab.report([])

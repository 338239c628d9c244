"""A report to hand on: one HTML file that needs nothing beside it, about one run or several.

Names of files, labels, runs and data sets are anybody's: everything goes through `markup.tag`, which escapes it.
"""

import base64
import platform
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from audiogan import __version__, audio
from audiogan.charts import line_chart
from audiogan.datasets import Dataset
from audiogan.instrument import Instrument
from audiogan.judging.embedders import MelStatistics, SoundClassifier
from audiogan.judging.evaluation import Evaluation, asked_points
from audiogan.judging.own_embedders import command_options
from audiogan.markup import Html, join, tag
from audiogan.presets import PRESETS
from audiogan.runs import Run
from audiogan.settings import BELIEFS
from audiogan.spectrogram import png, spectrogram_db
from audiogan.wording import duration

SHOWN = 6
"""Real and generated clips of a run: the first seeds, and clips drawn by a fixed seed, not chosen."""

SOUND_BYTES = 7_000_000
"""Of the file, for sounds in base64; with pictures and words it stays under 10 MB."""

PICTURE_COLUMNS, PICTURE_ROWS = 176, 96
"""Pixels of a spectrogram."""

QUESTIONS = {"real": "Real?", "varied": "Varied?", "new": "New?", "clean": "Clean?"}


@dataclass(frozen=True)
class Clip:
    """A sound of the report."""

    wav: bytes
    title: str
    note: str = ""


@dataclass(frozen=True)
class Exhibit:
    """What a report shows of one run."""

    run: Run
    step: int
    evaluation: Evaluation | None
    generated: tuple[Clip, ...]
    real: tuple[Clip, ...]
    """Of the same labels as the generated ones; none where the data set is gone."""
    pairs: tuple[tuple[Clip, Clip], ...]
    """Generated clips and the training clips that they are nearest to."""


def exhibit(
    run: Run,
    instrument: Instrument,
    dataset: Dataset | None,
    evaluation: Evaluation | None,
    pairs: Sequence[tuple[Clip, Clip]] = (),
) -> Exhibit:
    """A run's snapshot with its first sounds, and random clips of the data set that is there."""
    points = asked_points(instrument, dataset, range(SHOWN))
    names = [instrument.labels[point.label] if point.label is not None else "" for point in points]
    generated = [
        Clip(instrument.wav(point), name or "Generated", f"seed {point.seed}")
        for point, name in zip(points, names, strict=True)
    ]
    real = list(_random_clips(dataset, names)) if dataset else []
    return Exhibit(run, instrument.step, evaluation, tuple(generated), tuple(real), tuple(pairs))


def _random_clips(dataset: Dataset, names: Sequence[str]) -> Iterator[Clip]:
    """A clip for each label name; any clip for a name that the data set does not have."""
    random, labels, files = np.random.default_rng(0), dataset.clip_labels(), dataset.clip_files()
    for name in names:
        is_known = name in dataset.labels and dataset.counts[name]
        index = int(random.choice(np.flatnonzero(labels == dataset.labels.index(name)) if is_known else len(labels)))
        title = dataset.labels[labels[index]] if dataset.labels else "Real"
        wav = audio.encode_wav(dataset.clip(index), dataset.rate)
        yield Clip(wav, title, dataset.files[files[index]].path)


def handout(exhibits: Sequence[Exhibit]) -> str:
    """The report as one HTML text."""
    names = list(dict.fromkeys(exhibit.run.name for exhibit in exhibits))
    title = "Report on " + ", ".join(names)
    sounds = Sounds()
    now = datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC")
    body = [
        tag("header", tag("h1", title), tag("p", f"Written by audiogan {__version__} on {now}.", class_="quiet")),
        *([_side_by_side(exhibits)] if len(exhibits) > 1 else []),
        *(_section(item, sounds) for item in exhibits),
        _how_to_read(),
    ]
    if sounds.left_out:
        body.append(tag("p", f"{sounds.left_out} sounds are only pictures here, so that the file stays small."))
    style = (Path(__file__).parent / "handout.css").read_text(encoding="utf-8")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", Html(style)),
    )
    return "<!DOCTYPE html>\n" + tag("html", head, tag("body", tag("main", *body)), lang="en")


class Sounds:
    """Clips as pictures and players, as long as there is room for their bytes."""

    def __init__(self) -> None:
        self.room, self.left_out = SOUND_BYTES, 0

    def show(self, clip: Clip) -> Html:
        samples, rate = audio.decode(clip.wav)
        picture = png(spectrogram_db(samples[:, 0], rate, PICTURE_COLUMNS, PICTURE_ROWS))
        words = tag("figcaption", tag("b", clip.title), " ", tag("span", clip.note, class_="quiet"))
        drawing = tag("img", src=_data("image/png", picture), alt=f"Spectrogram: {clip.title}, {clip.note}")
        return tag("figure", words, drawing, *self._player(clip.wav), class_="sound")

    def _player(self, wav: bytes) -> list[Html]:
        source = _data("audio/wav", wav)
        if len(source) > self.room:
            self.left_out += 1
            return []
        self.room -= len(source)
        return [tag("audio", controls="", preload="none", src=source)]


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


# several runs


def _side_by_side(exhibits: Sequence[Exhibit]) -> Html:
    """Answers and values of all runs in one table."""
    judged = [(item, item.evaluation) for item in exhibits if item.evaluation]
    heads = [tag("th", f"{item.run.name}, step {item.step:,}", scope="col") for item, _ in judged]
    rows = []
    for place, question in enumerate(QUESTIONS.values()):
        verdicts = [_verdict(evaluation.card.answers[place].verdict) for _, evaluation in judged]
        rows.append(tag("tr", tag("th", question, scope="row"), *(tag("td", verdict) for verdict in verdicts)))
    tables = [{row.measure: row for row in evaluation.rows()} for _, evaluation in judged]
    for measure in dict.fromkeys(measure for table in tables for measure in table):
        found = [table.get(measure) for table in tables]
        title = next(row.title for row in found if row)
        cells = [tag("td", *([row.value, " ", _dot(row.verdict)] if row else ["–"])) for row in found]
        rows.append(tag("tr", tag("th", title, scope="row"), *cells))
    table = tag("table", tag("thead", tag("tr", tag("th", "", scope="col"), *heads)), tag("tbody", *rows))
    missing = [item.run.name for item in exhibits if not item.evaluation]
    words = [tag("p", f"Not evaluated yet: {', '.join(missing)}.")] if missing else []
    if len({evaluation.dataset for _, evaluation in judged}) > 1:
        words.append(tag("p", "These runs were judged by different data sets: their numbers do not compare."))
    wide = [tag("div", table, class_="wide")] if judged else []
    return tag("section", tag("h2", "Side by side"), *words, *wide)


# one run


def _section(item: Exhibit, sounds: Sounds) -> Html:
    config = item.run.config
    preset = PRESETS[config.preset].title if config.preset in PRESETS else config.preset
    facts = f"{preset}, trained on '{config.dataset}'"
    status = item.run.status
    if status.seconds:
        facts += f" for {duration(status.seconds)} ({status.epoch:,.3g} epochs) on {status.device}"
    parts = [tag("h2", f"{item.run.name}, step {item.step:,}"), tag("p", facts + ".", class_="quiet")]
    if item.evaluation:
        parts.append(_answers(item.evaluation))
    else:
        parts.append(tag("p", f"Not evaluated yet: run audiogan evaluate {shlex.quote(item.run.name)} first."))
    parts.append(_sounds(item, sounds))
    charts = _training_charts(item.run)
    if item.evaluation:
        parts.append(_measures(item.evaluation))
        charts = [*_card_charts(item.evaluation), *charts]
    if charts:
        parts += [tag("h3", "Charts"), tag("div", *charts, class_="charts")]
    parts.append(_settings(item))
    return tag("section", *parts, class_="run")


def _answers(evaluation: Evaluation) -> Html:
    """The four answers, and what a reader has to know of them."""
    cards = [
        tag(
            "div",
            tag("h3", QUESTIONS[answer.question], " ", _verdict(answer.verdict)),
            tag("p", answer.sentence),
            class_=f"answer {answer.verdict}",
        )
        for answer in evaluation.card.answers
    ]
    sentences = [tag("li", sentence) for sentence in evaluation.sentences()]
    return join(tag("div", *cards, class_="answers"), tag("ul", *sentences, class_="quiet"))


def _sounds(item: Exhibit, sounds: Sounds) -> Html:
    rows = []
    for title, clips in (("Real", item.real), ("Generated", item.generated)):
        if clips:
            rows += [tag("h4", title), tag("div", *map(sounds.show, clips), class_="sounds")]
    if not item.real:
        rows.append(tag("p", "The data set is gone or has changed: there are no real clips to show."))
    parts = [tag("h3", "Sounds, not chosen"), *rows]
    if item.pairs:
        couples = [tag("div", sounds.show(made), sounds.show(trained), class_="couple") for made, trained in item.pairs]
        words = "Of all generated clips, those that lie nearest to a training clip, and that clip. Copies sound alike."
        parts += [tag("h3", "Closest pairs"), tag("p", words), tag("div", *couples, class_="couples")]
    return join(*parts)


def _measures(evaluation: Evaluation) -> Html:
    """The lines of the card as a table."""
    names = ("Measure", "Value", "Real clips", "Verdict", "95 % interval", "Clips / real")
    head = tag("tr", *(tag("th", name, scope="col") for name in names))
    lines = [
        tag(
            "tr",
            tag("th", row.title, scope="row"),
            *(tag("td", text) for text in (row.value, row.floor)),
            tag("td", _verdict(row.verdict) if row.verdict else ""),
            *(tag("td", text) for text in (row.interval, row.clips)),
        )
        for row in evaluation.rows()
    ]
    table = tag("table", tag("thead", head), tag("tbody", *lines))
    return join(tag("h3", "Measures"), tag("div", table, class_="wide"))


def _card_charts(evaluation: Evaluation) -> list[Html]:
    """The label histogram and the long-term spectrum."""
    card, charts = evaluation.card, []
    if card.label_shares:
        most = max(*card.label_shares, *card.expected_label_shares)
        bars = [
            _share_bar(name, found, due, most)
            for name, found, due in zip(card.labels, card.label_shares, card.expected_label_shares, strict=True)
        ]
        caption = tag("figcaption", tag("b", "Labels, share heard / share due"))
        charts.append(tag("figure", caption, tag("div", *bars, class_="bars"), class_="chart"))
    if card.bands_hz:
        name = "Long-term spectrum beside the training clips', dB"
        lines = {"generated": card.spectrum_difference_db}
        charts.append(line_chart(card.bands_hz, lines, "Hz", name, level=0.0, octaves=True, classes=("made",)))
    return charts


def _share_bar(name: str, found: float, due: float, most: float) -> Html:
    bar = tag("i", style=f"width:{100 * found / most:.1f}%", class_="found")
    mark = tag("i", style=f"left:{100 * due / most:.1f}%", class_="due")
    return tag(
        "div",
        tag("span", name, class_="name"),
        tag("span", bar, mark, class_="bar"),
        tag("span", f"{found:.0%} / {due:.0%}"),
    )


def _training_charts(run: Run) -> list[Html]:
    """Losses, beliefs, and the scores of the snapshots."""
    metrics, scores, charts = run.metrics(), run.scores(), []
    if len(metrics["step"]) > 1:
        losses = {"discriminator": metrics["loss_d"], "generator": metrics["loss_g"]}
        beliefs = {"real": metrics["belief_real"], "generated": metrics["belief_fake"]}
        charts.append(line_chart(metrics["step"], losses, "step", "Loss"))
        charts.append(line_chart(metrics["step"], beliefs, "step", BELIEFS[run.config.settings.loss]))
    if len(scores["step"]) > 1:
        distances = {"real clips": scores["floor"], "generated": scores["distance"]}
        charts.append(line_chart(scores["step"], distances, "step", "Kernel distance while training"))
    return charts


def _settings(item: Exhibit) -> Html:
    """Everything that is needed to do the same again."""
    config, evaluation = item.run.config, item.evaluation
    usual = asdict(PRESETS[config.preset].settings) if config.preset in PRESETS else {}
    changes = [
        (name, value) for name, value in asdict(config.settings).items() if name in usual and value != usual[name]
    ]
    facts = {
        "data set": f"{config.dataset}, {config.rate:,} Hz, {config.seconds:g} s",
        "fingerprint": config.fingerprint,
        "labels": "none, but groups of clips" if config.has_groups else ", ".join(config.labels) or "none",
        "seed of the training": config.seed,
        "trained with": ", ".join(f"{name} {version}" for name, version in config.versions.items()),
        "report by": f"audiogan {__version__}, torch {torch.__version__}, python {platform.python_version()}",
    }
    commands = [f"audiogan train {shlex.quote(config.dataset)} --preset {config.preset} --seed {config.seed}"]
    commands[0] += "".join(f" --set {name}={shlex.quote(str(value))}" for name, value in changes)
    if evaluation:
        card = evaluation.card
        facts["judged by"] = f"{card.dataset}, fingerprint {card.fingerprint}"
        facts["judged on"] = f"{evaluation.count:,} sounds, seeds from {evaluation.seed:,} on, {evaluation.created}"
        facts["embedders"] = ", ".join(f"{name} {version}" for name, version in card.embedders.items())
        commands.append(
            f"audiogan evaluate {shlex.quote(evaluation.run)} --snapshot {evaluation.step} "
            f"--data {shlex.quote(evaluation.dataset)} --count {evaluation.count}"
        )
        own = card.embedders.keys() - {MelStatistics.name, SoundClassifier.name}
        commands[-1] += "".join(command_options(name, card.embedders[name]) for name in sorted(own))
    changed = {name for name, _ in changes}
    settings = [
        _fact(name, value, "changed" if name in changed else None) for name, value in asdict(config.settings).items()
    ]
    return join(
        tag("h3", "How it was made"),
        tag(
            "dl", *(tag("div", tag("dt", name), tag("dd", str(value))) for name, value in facts.items()), class_="facts"
        ),
        tag("h4", "Again"),
        tag("pre", "\n".join(commands)),
        tag("h4", "Settings", *([", those in bold unlike the preset's"] if changed else [])),
        tag("dl", *settings, class_="settings"),
    )


def _fact(name: str, value: object, kind: str | None = None) -> Html:
    return tag("div", tag("dt", name), tag("dd", str(value)), class_=kind)


def _how_to_read() -> Html:
    words = (
        "Beside each value stands what real clips reach in the same number: clips that were kept back from training, "
        "or one half of the training clips beside the other where nothing was. A value counts as far from it as it "
        "lies beyond its interval. There is no overall score: each of the four questions is answered by the worst of "
        "its measures. Spectrograms show 80 dB from 50 Hz to half the sample rate, on a logarithmic axis."
    )
    return tag("footer", tag("h3", "How to read this"), tag("p", words), class_="quiet")


def _verdict(verdict: str) -> Html:
    return tag("span", verdict, class_=f"verdict {verdict}")


def _dot(verdict: str) -> Html:
    return tag("span", "", class_=f"dot {verdict}", title=verdict) if verdict else Html()

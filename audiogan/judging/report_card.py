"""Numbers -> sentences: is it real, varied, new and clean, and if not, what is wrong with it?

There is no overall score. Each question has the lines that bear on it, each line its value beside the floor: what
held-out real clips reach, in the same number. A rule says how far beyond the floor a value may lie.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from audiogan.judging.comparisons import Reading

GOOD, DOUBTFUL, BAD, UNKNOWN = VERDICTS = ("good", "doubtful", "bad", "unknown")


@dataclass(frozen=True)
class Question:
    """What a listener asks, and the answer where nothing is wrong."""

    name: str
    good: str
    unknown: str = "Too few clips to say."


QUESTIONS = {
    question.name: question
    for question in (
        Question("real", "No measure tells them from real clips that were kept back; your ears may."),
        Question("varied", "They are about as varied as real clips."),
        Question("new", "They are new sounds: hardly nearer to the training clips than other real sounds are."),
        Question("clean", "They are clean: hardly more hiss, dullness or silence than in real clips."),
    )
}


@dataclass(frozen=True)
class Rule:
    """How a measure is judged."""

    measure: str
    question: str
    title: str
    worse: int
    """1 where a larger value is worse, -1 where a smaller one is."""

    doubtful: float
    """How far beyond the floor's interval a value has to lie to be doubtful, in the measure's unit."""

    bad: float
    fault: str
    """The sentence. {value}, {floor} and {detail} are filled in."""

    only_beyond: float | None = None
    """And beyond this, however low the floor is."""

    style: str = ".2f"


RULES = (
    # what explains everything else comes first: the first fault found is the one to mend
    Rule(
        "broken", "clean", "Broken clips", 1, 0.0, 0.0,
        "{value} of the clips are broken (NaN or infinite) and were left out.", style=".0%",
    ),
    Rule(
        "silence", "clean", "Silent clips", 1, 0.0, 0.05,
        "{value} of the clips are silent.", style=".0%",
    ),
    Rule(
        "whiteness", "real", "Flatness of the spectrum", 1, 0.1, 0.2,
        "They are white noise or close to it: every frequency is as loud as every other (flatness {value}, real "
        "{floor}).", only_beyond=0.7,
    ),
    Rule(
        "repetition", "varied", "Clips with a twin", 1, 0.2, 0.4,
        "Few sounds are repeated: {value} of the clips have a twin among the others (real: {floor}).", style=".0%",
    ),
    Rule(
        "copies", "new", "Copies of training clips", 1, 0.05, 0.3,
        "{value} of the clips are copies of training clips (real sounds that were kept back: {floor}).", style=".0%",
    ),
    Rule(
        "nearest_neighbour_ratio", "new", "Distance to the nearest training clip", -1, 0.15, 0.4,
        "They stay close to the training clips: at {value} of the usual distance, real sounds that were kept back at "
        "{floor}.",
        # recordings that were kept back are farther away than clips of the same recording, which are no copies
        only_beyond=0.85,
    ),
    Rule(
        "direction", "real", "Order in time", -1, 0.0, 0.0,
        "They run backwards: turned around, they would be nearer to the training clips.", only_beyond=-0.5,
    ),
    Rule(
        "highs", "clean", "Highs beside lows, dB", -1, 5.0, 12.0,
        "They are dull: the highs are {value} dB from where they should be.", style="+.0f",
    ),
    Rule(
        "background", "clean", "Background beside real ones, dB", 1, 3.0, 12.0,
        "There is noise or hiss under the sounds: their background is {value} dB louder than real ones'.", style=".0f",
    ),
    Rule(
        "pitch", "clean", "Nearer at another pitch", 1, 0.1, 0.1,
        "They are about {detail}: at the right pitch they would be {value} nearer to the training clips.", style=".0%",
    ),
    Rule(
        "spectrum", "clean", "Spectrum off, dB", 1, 0.4, 1.0,
        "Their spectrum is off by {value} dB (real: {floor} dB): {detail}.", style=".1f",
    ),
    Rule(
        "labels", "varied", "Labels out of balance", 1, 0.05, 0.25,
        "The labels are out of balance: {detail}.", style=".0%",
    ),
    Rule(
        "coverage", "varied", "Coverage", -1, 0.05, 0.25,
        "Sounds are missing: only {value} of the real clips have anything like them here (real: {floor}).",
        style=".0%",
    ),
    Rule(
        "diversity", "varied", "Diversity", -1, 0.05, 0.3,
        "They are too much alike: their mean distance is {value} of that of real clips.", style=".0%",
    ),
    Rule(
        "mel_kernel_distance", "real", "Kernel distance of mel statistics", 1, 1.0, 10.0,
        "Their timbre or course is not that of real clips (kernel distance {value}, real {floor}).", style=".1f",
    ),
    Rule(
        "sound_kernel_distance", "real", "Kernel distance of the classifier", 1, 1.0, 10.0,
        "They are not quite the sounds they should be (kernel distance {value}, real {floor}).", style=".1f",
    ),
    Rule(
        "own_kernel_distance", "real", "Kernel distance of your embedder", 1, 1.0, 10.0,
        "Your own embedder tells them from real clips (kernel distance {value}, real {floor}).", style=".1f",
    ),
    Rule(
        "precision", "real", "Precision", -1, 0.05, 0.3,
        "Only {value} of the clips are like any real one (real: {floor}).", style=".0%",
    ),
    Rule(
        # never bad: it falls with every label that is missing, however clear the others are
        "inception_score", "real", "Inception Score", -1, 0.1, math.inf,
        "It is less clear than with real clips what they are (Inception Score {value}, real {floor}).",
    ),
    Rule(
        "label_accuracy", "real", "Clips heard as the label asked for", -1, 0.05, 0.3,
        "Only {value} of the clips are heard as the label they should have (real: {floor}).", style=".0%",
    ),
)  # fmt: skip
"""Floors come from the data set; the distances beyond them were set by `benchmarks/frauds.py`, so that each fraud is
found and no held-out real clips are."""

SHOWN = {
    "frechet_distance": "Fréchet distance of mel statistics",
    "frechet_distance_at_infinity": "Fréchet distance for endless clips",
}
"""Measures without a verdict, because they say nothing that the kernel distance does not say with fewer clips."""

RULES_BY_MEASURE = {rule.measure: rule for rule in RULES}

ORDER = {name: place for place, name in enumerate([*(rule.measure for rule in RULES), *SHOWN])}


@dataclass(frozen=True)
class Line:
    """One measure on the card."""

    measure: str
    title: str
    question: str
    """Empty for numbers that are shown and not judged."""

    value: float
    low: float
    """Of a 95 % interval."""
    high: float
    floor: float
    floor_low: float
    floor_high: float
    clips: int
    """How many were measured."""
    floor_clips: int
    verdict: str = UNKNOWN
    fault: str = ""
    """What is wrong, when something is."""


def line(measure: str, value: Reading, floor: Reading, clips: int, floor_clips: int) -> Line:
    """The line of a measure, with its verdict if there is a rule."""
    numbers = value.value, value.low, value.high, floor.value, floor.low, floor.high, clips, floor_clips
    rule = RULES_BY_MEASURE.get(measure)
    if rule is None:
        return Line(measure, SHOWN[measure], "", *numbers)
    verdict = judged(rule, value, floor)
    if verdict == GOOD:
        return Line(measure, rule.title, rule.question, *numbers, verdict)
    words = {"value": format(value.value, rule.style), "floor": format(floor.value, rule.style)}
    return Line(measure, rule.title, rule.question, *numbers, verdict, rule.fault.format(**words, detail=value.detail))


def judged(rule: Rule, value: Reading, floor: Reading) -> str:
    """The verdict.

    A value counts as far from the floor as it lies beyond the floor's interval, or as the floor lies beyond the
    value's own, whichever is less: few clips convict nobody.
    """
    if rule.worse > 0:
        beyond = min(value.value - floor.high, value.low - floor.value)
    else:
        beyond = min(floor.low - value.value, floor.value - value.high)
    if rule.only_beyond is not None and rule.worse * (value.value - rule.only_beyond) <= 0:
        return GOOD
    return GOOD if beyond <= rule.doubtful else DOUBTFUL if beyond <= rule.bad else BAD


def in_order(lines: Iterable[Line]) -> tuple[Line, ...]:
    """The lines as the rules stand."""
    return tuple(sorted(lines, key=lambda line: ORDER[line.measure]))


@dataclass(frozen=True)
class Answer:
    """What the card says to one question."""

    question: str
    verdict: str
    sentence: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class ReportCard:
    """Everything that was found about a set of clips."""

    dataset: str
    fingerprint: str
    clips: int
    """How many were judged."""
    train_clips: int
    held_out_clips: int
    embedders: dict[str, str]
    """Name -> version."""
    lines: tuple[Line, ...] = ()
    """In the order of the rules."""
    classifier_accuracy: float | None = None
    """Of held-out real clips; None without a classifier, or where nothing was held out."""
    mean_square_error: float | None = None
    silence_mean_square_error: float | None = None
    """What silence would get: less than most sounds, which is why the error above is no measure of quality."""
    left_out: tuple[str, ...] = ()
    """Which measures are missing, and why: a sentence each."""
    notes: tuple[str, ...] = ()
    """What a reader has to know about how this was measured."""
    closest_pairs: tuple[tuple[int, int, float], ...] = ()
    """(generated clip, clip of the data set, distance), nearest first."""
    bands_hz: tuple[float, ...] = ()
    spectrum_difference_db: tuple[float, ...] = ()
    """How far each band of the long-term spectrum lies above the training clips'."""
    labels: tuple[str, ...] = ()
    label_shares: tuple[float, ...] = ()
    expected_label_shares: tuple[float, ...] = ()

    @property
    def faults(self) -> tuple[Line, ...]:
        """The lines that are not good: bad ones first, then the ones that explain most."""
        return tuple(sorted((line for line in self.lines if line.fault), key=lambda line: line.verdict != BAD))

    @property
    def answers(self) -> tuple[Answer, ...]:
        """To the four questions, in their order."""
        return tuple(self._answer(question) for question in QUESTIONS.values())

    def _answer(self, question: Question) -> Answer:
        lines = tuple(line for line in self.lines if line.question == question.name)
        faults = [line for line in self.faults if line.question == question.name]
        if faults:
            return Answer(question.name, faults[0].verdict, faults[0].fault, lines)
        if not lines:
            return Answer(question.name, UNKNOWN, question.unknown, lines)
        return Answer(question.name, GOOD, question.good, lines)

    def to_dict(self) -> dict:
        """The card and its answers as plain values."""
        return asdict(self) | {"answers": [asdict(answer) for answer in self.answers]}

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False)

"""Is it any good? Ask ears: blind tests, prepared once and answered by any number of listeners.

A test is a folder. Its plan and its sounds are written once, whole or not at all, and never change, so that a snapshot
that is thinned later, a closed tab or a restarted server spoils nothing. Answers are appended, one line each::

    listening/NAME/test.json              who takes part, and every question's sounds by address
    listening/NAME/sounds/007-1.wav       by question and side: the name tells nothing
    listening/NAME/answers-LISTENER.csv
"""

import contextlib
import csv
import io
import itertools
import json
import os
import re
import secrets
import shutil
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from audiogan import __version__, audio
from audiogan.datasets import FADE_IN_SECONDS, FADE_OUT_SECONDS, check_name
from audiogan.files import natural_key, printable
from audiogan.questions import (
    FIRST,
    KINDS,
    NO_DIFFERENCE,
    REAL,
    SECOND,
    Kind,
    ListeningError,
    Participant,
    Question,
    Sound,
)
from audiogan.significance import (
    LIKELY_BY_CHANCE,
    bradley_terry,
    bradley_terry_intervals,
    coin_p_value,
    mean_interval,
    wilson_interval,
)

LOUDEST_DB, QUIETEST_DB, PEAK_DB = -20.0, -36.0, -1.0
"""Levels of a test's sounds in dB of full scale. The usual level of speech; the lowest to which all are turned down
for the sake of the spikiest among them, which allows it 35 dB from level to peak, more than any drum has; and the peak
that nothing exceeds, so that 16 bits never clip."""


LISTENER = re.compile(r"\w(?:[\w .'-]{0,38}\w)?")
"""A listener's name, which becomes part of a file's name on any system."""


@dataclass(frozen=True)
class Answer:
    """What one listener said to one question."""

    listener: str
    question: int
    """From 0."""

    values: tuple[int, ...]
    """One for each scale of the kind, from 1."""

    answered: str
    """UTC, ISO 8601."""


# one level, one length, one format


def same_form(x: np.ndarray, rate: int, new_rate: int, samples: int) -> np.ndarray:
    """A sound (T,) as a test's sounds are: (samples,) float32 at the new rate, faded where any sound may be cut."""
    x = np.nan_to_num(x, posinf=0, neginf=0).astype(np.float32)
    x = audio.resample(x, rate, new_rate)[:samples]
    return audio.fade(audio.pad([x], samples)[0], new_rate, FADE_IN_SECONDS, FADE_OUT_SECONDS)


def level(x: np.ndarray, rate: int) -> float:
    """Root mean square of a sound (T,) from its first to its last loud moment: pauses around it do not count."""
    return float(np.sqrt(np.mean(np.square(audio.trim(x, rate), dtype=np.float64))))


def level_matched(sounds: Sequence[np.ndarray], rate: int) -> list[np.ndarray]:
    """The sounds (T,) at one level: the loudest, up to LOUDEST_DB, at which none of them exceeds the peak PEAK_DB.

    A sound for whose sake all others would have to fall below QUIETEST_DB is quieter than they are. Silence stays.
    """
    ceiling = audio.amplitude(PEAK_DB)
    levels, peaks = [level(x, rate) for x in sounds], [audio.peak(x) for x in sounds]
    highest = [ceiling * level / peak for level, peak in zip(levels, peaks, strict=True) if peak > 0]
    loudest, quietest = audio.amplitude(LOUDEST_DB), audio.amplitude(QUIETEST_DB)
    target = max(min([loudest, *highest]), quietest)
    gains = [min(target / level, ceiling / peak) if peak > 0 else 1 for level, peak in zip(levels, peaks, strict=True)]
    return [x * np.float32(gain) for x, gain in zip(sounds, gains, strict=True)]


# the folder


@dataclass(frozen=True)
class ListeningTest:
    """A prepared test. Opening it reads the plan; sounds and answers stay on disk until they are asked for."""

    folder: Path
    kind: str
    participants: tuple[Participant, ...]
    questions: tuple[Question, ...]
    seed: int
    rate: int
    """Hz of its sounds."""

    created: str
    """UTC, ISO 8601."""

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def asks(self) -> Kind:
        return KINDS[self.kind]

    @property
    def names(self) -> tuple[str, ...]:
        """What its participants are called in results: snapshots of one and the same run by their steps alone."""
        runs = [participant.run for participant in self.participants if not participant.is_real]
        short = len(runs) > 1 and len(set(runs)) == 1
        return tuple(
            f"step {participant.step:,}" if short and not participant.is_real else participant.name
            for participant in self.participants
        )

    def wavs(self, question: int) -> list[bytes]:
        """The sounds of a question as 16-bit mono WAV files of equal size. Raises ListeningError when one is gone."""
        try:
            return [
                (self.folder / _sound_path(question, side)).read_bytes()
                for side in range(len(self.questions[question]))
            ]
        except OSError as error:
            raise self._damage(f"{Path(error.filename).name} cannot be read") from None

    def listeners(self) -> list[str]:
        """Who has answered, in natural order."""
        names = (path.stem.removeprefix("answers-") for path in self.folder.glob("answers-*.csv"))
        return sorted(filter(LISTENER.fullmatch, names), key=natural_key)

    def answers(self, listener: str) -> list[Answer]:
        """What a listener said, by question. A line without end is still being written; the first answer counts."""
        path = self._answers_path(listener)
        if not path.exists():
            return []
        text = path.read_text(encoding="utf-8", errors="replace")
        rows = list(csv.reader(text[: text.rfind("\n") + 1].splitlines()))[1:]
        name, answers = path.stem.removeprefix("answers-"), {}
        for number, row in enumerate(rows, start=2):
            if row:
                answer = self._read(name, row, f"line {number} of {path.name}")
                answers.setdefault(answer.question, answer)
        return [answers[question] for question in sorted(answers)]

    def _read(self, listener: str, row: list[str], place: str) -> Answer:
        try:
            question, *values = map(int, row[:-1])
            answer = Answer(listener, question - 1, tuple(values), row[-1])
            self._check_answer(answer)
        except ValueError:
            raise ListeningError(
                f"The listening test '{self.name}' cannot read {place}: remove or mend that line."
            ) from None
        return answer

    def _check_answer(self, answer: Answer) -> None:
        fits = len(answer.values) == len(self.asks.scales) and 0 <= answer.question < len(self.questions)
        if not fits or not all(1 <= value <= len(self.asks.choices) for value in answer.values):
            raise ListeningError(f"That is no answer to a question of the listening test '{self.name}'.")

    def next_question(self, listener: str) -> int | None:
        """The first question that the listener has not answered, from 0; None after the last."""
        done = {answer.question for answer in self.answers(listener)}
        return next((number for number in range(len(self.questions)) if number not in done), None)

    def answer(self, listener: str, question: int, values: Sequence[int]) -> None:
        """Keep an answer; one that was given already stays. Raises ListeningError when it does not fit."""
        answered = datetime.now(UTC).isoformat(timespec="seconds")
        answer = Answer(listener_name(listener), question, tuple(values), answered)
        self._check_answer(answer)
        if question in {known.question for known in self.answers(listener)}:
            return
        path = self._answers_path(listener)
        line = ",".join(map(str, (question + 1, *values, answered))) + "\n"
        if path.exists():
            # a line that a killed process left without its end was never counted, and must not swallow this one
            os.truncate(path, path.read_bytes().rfind(b"\n") + 1)
        if not path.exists() or path.stat().st_size == 0:
            line = ",".join(("question", *self.asks.scales, "answered")) + "\n" + line
        with open(path, "a", encoding="utf-8", newline="") as file:
            file.write(line)

    def _answers_path(self, listener: str) -> Path:
        """The file of a listener, who is the same however the name is capitalised."""
        name = listener_name(listener)
        known = {other.casefold(): other for other in self.listeners()}
        return self.folder / f"answers-{known.get(name.casefold(), name)}.csv"

    def table(self) -> str:
        """CSV of all answers, with whose sounds they were about."""
        sides = [f"{what}_{side + 1}" for side in range(self.asks.sides) for what in ("sound", "address", "label")]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["listener", "question", *sides, *self.asks.scales, "answered"])
        for answer in itertools.chain.from_iterable(map(self.answers, self.listeners())):
            sounds = self.questions[answer.question]
            heard = [(self.participants[sound.participant].name, sound.address, sound.label) for sound in sounds]
            said = [self.asks.choices[value - 1] for value in answer.values]
            writer.writerow(
                [answer.listener, answer.question + 1, *itertools.chain(*heard), *said, answer.answered],
            )
        return text.getvalue()

    def results(self, listener: str | None = None) -> "Results":
        """What the answers of one listener, or of all together, say."""
        listeners = self.listeners() if listener is None else [listener]
        answers = [answer for name in listeners for answer in self.answers(name)]
        if not answers:
            return Results(("There are no answers yet.",), ())
        return _SUMMARIES[self.kind](self, answers, _who(answers))

    def _damage(self, what: str) -> ListeningError:
        return ListeningError(f"The listening test '{self.name}' is damaged ({what}): delete it and make another.")


def _sound_path(question: int, side: int) -> str:
    return f"sounds/{question + 1:03d}-{side + 1}.wav"


def listener_name(text: str) -> str:
    """A listener's name as it is kept. Raises ListeningError for one that cannot be."""
    name = unicodedata.normalize("NFC", text.strip())
    if not LISTENER.fullmatch(name):
        raise ListeningError("A listener needs a name of up to 40 letters or digits, spaces between them if you like.")
    return name


def create(
    root: Path,
    name: str,
    kind: str,
    participants: Sequence[Participant],
    questions: Sequence[Question],
    seed: int,
    render: Callable[[Participant, Sound], np.ndarray],
    progress: Callable[[int, int], None] | None = None,
) -> ListeningTest:
    """Write a planned test to the new folder `root / name`, whole or not at all.

    `render` gives a sound (T,) at its participant's rate and is asked for one participant after the other. All become
    the lowest rate and the shortest length there is among them, with the same fades and the same level: what one model
    cannot do by its making must not give it away. Raises ListeningError for a name that is taken, and when writing
    fails.
    """
    check_name(name)
    rate = min(participant.rate for participant in participants)
    samples = round(min(participant.seconds for participant in participants) * rate)
    places = [(number, side) for number, question in enumerate(questions) for side in range(len(question))]
    places.sort(key=lambda place: questions[place[0]][place[1]].participant)
    waves = []
    for number, side in places:
        sound = questions[number][side]
        participant = participants[sound.participant]
        waves.append(same_form(render(participant, sound), participant.rate, rate, samples))
        if progress:
            progress(len(waves), len(places))
    book = {
        "kind": kind,
        "seed": seed,
        "rate": rate,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
        "participants": [asdict(participant) for participant in participants],
        "questions": [[asdict(sound) for sound in question] for question in questions],
    }
    root = Path(root)
    if (root / name).exists():
        raise ListeningError(f"There is already a listening test named '{name}': choose another name.")
    partial = root / f".{name}.{secrets.token_hex(4)}.partial"
    try:
        (partial / "sounds").mkdir(parents=True)
        for place, wave in zip(places, level_matched(waves, rate), strict=True):
            (partial / _sound_path(*place)).write_bytes(audio.encode_wav(wave, rate))
        (partial / "test.json").write_text(json.dumps(book, indent=1, ensure_ascii=False), encoding="utf-8")
        os.rename(partial, root / name)
    except OSError as error:
        raise ListeningError(
            f"The listening test cannot be written to '{root}' ({error.strerror}): free some space and try again."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return open_test(root / name)


def open_test(folder: Path) -> ListeningTest:
    """The test in a folder. Raises ListeningError when it is missing or its plan is damaged."""
    folder = Path(folder)
    try:
        book = json.loads((folder / "test.json").read_text(encoding="utf-8"))
        test = ListeningTest(
            folder=folder,
            kind=book["kind"],
            participants=tuple(Participant(**item) for item in book["participants"]),
            questions=tuple(tuple(Sound(**item) for item in question) for question in book["questions"]),
            seed=book["seed"],
            rate=book["rate"],
            created=book["created"],
        )
        # looked up here, so that a plan that is not one fails here and not in the middle of a test
        heard = [[test.participants[sound.participant].name for sound in question] for question in test.questions]
        if {len(names) for names in heard} != {test.asks.sides}:
            raise ValueError("its questions do not fit their kind")
    except (FileNotFoundError, NotADirectoryError):
        raise ListeningError(f"There is no listening test '{printable(folder.name)}': make one first.") from None
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise ListeningError(
            f"The listening test '{printable(folder.name)}' has a damaged test.json ({error}): "
            "delete its folder and make another."
        ) from None
    return test


def list_tests(root: Path) -> list[ListeningTest]:
    """The tests in a folder, newest first; damaged and unfinished ones are passed over."""
    tests = []
    for path in Path(root).glob("*/test.json"):
        if not path.parent.name.startswith("."):
            with contextlib.suppress(ListeningError):
                tests.append(open_test(path.parent))
    return sorted(tests, key=lambda test: (test.created, test.name), reverse=True)


# results


@dataclass(frozen=True)
class Measure:
    """One number about one participant, with the bounds of its interval."""

    name: str
    participant: str
    value: float
    low: float
    high: float
    answers: int
    """From how many it is."""


@dataclass(frozen=True)
class Results:
    """What answers say, in words and numbers. Answers count as independent, whoever gave them."""

    sentences: tuple[str, ...]
    """The first one says the most."""

    measures: tuple[Measure, ...]


def _who(answers: Sequence[Answer]) -> str:
    names = {answer.listener for answer in answers}
    return names.pop() if len(names) == 1 else "Listeners"


def _tell_real(test: ListeningTest, answers: Sequence[Answer], who: str) -> Results:
    """How often real and generated were told apart, and whose sounds were taken for real."""
    called_real: list[list[bool]] = [[] for _ in test.participants]
    for answer in answers:
        (sound,) = test.questions[answer.question]
        called_real[sound.participant].append(answer.values == (REAL,))
    right = sum(
        said == participant.is_real
        for participant, sayings in zip(test.participants, called_real, strict=True)
        for said in sayings
    )
    chance = coin_p_value(right, len(answers))
    if chance >= LIKELY_BY_CHANCE:
        verdict = "this could be chance"
    elif 2 * right > len(answers):
        verdict = "better than chance"
    else:
        verdict = "worse than chance, so that the generated ones sound more real to them"
    sentences = [f"{who} told real from generated in {_cases(right, len(answers))}: {verdict} ({_p_value(chance)})."]
    measures = []
    for name, sayings in zip(test.names, called_real, strict=True):
        if sayings:
            count, total = sum(sayings), len(sayings)
            sentences.append(f"Of {name}, {_cases(count, total, '')} were taken for real.")
            measures.append(Measure("taken for real", name, count / total, *wilson_interval(count, total), total))
    return Results(tuple(sentences), tuple(measures))


def _compare(test: ListeningTest, answers: Sequence[Answer], who: str) -> Results:
    """Who was preferred to whom, and everybody's strength."""
    players = len(test.participants)
    games = np.zeros((len(answers), players, players))
    for game, answer in zip(games, answers, strict=True):
        first, second = (sound.participant for sound in test.questions[answer.question])
        (choice,) = answer.values
        # a tie is half a win for both
        game[first, second] = {FIRST: 1, SECOND: 0, NO_DIFFERENCE: 0.5}[choice]
        game[second, first] = 1 - game[first, second]
    sentences = [
        _preference(test, games[:, [a, b], [b, a]], (a, b), who)
        for a, b in itertools.combinations(range(players), 2)
        if games[:, a, b].any() or games[:, b, a].any()
    ]
    # as if each had won half a game and lost half of one against the others together: without it nobody could have
    # a strength who has won or lost everything
    prior = 0.5 / (players - 1) * (1 - np.eye(players))
    strengths = bradley_terry(games.sum(0) + prior)
    lower, upper = bradley_terry_intervals(games, prior)
    order = np.argsort(-strengths)
    names = test.names
    if players > 2:
        sentences.insert(0, f"From the most to the least preferred: {'; '.join(names[at] for at in order)}.")
    played = (games.sum(axis=2) + games.sum(axis=1)).astype(bool).sum(axis=0)
    measures = [
        Measure("strength", names[at], *map(float, (strengths[at], lower[at], upper[at])), int(played[at]))
        for at in order
        if played[at]
    ]
    return Results(tuple(sentences), tuple(measures))


def _preference(test: ListeningTest, wins: np.ndarray, pair: tuple[int, int], who: str) -> str:
    """One sentence on the `wins` (G, 2) of two participants; ties are told, but decide nothing."""
    (won, lost), ties = (wins == 1).sum(axis=0).tolist(), int((wins[:, 0] == 0.5).sum())
    better, worse = (test.names[at] for at in (pair if won >= lost else pair[::-1]))
    tied = f" In {ties} more they heard no difference." if ties else ""
    if won + lost == 0:
        return f"{who} heard no difference between {better} and {worse} in {ties} of {ties} cases."
    chance = coin_p_value(won, won + lost)
    verdict = "this could be chance" if chance >= LIKELY_BY_CHANCE else "more than chance"
    return (
        f"{who} preferred {better} to {worse} in {_cases(max(won, lost), won + lost)}: "
        f"{verdict} ({_p_value(chance)}).{tied}"
    )


def _rate(test: ListeningTest, answers: Sequence[Answer], who: str) -> Results:
    """The mean of each scale for each participant, best first."""
    best = len(test.asks.choices)
    sentences, measures = [], []
    for place, scale in enumerate(test.asks.scales):
        rows = []
        for at, name in enumerate(test.names):
            values = [
                answer.values[place] for answer in answers if test.questions[answer.question][0].participant == at
            ]
            if values:
                low, high = mean_interval(values, resolution=1)
                mean = sum(values) / len(values)
                rows.append(Measure(scale, name, mean, max(1, low), min(best, high), len(values)))
        rows.sort(key=lambda row: -row.value)
        told = "; ".join(f"{row.participant} {row.value:.1f} ({row.low:.1f} to {row.high:.1f})" for row in rows)
        sentences.append(f"{scale.capitalize()}, from 1 to {best}: {told}.")
        measures += rows
    sentences.append(f"{who} gave {len(answers)} ratings; in brackets are 95 % intervals.")
    return Results(tuple(sentences), tuple(measures))


_SUMMARIES = {"real": _tell_real, "pairs": _compare, "ratings": _rate}


def _cases(count: int, total: int, noun: str = " cases") -> str:
    """'27 of 40 cases (68 %, 95 % interval 52 to 80 %)'."""
    low, high = wilson_interval(count, total)
    share = f"{100 * count / total:.0f} %, 95 % interval {100 * low:.0f} to {100 * high:.0f} %"
    return f"{count} of {total}{noun} ({share})"


def _p_value(chance: float) -> str:
    return "p < 0.001" if chance < 0.001 else f"p = {chance:.2g}"

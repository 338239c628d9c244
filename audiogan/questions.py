"""The questions of a blind test: who takes part, what is asked, and whose sounds are heard in which order."""

import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audiogan.files import printable

MOST_QUESTIONS = 200
"""Half an hour of one-second sounds; nobody listens well for longer."""


class ListeningError(ValueError):
    """A listening test that cannot be made, read or answered; the message says what to do."""


@dataclass(frozen=True)
class Kind:
    """What is asked. An answer is a number for each scale, from 1 to the number of choices."""

    title: str
    about: str
    sides: int
    """Sounds in a question."""

    scales: dict[str, str]
    """What is answered, with the words that ask for it."""

    choices: tuple[str, ...]
    fewest_participants: int


REAL, GENERATED = 1, 2
FIRST, SECOND, NO_DIFFERENCE = 1, 2, 3

KINDS = {
    "real": Kind(
        "Real or generated?",
        "One sound at a time, half of them real. Can they be told apart?",
        1,
        {"answer": "Real or generated?"},
        ("Real", "Generated"),
        2,
    ),
    "pairs": Kind(
        "Which of two is better?",
        "Two sounds at a time, from two models, two moments of a training, or a model and the real clips.",
        2,
        {"answer": "Which is better?"},
        ("A is better", "B is better", "No difference"),
        2,
    ),
    "ratings": Kind(
        "Ratings from 1 to 5",
        "One sound at a time: how good it is, whether one can tell what it is, how much it resembles a real one.",
        1,
        {
            "quality": "Does it sound good?",
            "intelligibility": "Can you tell what it is?",
            "resemblance": "Could it be a real one?",
        },
        ("1", "2", "3", "4", "5"),
        1,
    ),
}


@dataclass(frozen=True)
class Participant:
    """Whose sounds are heard: one snapshot of a run, or the real clips of a data set."""

    rate: int
    """Hz of its sounds."""

    seconds: float
    """Length of its sounds."""

    run: str = ""
    step: int = 0
    dataset: str = ""

    @property
    def is_real(self) -> bool:
        return not self.run

    @property
    def name(self) -> str:
        return "real clips" if self.is_real else f"{self.run}, step {self.step:,}"


@dataclass(frozen=True)
class Sound:
    """The address of one sound within its participant: a clip's number, or a seed and the label asked for."""

    participant: int
    clip: int | None = None
    seed: int | None = None
    label: str | None = None

    @property
    def address(self) -> str:
        return f"clip {self.clip}" if self.seed is None else f"seed {self.seed}"


Question = tuple[Sound, ...]
"""The sounds of a question in the order in which they are heard."""


def plan(
    kind: str,
    participants: Sequence[Participant],
    count: int,
    seed: int,
    clips: Mapping[str | None, Sequence[int]],
) -> tuple[Question, ...]:
    """`count` questions, random by the seed and balanced.

    Of "real" half are real, and the models share the other half; in "pairs" each two meet equally often, and each is
    heard first as often as the other; of "ratings" each participant has an equal share. What does not come out even is
    drawn. `clips` are the numbers of the real clips by label. Labels take turns within each line-up, and both sides of
    a question have the same one; with the only label None there are none. Two models are asked for the same seed in a
    question. No clip comes again before all of its label have come.

    Raises ListeningError for a number of questions or participants with which there is no test.
    """
    _check(kind, participants, count)
    rng = random.Random(seed)
    orders = _line_up(kind, participants, count, rng)
    labels = _share_out(orders, lambda _: list(clips), rng)
    seeds = rng.sample(range(2**31), count)
    decks = {label: _endless(numbers, rng) for label, numbers in clips.items()}

    def sound(participant: int, question: int) -> Sound:
        label = labels[question]
        if participants[participant].is_real:
            return Sound(participant, clip=next(decks[label]), label=label)
        return Sound(participant, seed=seeds[question], label=label)

    return tuple(tuple(sound(at, question) for at in order) for question, order in enumerate(orders))


def _check(kind: str, participants: Sequence[Participant], count: int) -> None:
    if kind not in KINDS:
        raise ListeningError(f"'{printable(kind)}' is no kind of listening test: choose one of {', '.join(KINDS)}.")
    if not 1 <= count <= MOST_QUESTIONS:
        raise ListeningError(f"A listening test has from 1 to {MOST_QUESTIONS} questions, not {count}.")
    if len(set(participants)) < max(len(participants), KINDS[kind].fewest_participants):
        raise ListeningError("A comparison needs two different participants: add another model, or the real clips.")
    if kind == "real" and {participant.is_real for participant in participants} != {True, False}:
        raise ListeningError("'Real or generated?' needs both: real clips and a model.")


def _line_up(kind: str, participants: Sequence[Participant], count: int, rng: random.Random) -> list[tuple[int, ...]]:
    """The participants of each question, in the order in which they are heard."""
    everybody = range(len(participants))
    if kind == "pairs":
        pairs = _in_turns(list(itertools.combinations(everybody, 2)), count, rng)
        return _share_out(pairs, lambda pair: [pair, pair[::-1]], rng)
    if kind == "ratings":
        return _in_turns([(at,) for at in everybody], count, rng)
    halves = _in_turns([True, False], count, rng)
    return _share_out(halves, lambda half: [(at,) for at in everybody if participants[at].is_real == half], rng)


def _share_out(turns: list, options: Callable[[Any], list], rng: random.Random) -> list:
    """For each turn one of its options: over equal turns each comes equally often, in random order."""
    decks = {turn: iter(_in_turns(options(turn), turns.count(turn), rng)) for turn in dict.fromkeys(turns)}
    return [next(decks[turn]) for turn in turns]


def _in_turns(items: list, count: int, rng: random.Random) -> list:
    """`count` of the items in random order, each equally often; which come once more than others is drawn."""
    whole, rest = divmod(count, len(items))
    turns = items * whole + rng.sample(items, rest)
    rng.shuffle(turns)
    return turns


def _endless(items: Sequence[int], rng: random.Random):
    """The items in random order, again and again."""
    while True:
        yield from rng.sample(items, len(items))

"""A run reads itself: sentences about how a training goes, each from a rule whose numbers are shown."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean

from audiogan.runs import COPYING, METRICS, Run

WINDOW = 20
"""Rows of metrics that are read together: 200 steps of framegan. One row jumps."""

CERTAIN = 0.98
"""A discriminator that is right with this probability leaves the generator no gradient to speak of. In the
`wavegan_bce` source, 0.0049 against 4.604 at epoch 8,001 is a probability of 0.99."""

SATISFIED = {"hinge": 0.04, "lsgan": 0.02}
"""Losses of the discriminator at which nearly every clip is on its right side: under 0.5 + 0.5 (lsgan) and 1 + 1
(hinge), where it cannot tell, by the factor by which 1 - CERTAIN is under a half."""

ALIKE = 0.5
"""Under this share of real clips' diversity, sounds are too much alike (collapse of the generator)."""

LASTING = 2
"""Scores in a row that have to say so: young generators make few sounds, and a score is no exact number."""

MOSTLY = 0.5
"""Share of silent sounds above which a run is called silent."""

WORSE = 1.5
"""Times the best snapshot's distance that the last one must be at to be called worse: a score is no exact number."""

STALE_SHARE = 1 / 3
"""Share of a training without a better snapshot after which it is said to improve no longer ..."""

STALE_MINUTES = 5.0
"""... but not before so many minutes."""


@dataclass(frozen=True)
class Finding:
    """One thing that is worth saying about a run."""

    kind: str
    """'good', 'warning' or 'bad'."""

    sentence: str
    """What it is, and what to do."""

    rule: str
    """The numbers that it follows from, and their bounds."""


def read(run: Run) -> list[Finding]:
    """What the numbers of a run say, the worst first; nothing while there are too few of them."""
    findings = [*_read_losses(run), *_read_scores(run)]
    return sorted(findings, key=lambda finding: ("bad", "warning", "good").index(finding.kind))


def _read_losses(run: Run) -> Iterator[Finding]:
    rows = run.metrics()
    if len(rows["step"]) < WINDOW:
        return
    now = {name: fmean(rows[name][-WINDOW:]) for name in METRICS}
    if rule := _discriminator_has_won(run.config.settings.loss, now):
        yield Finding(
            "bad",
            "The discriminator has won: it is right about nearly every sound, and the generator learns next to nothing "
            "from it. Start a new run with a lower rate_d, or with another loss (wgan_gp or relativistic).",
            rule,
        )


def _discriminator_has_won(loss: str, now: dict[str, float]) -> str:
    """The rule that says so, or nothing. A critic's scores have no scale on which it could win."""
    losses = f"(losses {now['loss_d']:.3g} and {now['loss_g']:.3g})"
    if loss == "bce" and now["belief_real"] > CERTAIN and now["belief_fake"] < 1 - CERTAIN:
        probabilities = f"{now['belief_real']:.3f} of real and {now['belief_fake']:.3f} of generated sounds"
        return f"probability of being real: {probabilities}; bounds {CERTAIN} and {1 - CERTAIN:.2f} {losses}"
    if loss == "relativistic" and now["belief_real"] > CERTAIN:
        return f"real beats generated with p = {now['belief_real']:.3f}; bound {CERTAIN} {losses}"
    if now["loss_d"] < SATISFIED.get(loss, -math.inf):
        return f"discriminator's loss {now['loss_d']:.3g}; bound {SATISFIED[loss]} {losses}"
    return ""


def _read_scores(run: Run) -> Iterator[Finding]:
    scores = run.scores()
    if not scores["step"]:
        return
    last = {name: values[-1] for name, values in scores.items()}
    if last["silent"] > MOSTLY:
        yield Finding(
            "bad",
            "The sounds are silent or broken. If they stay so for another minute, start a new run with a lower rate.",
            f"{last['silent']:.0%} of the sounds; bound {MOSTLY:.0%}",
        )
        return
    if max(scores["diversity"][-LASTING:]) < ALIKE and len(scores["step"]) >= LASTING:
        yield Finding(
            "bad",
            "The sounds are too much alike: the generator has collapsed to a few of them. If it does not find more, "
            "start a new run with a larger batch or a stronger penalty, or play an earlier snapshot.",
            f"diversity {last['diversity']:.2f} of the real clips'; bound {ALIKE}",
        )
    if max(scores["nearest_ratio"][-LASTING:]) < COPYING and len(scores["step"]) >= LASTING:
        advice = "Stop here, play" if run.status.is_active else "Play"
        yield Finding(
            "bad",
            f"The sounds come close to single training clips: the generator memorises them. {advice} an earlier "
            "snapshot, or add more sounds.",
            f"distance to the nearest training clip {last['nearest_ratio']:.2f} of what real clips have; "
            f"bound {COPYING}",
        )
    yield from _read_trend(run, scores)


def _read_trend(run: Run, scores: dict[str, list[float]]) -> Iterator[Finding]:
    """Whether it still gets better."""
    best = scores["step"].index(run.best_step)
    distance, least, floor = scores["distance"][-1], scores["distance"][best], scores["floor"][best]
    minutes, stale, is_active = scores["seconds"][-1] / 60, run.minutes_since_best(), run.status.is_active
    named = f"step {run.best_step:,}"
    numbers = f"distance from real clips {distance:.3g}, at best {least:.3g} at {named} (real against real {floor:.2g})"
    if least <= floor:
        yield Finding("good", f"The sounds of {named} cannot be told from real ones by their mel statistics.", numbers)
    if stale > STALE_MINUTES and distance > WORSE * max(least, floor):
        yield Finding(
            "warning",
            f"The sounds get worse again: those of {named} were nearer to the real ones, and Explore opens them. "
            f"{'Stop here, or go' if is_active else 'Go'} on with a lower rate.",
            f"{numbers}; bound {WORSE} times the best for {STALE_MINUTES:g} minutes",
        )
    elif stale > max(STALE_MINUTES, STALE_SHARE * minutes):
        yield Finding(
            "warning",
            f"It stopped improving {stale:.0f} minutes {'ago' if is_active else 'before its end'}, at {named}, which "
            f"is kept and which Explore opens.{' You can stop here.' if is_active else ''}",
            f"{numbers}; bound a third of the {minutes:.0f} minutes so far",
        )
    elif len(scores["step"]) > 1 and least > floor:
        yield Finding("good", f"It is still improving: the best sounds so far are those of {named}.", numbers)

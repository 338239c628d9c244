"""How long an evaluation takes: the first of a data set, which fits its judge, and the second.

`python benchmarks/evaluate.py [--count 1000]`. The starter model on the built-in sounds of half a second, and the
default preset on a thousand of them that last one second. Processor seconds tell more than wall seconds where the
machine is shared.
"""

import argparse
import tempfile
import time

from report import publish

from audiogan import audio, synthesis
from audiogan.judging import evaluation
from audiogan.lab import STARTER, Lab, Limit, Run, Upload

PER_LABEL = 167
"""Built-in sounds of each of six labels: 1,002 clips."""


def timed(work) -> tuple[float, float, object]:
    """(wall seconds, processor seconds, what came back)."""
    wall, processor = time.perf_counter(), time.process_time()
    result = work()
    return time.perf_counter() - wall, time.process_time() - processor, result


def one_second_run(lab: Lab) -> Run:
    """The default preset after a few steps, on a thousand clips of a second."""
    uploads = [
        Upload(f"{sound.label}/{sound.name}.wav", audio.encode_wav(sound.samples, sound.rate))
        for sound in synthesis.built_in_sounds(per_label=PER_LABEL)
    ]
    dataset = lab.prepare(lab.survey(uploads), "seconds", 22_050, 1.0)
    run = lab.create_run(lab.configure(dataset, "framegan"), "seconds")
    lab.train(run, Limit(steps=5))
    return run


def rows(lab: Lab, run: Run, what: str, count: int) -> list[dict]:
    """A first and a second evaluation, and of these the sounds alone."""
    found = []
    for name in ("first", "second"):
        wall, processor, result = timed(lambda: lab.evaluate(run, count=count))
        found.append(row(what, f"{name} evaluation", wall, processor, result.card))
    instrument = lab.instrument(run)
    points = evaluation.asked_points(instrument, lab.dataset(result.dataset), range(count))
    wall, processor, _ = timed(lambda: evaluation.render(instrument, points, run.config.rate))
    return [*found, row(what, "of these the sounds", wall, processor, result.card)]


def row(what: str, part: str, wall: float, processor: float, card) -> dict:
    clips = f"{card.clips} / {card.train_clips + card.held_out_clips}"
    return {"model": what, "part": part, "generated / real": clips, "wall s": wall, "processor s": processor}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory() as home:
        lab = Lab(home)
        found = rows(lab, lab.run(STARTER), "starter, 0.5 s", count)
        found += rows(lab, one_second_run(lab), "framegan, 1 s", count)
    publish("evaluate", "Evaluating a run", found)


if __name__ == "__main__":
    main()

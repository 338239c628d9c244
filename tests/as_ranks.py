"""Trains some runs, alone or as one of the processes that torchrun starts: `python as_ranks.py FOLDER`.

All together see eight clips a step. In double precision, so that the sums' different order is not magnified by Adam,
whose first steps are all of the same length, however small a gradient is.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from audiogan import audio, examples, ranks, training
from audiogan.config import Limit
from audiogan.examples import Clips, float_waves
from audiogan.progress import Chore, Schedule
from audiogan.runs import Onlooker, Run, RunError, Score
from audiogan.transforms import make_transform
from tests.conftest import tiny_config, tones_and_noises

RUNS = {
    # R1 and R2 through the deviation among the clips of a label, on whichever rank they are
    "framegan": ("framegan", "penalty_every=1", "augment=0.5"),
    # in groups of four neighbours, which the ranks' batches of four are
    "framegan-without-labels": ("framegan", "conditional=false"),
    # the gradient penalty between real and generated clips, phase shuffle and several critic steps
    "wavegan": ("wavegan", "kernel=5", "critic_steps=2"),
    # batch normalisation and dropout in both networks
    "dcgan1d": ("dcgan1d", "kernel=5", "dropout=0.3"),
}
STEPS = 10


def main(root: Path) -> None:
    """Each of the runs, the first of them once more with a pause in the middle, and one whose name is taken."""
    torch.set_default_dtype(torch.float64)
    training.make_transform = lambda config: make_transform(config).double()
    training.float_waves = examples.float_waves = lambda waves: float_waves(waves).double()
    training.SCORED_SEEDS, Schedule.SCORE_SECONDS, Chore.SHARE = range(4), 0.0, float("inf")
    ranks.join()
    for name in RUNS:
        train(begin(root, name, name), STEPS)
    paused = begin(root, "paused", next(iter(RUNS)))
    train(paused, STEPS // 2)
    train(paused, STEPS)
    try:
        begin(root, "paused", "wavegan")
    except (RunError, SystemExit) as leaving:
        (root / f"rank-{ranks.RANK}-leaves").write_text(str(leaving))


def begin(root: Path, name: str, kind: str) -> Run:
    preset, *assignments = RUNS[kind]
    config = tiny_config(f"batch={8 // ranks.COUNT}", "log_every=5", *assignments, preset=preset)
    ranks.from_first(lambda: Run.create(root, config, name).name)
    return Run(root / name) if ranks.RANK == 0 else Onlooker(root / name)


def train(run: Run, steps: int) -> None:
    waves = [wave for label in tones_and_noises().values() for wave in label]
    clips = Clips(np.stack([audio.to_int16(wave) for wave in waves]), np.repeat([0, 1], 12))
    limit, device = Limit(steps=steps), torch.device("cpu")
    training.train(run, clips, limit, device, lambda tick: None, lambda wave: b"", lambda sounds: Score(1, 0, 1, 1, -1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

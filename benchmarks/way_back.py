"""What do sounds lose on their way through mel frames and back, by which way back, and how long does it take?

`python benchmarks/way_back.py --data FOLDER [--sets instruments drums digits] [--rate HZ]`

Held-out clips (a quarter of the files, as in quality.py) are sent through framegan's transform and back, without any
generator; what was learned for it is learned from the other clips. "True" magnitudes leave mel bins out and have only
their phases found anew. The columns are quality.py's, and two more: the processor's milliseconds a sound, and the
median factor by which a sound's attack is longer or shorter than its own, where "attack off" compares distributions.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from quality import judge_sounds, keep_back
from report import publish

from audiogan import descriptors
from audiogan.devices import use_threads
from audiogan.examples import float_waves
from audiogan.judging.judge import RealClips, open_judge
from audiogan.lab import Lab
from audiogan.training import FITTING_CLIPS
from audiogan.transforms import make_transform

WAYS = {
    "true, random, 32": ["phases=random", "griffin_lim_iterations=32"],
    "true, peaks, 1": ["phases=peaks", "griffin_lim_iterations=1"],
    "true, peaks, 32": ["phases=peaks", "griffin_lim_iterations=32"],
    "spread, random, 32": ["exemplars=0", "onsets=0", "phases=random", "griffin_lim_iterations=32"],
    "spread, peaks, 32": ["exemplars=0", "onsets=0", "phases=peaks", "griffin_lim_iterations=32"],
    "1,024 exemplars, random, 32": ["onsets=0", "phases=random", "griffin_lim_iterations=32"],
    "256 exemplars, peaks, 32": ["exemplars=256", "onsets=0", "griffin_lim_iterations=32"],
    "4,096 exemplars, peaks, 32": ["exemplars=4096", "onsets=0", "griffin_lim_iterations=32"],
    "1,024 exemplars, peaks, 8": ["onsets=0", "griffin_lim_iterations=8"],
    "1,024 exemplars, peaks, 32": ["onsets=0", "griffin_lim_iterations=32"],
    "1,024 exemplars, 64 onsets, 8": ["onsets=64", "griffin_lim_iterations=8"],
    "1,024 exemplars, 256 onsets, 4": ["onsets=256", "griffin_lim_iterations=4"],
    "1,024 exemplars, 256 onsets, 8": ["onsets=256", "griffin_lim_iterations=8"],
    "1,024 exemplars, 256 onsets, 16": ["onsets=256", "griffin_lim_iterations=16"],
    "1,024 exemplars, 256 onsets, 32": ["onsets=256", "griffin_lim_iterations=32"],
    "1,024 exemplars, 1,024 onsets, 8": ["onsets=1024", "griffin_lim_iterations=8"],
}
"""Magnitudes, first phases (those of peaks, but where onsets lend theirs), rounds of Griffin-Lim -> the settings."""

COLUMNS = (
    "FD / floor",
    "mel KD",
    "sound KD",
    "dB off",
    "attack off",
    "decay off",
    "harmonicity off",
    "harmonics dB off",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=["instruments", "drums", "digits"])
    parser.add_argument("--rate", type=int, help="Hz (default: as the app suggests)")
    parser.add_argument("--judges", type=Path, default=Path(tempfile.gettempdir(), "audiogan-judges"))
    arguments = parser.parse_args()
    use_threads(1)
    rows = []
    for name in arguments.sets:
        with tempfile.TemporaryDirectory() as home:
            lab = Lab(home)
            dataset = lab.prepare(lab.survey([arguments.data / name]), name, rate=arguments.rate)
            real = RealClips.of(dataset, keep_back(dataset, by_speaker=False))
            arguments.judges.mkdir(parents=True, exist_ok=True)
            judge = open_judge(arguments.judges, real)
            clips = float_waves(real.clips[judge.held_out_indices])
            attacks = descriptors.attack_seconds(clips.numpy(), real.rate)
            for way, changes in WAYS.items():
                transform = make_transform(lab.configure(dataset, "framegan", changes))
                transform.fit(float_waves(real.clips[judge.train_indices[:FITTING_CLIPS]]))
                begun = time.process_time()
                parts = [_back(transform, part, way.startswith("true")) for part in clips.split(32)]
                milliseconds = 1000 * (time.process_time() - begun) / len(clips)
                waves = torch.cat(parts).numpy()
                found = judge_sounds(judge, waves, real.clip_labels[judge.held_out_indices])
                ratios = descriptors.attack_seconds(waves, real.rate) / attacks
                row = {"set": name, "magnitudes, phases, rounds": way, "ms a sound": milliseconds}
                row |= {column: found.get(column, "") for column in COLUMNS}
                rows.append(row | {"attack factor": float(np.nanmedian(np.maximum(ratios, 1 / ratios)))})
                publish("way-back", "held-out clips through mel frames and back", rows)


@torch.inference_mode()
def _back(transform, clips: torch.Tensor, is_true: bool) -> torch.Tensor:
    return transform.waves(transform.magnitudes(clips)) if is_true else transform.inverse(transform(clips))


if __name__ == "__main__":
    main()

"""Training steps per second of the presets on this machine: `python benchmarks/steps.py [--steps 20]`.

The presets take turns, a few steps at a time, so that a busy moment of the machine hits all of them. The reference is
WaveGAN at d 16; a step is one update of the generator with all updates of the discriminator that belong to it.
"""

import argparse
import os
import time

import numpy as np
import torch
from report import publish, spread

from audiogan import audio, synthesis
from audiogan.config import RunConfig
from audiogan.examples import Clips, Examples, float_waves
from audiogan.game import Game
from audiogan.graphs import playing
from audiogan.presets import preset
from audiogan.transforms import make_transform

CLIP_SAMPLES, RATE = 16_384, 16_000
"""One second: WaveGAN's published length."""

CONTENDERS = {
    "framegan": ("framegan", []),
    "wavegan d 16, batch 16": ("wavegan", ["width=16", "batch=16"]),
    "wavegan d 32, batch 16": ("wavegan", ["width=32", "batch=16"]),
}


class Contender:
    """One preset with its own networks and clips, a step at a time."""

    def __init__(self, preset_name: str, assignments: list[str], clips: Clips, device: str = "cpu") -> None:
        settings = preset(preset_name).settings.with_text(assignments)
        labels = tuple(map(str, range(int(clips.classes.max()) + 1)))
        config = RunConfig(preset_name, settings, "built-in", "", RATE, CLIP_SAMPLES, labels)
        device = torch.device(device)
        transform = make_transform(config).to(device)
        transform.fit(float_waves(clips.waves).to(device))
        self.settings, self.number = settings, 0
        self.game = Game(config, transform, device)
        self.steps = playing(self.game)
        self.examples = Examples(clips, transform, device, seed=0)

    def step(self) -> None:
        """One generator step with its critic steps."""
        self.number += 1
        for turn in range(self.settings.critic_steps):
            real, classes = self.examples.batch(self.number * self.settings.critic_steps + turn, self.settings.batch)
            self.steps.discriminator_step(real, classes, self.number)
        self.steps.generator_step(classes, self.number)


def built_in_clips() -> Clips:
    """The built-in sounds, each padded to the clip."""
    sounds = synthesis.built_in_sounds(RATE, per_label=32)
    waves = audio.to_int16(audio.pad([sound.samples[:CLIP_SAMPLES] for sound in sounds], CLIP_SAMPLES))
    labels = [synthesis.LABELS.index(sound.label) for sound in sounds]
    return Clips(waves, np.array(labels))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each contender in each round")
    parser.add_argument("--threads", type=int, default=max(1, (os.cpu_count() or 1) - 1))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    clips = built_in_clips()
    contenders = {name: Contender(*what, clips) for name, what in CONTENDERS.items()}
    wall: dict[str, list[float]] = {name: [] for name in contenders}
    cpu: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(arguments.rounds + 1):
        for name, contender in contenders.items():
            started, spent, steps = time.perf_counter(), time.process_time(), 0
            while time.perf_counter() - started < arguments.seconds:
                contender.step()
                steps += 1
            if number:  # the first round fills caches
                wall[name].append(steps / (time.perf_counter() - started))
                cpu[name].append((time.process_time() - spent) / steps)
    reference = spread(cpu["wavegan d 16, batch 16"])["median"]
    rows = [
        {
            "preset": name,
            "steps per second (median)": spread(wall[name])["median"],
            "CPU-seconds a step (median)": spread(cpu[name])["median"],
            "times cheaper than wavegan d 16": reference / spread(cpu[name])["median"],
        }
        for name in contenders
    ]
    publish(
        "steps",
        f"Training on the processor, {arguments.threads} thread(s), 1 s clips at 16 kHz",
        rows,
        threads=arguments.threads,
        command="python benchmarks/steps.py",
    )


if __name__ == "__main__":
    main()

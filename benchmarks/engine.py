"""The engine against a plain WaveGAN-GP, side by side: `python benchmarks/engine.py [--rounds 5]`.

Same layers, same losses, same number of updates (`reference_wavegan.py` is the plain one; a test compares losses and
gradients of both). A step is one update of the generator with its five of the discriminator. The contenders take turns,
step by step, on one thread: what is busy on the machine hits all of them.
"""

import argparse
import time

import numpy as np
import torch
from reference_wavegan import BATCH, CRITIC_STEPS, Reference
from report import publish, spread
from steps import Contender, built_in_clips

from audiogan.devices import use_threads
from audiogan.examples import Clips, float_waves

SAME_TRAINING = ["conditional=false", "critic_steps=5", "phase_shuffle=2"]
"""The preset's settings that the reference has too; width and batch come with each benchmark."""


class Plain:
    """The reference with its clips on its device, a step at a time."""

    def __init__(self, d: int, batch: int, clips: Clips, device: torch.device) -> None:
        self.reference, self.batch = Reference(d, device), batch
        self.waves = float_waves(np.asarray(clips.waves))[:, None].to(device)

    def step(self) -> None:
        """One generator step with its critic steps."""
        for _ in range(CRITIC_STEPS):
            self.reference.discriminator_step(self.waves[torch.randint(len(self.waves), (self.batch,))])
        self.reference.generator_step(self.batch)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--width", type=int, default=32)
    arguments = parser.parse_args()
    use_threads(1)
    clips, same = built_in_clips(), [*SAME_TRAINING, f"width={arguments.width}", f"batch={BATCH}"]
    contenders = {
        "plain reference": Plain(arguments.width, BATCH, clips, torch.device("cpu")),
        "engine": Contender("wavegan", same, clips),
        "engine, precision=mixed": Contender("wavegan", [*same, "precision=mixed"], clips),
    }
    cpu: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(arguments.rounds + 1):
        for name, contender in contenders.items():
            spent = time.process_time()
            contender.step()
            if number:  # the first round fills caches
                cpu[name].append(time.process_time() - spent)
    reference = cpu["plain reference"]
    rows = [
        {
            "training": name,
            "CPU-seconds a generator step (median)": spread(spent)["median"],
            "min": min(spent),
            "max": max(spent),
            "share of the reference's": spread(spent)["median"] / spread(reference)["median"],
            "share, by minima": min(spent) / min(reference),
        }
        for name, spent in cpu.items()
    ]
    publish(
        "engine",
        f"WaveGAN-GP, d {arguments.width}, batch {BATCH}, 16,384 samples, 5 critic steps, one thread",
        rows,
        rounds=arguments.rounds,
        command="python benchmarks/engine.py",
    )


if __name__ == "__main__":
    main()

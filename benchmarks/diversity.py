"""Does each label stay varied? Settings of framegan compared after the same number of steps.

`python benchmarks/diversity.py [--steps 4000] [--data FOLDER] base penalty=0.1 batch=16,augment=0.3`

Each word is a variant: `base`, or `key=value` settings joined by commas. Without --data it learns the built-in sounds.
Distances are Euclidean in the space of standardised mel frames, against the training clips themselves, with one seed:
enough to see a label collapse, no measure of quality.
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch
from report import publish
from torch import Tensor

from audiogan.config import RunConfig
from audiogan.examples import Clips, Examples, float_waves
from audiogan.game import Game
from audiogan.lab import Lab
from audiogan.training import mix_seed
from audiogan.transforms import make_transform

NEIGHBOUR = 5
"""A real clip counts as covered when a generated one is nearer than its fifth real neighbour (Naeem et al. 2020)."""


def train(config: RunConfig, clips: Clips, steps: int) -> tuple[Game, Examples]:
    """The game after so many steps, with its examples."""
    transform = make_transform(config)
    torch.manual_seed(config.seed)
    transform.fit(float_waves(clips.waves[:500]))
    device = torch.device("cpu")
    examples, game = Examples(clips, transform, device, config.seed), Game(config, transform, device)
    for step in range(1, steps + 1):
        torch.manual_seed(mix_seed(config.seed, step))
        real, classes = examples.batch(step - 1, config.settings.batch)
        game.discriminator_step(real, classes, step)
        game.generator_step(classes, step)
    return game, examples


def diversity(real: Tensor, made: Tensor) -> float:
    """Mean distance between generated clips (N, ...) over that between real ones; 1 is as varied, 0 is all the same."""
    return float(torch.pdist(made.flatten(1)).mean() / torch.pdist(real.flatten(1)).mean())


def coverage(real: Tensor, made: Tensor) -> float:
    """Share of real clips that have a generated one within their fifth-neighbour distance."""
    real, made = real.flatten(1), made.flatten(1)
    # the nearest real clip to each is itself
    radius = torch.cdist(real, real).kthvalue(min(NEIGHBOUR + 1, len(real)), dim=1).values
    return float((torch.cdist(real, made).amin(1) <= radius).float().mean())


@torch.inference_mode()
def judge(game: Game, examples: Examples, names: tuple[str, ...]) -> dict[str, str]:
    """'diversity / coverage' of each label, as many clips generated as there are real ones."""
    torch.manual_seed(1)
    figures = {}
    everything, labels = examples.batch(0, examples.clips_per_epoch)
    for number, name in enumerate(names):
        real = everything[labels == number]
        made = game.averaged(game.draw(len(real)), torch.full((len(real),), number))
        figures[name] = f"{diversity(real, made):.2f} / {coverage(real, made):.2f}"
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("variants", nargs="*", default=["base"])
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    rows = []
    with tempfile.TemporaryDirectory() as home:
        lab = Lab(home)
        dataset = lab.prepare(lab.survey([arguments.data]), "data") if arguments.data else lab.prepare_built_in()
        clips = Clips(dataset.clips(), dataset.clip_labels())
        for variant in arguments.variants:
            changes = [] if variant == "base" else variant.split(",")
            # judged are labels, so that these are learned whole
            config = lab.configure(dataset, "framegan", ["kinds=1", *changes])
            began = time.process_time()
            game, examples = train(config, clips, arguments.steps)
            seconds = time.process_time() - began
            rows.append({"variant": variant, "CPU-s": seconds} | judge(game, examples, config.labels))
    publish(
        "diversity",
        f"Diversity / coverage of each label after {arguments.steps:,} steps",
        rows,
        command=f"python benchmarks/diversity.py --steps {arguments.steps} {' '.join(arguments.variants)}",
    )


if __name__ == "__main__":
    main()

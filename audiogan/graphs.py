"""Whole steps recorded as CUDA graphs and replayed: a small network's kernels are over before the next one is launched.

A recording holds addresses and not values: it reads its inputs, weights, learning rate and random state where they lay
when it was made. So inputs are copied to the recording's own, the rate is a tensor on the device, and torch hands each
replay the seed and offset of the default generator, which keeps random numbers a function of seed and step.
"""

from collections import Counter
from collections.abc import Callable

import torch
from torch import Tensor

from audiogan import ranks
from audiogan.game import Game

ORDINARY_STEPS = 3
"""Ordinary steps of each kind before it is recorded: optimisers make their state and libraries choose their kernels."""


def playing(game: Game) -> "Game | Graphed":
    """The game, its steps recorded where that is asked for and one process trains alone on an NVIDIA card."""
    recorded = game.settings.cuda_graphs and game.device.type == "cuda" and ranks.COUNT == 1
    return Graphed(game) if recorded else game


class Graphed:
    """A game whose steps are replayed; begin with it only once the game's state is loaded."""

    def __init__(self, game: Game) -> None:
        self.game = game
        self._happened: Counter = Counter()
        self._recordings: dict[str, tuple[Callable[[], None], list[Tensor], list[Tensor]]] = {}

    def discriminator_step(self, real: Tensor, classes: Tensor, step: int) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """As `Game.discriminator_step`."""
        self.game.set_rate(self.game.optimiser_d, self.game.settings.rate_d, step)
        # a step with its penalty and one without are two recordings
        update = self.game.penalised_update if self.game.is_penalised(step) else self.game.plain_update
        loss, belief_real, belief_fake, self._score_real = self._play(update, real, classes)
        return loss, (belief_real, belief_fake)

    def generator_step(self, classes: Tensor, step: int) -> Tensor:
        """As `Game.generator_step`."""
        self.game.set_rate(self.game.optimiser_g, self.game.settings.rate_g, step)
        (loss,) = self._play(self.game.generator_update, classes, self._score_real)
        self.game.average(step)
        return loss

    def _play(self, update: Callable[..., tuple[Tensor, ...]], *inputs: Tensor) -> tuple[Tensor, ...]:
        """What the update returns, run as it is at first and replayed later."""
        name = update.__name__
        self._happened[name] += 1
        if self._happened[name] <= ORDINARY_STEPS:
            return update(*inputs)
        if name not in self._recordings:
            own = [given.clone() for given in inputs]
            self._recordings[name] = (*record(update, own), own)
        replay, outputs, own = self._recordings[name]
        torch._foreach_copy_(own, list(inputs))
        replay()
        # the next replay writes into the same places
        return tuple(output.clone() for output in outputs)


def record(update: Callable[..., tuple[Tensor, ...]], inputs: list[Tensor]) -> tuple[Callable[[], None], list[Tensor]]:
    """(replays the update on what `inputs` hold by then, where it leaves its outputs); nothing is computed yet."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        outputs = update(*inputs)
    return graph.replay, list(outputs)

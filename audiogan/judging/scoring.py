"""How good a training's sounds are, told by a glance at them: the rows of a run's scores."""

import logging
import math

import numpy as np
from torch import Tensor

from audiogan.examples import Clips
from audiogan.judging.quick_judge import QuickJudge
from audiogan.runs import Score

log = logging.getLogger("audiogan")


class Scorer:
    """Judges sounds of one training. It listens to the real clips, for seconds, at its first call and not before."""

    def __init__(self, clips: Clips, rate: int) -> None:
        self.clips, self.rate = clips, rate
        self._judge: QuickJudge | None = None

    def __call__(self, sounds: Tensor) -> Score | None:
        """The score of sounds (n, T); None where the clips are too few, or too much alike, to judge by."""
        try:
            judge = self._listen()
            glance = judge.glance(sounds.numpy())
        except ValueError:
            log.exception("the sounds are not scored")
            return None
        # sounds of which nothing can be said are no better than any others
        distance = math.inf if math.isnan(glance.kernel_distance) else glance.kernel_distance
        floor = judge.floor(len(sounds))
        return Score(distance, floor, glance.nearest_neighbour_ratio, glance.diversity, glance.silent_share)

    def _listen(self) -> QuickJudge:
        if self._judge is None:
            waves, held_out = self.clips.waves, self.clips.held_out
            self._judge = QuickJudge.fit(waves, self.rate, np.zeros(len(waves), bool) if held_out is None else held_out)
        return self._judge

"""What frames of the training clips lend to generated ones: the detail that mel bins and magnitudes leave out."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from audiogan.mel import magnitudes_from_mel, spread

STRUCTURE_RANGE = (1e-3, 30.0)
"""The smallest and largest magnitude that is kept, over the mel values spread evenly: a gap, and a partial alone in a
wide mel bin."""

HEARD = 3.0
"""Times the floor, from which a frame's loudest mel bin has something to lend."""

ONSET_RISE = 4.0
"""Times the power of the frame before, from which a sound begins: 6 dB."""

ONSET_AUDIBLE = 1e-3
"""Of the clip's loudest power, -30 dB: what begins below it is not heard."""


class Exemplars(nn.Module):
    """Frames that lend others what mel bins do not hold: where in a bin a partial lies, and how rough a noise is.

    A frame gets the fine structure of the exemplar whose mel levels are nearest to its own. That a few real frames
    keep the detail that averages lose is what exemplar-based voice conversion rests on (Wu et al. 2014).
    """

    ROUNDS = 1
    """Of non-negative least squares afterwards: more of them flatten what was lent."""

    def __init__(self, count: int, mels: int, bins: int) -> None:
        """`count` frames, each of `mels` levels and `bins` magnitudes."""
        super().__init__()
        self.register_buffer("levels", torch.zeros(count, mels, dtype=torch.float16))
        self.register_buffer("structure", torch.zeros(count, bins, dtype=torch.uint8))

    def fit(self, mel: Tensor, magnitudes: Tensor, filters: Tensor, floor: Tensor) -> None:
        """Keep frames of clips (N, M, F) with their magnitudes (N, n_fft / 2 + 1, F), from all clips alike; the same
        ones every time.

        Where clips have fewer frames to lend than are kept, some are kept several times; silence keeps none.
        """
        count, generator = len(self.levels), torch.Generator().manual_seed(0)
        heard = (mel.amax(1) > HEARD * floor).cpu()  # (N, F)
        # each clip's frames in an order of their own; all first ones, then all second ones, ...
        order = torch.where(heard, torch.rand(heard.shape, generator=generator), 2.0).argsort(1)
        rank = order.argsort(1) + torch.rand(len(order), 1, generator=generator)
        places = torch.where(heard, rank, torch.inf).flatten().argsort()[: int(heard.sum())]
        if not len(places):
            return
        places = places[torch.arange(count) % len(places)].to(mel.device)
        clips, frames = places // mel.shape[2], places % mel.shape[2]
        mel, magnitudes = mel[clips, :, frames], magnitudes[clips, :, frames]
        self.levels.copy_(self._shape(mel, floor))
        low, high = map(math.log, STRUCTURE_RANGE)
        ratios = magnitudes / (spread(mel.T, filters).T + 1e-3 * floor)
        self.structure.copy_(((ratios.clamp(*STRUCTURE_RANGE).log() - low) / (high - low) * 255).round())

    def forward(self, mel: Tensor, filters: Tensor, floor: Tensor) -> Tensor:
        """Mel values (B, M, F) -> magnitudes (B, n_fft / 2 + 1, F) with the fine structure of the nearest exemplars."""
        nearest = _nearest(self._shape(mel.transpose(1, 2), floor), self.levels.to(mel.dtype))  # (B, F)
        low, high = map(math.log, STRUCTURE_RANGE)
        factors = (self.structure[nearest].to(mel.dtype) / 255 * (high - low) + low).exp().transpose(1, 2)
        return magnitudes_from_mel(mel, filters, spread(mel, filters) * factors, self.ROUNDS)

    @staticmethod
    def _shape(mel: Tensor, floor: Tensor) -> Tensor:
        """(..., M) log levels of frames (..., M) over their mean: how loud a frame is does not matter, well above the
        floor."""
        levels = (mel + floor).log()
        return levels - levels.mean(-1, keepdim=True)


class Onsets(nn.Module):
    """Beginnings of sounds, which lend others their phases: magnitudes do not say when within a frame a hit starts, and
    phases that are found from them alone blur its attack.

    Where a sound begins, the frames whose windows hold the beginning get the phases of the one whose mel levels are
    nearest to its own, from the frame before it to the seventh after it. All phases behind them go on from there
    (`spectra.peak_phases`).
    """

    BEFORE, CONTEXT = 1, 9

    FRAMES = 4
    """That hold a beginning: windows are four hops long."""

    def __init__(self, count: int, mels: int, bins: int) -> None:
        """`count` beginnings: phases of `bins` bins, in 256ths of a turn, and the levels of `mels` bins around them."""
        super().__init__()
        self.register_buffer("levels", torch.zeros(count, mels * self.CONTEXT, dtype=torch.float16))
        self.register_buffer("phases", torch.zeros(count, self.FRAMES, bins, dtype=torch.uint8))

    def fit(self, mel: Tensor, spectra_at: Callable[[Tensor, Tensor], Tensor], floor: Tensor) -> None:
        """Keep beginnings in clips (N, M, F), the same ones every time, with the complex spectra (n, bins) that
        `spectra_at` has of clips (n,) at frames (n,).

        Where there are fewer than are kept, some are kept several times. Clips of nothing but silence keep none, nor
        do beginnings whose last frames are missing.
        """
        heard = mel.amax((1, 2)) > HEARD * floor  # (N,)
        count, places = len(self.levels), (onsets(mel) & heard[:, None])[:, : 1 - self.FRAMES].nonzero()
        if not len(places):
            return
        order = torch.randperm(len(places), generator=torch.Generator().manual_seed(0))
        places = places[order[torch.arange(count) % len(places)].to(places.device)]
        self.levels.copy_(self._surroundings(mel, places, floor))
        clips, frames = places.T
        for later in range(self.FRAMES):
            turns = spectra_at(clips, frames + later).angle() / (2 * math.pi)
            self.phases[:, later] = (turns * 256).round() % 256

    def forward(self, mel: Tensor, floor: Tensor) -> tuple[Tensor, Tensor]:
        """Mel values (B, M, F) -> frames that hold a beginning (B, F), and phases (B, bins, F) in radians, of use only
        there."""
        # without a beginning to lend from, phases are found as if there were no such thing
        places = (onsets(mel) & self.levels.any()).nonzero()
        clips, frames = places.T
        lent = self.phases[_nearest(self._surroundings(mel, places, floor), self.levels.to(mel.dtype))]
        lent = lent.to(mel.dtype) * (2 * math.pi / 256)  # (n, 4, bins)
        phases = mel.new_zeros(len(mel), mel.shape[2] + self.FRAMES - 1, lent.shape[2])
        known = torch.zeros(phases.shape[:2], dtype=torch.bool, device=mel.device)
        # where a second sound begins, its first frame counts for more than the last ones of the first
        for later in reversed(range(self.FRAMES)):
            phases[clips, frames + later] = lent[:, later]
            known[clips, frames + later] = True
        return known[:, : mel.shape[2]], phases[:, : mel.shape[2]].transpose(1, 2)

    def _surroundings(self, mel: Tensor, places: Tensor, floor: Tensor) -> Tensor:
        """(n, M * 9) log levels around (clip, frame) places (n, 2), over their mean; silence beyond both ends."""
        levels = pad(mel, (self.BEFORE, self.CONTEXT - 1 - self.BEFORE)).add(floor).log()
        around = levels.unfold(2, self.CONTEXT, 1)[places[:, 0], :, places[:, 1]].flatten(1)
        return around - around.mean(1, keepdim=True)


def onsets(mel: Tensor) -> Tensor:
    """(B, F): in which frames of mel values (B, M, F) a sound begins, of frames that become ever louder the first."""
    power = mel.square().sum(1)
    rises = (power > ONSET_RISE * pad(power, (1, 0))[:, :-1]) & (power > ONSET_AUDIBLE * power.amax(1, keepdim=True))
    return rises & ~pad(rises, (1, 0))[:, :-1]


def _nearest(points: Tensor, exemplars: Tensor) -> Tensor:
    """For points (..., d) the numbers (...) of the nearest exemplars (n, d)."""
    # |a - b|^2 = |a|^2 - 2 (a . b - |b|^2 / 2), of which |a|^2 is the same for all exemplars
    return (points @ exemplars.T - exemplars.square().sum(1) / 2).argmax(-1)

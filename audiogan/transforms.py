"""Clips <-> what the network sees, each with its way back to sound.

Every transform turns clips (B, T) in [-1, 1] into (B, *shape) and back. What it learns of the data set (levels of each
mel bin) are buffers, saved with the generator, so that a snapshot alone is enough to make sound.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from audiogan.config import RunConfig
from audiogan.exemplars import Exemplars, Onsets
from audiogan.mel import magnitudes_from_mel, mel_edges, mel_filters, mels_for
from audiogan.spectra import griffin_lim, hop_samples_for, peak_phases, random_phases, stft


class Transform(nn.Module):
    """The shape contract: forward (B, T) -> (B, *shape), inverse (B, *shape) -> (B, T)."""

    shape: tuple[int, ...]
    """What the networks work on: (C, F) channels and positions along time, or (1, H, W) an image with time along W."""

    def fit(self, clips: Tensor) -> None:
        """Learn the data set's statistics from some of its clips (N, T). Nothing to learn by default."""

    def forward(self, clips: Tensor) -> Tensor:
        raise NotImplementedError

    def inverse(self, seen: Tensor) -> Tensor:
        raise NotImplementedError

    def describe(self) -> str:
        """What the network sees of a clip of this length and rate, in words; no full stop."""
        raise NotImplementedError


class Waveform(Transform):
    """The clip itself (1, T); networks whose layers make other lengths crop and pad it themselves."""

    def __init__(self, clip_samples: int) -> None:
        super().__init__()
        self.shape = (1, clip_samples)

    def forward(self, clips: Tensor) -> Tensor:
        return clips[:, None]

    def inverse(self, seen: Tensor) -> Tensor:
        return seen[:, 0]

    def describe(self) -> str:
        return f"{self.shape[1]:,} samples, the clip itself"


class Spectral(Transform):
    """What the transforms of frames share: magnitudes of a clip, and a clip from magnitudes.

    Frames are centred on multiples of the hop, and silence follows the clip until the last of them.
    """

    rows = "mel bins"
    """What the network sees of a frame."""

    def __init__(
        self, rate: int, clip_samples: int, n_fft: int, hop: int, frames: int, iterations: int, phases: str
    ) -> None:
        """Phases are found by so many rounds of Griffin-Lim, from 'random' ones or from those of spectral 'peaks'."""
        super().__init__()
        self.rate, self.clip_samples, self.n_fft, self.hop = rate, clip_samples, n_fft, hop
        self.frames, self.iterations, self.phases = frames, iterations, phases
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def magnitudes(self, clips: Tensor) -> Tensor:
        """(B, T) -> (B, n_fft / 2 + 1, F)."""
        clips = functional.pad(clips, (0, self.frames * self.hop - self.clip_samples))
        return stft(clips, self.n_fft, self.hop, self.window).abs()[..., : self.frames]

    def spectra_at(self, clips: Tensor, numbers: Tensor, frames: Tensor) -> Tensor:
        """Of clips (N, T), those with these numbers (n,) in these frames (n,): complex (n, n_fft / 2 + 1)."""
        margin = self.n_fft // 2
        clips = functional.pad(clips, (margin, self.frames * self.hop - self.clip_samples + margin))
        samples = frames[:, None] * self.hop + torch.arange(self.n_fft, device=frames.device)
        return torch.fft.rfft(clips[numbers[:, None], samples] * self.window)

    def waves(self, magnitudes: Tensor, known: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """(B, n_fft / 2 + 1, F) -> (B, T), from the phases that are `known`: in which frames (B, F), and what they are
        (B, n_fft / 2 + 1, F)."""
        # one silent frame more, so that the last hop of the clip has a frame on each side
        magnitudes = functional.pad(magnitudes, (0, 1))
        if known:
            known = functional.pad(known[0], (0, 1)), functional.pad(known[1], (0, 1))
        if self.phases == "peaks":
            phases = peak_phases(magnitudes, self.n_fft, self.hop, known)
        else:
            phases = random_phases(magnitudes)
            phases = torch.where(known[0][:, None], known[1], phases) if known else phases
        waves = griffin_lim(magnitudes, self.n_fft, self.hop, self.window, phases, self.iterations)
        return waves[:, : self.clip_samples]

    def describe(self) -> str:
        begun = math.ceil(self.clip_samples / self.hop)
        share = "all of them the clip's" if begun == self.frames else f"of which {begun:,} are the clip's, then silence"
        frame_ms = 1000 * self.hop / self.rate
        return f"{self.shape[-2]} {self.rows} x {self.frames:,} frames of {frame_ms:.1f} ms, {share}"


class Frames(Spectral):
    """Log-mel frames, mel bins as channels: the picture of a sound that a small processor can learn.

    x = (log(mel + floor) - mean) / std / 1.5, clamped to -3 and +6 standard deviations, per mel bin. Levels are skewed,
    so the upper bound is the wider one: clamping at +3 alone costs more than the whole inversion.
    Back: mel to magnitude by non-negative least squares, phase by fast Griffin-Lim; the fine structure of magnitudes,
    and the phases of sounds that begin, are those of frames of the training clips if some are kept.
    """

    def __init__(
        self,
        rate: int,
        clip_samples: int,
        mels: int = 0,
        iterations: int = 32,
        floor_db: float = -60.0,
        phases: str = "random",
        exemplars: int = 0,
        onsets: int = 0,
    ) -> None:
        """Levels `floor_db` under the data set's loudest mel value count as silence; so many frames of the training
        clips are kept as `exemplars`, and so many as `onsets`."""
        hop = hop_samples_for(rate)
        # three upsamplings by two: the frames come in eights
        frames = 8 * math.ceil(clip_samples / hop / 8)
        super().__init__(rate, clip_samples, 4 * hop, hop, frames, iterations, phases)
        self.floor_db = floor_db
        mels = mels or mels_for(rate)
        self.shape = (mels, frames)
        self.register_buffer("filters", mel_filters(rate, self.n_fft, mels), persistent=False)
        self.register_buffer("mean", torch.zeros(mels, 1))
        self.register_buffer("std", torch.ones(mels, 1))
        self.register_buffer("floor", torch.tensor(10 ** (floor_db / 20)))
        self.exemplars = Exemplars(exemplars, mels, self.n_fft // 2 + 1) if exemplars else None
        self.onsets = Onsets(onsets, mels, self.n_fft // 2 + 1) if onsets else None

    def fit(self, clips: Tensor) -> None:
        """Per-bin mean and standard deviation of the log levels, the floor, and what frames lend, from clips (N, T)."""
        magnitudes = self.magnitudes(clips)
        mel = self.filters @ magnitudes
        self.floor.copy_(mel.max().clamp(min=1e-6) * 10 ** (self.floor_db / 20))
        levels = (mel + self.floor).log()
        self.mean.copy_(levels.mean(dim=(0, 2))[:, None])
        # a bin that never moves would turn rounding noise into structure
        self.std.copy_(levels.std(dim=(0, 2))[:, None].clamp(min=0.1))
        if self.exemplars:
            self.exemplars.fit(mel, magnitudes, self.filters, self.floor)
        if self.onsets:
            self.onsets.fit(mel, partial(self.spectra_at, clips), self.floor)

    def forward(self, clips: Tensor) -> Tensor:
        levels = (self.filters @ self.magnitudes(clips) + self.floor).log()
        return ((levels - self.mean) / self.std).clamp(-3, 6) / 1.5

    def inverse(self, seen: Tensor) -> Tensor:
        levels = seen * 1.5 * self.std + self.mean
        # the loudest real frame bounds what a generator may ask for: exp() of an untrained one overflows
        mel = (levels.clamp(max=self._loudest()).exp() - self.floor).clamp(min=0)
        # under the floor twice as steep: a generator that is a little off would fill silence with faint tones, and
        # what is cut off at the floor would end in stripes
        mel = mel * (mel / self.floor).clamp(max=1)
        if self.exemplars:
            magnitudes = self.exemplars(mel, self.filters, self.floor)
        else:
            magnitudes = magnitudes_from_mel(mel, self.filters)
        return self.waves(magnitudes, self.onsets(mel, self.floor) if self.onsets else None)

    def _loudest(self) -> float:
        """The log of twice the loudest mel value of the data set."""
        return float(self.floor.log()) - self.floor_db / 20 * math.log(10) + math.log(2)


class LogSpectrogram(Spectral):
    """The SpecGAN image (1, 128, W): log magnitudes, each frequency standardised over the data set.

    x = clip((log(|S| + 1e-6) - mean) / std, -3, 3) / 3 (Donahue, McAuley, Puckette 2018, section 3.2), window 256, hop
    128, the top bin dropped: 16,384 samples at 16 kHz are 128 x 128. Other rates keep window and hop, other lengths
    make W another multiple of 32. With `mel`, 128 mel bins instead of 128 frequencies, from a window of 1,024: the
    lowest of them are narrower than a bin of 256 samples. Back by Griffin-Lim (16 iterations in the paper).
    """

    BINS = 128
    HOP = 128
    SMALLEST = 1e-6
    """Added to magnitudes before the logarithm, as in the authors' program."""

    DEVIATIONS = 3.0

    def __init__(
        self, rate: int, clip_samples: int, mel: bool = False, iterations: int = 16, phases: str = "random"
    ) -> None:
        frames = 32 * math.ceil(clip_samples / self.HOP / 32)
        super().__init__(rate, clip_samples, 1024 if mel else 256, self.HOP, frames, iterations, phases)
        self.shape = (1, self.BINS, frames)
        self.rows = "mel bins" if mel else "frequencies"
        filters = mel_filters(rate, self.n_fft, self.BINS) if mel else None
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("mean", torch.zeros(self.BINS, 1))
        self.register_buffer("std", torch.ones(self.BINS, 1))

    def fit(self, clips: Tensor) -> None:
        """Mean and standard deviation of each bin's log level, from clips (N, T)."""
        moments = torch.zeros(2, self.BINS, device=clips.device)
        # a few clips at a time: the spectra of all are many times larger than the clips
        for part in clips.split(16):
            levels = self._levels(part)
            moments += torch.stack([levels.sum(dim=(0, 2)), levels.square().sum(dim=(0, 2))])
        mean, square = moments / (len(clips) * self.frames)
        self.mean.copy_(mean[:, None])
        # a bin that never moves would turn rounding noise into structure
        self.std.copy_((square - mean.square()).clamp(min=0.1**2).sqrt()[:, None])

    def forward(self, clips: Tensor) -> Tensor:
        deviations = (self._levels(clips) - self.mean) / self.std
        return (deviations / self.DEVIATIONS).clamp(-1, 1)[:, None]

    def inverse(self, seen: Tensor) -> Tensor:
        levels = seen[:, 0] * self.DEVIATIONS * self.std + self.mean
        values = (levels.exp() - self.SMALLEST).clamp(min=0)
        if self.filters is not None:
            return self.waves(magnitudes_from_mel(values, self.filters))
        return self.waves(functional.pad(values, (0, 0, 0, 1)))  # the top bin is silent

    def _levels(self, clips: Tensor) -> Tensor:
        """(B, T) -> (B, 128, F)."""
        magnitudes = self.magnitudes(clips)
        values = magnitudes[:, :-1] if self.filters is None else self.filters @ magnitudes
        return (values + self.SMALLEST).log()


class MelImage(Spectral):
    """The mel image (1, 256, W) of decibels under the clip's own maximum, in 256 steps from -80 dB to 0.

    x = round((max(-80, 10 log10(mel / max(mel))) + 80) * 255 / 80) / 127.5 - 1, of the mel power spectrum with n_fft
    2048, hop 512 and Slaney's filters of equal area, as librosa's melspectrogram, power_to_db and an 8-bit image make
    it. The image is as wide as the next power of two of the clip's frames, 32 or more: 5 s at 22,050 Hz become the
    published 256 x 256, silence behind them.

    Back: mel power to magnitude, then Griffin-Lim (32 iterations in the source). An image no longer tells how loud its
    clip was, so 0 dB is given the median peak of the training clips; an image that stays below 0 dB is as much
    quieter. Nothing clips, as no training clip does.
    """

    TOP_DB = 80.0
    QUIETEST_MAXIMUM = 1e-10
    """Power under which a clip counts as silent. It is librosa's amin, but no floor to the levels of a quiet clip."""

    def __init__(
        self, rate: int, clip_samples: int, mels: int = 0, iterations: int = 32, phases: str = "random"
    ) -> None:
        frames = 2 ** max(5, math.ceil(math.log2(clip_samples / 512)))
        super().__init__(rate, clip_samples, 2048, 512, frames, iterations, phases)
        mels = mels or 256
        self.shape = (1, mels, frames)
        edges = mel_edges(rate, mels)
        self.register_buffer("filters", mel_filters(rate, self.n_fft, mels), persistent=False)
        self.register_buffer("height", (2 / (edges[2:] - edges[:-2])).float()[:, None], persistent=False)
        self.register_buffer("peak", torch.ones(()))

    def fit(self, clips: Tensor) -> None:
        """The median peak of the clips (N, T)."""
        self.peak.copy_(clips.abs().amax(1).median())

    def forward(self, clips: Tensor) -> Tensor:
        power = self.height * (self.filters @ self.magnitudes(clips).square())
        loudest = power.amax(dim=(1, 2), keepdim=True).clamp(min=self.QUIETEST_MAXIMUM)
        levels = 10 * (power / loudest).clamp(min=10 ** (-self.TOP_DB / 10)).log10()
        return (((levels + self.TOP_DB) * 255 / self.TOP_DB).round() / 127.5 - 1)[:, None]

    def inverse(self, seen: Tensor) -> Tensor:
        levels = (seen[:, 0] - 1) / 2 * self.TOP_DB  # dB, 0 the loudest
        power = magnitudes_from_mel(10 ** (levels / 10) / self.height, self.filters)
        waves = self.waves(power.sqrt())
        target = self.peak * 10 ** (levels.amax(dim=(1, 2)) / 20)
        return waves * (target / waves.abs().amax(1).clamp(min=1e-12))[:, None]


def _frames(config: RunConfig) -> Transform:
    settings = config.settings
    return Frames(
        config.rate,
        config.clip_samples,
        settings.mels,
        settings.griffin_lim_iterations,
        settings.floor_db,
        settings.phases,
        settings.exemplars,
        settings.onsets,
    )


def _log_spectrogram(config: RunConfig) -> Transform:
    settings = config.settings
    mel = settings.transform == "log_mel_spectrogram"
    return LogSpectrogram(config.rate, config.clip_samples, mel, settings.griffin_lim_iterations, settings.phases)


def _mel_image(config: RunConfig) -> Transform:
    settings = config.settings
    return MelImage(config.rate, config.clip_samples, settings.mels, settings.griffin_lim_iterations, settings.phases)


TRANSFORMS: dict[str, Callable[[RunConfig], Transform]] = {
    "frames": _frames,
    "waveform": lambda config: Waveform(config.clip_samples),
    "log_spectrogram": _log_spectrogram,
    "log_mel_spectrogram": _log_spectrogram,
    "mel_image": _mel_image,
}


def make_transform(config: RunConfig) -> Transform:
    """The transform that a run's settings name, not yet fitted."""
    return TRANSFORMS[config.settings.transform](config)

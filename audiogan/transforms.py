"""Clips <-> what the network sees, each with its way back to sound.

Every transform turns clips (B, T) in [-1, 1] into (B, C, F) and back. What it learns of the data set (levels of each
mel bin) are buffers, saved with the generator, so that a snapshot alone is enough to make sound.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from audiogan.config import RunConfig


class Transform(nn.Module):
    """The shape contract: forward (B, T) -> (B, *shape), inverse (B, *shape) -> (B, T)."""

    shape: tuple[int, int]
    """(C, F): channels and positions along time that the networks work on."""

    def fit(self, clips: Tensor) -> None:
        """Learn the data set's statistics from some of its clips (N, T). Nothing to learn by default."""

    def forward(self, clips: Tensor) -> Tensor:
        raise NotImplementedError

    def inverse(self, seen: Tensor) -> Tensor:
        raise NotImplementedError


class Waveform(Transform):
    """The clip itself, padded with silence to a length that strides of four reach from 16 positions."""

    def __init__(self, clip_samples: int) -> None:
        super().__init__()
        self.clip_samples = clip_samples
        self.shape = (1, wave_length(clip_samples))

    def forward(self, clips: Tensor) -> Tensor:
        return functional.pad(clips, (0, self.shape[1] - self.clip_samples))[:, None]

    def inverse(self, seen: Tensor) -> Tensor:
        return seen[:, 0, : self.clip_samples]


def wave_length(clip_samples: int) -> int:
    """The smallest 16 * 4^k or 32 * 4^k that holds the clip: the lengths WaveGAN's layers can make.

    16,384, 32,768 and 65,536 are the published ones.
    """
    return 16 * 2 ** max(2, math.ceil(math.log2(clip_samples / 16)))


def hop_samples_for(rate: int) -> int:
    """The power of two nearest to 12.5 ms, a usual frame step of speech and vocoder models."""
    return 2 ** round(math.log2(rate * 0.0125))


def mels_for(rate: int) -> int:
    """Mel bins that keep the lowest bins wider than one FFT bin: 64 at 8 kHz, 80 to 24 kHz, 128 above."""
    return 64 if rate <= 11_025 else 80 if rate <= 24_000 else 128


class Frames(Transform):
    """Log-mel frames, mel bins as channels: the picture of a sound that a small processor can learn.

    x = (log(mel + floor) - mean) / std / 1.5, clamped to -3 and +6 standard deviations, per mel bin. Levels are skewed,
    so the upper bound is the wider one: clamping at +3 alone costs more than the whole inversion.
    Back: mel to magnitude by non-negative least squares, phase by fast Griffin-Lim.
    """

    FLOOR_DB = -60.0
    """Levels this far under the data set's loudest mel value count as silence."""

    def __init__(self, rate: int, clip_samples: int, mels: int = 0, iterations: int = 32) -> None:
        super().__init__()
        self.clip_samples = clip_samples
        self.rate, self.hop = rate, hop_samples_for(rate)
        self.n_fft = 4 * self.hop
        self.iterations = iterations
        mels = mels or mels_for(rate)
        # three upsamplings by two: the frames come in eights
        self.shape = (mels, 8 * max(1, math.ceil(clip_samples / self.hop / 8)))
        filters = mel_filters(rate, self.n_fft, mels)
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("window", torch.hann_window(self.n_fft), persistent=False)
        self.register_buffer("mean", torch.zeros(mels, 1))
        self.register_buffer("std", torch.ones(mels, 1))
        self.register_buffer("floor", torch.tensor(10 ** (self.FLOOR_DB / 20)))

    def fit(self, clips: Tensor) -> None:
        """Per-bin mean and standard deviation of the log levels, and the floor, from clips (N, T)."""
        mel = self.filters @ self._magnitudes(clips)
        self.floor.copy_(mel.max().clamp(min=1e-6) * 10 ** (self.FLOOR_DB / 20))
        levels = (mel + self.floor).log()
        self.mean.copy_(levels.mean(dim=(0, 2))[:, None])
        # a bin that never moves would turn rounding noise into structure
        self.std.copy_(levels.std(dim=(0, 2))[:, None].clamp(min=0.1))

    def forward(self, clips: Tensor) -> Tensor:
        levels = (self.filters @ self._magnitudes(clips) + self.floor).log()
        return ((levels - self.mean) / self.std).clamp(-3, 6) / 1.5

    def inverse(self, seen: Tensor) -> Tensor:
        levels = seen * 1.5 * self.std + self.mean
        # the loudest real frame bounds what a generator may ask for: exp() of an untrained one overflows
        mel = levels.clamp(max=self._loudest()).exp() - self.floor
        # what is under the floor is silence; a generator that is a little off would fill it with faint tones
        mel = torch.where(mel > self.floor, mel, 0.0)
        magnitudes = magnitudes_from_mel(mel, self.filters)
        # one silent frame more, so that the last hop of the clip has a frame on each side
        magnitudes = functional.pad(magnitudes, (0, 1))
        waves = griffin_lim(magnitudes, self.n_fft, self.hop, self.window, self.iterations)
        return waves[:, : self.clip_samples]

    def _loudest(self) -> float:
        """The log of twice the loudest mel value of the data set."""
        return float(self.floor.log()) - self.FLOOR_DB / 20 * math.log(10) + math.log(2)

    def _magnitudes(self, clips: Tensor) -> Tensor:
        """(B, T) -> magnitudes (B, n_fft / 2 + 1, F) of frames centred on multiples of the hop."""
        clips = functional.pad(clips, (0, self.shape[1] * self.hop - self.clip_samples))
        return stft(clips, self.n_fft, self.hop, self.window).abs()[..., : self.shape[1]]


def stft(waves: Tensor, n_fft: int, hop: int, window: Tensor) -> Tensor:
    """(B, T) -> complex (B, n_fft / 2 + 1, T // hop + 1); silence beyond both ends."""
    return torch.stft(waves, n_fft, hop, window=window, center=True, pad_mode="constant", return_complex=True)


def istft(spectra: Tensor, n_fft: int, hop: int, window: Tensor) -> Tensor:
    """The least-squares inverse of `stft`: complex (B, n_fft / 2 + 1, F) -> (B, (F - 1) * hop)."""
    return torch.istft(spectra, n_fft, hop, window=window, center=True)


def mel_filters(rate: int, n_fft: int, mels: int) -> Tensor:
    """Triangular filters (mels, n_fft / 2 + 1) of equal peak, from 0 Hz to half the rate on Slaney's mel scale.

    The scale is linear to 1 kHz (200/3 Hz a mel) and logarithmic above (27 mels for a factor of 6.4), as in Slaney's
    Auditory Toolbox (1998); equal to librosa.filters.mel(norm=None).
    """
    linear_step, knee_hz, log_step = 200 / 3, 1000.0, math.log(6.4) / 27
    knee_mel = knee_hz / linear_step

    def to_mel(hz: float) -> float:
        return hz / linear_step if hz < knee_hz else knee_mel + math.log(hz / knee_hz) / log_step

    mel = torch.linspace(0, to_mel(rate / 2), mels + 2, dtype=torch.float64)
    edges = torch.where(mel < knee_mel, mel * linear_step, knee_hz * ((mel - knee_mel) * log_step).exp())
    bins = torch.linspace(0, rate / 2, n_fft // 2 + 1, dtype=torch.float64)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return torch.minimum(rising, falling).clamp(min=0).float()


def magnitudes_from_mel(mel: Tensor, filters: Tensor, rounds: int = 10) -> Tensor:
    """Mel values (B, M, F) -> non-negative magnitudes (B, n_fft / 2 + 1, F).

    Multiplicative updates of non-negative least squares (Lee and Seung 2001, eq. 4). They begin from each mel value
    spread over its filter: bins that are zero in the clamped pseudo-inverse would stay so and be heard as holes.
    """
    magnitudes = filters.T @ (mel / filters.sum(1, keepdim=True)) + 1e-8
    target, gram = filters.T @ mel, filters.T @ filters
    for _ in range(rounds):
        magnitudes = magnitudes * target / (gram @ magnitudes + 1e-8)
    return magnitudes


def griffin_lim(
    magnitudes: Tensor, n_fft: int, hop: int, window: Tensor, iterations: int, momentum: float = 0.99
) -> Tensor:
    """A wave (B, (F - 1) * hop) whose spectrogram comes near the magnitudes (B, n_fft / 2 + 1, F).

    Fast Griffin-Lim (Perraudin, Balazs, Sondergaard 2013, algorithm 2). The first phases are random but always the
    same, so that one latent always gives the same bytes.
    """
    generator = torch.Generator().manual_seed(0)
    phases = torch.rand(magnitudes.shape[1:], generator=generator).to(magnitudes.device) * 2 * math.pi
    angles = torch.polar(torch.ones_like(phases), phases).expand_as(magnitudes)
    previous = torch.zeros((), dtype=angles.dtype, device=angles.device)
    for _ in range(iterations):
        rebuilt = stft(istft(magnitudes * angles, n_fft, hop, window), n_fft, hop, window)
        angles = rebuilt + momentum / (1 + momentum) * (rebuilt - previous) if _ else rebuilt
        angles = angles / (angles.abs() + 1e-16)
        previous = rebuilt
    return istft(magnitudes * angles, n_fft, hop, window)


def make_transform(config: RunConfig) -> Transform:
    """The transform that a run's settings name, not yet fitted."""
    settings = config.settings
    if settings.transform == "waveform":
        return Waveform(config.clip_samples)
    return Frames(config.rate, config.clip_samples, settings.mels, settings.griffin_lim_iterations)

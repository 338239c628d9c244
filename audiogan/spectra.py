"""Short-time spectra: a wave's complex spectrum, and a wave from magnitudes whose phases are lost."""

import math

import torch
from torch import Tensor


def hop_samples_for(rate: int) -> int:
    """The power of two nearest to 12.5 ms, a usual frame step of speech and vocoder models."""
    return 2 ** round(math.log2(rate * 0.0125))


def stft(waves: Tensor, n_fft: int, hop: int, window: Tensor) -> Tensor:
    """(B, T) -> complex (B, n_fft / 2 + 1, T // hop + 1); silence beyond both ends."""
    return torch.stft(waves, n_fft, hop, window=window, center=True, pad_mode="constant", return_complex=True)


def istft(spectra: Tensor, n_fft: int, hop: int, window: Tensor) -> Tensor:
    """The least-squares inverse of `stft`: complex (B, n_fft / 2 + 1, F) -> (B, (F - 1) * hop)."""
    return torch.istft(spectra, n_fft, hop, window=window, center=True)


def griffin_lim(
    magnitudes: Tensor, n_fft: int, hop: int, window: Tensor, phases: Tensor, iterations: int, momentum: float = 0.99
) -> Tensor:
    """A wave (B, (F - 1) * hop) whose spectrogram comes near the magnitudes (B, n_fft / 2 + 1, F).

    Fast Griffin-Lim (Perraudin, Balazs, Sondergaard 2013, algorithm 2), from phases in radians of the same shape.
    """
    angles = torch.polar(torch.ones_like(phases), phases).expand_as(magnitudes)
    previous = torch.zeros((), dtype=angles.dtype, device=angles.device)
    for _ in range(iterations):
        rebuilt = stft(istft(magnitudes * angles, n_fft, hop, window), n_fft, hop, window)
        angles = rebuilt + momentum / (1 + momentum) * (rebuilt - previous) if _ else rebuilt
        angles = angles / (angles.abs() + 1e-16)
        previous = rebuilt
    return istft(magnitudes * angles, n_fft, hop, window)


def random_phases(magnitudes: Tensor) -> Tensor:
    """Phases (n_fft / 2 + 1, F) for all of the magnitudes (B, n_fft / 2 + 1, F), random but always the same, so that
    one latent always gives the same bytes."""
    generator = torch.Generator().manual_seed(0)
    return torch.rand(magnitudes.shape[1:], generator=generator).to(magnitudes.device) * 2 * math.pi


def peak_phases(magnitudes: Tensor, n_fft: int, hop: int, known: tuple[Tensor, Tensor] | None = None) -> Tensor:
    """Phases in radians for magnitudes (B, n_fft / 2 + 1, F) of a Hann window: each spectral peak is a partial, whose
    phase goes on from frame to frame by its own frequency (Beauregard, Harish, Wyse 2015, "Single pass spectrogram
    inversion").

    The frequency is that of the parabola through a peak's logarithm and its two neighbours'. The bins on a peak's
    slopes share its phase, half a turn from one to the next, as those of a partial in the middle of a frame do.
    Frames whose phases are `known`, in which (B, F) and what they are (B, n_fft / 2 + 1, F), have these, and the next
    ones go on from there.
    """
    count = magnitudes.shape[1]
    bins = torch.arange(count, device=magnitudes.device)[:, None]
    # a real wave's spectrum is the same on the other side of both ends
    mirrored = torch.cat([magnitudes[:, 1:2], magnitudes, magnitudes[:, -2:-1]], dim=1)
    below, here, above = mirrored.unfold(1, 3, 1).unbind(-1)
    # uphill by a bin; then by two, four, ... until every bin knows its peak
    uphill = torch.where((above > here) & (above >= below), 1, torch.where((below > here) & (below > above), -1, 0))
    peaks = (bins + uphill).clamp(0, count - 1)
    for _ in range(math.ceil(math.log2(count))):
        peaks = peaks.gather(1, peaks)

    # a Hann window's partial has a third of its peak and more in the bin beside it; less was cut off by something else
    low, middle, high = ((torch.maximum(levels, 0.2 * here) + 1e-9).log() for levels in (below, here, above))
    # half a bin beside the peak at most: between equal levels there is no parabola
    offset = 0.5 * (low - high) / (low - 2 * middle + high).clamp(max=-1e-6)
    frequencies = (bins + offset.clamp(-0.5, 0.5)).gather(1, peaks)  # in bins
    # half of the way by this frame's frequency and half by the last one's, in turns; and from the peak to its slopes
    before = torch.cat([frequencies[..., :1], frequencies[..., :-1].gather(1, peaks[..., 1:])], dim=-1)
    turns = (frequencies + before) / 2 * hop / n_fft + (bins - peaks) / 2
    # a peak that moves to another bin goes on from the phase that this bin had on the slope
    phases = []
    for frame, (step, peak) in enumerate(zip(turns.unbind(-1), peaks.unbind(-1), strict=True)):
        here = (phases[-1].gather(1, peak) + step).frac() if phases else step
        if known:
            here = torch.where(known[0][:, None, frame], known[1][..., frame] / (2 * math.pi), here)
        phases.append(here)
    return 2 * math.pi * torch.stack(phases, dim=-1)

"""Flaws that show in the signal itself, each a number that names its cause: hiss, missing highs, pitch, noise.

`powers` are those of `spectrum.band_powers`, (n, M), one row a clip.
"""

import math

import numpy as np

from audiogan import audio, metrics

SILENT_DB = -60.0
"""Peak of full scale below which a clip is called silent."""

QUIETEST_DB = -80.0
"""Backgrounds below it are not heard, nor told apart."""

FRAME_SECONDS = 0.02
"""Of a frame's level: two periods of 100 Hz."""

AUDIBLE_DB = 40.0
"""Bands this far under the loudest one do not decide what pitch a sound has."""


def peaks_db(waves: np.ndarray) -> np.ndarray:
    """(n,) each clip's peak in dB of full scale, -200 for digital silence."""
    return 20 * np.log10(np.abs(waves).max(1).clip(min=1e-10))


def backgrounds_db(waves: np.ndarray, rate: int) -> np.ndarray:
    """(n,) the level of the quietest tenth of each clip (n, T) under its loudest moment, from -80 to 0 dB.

    Noise lies under everything, so that it shows where the sound itself has not begun or has ended.
    """
    frame_samples = min(waves.shape[1], max(1, round(FRAME_SECONDS * rate)))
    count = waves.shape[1] // frame_samples
    frames = waves[:, : count * frame_samples].reshape(len(waves), count, frame_samples)
    energies = np.einsum("nft,nft->nf", frames, frames)
    loudest = energies.max(1, keepdims=True)
    quiet = np.quantile(energies / np.where(loudest > 0, loudest, 1), 0.1, axis=1)
    return 10 * np.log10(quiet.clip(min=10 ** (QUIETEST_DB / 10)))


def flatness(powers: np.ndarray) -> np.ndarray:
    """(n,) geometric over arithmetic mean of each clip's band powers: 1 for white noise, 0 for a tone or silence."""
    powers = np.asarray(powers, np.float64)
    loudest = powers.max(1, keepdims=True)
    shares = (powers / np.where(loudest > 0, loudest, 1)).clip(min=1e-12)
    return np.where(loudest[:, 0] > 0, np.exp(np.log(shares).mean(1)) / shares.mean(1), 0.0)


def levels_db(powers: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """(M,) the long-term spectrum of the clips, each counted by its weight, down to 80 dB under its loudest band."""
    levels = 10 * np.log10(np.average(powers, axis=0, weights=weights).clip(min=1e-20))
    return levels.clip(min=levels.max() + QUIETEST_DB)


def highs_db(goal: np.ndarray, found: np.ndarray, bands_hz: np.ndarray) -> float:
    """How far the upper half of the frequencies of one spectrum (M,) lies above another's, from the lower half."""
    difference = found - goal
    upper = bands_hz > bands_hz[-1] / 2
    return float(np.median(difference[upper]) - np.median(difference[~upper]))


def colours_db(powers: np.ndarray) -> np.ndarray:
    """(n, M) each clip's band levels under its own loudest band, down to 40 dB: a few loud clips decide nothing."""
    loudest = powers.max(1, keepdims=True).clip(min=1e-20)
    return 10 * np.log10((powers / loudest).clip(min=10 ** (-AUDIBLE_DB / 10)))


def misfit_db(goal: np.ndarray, found: np.ndarray, bands_hz: np.ndarray) -> float:
    """Standard deviation, over equal musical steps, of the difference of two mean colours (M,)."""
    weights = np.gradient(np.log2(bands_hz))
    difference = found - goal
    difference = difference - np.average(difference, weights=weights)
    return float(np.sqrt(np.average(difference**2, weights=weights)))


def by_semitones(colours: np.ndarray, bands_hz: np.ndarray) -> np.ndarray:
    """(n, S) colours (n, M), read at every semitone from the lowest band to the highest."""
    places = 12 * np.log2(bands_hz / bands_hz[0])
    return np.stack([np.interp(np.arange(int(places[-1]) + 1), places, colour) for colour in colours])


def transposed_apart_db(colours: np.ndarray, others: np.ndarray, semitones: int) -> np.ndarray:
    """(n,) how far each colour (n, S), moved back by so many semitones, is from the nearest of others (m, S).

    The root mean square of their difference, whatever the level, over the frequencies that both have then.
    """
    size = colours.shape[1] - abs(semitones)
    moved, held = colours[:, max(0, semitones) :][:, :size], others[:, max(0, -semitones) :][:, :size]
    moved, held = (side - side.mean(1, keepdims=True) for side in (moved, held))
    return metrics.nearest_distances(moved, held) / math.sqrt(size)


def reversed_in_place(waves: np.ndarray) -> np.ndarray:
    """Each sound (n, T) played backwards where it is: what is silent before and after it stays."""
    turned = np.zeros_like(waves)
    for wave, out in zip(waves, turned, strict=True):
        loud = np.flatnonzero(np.abs(wave) > np.abs(wave).max() * audio.amplitude(audio.QUIET_DB))
        if len(loud):
            out[loud[0] : loud[-1] + 1] = wave[loud[0] : loud[-1] + 1][::-1]
    return turned

"""What single sounds are like, in numbers with units: how fast they start and end, how periodic and bright they are,
and whether a narrow band of them rings on.

Pure functions of waves (n, T), float in [-1, 1] or int16, and their rate in Hz, to arrays (n,) with one number a clip.
A clip that is silent (its peak under -60 dB of full scale) or not finite has NaN everywhere.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from audiogan import audio
from audiogan.mel import mel_filters, mels_for
from audiogan.spectra import hop_samples_for

SILENT_PEAK = 1e-3
"""Of full scale, -60 dB."""

ENVELOPE_HOP_SECONDS, ENVELOPE_HOPS = 0.0005, 4
"""Step of the envelope, and how many steps its window lasts: 2 ms, in which a drum's attack still shows its length."""

DECAY_SHARE = 0.1
"""Of the envelope's peak, -20 dB: what is left then still stands above the background of most recordings."""

LOWEST_PITCH_HZ, HIGHEST_PITCH_HZ = 50.0, 1000.0

PERIODS = 3
"""Of the lowest pitch, the length of a frame (Boersma 1993)."""

UPSAMPLING = 4
"""Of the autocorrelation: at high pitches its maxima fall between two samples."""

OCTAVE_COST = 0.01
"""Of an octave downwards: all multiples of a period are as periodic, the first is the pitch (Boersma 1993, eq. 24)."""

VOICED = 0.45
"""Harmonicity from which a frame counts as voiced (Praat's threshold)."""

SOUNDING_DB = -20.0
"""Frames this far under a clip's loudest one do not decide how periodic it is."""

TAIL_DB, TAIL_END_DB = -20.0, -50.0
"""Levels under a clip's loudest frame between which its tail lies."""

FEWEST_TAIL_FRAMES = 4
"""50 ms; of a shorter tail nothing is heard by itself."""

AUDIBLE_DB = -60.0
"""Bands this far under the loudest one are silence: the floor of mel frames (`transforms.Frames`), below
which a real band beside one that was cut off would seem to ring."""

NEAREST_BAND, FARTHEST_BAND = 2, 6
"""Mel bands that make up a neighbourhood on each side. The next one hears half of a tone in the middle one."""


class Periodicity(NamedTuple):
    """How periodic clips are, and with what period; arrays (n,)."""

    harmonicity: np.ndarray
    """In [0, 1]: the median over the sounding frames. 1 for a periodic sound, 0.1 to 0.2 for white noise."""
    voiced_share: np.ndarray
    """In [0, 1]: of the sounding frames, those with a harmonicity of at least 0.45."""
    pitch_hz: np.ndarray
    """From 50 to 1000 Hz, the median over the voiced frames; NaN where fewer than half of the frames are voiced."""


def attack_seconds(waves: np.ndarray, rate: int) -> np.ndarray:
    """(n,) seconds from the first moment at 10 % of the envelope's peak to the first at 90 %.

    The logarithm of it is MPEG-7's LogAttackTime (ISO/IEC 15938-4; Peeters 2004, "A large set of audio features"). The
    envelope is the root mean square in 2 ms every 0.5 ms: an instant start reads as 1 to 2 ms, a line from 0 to the
    peak as 80 % of its length.
    """
    return _of_sounding(waves, lambda sounds: _attacks(*_envelopes(sounds, rate)))


def decay_seconds(waves: np.ndarray, rate: int) -> np.ndarray:
    """(n,) seconds from the envelope's peak to the last moment within 20 dB of it.

    The last, since envelopes of low notes swing. A third of T60 where the decay is exponential (ISO 3382). A sound that
    is louder than that when the clip ends is taken to end there. The envelope is that of `attack_seconds`.
    """
    return _of_sounding(waves, lambda sounds: _decays(*_envelopes(sounds, rate)))


def periodicity(waves: np.ndarray, rate: int) -> Periodicity:
    """How periodic clips are in the frames within 20 dB of the loudest: Boersma 1993 ("Accurate short-term analysis of
    the fundamental frequency and the harmonics-to-noise ratio of a sampled sound"), eqs. 9 and 24.

    A frame's harmonicity is the height of the highest maximum of its normalised autocorrelation, over that of the
    window, at lags of 50 to 1000 Hz: the periodic share h of its power, 10 log10(h / (1 - h)) dB of harmonics over
    noise. Frames are 60 ms under a Hann window, every 15 ms. Of a pure tone over 1000 Hz it finds a multiple of the
    period; a tone under 50 Hz is not periodic here, as the deepest kicks are not.
    """
    rows = _of_sounding(waves, lambda sounds: np.array([_periodicity(sound, rate) for sound in sounds]), 3)
    return Periodicity(*rows.T)


def harmonics_to_noise_db(harmonicity: np.ndarray) -> np.ndarray:
    """(n,) decibels, 10 log10(h / (1 - h)) of a harmonicity h in [0, 1], held to -40 to 40 (Boersma 1993, eq. 4).

    What the ear hears of a high harmonicity: 0.9 and 0.99 are 10 % but 10 dB of noise apart.
    """
    shares = np.clip(harmonicity, 1e-4, 1 - 1e-4)
    return 10 * np.log10(shares / (1 - shares))


def ringing_db(waves: np.ndarray, rate: int) -> np.ndarray:
    """(n,) decibels by which one mel band of a hit outlasts those around it, as a faint whistle does.

    A band's prominence is its level over the louder of the medians of its neighbourhoods, the bands 2 to 6 below and
    above. Ringing is the largest prominence in the tail, less what it already was (over 0) in the loudest three frames:
    a tone that was there from the start is the sound's own. The tail is what follows the loudest frame at -20 to -50 dB
    of it; clips with less than 50 ms of it have NaN. The six bands at either end are not asked. Bursts of noise have 1
    to 7 dB, and 18 to 35 with a tone 40 dB under them that stays, unless they themselves last (T60 over 0.4 s). A
    definition of our own, for hits: a tone that glides or comes late rings too.
    """
    return _of_sounding(waves, lambda sounds: np.array([_ringing_db(_band_powers(sound, rate)) for sound in sounds]))


def _of_sounding(waves: np.ndarray, measure: Callable[[np.ndarray], np.ndarray], columns: int = 0) -> np.ndarray:
    """(n,) or (n, columns): the measure of those clips that are not silent, as floats; NaN for the others."""
    sounds = audio.from_int16(waves) if np.asarray(waves).dtype == np.int16 else np.asarray(waves, np.float32)
    peaks = np.abs(sounds).max(1, initial=0)
    sounding = (peaks >= SILENT_PEAK) & (peaks < np.inf)
    found = np.full((len(sounds), columns) if columns else len(sounds), np.nan)
    if sounding.any():
        found[sounding] = measure(sounds[sounding])
    return found


# envelopes


def _envelopes(waves: np.ndarray, rate: int) -> tuple[np.ndarray, float]:
    """(root mean squares (n, F) in windows that begin before the clip and end behind it, seconds between them)."""
    hop = max(1, round(ENVELOPE_HOP_SECONDS * rate))
    margin = ENVELOPE_HOPS * hop
    padded = np.pad(waves, ((0, 0), (margin, margin + -waves.shape[1] % hop)))
    powers = np.square(padded, dtype=np.float64).reshape(len(waves), -1, hop).mean(2)
    return np.sqrt(sliding_window_view(powers, ENVELOPE_HOPS, axis=1).mean(2)), hop / rate


def _attacks(levels: np.ndarray, step_seconds: float) -> np.ndarray:
    return (_first_at(levels, 0.9) - _first_at(levels, 0.1)) * step_seconds


def _decays(levels: np.ndarray, step_seconds: float) -> np.ndarray:
    last = levels.shape[1] - 1 - _first_at(levels[:, ::-1], DECAY_SHARE)
    return (last - levels.argmax(1)) * step_seconds


def _first_at(levels: np.ndarray, share: float) -> np.ndarray:
    """(n,) where each row (F,), which begins at 0, first reaches that share of its peak, between two of its places."""
    goal = share * levels.max(1)
    above = (levels >= goal[:, None]).argmax(1)
    low, high = (levels[np.arange(len(levels)), place] for place in (above - 1, above))
    return above - (high - goal) / (high - low)


# periods


def _periodicity(wave: np.ndarray, rate: int) -> tuple[float, float, float]:
    """(harmonicity, voiced share, pitch in Hz or NaN) of one clip."""
    size = round(PERIODS / LOWEST_PITCH_HZ * rate)
    frames = sliding_window_view(np.pad(wave, (0, max(0, size - len(wave)))), size)[:: size // 4]
    energies = np.square(frames, dtype=np.float64).sum(1)
    sounding = frames[energies >= energies.max() * 10 ** (SOUNDING_DB / 10)]
    heights, pitches_hz = _highest_maxima(_normalised_autocorrelations(sounding), rate)
    voiced = heights >= VOICED
    pitch_hz = np.median(pitches_hz[voiced]) if voiced.mean() >= 0.5 else np.nan
    return np.median(heights), voiced.mean(), pitch_hz


def _normalised_autocorrelations(frames: np.ndarray) -> np.ndarray:
    """(F, lags): r_frame(lag) / r_window(lag), both 1 at lag 0 (eq. 9), at lags of 1 / UPSAMPLING samples."""
    size = frames.shape[1]
    window = np.hanning(size + 2)[1:-1]
    windowed = (frames - frames.mean(1, keepdims=True)) * window
    n_fft = 2 ** int(np.ceil(np.log2(1.5 * size)))  # half a frame of zeros: lags reach a third of it
    correlations = [
        np.fft.irfft(np.abs(np.fft.rfft(rows, n_fft)) ** 2, UPSAMPLING * n_fft)[:, : UPSAMPLING * size // 2]
        for rows in (windowed, window[None])
    ]
    frame, own = (rows / np.maximum(rows[:, :1], 1e-30) for rows in correlations)
    return frame / own


def _highest_maxima(correlations: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """(heights (F,), frequencies in Hz (F,)) of each row's best maximum at lags of the pitches; 0 and NaN where there
    is none. Between two lags it is that of the parabola through three of them."""
    steps = UPSAMPLING * rate
    lags = np.arange(int(np.ceil(steps / HIGHEST_PITCH_HZ)), int(steps / LOWEST_PITCH_HZ) + 1)
    before, here, after = (correlations[:, lags + shift] for shift in (-1, 0, 1))
    is_maximum = (here > before) & (here >= after)
    strengths = np.where(is_maximum, here - OCTAVE_COST * np.log2(LOWEST_PITCH_HZ * lags / steps), -np.inf)
    best = strengths.argmax(1)
    found = np.take_along_axis(is_maximum, best[:, None], 1)[:, 0]
    before, here, after = (np.take_along_axis(side, best[:, None], 1)[:, 0] for side in (before, here, after))
    shifts = (before - after) / np.where(found, 2 * (before - 2 * here + after), 1)
    heights = (here - (before - after) * shifts / 4).clip(0, 1)
    return np.where(found, heights, 0.0), np.where(found, steps / (lags[best] + shifts), np.nan)


# spectra


def _band_powers(wave: np.ndarray, rate: int) -> np.ndarray:
    """(F, M) power densities in mel bands and Hann windows of 50 ms every 12.5 ms, the largest of them 1."""
    hop = hop_samples_for(rate)
    size = 4 * hop
    filters = mel_filters(rate, size, mels_for(rate)).numpy()
    frames = sliding_window_view(np.pad(wave, size // 2), size)[::hop] * np.hanning(size + 1)[:-1]
    powers = np.abs(np.fft.rfft(frames)) ** 2 @ (filters / filters.sum(1, keepdims=True)).T
    return powers / powers.max()


def _ringing_db(powers: np.ndarray) -> float:
    levels_db = 10 * np.log10((powers.sum(1) / powers.sum(1).max()).clip(min=1e-20))
    bands_db = 10 * np.log10(powers.clip(min=10 ** (AUDIBLE_DB / 10)))
    loudest, places = levels_db.argmax(), np.arange(len(levels_db))
    tail = (places > loudest) & (levels_db <= TAIL_DB) & (levels_db >= TAIL_END_DB)
    if tail.sum() < FEWEST_TAIL_FRAMES:
        return np.nan
    hit, rest = (_prominence_db(bands_db[frames].mean(0)) for frames in (abs(places - loudest) <= 1, tail))
    return (rest - hit.clip(min=0)).max()


def _prominence_db(levels_db: np.ndarray) -> np.ndarray:
    """(M - 12,) how far each band's level stands over the louder of its two neighbourhoods."""
    width = FARTHEST_BAND - NEAREST_BAND + 1
    medians = np.median(sliding_window_view(levels_db, width), 1)  # of the neighbourhood that begins at each band
    middle = np.arange(FARTHEST_BAND, len(levels_db) - FARTHEST_BAND)
    return levels_db[middle] - np.maximum(medians[middle - FARTHEST_BAND], medians[middle + NEAREST_BAND])

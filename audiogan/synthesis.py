"""The built-in sounds: drum hits and bird chirps computed from equations, so that a first run needs no files.

One function a type of sound, each the equation in its docstring and nothing more; `random_*` beside it draws
that equation's parameters, from ranges set by comparing spectrograms, decay times and spectral centroids with
recorded drum hits. Throughout, t is the time since the onset in seconds and

    d(t; T) = 10^(-3 t / T)

an exponential decay that has lost 60 dB after T seconds (the T60 of room acoustics). Nothing is filtered in
time: tones are sums of partials below half the rate and noise is shaped in frequency before it gets its
envelope, so nothing folds back and nothing rings ahead of the onset.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

LOWEST_RATE = 8_000
"""Hz. The highest chirp reaches 3500 Hz, which this rate still holds."""

SHORTEST_SECONDS, LONGEST_SECONDS = 0.1, 0.5

PEAK = 10 ** (-1 / 20)
"""Every sound's largest absolute sample: -1 dB of full scale, so that resampling does not clip it."""

FADE_IN_SECONDS, FADE_OUT_SECONDS = 0.0005, 0.01
"""In: far below the 2 to 3 ms of silence that an ear can notice (Moore, An Introduction to the Psychology of
Hearing, chapter 5). Out: takes what is left of a decay, at -60 dB, to zero."""

MEMBRANE_RATIO = 1.5933
"""Second over first mode of an ideal circular membrane: the Bessel zeros j11 / j01 = 3.8317 / 2.4048
(Fletcher and Rossing, The Physics of Musical Instruments, chapter 3)."""

TR808_HAT_HZ = (205.3, 304.4, 369.6, 522.7, 540.0, 800.0)
"""The six square oscillators behind the hats and cymbal of Roland's TR-808, by circuit simulation
(Werner, Abel and Smith, The TR-808 Cymbal: a Physically-Informed, Circuit-Bendable, Digital Model,
ICMC 2014)."""


@dataclass(frozen=True, eq=False)  # arrays have no single truth value, so two sounds are not compared with ==
class Sound:
    """One synthesised sound."""

    label: str
    """What it is: one of `LABELS`."""
    name: str
    """Label and number, counted from 1: "kick-007"."""
    samples: np.ndarray
    """(T,) float32 in [-1, 1], from the onset on."""
    rate: int
    """Samples a second."""


def built_in_sounds(rate: int = 22_050, per_label: int = 64, seed: int = 1) -> list[Sound]:
    """`per_label` sounds of each of the six labels, label by label, each 0.1 to 0.5 s long.

    The same seed gives the same sounds, and a larger `per_label` only adds to them. Raises ValueError when
    `rate` is too low to hold the sounds.
    """
    if rate < LOWEST_RATE:
        raise ValueError(f"The built-in sounds need a rate of at least {LOWEST_RATE} Hz, not {rate}.")
    sounds = []
    for position, (label, random_sound) in enumerate(GENERATORS.items()):
        for number in range(1, per_label + 1):
            rng = np.random.default_rng([seed, position, number])
            samples = finish(random_sound(rate, rng), rate)
            sounds.append(Sound(label, f"{label}-{number:03d}", samples, rate))
    return sounds


def finish(samples: np.ndarray, rate: int) -> np.ndarray:
    """The same sound (T,) as float32: silent ends, a mean of zero, the largest absolute sample at `PEAK`."""
    into, out = round(FADE_IN_SECONDS * rate), round(FADE_OUT_SECONDS * rate)
    window = np.ones_like(samples)
    window[:into] = np.sin(np.pi / 2 * np.arange(into) / into) ** 2
    window[-out:] = np.cos(np.pi / 2 * np.arange(1, out + 1) / out) ** 2
    faded = samples * window
    # subtracting a constant would lift the silent ends, so the offset leaves in the shape of the sound's own
    # decay: the root of the energy still to come (Schroeder, 1965)
    fall = np.sqrt(np.cumsum(faded[::-1] ** 2)[::-1]) * window
    centred = faded - fall * (faded.sum() / fall.sum())
    return (centred * (PEAK / np.abs(centred).max())).astype(np.float32)


# -------------------------------------------------------------------------------------------- building blocks


def times(rate: int, decay_seconds: float) -> np.ndarray:
    """The moments (T,) in seconds of a sound that lasts as long as its decay, held to 0.1 to 0.5 s."""
    seconds = min(max(decay_seconds, SHORTEST_SECONDS), LONGEST_SECONDS)
    return np.arange(round(seconds * rate)) / rate


def decay(t: np.ndarray, decay_seconds: float) -> np.ndarray:
    """d(t; T) = 10^(-3 t / T): 1 at t = 0 and -60 dB at t = `decay_seconds`."""
    return 10 ** (-3 * t / decay_seconds)


def falling_sine(t: np.ndarray, start_hz: float, end_hz: float, glide_seconds: float) -> np.ndarray:
    """sin(2 pi int f) in [-1, 1] from phase 0, with f(t) = end + (start - end) e^(-t / glide) in Hz."""
    fallen = glide_seconds * (1 - np.exp(-t / glide_seconds))
    return np.sin(2 * np.pi * (end_hz * t + (start_hz - end_hz) * fallen))


def noise(count: int, rate: int, rng: np.random.Generator, gain: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Gaussian noise (count,) of unit RMS; its amplitude spectrum follows `gain`, a function of the hertz.

    Drawn from the lowest frequency up: one seed gives the same noise at every rate, up to its level.
    """
    frequencies = np.fft.rfftfreq(count, 1 / rate)[1:]
    real, imaginary = rng.standard_normal((len(frequencies), 2)).T
    spectrum = np.concatenate([[0], gain(frequencies) * (real + 1j * imaginary)])
    samples = np.fft.irfft(spectrum, count)
    return samples / np.sqrt(np.mean(samples**2))


def high_pass(frequency: np.ndarray, cutoff_hz: float) -> np.ndarray:
    """|H(f)| = r^2 / sqrt(1 + r^4), r = f / cutoff: a Butterworth high-pass of order 2, 12 dB an octave."""
    ratio = frequency / cutoff_hz
    return ratio**2 / np.sqrt(1 + ratio**4)


def band_pass(frequency: np.ndarray, centre_hz: float, q: float) -> np.ndarray:
    """|H(f)| = 1 / sqrt(1 + q^2 (f/c - c/f)^2): a resonator of order 2, 3 dB wide over c / q Hz."""
    return 1 / np.sqrt(1 + q**2 * (frequency / centre_hz - centre_hz / frequency) ** 2)


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """A number between two positive ones, uniform on a logarithmic scale, as pitch and duration are heard."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


# ----------------------------------------------------------------------------------------------------- sounds


def kick(
    rate: int,
    rng: np.random.Generator,
    *,
    start_hz: float,
    end_hz: float,
    glide_seconds: float,
    decay_seconds: float,
    click_level: float,
    click_hz: float,
) -> np.ndarray:
    """A bass drum: a sine that falls in pitch, and the click of the beater.

    x(t) = d(t; decay) sin(2 pi int f) + click_level d(t; 0.02 s) n(t),
    f(t) = end + (start - end) e^(-t / glide) in Hz, glide and decay in seconds, n noise around `click_hz`.
    The falling sine is the TR-808's resonator sighing back to its resting pitch (Werner, Abel and Smith,
    A Physically-Informed, Circuit-Bendable, Digital Model of the Roland TR-808 Bass Drum Circuit, DAFx 2014).
    """
    t = times(rate, decay_seconds)
    body = decay(t, decay_seconds) * falling_sine(t, start_hz, end_hz, glide_seconds)
    click = decay(t, 0.02) * noise(len(t), rate, rng, lambda f: band_pass(f, click_hz, 0.7))
    return body + click_level * click


def random_kick(rate: int, rng: np.random.Generator) -> np.ndarray:
    """A kick that comes to rest between 42 and 68 Hz."""
    return kick(
        rate,
        rng,
        start_hz=between(rng, 140, 400),
        end_hz=between(rng, 42, 68),
        glide_seconds=between(rng, 0.012, 0.04),
        decay_seconds=between(rng, 0.25, LONGEST_SECONDS),
        click_level=between(rng, 0.05, 0.4),
        click_hz=between(rng, 800, 3000),
    )


def snare(
    rate: int,
    rng: np.random.Generator,
    *,
    pitch_hz: float,
    tone_decay_seconds: float,
    decay_seconds: float,
    cutoff_hz: float,
    noise_share: float,
) -> np.ndarray:
    """A snare drum: two modes of the head and the rattle of the wires below it.

    x(t) = (1 - s) d(t; tone decay) [sin(2 pi p t) + 0.6 sin(2 pi 1.5933 p t)] + s d(t; decay) n(t),
    p the pitch in Hz, s the noise's share in [0, 1], n noise high-passed at `cutoff_hz`. Two modes and
    high-passed noise are what the TR-808 and TR-909 use (Reid, Practical Snare Drum Synthesis,
    Sound on Sound, April 2002).
    """
    t = times(rate, max(tone_decay_seconds, decay_seconds))
    modes = np.sin(2 * np.pi * pitch_hz * t) + 0.6 * np.sin(2 * np.pi * MEMBRANE_RATIO * pitch_hz * t)
    head = decay(t, tone_decay_seconds) * modes
    wires = decay(t, decay_seconds) * noise(len(t), rate, rng, lambda f: high_pass(f, cutoff_hz))
    return (1 - noise_share) * head + noise_share * wires


def random_snare(rate: int, rng: np.random.Generator) -> np.ndarray:
    """A snare tuned between 150 and 240 Hz, from a dull thud with some wires to mostly wires."""
    return snare(
        rate,
        rng,
        pitch_hz=between(rng, 150, 240),
        tone_decay_seconds=between(rng, 0.1, 0.22),
        decay_seconds=between(rng, 0.16, 0.42),
        cutoff_hz=between(rng, 800, 2500),
        noise_share=between(rng, 0.25, 0.6),
    )


def hat(
    rate: int,
    rng: np.random.Generator,
    *,
    tuning: float,
    decay_seconds: float,
    cutoff_hz: float,
    noise_share: float,
) -> np.ndarray:
    """A hi-hat: six square waves that share no harmonics, with only their top left over.

    x(t) = d(t; decay) [(1 - s) m(t) + s n(t)],
    m(t) = sum_i sum_k |H(k f_i)| (4 / (pi k)) sin(k (2 pi f_i t + p_i)),  odd k < rate / (2 f_i),
    f_i = tuning x `TR808_HAT_HZ`, p_i random phases (the oscillators run free), H a high-pass at `cutoff_hz`,
    n noise through the same high-pass, s its share in [0, 1]; m is brought to unit RMS, as n is.
    """
    t = times(rate, decay_seconds)
    metal = np.zeros_like(t)
    for pitch in tuning * np.array(TR808_HAT_HZ):
        phase = 2 * np.pi * pitch * t + rng.uniform(0, 2 * np.pi)
        for k in np.arange(1, rate / 2 / pitch, 2):
            metal += high_pass(k * pitch, cutoff_hz) * 4 / (np.pi * k) * np.sin(k * phase)
    metal /= np.sqrt(np.mean(metal**2))
    hiss = noise(len(t), rate, rng, lambda f: high_pass(f, cutoff_hz))
    return decay(t, decay_seconds) * ((1 - noise_share) * metal + noise_share * hiss)


def random_hat(rate: int, rng: np.random.Generator) -> np.ndarray:
    """Closed or open, as the toss of a coin decides; nothing in between."""
    shortest, longest = (0.06, 0.16) if rng.random() < 0.5 else (0.35, LONGEST_SECONDS)
    return hat(
        rate,
        rng,
        tuning=between(rng, 0.8, 1.6),
        decay_seconds=between(rng, shortest, longest),
        cutoff_hz=between(rng, 5000, 9000),
        noise_share=between(rng, 0.05, 0.5),
    )


def clap(
    rate: int,
    rng: np.random.Generator,
    *,
    bursts: int,
    spacing_seconds: float,
    decay_seconds: float,
    tail_level: float,
    centre_hz: float,
    q: float,
) -> np.ndarray:
    """Several hands that nearly clap together, and the room's answer: x(t) = `clap_envelope`(t) n(t).

    n is noise through a band-pass of quality `q` at `centre_hz` (1 kHz in the TR-808, whose service notes,
    page 6, draw this envelope).
    """
    t = times(rate, (bursts - 1) * spacing_seconds + decay_seconds)
    hands = noise(len(t), rate, rng, lambda f: band_pass(f, centre_hz, q))
    return clap_envelope(t, bursts, spacing_seconds, decay_seconds, tail_level) * hands


def clap_envelope(
    t: np.ndarray, bursts: int, spacing_seconds: float, decay_seconds: float, tail_level: float
) -> np.ndarray:
    """e(t) = d(u; 3 spacing), and from the last burst on + tail_level d(u; decay); 1 at each earlier burst.

    u(t) = t - spacing min(floor(t / spacing), bursts - 1) is the time since the latest burst, in seconds; a
    burst has lost 20 dB when the next one comes.
    """
    burst = np.minimum(np.floor(t / spacing_seconds), bursts - 1)
    since_burst = t - spacing_seconds * burst
    tail = tail_level * decay(since_burst, decay_seconds) * (burst == bursts - 1)
    return decay(since_burst, 3 * spacing_seconds) + tail


def random_clap(rate: int, rng: np.random.Generator) -> np.ndarray:
    """Three or four bursts, 8 to 13 ms apart."""
    return clap(
        rate,
        rng,
        bursts=int(rng.integers(3, 5)),
        spacing_seconds=between(rng, 0.008, 0.013),
        decay_seconds=between(rng, 0.15, 0.4),
        tail_level=between(rng, 0.3, 0.8),
        centre_hz=between(rng, 900, 2000),
        q=between(rng, 1.0, 3.0),
    )


def tom(
    rate: int,
    *,
    pitch_hz: float,
    drop: float,
    glide_seconds: float,
    decay_seconds: float,
    overtone_level: float,
) -> np.ndarray:
    """A tom-tom: a clear pitch that sinks a little, and for a third of its time the second mode of the head.

    x(t) = d(t; decay) sin(2 pi int f) + overtone_level d(t; decay / 3) sin(2 pi 1.5933 int f),
    f(t) = pitch (1 + drop e^(-t / glide)): a struck head is stretched, hence sharp, until it calms down
    (Fletcher and Rossing, chapter 18).
    """
    t = times(rate, decay_seconds)
    head = decay(t, decay_seconds) * falling_sine(t, pitch_hz * (1 + drop), pitch_hz, glide_seconds)
    second_hz = MEMBRANE_RATIO * pitch_hz
    second = decay(t, decay_seconds / 3) * falling_sine(t, second_hz * (1 + drop), second_hz, glide_seconds)
    return head + overtone_level * second


def random_tom(rate: int, rng: np.random.Generator) -> np.ndarray:
    """From a floor tom at 85 Hz to a high tom at 220 Hz."""
    return tom(
        rate,
        pitch_hz=between(rng, 85, 220),
        drop=between(rng, 0.1, 0.4),
        glide_seconds=between(rng, 0.03, 0.08),
        decay_seconds=between(rng, 0.3, LONGEST_SECONDS),
        overtone_level=between(rng, 0.15, 0.6),
    )


def chirp(
    rate: int, *, start_hz: float, end_hz: float, syllable_seconds: float, syllables: int, brightness: float
) -> np.ndarray:
    """A bird: one or more equal syllables, each a whistle that glides by equal musical steps in equal times.

    x(t) = sin^2(pi sqrt(t / S)) sum_k brightness^(k - 1) sin(k phi(t)), 0 <= t < S, k = 1, 2, 3,
    phi(t) = 2 pi a S (r^(t / S) - 1) / ln r,  r = b / a: the instantaneous frequency is a r^(t / S), from a =
    `start_hz` to b = `end_hz`, which must differ (Farina, AES 108, 2000). The root makes a quick start and a
    slow end. A harmonic whose glide would reach half the rate is left out.
    """
    t = np.arange(round(syllable_seconds * rate)) / rate
    ratio = end_hz / start_hz
    phase = 2 * np.pi * start_hz * syllable_seconds * (ratio ** (t / syllable_seconds) - 1) / np.log(ratio)
    harmonics = [k for k in (1, 2, 3) if k * max(start_hz, end_hz) < rate / 2]
    voice = sum(brightness ** (k - 1) * np.sin(k * phase) for k in harmonics)
    return np.tile(np.sin(np.pi * np.sqrt(t / syllable_seconds)) ** 2 * voice, syllables)


def random_chirp(rate: int, rng: np.random.Generator) -> np.ndarray:
    """1 to 3 syllables in 1.2 to 3.5 kHz, where blackbirds sing, up or down by half an octave and more."""
    low, high = between(rng, 1200, 1900), between(rng, 2700, 3500)
    start, end = (low, high) if rng.random() < 0.5 else (high, low)
    syllables = int(rng.integers(1, 4))
    return chirp(
        rate,
        start_hz=start,
        end_hz=end,
        syllable_seconds=between(rng, SHORTEST_SECONDS, min(0.3, LONGEST_SECONDS / syllables)),
        syllables=syllables,
        brightness=between(rng, 0.05, 0.4),
    )


GENERATORS: dict[str, Callable[[int, np.random.Generator], np.ndarray]] = {
    "kick": random_kick,
    "snare": random_snare,
    "hat": random_hat,
    "clap": random_clap,
    "tom": random_tom,
    "chirp": random_chirp,
}
"""How to draw one sound of each label: (rate, random numbers) -> (T,), before `finish`."""

LABELS = tuple(GENERATORS)

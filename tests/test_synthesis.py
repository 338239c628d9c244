"""Each sound obeys the equation it is documented with; every number expected here follows from that."""

import itertools

import numpy as np
import pytest
from scipy.signal import hilbert

from audiogan import synthesis
from audiogan.synthesis import LABELS, built_in_sounds

RATES = (8_000, 16_000, 22_050, 44_100, 48_000)


def rng():
    return np.random.default_rng(0)


def instantaneous_hz(samples, rate):
    """Frequency between neighbouring samples, from the phase of the analytic signal: (T,) -> (T - 1,)."""
    return np.diff(np.unwrap(np.angle(hilbert(samples)))) * rate / (2 * np.pi)


def upward_crossings(samples, rate):
    """Times in seconds at which the samples rise through zero, interpolated between two of them."""
    before = np.flatnonzero((samples[:-1] < 0) & (samples[1:] >= 0))
    return (before + samples[before] / (samples[before] - samples[before + 1])) / rate


def energy_share(samples, rate, low_hz, high_hz):
    power = np.abs(np.fft.rfft(samples)) ** 2
    frequency = np.fft.rfftfreq(len(samples), 1 / rate)
    return power[(frequency >= low_hz) & (frequency < high_hz)].sum() / power.sum()


def level_db(samples, rate, start, stop):
    return 10 * np.log10(np.mean(samples[round(start * rate) : round(stop * rate)] ** 2))


def peaks_hz(samples, rate, count):
    """The `count` strongest maxima of the spectrum, in rising order."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 2**18))
    tops = np.flatnonzero((spectrum[1:-1] > spectrum[:-2]) & (spectrum[1:-1] >= spectrum[2:])) + 1
    return np.sort(tops[np.argsort(spectrum[tops])[-count:]]) * rate / 2**18


# ---------------------------------------------------------------------------------- the equations, one by one


def test_decay_is_60_db_after_its_time():
    np.testing.assert_allclose(synthesis.decay(np.array([0, 0.1, 0.3]), 0.3), [1, 0.1, 0.001])


def test_kick_falls_in_pitch_along_its_curve():
    rate = 48_000
    kick = synthesis.kick(
        rate,
        rng(),
        start_hz=250,
        end_hz=50,
        glide_seconds=0.02,
        decay_seconds=0.5,
        click_level=0,
        click_hz=2000,
    )
    crossings = upward_crossings(kick, rate)
    # the n-th rise through zero ends the n-th turn: 50 t + 200 x 0.02 (1 - e^(-t / 0.02)) = n
    turns = 50 * crossings + 4 * (1 - np.exp(-crossings / 0.02))
    np.testing.assert_allclose(turns, np.arange(1, len(crossings) + 1), atol=0.005)
    # half a second holds 25 turns at the resting pitch and 4 from the fall; the end of the 29th is not in it
    assert len(crossings) == 28


def test_kick_click_is_gone_after_20_ms():
    settings = {"start_hz": 250, "end_hz": 50, "glide_seconds": 0.02, "decay_seconds": 0.5, "click_hz": 2000}
    plain = synthesis.kick(48_000, rng(), click_level=0, **settings)
    click = synthesis.kick(48_000, rng(), click_level=0.5, **settings) - plain
    assert level_db(click, 48_000, 0, 0.002) > -20
    # the click loses 3 dB a millisecond
    assert level_db(click, 48_000, 0.02, 0.024) < -55
    assert energy_share(click, 48_000, 800, 5000) > 0.6


def test_snare_head_has_the_two_modes_of_a_membrane():
    settings = {"pitch_hz": 200, "tone_decay_seconds": 0.4, "decay_seconds": 0.2, "cutoff_hz": 2000}
    head = synthesis.snare(44_100, rng(), noise_share=0, **settings)
    # 3.83171 / 2.40483 = 1.59334, so the second mode of a 200 Hz head is at 318.67 Hz
    np.testing.assert_allclose(peaks_hz(head, 44_100, 2), [200, 318.67], atol=1)
    # amplitudes 1 and 0.6: the second mode holds 0.36 of 1.36 parts of the energy
    assert energy_share(head, 44_100, 255, 22_050) == pytest.approx(0.36 / 1.36, abs=0.02)


def test_snare_wires_are_above_their_cutoff_and_decay_on_their_own():
    settings = {"pitch_hz": 200, "tone_decay_seconds": 0.1, "decay_seconds": 0.4, "cutoff_hz": 2000}
    wires = synthesis.snare(44_100, rng(), noise_share=1, **settings)
    assert energy_share(wires, 44_100, 2000, 22_050) > 0.95
    # 60 dB in 0.4 s is 30 dB in 0.2 s; 100 ms of noise this wide holds its level within about 0.5 dB
    assert level_db(wires, 44_100, 0, 0.1) - level_db(wires, 44_100, 0.2, 0.3) == pytest.approx(30, abs=1)


def test_hat_is_all_high():
    hat = synthesis.hat(44_100, rng(), tuning=1, decay_seconds=0.5, cutoff_hz=7000, noise_share=0)
    assert energy_share(hat, 44_100, 5000, 22_050) > 0.8
    assert energy_share(hat, 44_100, 0, 2000) < 0.01


def test_hat_rings_at_odd_harmonics_of_its_oscillators_only():
    """At a tuning of 2 and a rate of 8 kHz the partials below 4 kHz are few enough to list by hand."""
    hat = synthesis.hat(8_000, rng(), tuning=2, decay_seconds=0.5, cutoff_hz=300, noise_share=0)
    steady = hat / synthesis.decay(np.arange(len(hat)) / 8_000, 0.5)
    odd = [410.6, 608.8, 739.2, 1045.4, 1080, 1600, 3 * 410.6, 3 * 608.8, 3 * 739.2, 3 * 1045.4, 3 * 1080]
    odd += [5 * 410.6, 5 * 608.8, 5 * 739.2, 7 * 410.6, 9 * 410.6]
    frequency = np.fft.rfftfreq(len(steady), 1 / 8_000)
    power = np.abs(np.fft.rfft(steady * np.hanning(len(steady)))) ** 2
    near = np.min(np.abs(frequency[:, None] - odd), axis=1) < 12
    assert power[~near].sum() < 1e-3 * power.sum()
    for partial in odd:
        assert power[np.abs(frequency - partial) < 12].sum() > 1e-3 * power.sum(), partial


def test_hat_mixes_metal_and_noise_by_share():
    settings = {"tuning": 1, "decay_seconds": 0.1, "cutoff_hz": 7000}
    metal, hiss, mixed = (synthesis.hat(44_100, rng(), noise_share=s, **settings) for s in (0, 1, 0.25))
    np.testing.assert_allclose(mixed, 0.75 * metal + 0.25 * hiss, atol=1e-12)
    # equal shares are equal levels: both parts have unit RMS before the decay
    steady = [part / synthesis.decay(np.arange(4410) / 44_100, 0.1) for part in (metal, hiss)]
    np.testing.assert_allclose(np.mean(np.square(steady), axis=1), 1)


@pytest.mark.parametrize("label", ["hat", "kick", "tom"])
@pytest.mark.parametrize("seconds", [0.3, 0.5])
def test_decay_time_is_the_one_asked_for(label, seconds):
    rate = 44_100
    sound = {
        "hat": lambda: synthesis.hat(rate, rng(), tuning=1, decay_seconds=seconds, cutoff_hz=7000, noise_share=0.3),
        "kick": lambda: synthesis.kick(
            rate,
            rng(),
            start_hz=200,
            end_hz=60,
            glide_seconds=0.01,
            decay_seconds=seconds,
            click_level=0,
            click_hz=1e3,
        ),
        "tom": lambda: synthesis.tom(
            rate, pitch_hz=200, drop=0.1, glide_seconds=0.02, decay_seconds=seconds, overtone_level=0
        ),
    }[label]()
    assert len(sound) == round(seconds * rate)
    # whole turns of 60 and of 200 Hz fit the 50 ms windows, and 200 ms lie between them
    fallen = level_db(sound, rate, 0.03, 0.08) - level_db(sound, rate, 0.23, 0.28)
    assert 60 * 0.2 / fallen == pytest.approx(seconds, rel=0.03)


@pytest.mark.parametrize("bursts", [3, 4])
def test_clap_has_its_bursts_then_a_tail(bursts):
    """The mean power of many claps is the envelope squared, whatever noise each of them drew."""
    rate, spacing = 44_100, 0.01
    settings = {
        "bursts": bursts,
        "spacing_seconds": spacing,
        "decay_seconds": 0.3,
        "tail_level": 0.5,
        "centre_hz": 1000,
        "q": 1,
    }
    random = rng()
    power = np.mean([synthesis.clap(rate, random, **settings) ** 2 for _ in range(300)], axis=0)
    thirds = power.reshape(-1, 3, 147).mean(axis=2)  # 10 ms are 441 samples
    loud, soft = thirds[:, 0], thirds[:, 2]
    # a burst loses 20 dB in 10 ms, so from its last third to the next one's first the level jumps by 13 dB;
    # after the last burst it only falls
    rises = np.flatnonzero(10 * np.log10(loud[1:] / soft[:-1]) > 6) + 1
    np.testing.assert_array_equal(rises, np.arange(1, bursts))
    # between 50 and 150 ms after the last burst only the tail is left: 60 dB in 0.3 s is 20 dB in 0.1 s
    last = bursts - 1
    assert 10 * np.log10(loud[last + 5] / loud[last + 15]) == pytest.approx(20, abs=1)


def test_clap_envelope_by_hand():
    t = np.array([0, 0.005, 0.01, 0.02, 0.03, 0.12])
    envelope = synthesis.clap_envelope(t, bursts=3, spacing_seconds=0.01, decay_seconds=0.3, tail_level=0.5)
    # half a burst loses 10 dB; the third burst, at 20 ms, carries the tail, which 100 ms later is 20 dB down
    # while the burst itself is 200 dB down
    tail_after_10_ms = 0.5 * 10**-0.1
    np.testing.assert_allclose(envelope, [1, 10**-0.5, 1, 1.5, 0.1 + tail_after_10_ms, 0.05], atol=1e-9)


def test_clap_noise_sits_around_its_centre():
    clap = synthesis.clap(
        44_100, rng(), bursts=3, spacing_seconds=0.01, decay_seconds=0.4, tail_level=0.5, centre_hz=1500, q=3
    )
    # |H|^2 = 1 / (1 + 9 (f/c - c/f)^2): three quarters of its area lie within one octave about the centre
    assert energy_share(clap, 44_100, 1500 / 2**0.5, 1500 * 2**0.5) > 0.65


def test_tom_sinks_to_its_pitch_and_no_further():
    rate = 44_100
    tom = synthesis.tom(rate, pitch_hz=100, drop=0.3, glide_seconds=0.05, decay_seconds=0.5, overtone_level=0)
    frequency = 1 / np.diff(upward_crossings(tom, rate))
    # the first whole turn between two rises lies around 12 ms: 100 (1 + 0.3 e^(-0.25)) = 123 Hz
    assert frequency[0] == pytest.approx(123, abs=1)
    assert frequency[-1] == pytest.approx(100, abs=0.5)


def test_tom_overtone_is_the_second_mode_and_dies_three_times_faster():
    rate, settings = 44_100, {"pitch_hz": 150, "drop": 0.2, "glide_seconds": 0.02, "decay_seconds": 0.45}
    bare = synthesis.tom(rate, overtone_level=0, **settings)
    overtone = synthesis.tom(rate, overtone_level=1, **settings) - bare
    frequency = 1 / np.diff(upward_crossings(overtone, rate))
    assert frequency[-1] == pytest.approx(150 * 1.5933, rel=0.005)
    # 60 dB in 0.15 s is 40 dB in 0.1 s
    fallen = level_db(overtone, rate, 0.05, 0.1) - level_db(overtone, rate, 0.15, 0.2)
    assert fallen == pytest.approx(40, abs=1)


@pytest.mark.parametrize(("start", "end"), [(1500, 3000), (3200, 1300)])
def test_chirp_glides_exponentially_from_end_to_end(start, end):
    rate, seconds = 48_000, 0.2
    chirp = synthesis.chirp(rate, start_hz=start, end_hz=end, syllable_seconds=seconds, syllables=2, brightness=0)
    syllable = round(seconds * rate)
    np.testing.assert_array_equal(chirp[:syllable], chirp[syllable:])
    frequency = instantaneous_hz(chirp[:syllable], rate)
    # the pitch r^part after that part of the time: halfway it is the geometric mean. The ends are silent.
    for part in (0.05, 0.5, 0.9):
        expected = start * (end / start) ** part
        assert frequency[round(part * syllable)] == pytest.approx(expected, rel=0.005), part


def test_chirp_harmonics_are_whole_multiples_and_stop_below_half_the_rate():
    """A nearly steady 2 kHz whistle: three partials at 48 kHz, one at 8 kHz (2 x 2001 Hz exceeds 4 kHz)."""
    settings = {"start_hz": 1999, "end_hz": 2001, "syllable_seconds": 0.3, "syllables": 1, "brightness": 0.5}
    wide = synthesis.chirp(48_000, **settings)
    np.testing.assert_allclose(peaks_hz(wide, 48_000, 3), [2000, 4000, 6000], atol=3)
    # amplitudes 1, 1/2, 1/4: powers 1, 1/4, 1/16, so the first holds 16 of 21 parts
    assert energy_share(wide, 48_000, 1500, 2500) == pytest.approx(16 / 21, abs=0.005)
    narrow = synthesis.chirp(8_000, **settings)
    assert energy_share(narrow, 8_000, 1500, 2500) > 0.999


# -------------------------------------------------------------------------------------------- building blocks


def test_noise_is_of_unit_level_and_follows_its_gain():
    filters = (lambda f: synthesis.high_pass(f, 4000), lambda f: synthesis.band_pass(f, 4000, 2))
    for gain in filters:
        samples = synthesis.noise(48_000, 48_000, rng(), gain)
        assert np.mean(samples**2) == pytest.approx(1)
        power = np.abs(np.fft.rfft(samples)) ** 2
        bands = [power[f : 2 * f].mean() for f in (250, 500, 1000, 2000, 4000, 8000)]
        expected = [np.mean(gain(np.arange(f, 2 * f)) ** 2) for f in (250, 500, 1000, 2000, 4000, 8000)]
        np.testing.assert_allclose(bands / bands[4], expected / expected[4], rtol=0.25)


def test_filters_by_hand():
    # at the cutoff r = 1: 1 / sqrt 2; an octave below r = 1/2: 0.25 / sqrt(17/16) = 0.2425
    np.testing.assert_allclose(synthesis.high_pass(np.array([2000.0, 1000.0]), 2000), [2**-0.5, 0.2425], atol=1e-4)
    # q = 2, an octave off: 1 / sqrt(1 + 4 x 1.5^2) = 1 / sqrt 10, on both sides
    gains = synthesis.band_pass(np.array([500.0, 1000.0, 2000.0]), 1000, 2)
    np.testing.assert_allclose(gains, [10**-0.5, 1, 10**-0.5])


def test_noise_of_one_seed_is_the_same_at_every_rate():
    low, high = (synthesis.noise(rate // 10, rate, rng(), np.ones_like) for rate in (8_000, 48_000))
    low_spectrum, high_spectrum = np.fft.rfft(low)[1:400], np.fft.rfft(high)[1:400]
    np.testing.assert_allclose(low_spectrum / low_spectrum[0], high_spectrum / high_spectrum[0], rtol=1e-9)


def test_between_is_even_in_octaves():
    random = rng()
    draws = [synthesis.between(random, 100, 1600) for _ in range(4000)]
    counts, _ = np.histogram(draws, [100, 200, 400, 800, 1600])
    assert counts.sum() == 4000
    # 1000 expected in each octave, standard deviation 27
    np.testing.assert_allclose(counts, 1000, atol=110)


# ---------------------------------------------------------------------------------------------- the whole set


def test_set_is_complete_and_named():
    sounds = built_in_sounds()
    assert LABELS == ("kick", "snare", "hat", "clap", "tom", "chirp")
    assert [s.label for s in sounds] == [label for label in LABELS for _ in range(64)]
    assert [s.name for s in sounds[:2]] == ["kick-001", "kick-002"]
    assert len({s.name for s in sounds}) == 384
    assert {s.rate for s in sounds} == {22_050}


@pytest.mark.parametrize("rate", RATES)
def test_every_sound_is_fit_to_train_on(rate):
    for sound in built_in_sounds(rate, per_label=12):
        samples = sound.samples.astype(np.float64)
        magnitude = np.abs(samples)
        assert sound.samples.dtype == np.float32
        assert 0.1 <= len(samples) / rate <= 0.5, sound.name
        assert magnitude.max() == pytest.approx(0.8913, abs=1e-4), sound.name  # 10^(-1/20)
        assert abs(samples.mean()) < 1e-7, sound.name
        # it has begun (-20 dB of its peak) within 5 ms, and the last millisecond is silence (-50 dB)
        assert magnitude[: round(0.005 * rate)].max() > 0.1 * magnitude.max(), sound.name
        assert samples[0] == pytest.approx(0, abs=1e-6), sound.name
        assert magnitude[-round(0.001 * rate) :].max() < 0.003, sound.name


def test_a_sound_cut_short_still_begins_and_ends_silent():
    finished = synthesis.finish(np.cos(2 * np.pi * 2205 * np.arange(4410) / 44_100), 44_100)
    np.testing.assert_allclose(finished[[0, -1]], 0, atol=1e-7)
    # the mean of cos^4, the square of the fade, is 3/8; the fade lasts 10 ms, and before it the tone is whole
    faded, whole = np.mean(finished[-441:] ** 2), np.mean(finished[-1323:-441] ** 2)
    assert faded / whole == pytest.approx(3 / 8, rel=0.05)


def test_offset_is_removed_without_a_hum():
    """Of a decaying 200 Hz sine with an offset, almost nothing below 25 Hz is left."""
    t = np.arange(4410) / 44_100
    tone = synthesis.decay(t, 0.1) * (np.sin(2 * np.pi * 200 * t) + 0.1)
    assert energy_share(tone, 44_100, 0, 25) > 0.02
    assert energy_share(synthesis.finish(tone, 44_100), 44_100, 0, 25) < 0.005


def test_same_seed_same_sounds_and_more_only_adds():
    first, again = built_in_sounds(8_000, per_label=2), built_in_sounds(8_000, per_label=3)
    kept = {s.name: s.samples for s in again}
    for sound in first:
        np.testing.assert_array_equal(sound.samples, kept[sound.name])


def test_another_seed_gives_other_sounds():
    for one, other in zip(built_in_sounds(per_label=3, seed=1), built_in_sounds(per_label=3, seed=2), strict=True):
        count = min(len(one.samples), len(other.samples))
        assert np.abs(one.samples[:count] - other.samples[:count]).max() > 0.1, one.name


def test_sounds_of_one_label_differ_audibly():
    """Over a label, length spans at least 1 : 1.5 and brightness (the spectral centroid) 1 : 1.3."""
    sounds = built_in_sounds()
    for label in LABELS:
        mine = [s for s in sounds if s.label == label]
        seconds = np.array([len(s.samples) / s.rate for s in mine])
        power = [np.abs(np.fft.rfft(s.samples)) ** 2 for s in mine]
        centroid = np.array([np.average(np.linspace(0, 11_025, len(p)), weights=p) for p in power])
        assert seconds.max() / seconds.min() > 1.5, label
        assert centroid.max() / centroid.min() > 1.3, label


def test_labels_can_be_told_apart_by_their_spectra():
    """Nearest neighbour on the power in nine octaves, in decibels: more than 95 % have their own label."""
    sounds = built_in_sounds()
    edges = 11_025 / 2.0 ** np.arange(9, -1, -1)
    bands = [[energy_share(s.samples, s.rate, a, b) for a, b in itertools.pairwise(edges)] for s in sounds]
    decibels = 10 * np.log10(np.array(bands) + 1e-6)
    labels = np.array([s.label for s in sounds])
    distance = np.linalg.norm(decibels[:, None] - decibels[None], axis=2) + 1e9 * np.eye(len(sounds))
    assert np.mean(labels[distance.argmin(axis=1)] == labels) > 0.95


def test_too_low_a_rate_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="need a rate of at least 8000 Hz, not 4000"):
        built_in_sounds(4_000)

"""Short-time spectra and the phases that a spectrogram has lost."""

import math

import pytest
import torch
from torch.testing import assert_close

from audiogan import synthesis
from audiogan.spectra import griffin_lim, hop_samples_for, istft, peak_phases, random_phases, stft

RATE, N_FFT, HOP = 16_000, 1_024, 256
WINDOW = torch.hann_window(N_FFT)


def sine(hz: float, seconds: float = 1.0, level: float = 0.5) -> torch.Tensor:
    """(1, T) at 16 kHz."""
    return level * torch.sin(2 * math.pi * hz * torch.arange(round(seconds * RATE), dtype=torch.float64) / RATE)[None]


def magnitudes_of(waves: torch.Tensor) -> torch.Tensor:
    return stft(waves.float(), N_FFT, HOP, WINDOW).abs()


def share_of_sine(wave: torch.Tensor, hz: float) -> float:
    """How much of the energy of a wave (T,), both ends left out, is a sine of one phase."""
    inner = wave.double()[N_FFT:-N_FFT]
    angle = 2 * math.pi * hz * torch.arange(len(inner), dtype=torch.float64) / RATE
    both = torch.stack([angle.sin(), angle.cos()], dim=1)
    fitted = both @ torch.linalg.lstsq(both, inner[:, None]).solution
    return float(fitted.square().sum() / inner.square().sum())


@pytest.fixture(scope="module")
def snare() -> torch.Tensor:
    """(1, 6000)"""
    sound = next(sound for sound in synthesis.built_in_sounds(RATE, per_label=1) if sound.label == "snare")
    return torch.nn.functional.pad(torch.from_numpy(sound.samples), (0, 6_000))[None, :6_000]


def test_istft_is_the_inverse_of_stft_up_to_both_ends():
    waves = torch.randn(2, 1_024, generator=torch.Generator().manual_seed(0))
    window = torch.hann_window(512)
    spectra = stft(waves, 512, 128, window)
    assert spectra.shape == (2, 257, 1_024 // 128 + 1)
    assert_close(istft(spectra, 512, 128, window), waves, atol=1e-5, rtol=0)


def test_frames_are_centred_on_multiples_of_the_hop():
    click = torch.zeros(1, 1_024)
    click[0, 3 * 128] = 1
    # a periodic Hann window is 1 in the middle and 1/2 a quarter of its length away
    levels = stft(click, 512, 128, torch.hann_window(512)).abs()[0, 5]
    assert_close(levels, torch.tensor([0, 0, 0.5, 1, 0.5, 0, 0, 0, 0]), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("rate", "hop"), [(8_000, 128), (16_000, 256), (22_050, 256), (44_100, 512)])
def test_frames_are_about_12_ms_apart(rate, hop):
    assert hop_samples_for(rate) == hop


# phases of peaks


@pytest.mark.parametrize("hz", [100.0, 437.0, 1_003.0, 5_000.5])
def test_a_sine_s_phase_goes_on_by_its_own_frequency(hz):
    phases = peak_phases(magnitudes_of(sine(hz)), N_FFT, HOP)
    at_peak = phases[0, round(hz * N_FFT / RATE), 8:-8]
    turned = (at_peak.diff() - 2 * math.pi * hz * HOP / RATE + math.pi) % (2 * math.pi) - math.pi
    # the parabola through a Hann window's peak is a fiftieth of a bin off at most: 1/50 of a turn in four hops
    assert turned.abs().max() < 2 * math.pi / 50 / 4 * 1.05


def test_bins_beside_a_peak_are_half_a_turn_apart_as_those_of_a_sine_in_mid_frame_are():
    hz = 64 * RATE / N_FFT  # in the middle of a bin
    wave = sine(hz)
    found = peak_phases(magnitudes_of(wave), N_FFT, HOP)[0, 63:66, 20]
    real = stft(wave.float(), N_FFT, HOP, WINDOW).angle()[0, 63:66, 20]
    assert_close(torch.cos(found.diff()), torch.tensor([-1.0, -1.0]), atol=1e-3, rtol=0)
    assert_close(torch.cos(real.diff()), torch.tensor([-1.0, -1.0]), atol=1e-3, rtol=0)


@pytest.mark.parametrize("hz", [437.0, 1_003.0, 5_000.5])
def test_a_sine_comes_back_pure_without_a_single_round_of_griffin_lim(hz):
    magnitudes = magnitudes_of(sine(hz))
    pure = griffin_lim(magnitudes, N_FFT, HOP, WINDOW, peak_phases(magnitudes, N_FFT, HOP), 0)
    rough = griffin_lim(magnitudes, N_FFT, HOP, WINDOW, random_phases(magnitudes), 0)
    # its frequency is a little off, so that a sine of the true one fits a tenth of a second
    at = slice(4_000, 4_000 + RATE // 10 + 2 * N_FFT)
    assert share_of_sine(pure[0, at], hz) > 0.99 > 0.5 > share_of_sine(rough[0, at], hz)


def test_two_partials_each_keep_their_own_frequency():
    low, high = 440.0, 2_345.0
    phases = peak_phases(magnitudes_of(sine(low) + sine(high, level=0.05)), N_FFT, HOP)
    for hz in (low, high):
        steps = phases[0, round(hz * N_FFT / RATE), 8:-8].diff()
        turned = (steps - 2 * math.pi * hz * HOP / RATE + math.pi) % (2 * math.pi) - math.pi
        assert turned.abs().max() < 0.05


def test_phases_of_a_long_sound_are_as_good_at_its_end():
    phases = peak_phases(magnitudes_of(sine(7_321.0, seconds=120)), N_FFT, HOP)
    steps = phases[0, round(7_321.0 * N_FFT / RATE)].diff()
    turned = (steps - 2 * math.pi * 7_321.0 * HOP / RATE + math.pi) % (2 * math.pi) - math.pi
    # all the same, wherever in the sound: nothing was rounded away
    assert (turned[-1_000:-8] - turned[1_000]).abs().max() < 1e-3


def test_silence_and_noise_have_phases_too():
    noise = torch.randn(1, RATE, generator=torch.Generator().manual_seed(0))
    for waves in (torch.zeros(1, RATE), noise):
        phases = peak_phases(magnitudes_of(waves), N_FFT, HOP)
        assert phases.shape == magnitudes_of(waves).shape
        assert phases.isfinite().all()


# Griffin-Lim


def test_griffin_lim_always_gives_the_same_sound_and_leaves_the_random_state_alone(snare):
    magnitudes = magnitudes_of(snare)
    torch.manual_seed(1)
    undisturbed = torch.rand(3)
    torch.manual_seed(1)
    first = griffin_lim(magnitudes, N_FFT, HOP, WINDOW, random_phases(magnitudes), 4)
    assert_close(torch.rand(3), undisturbed)
    assert torch.equal(first, griffin_lim(magnitudes, N_FFT, HOP, WINDOW, random_phases(magnitudes), 4))


def test_griffin_lim_comes_nearer_with_rounds_and_with_momentum(snare):
    magnitudes = magnitudes_of(snare)

    def distance(rounds: int, momentum: float) -> float:
        sound = griffin_lim(magnitudes, N_FFT, HOP, WINDOW, random_phases(magnitudes), rounds, momentum)
        return float((magnitudes_of(sound)[..., : magnitudes.shape[2]] - magnitudes).norm() / magnitudes.norm())

    assert distance(1, 0.99) > distance(8, 0.99) > distance(32, 0.99)
    assert distance(32, 0.0) > 1.05 * distance(32, 0.99)


def test_a_tone_needs_fewer_rounds_from_the_phases_of_its_peaks():
    # a note with a vibrato of half a semitone, six harmonics
    t = torch.arange(RATE, dtype=torch.float64) / RATE
    phase = 2 * math.pi * (330 * t + 330 * 0.03 / (2 * math.pi * 5) * torch.sin(2 * math.pi * 5 * t))
    note = sum(torch.sin(harmonic * phase) / harmonic for harmonic in range(1, 7))[None] / 4
    magnitudes = magnitudes_of(note)

    def distance(phases: torch.Tensor, rounds: int) -> float:
        sound = griffin_lim(magnitudes, N_FFT, HOP, WINDOW, phases, rounds)
        frames = min(magnitudes.shape[2], magnitudes_of(sound).shape[2])
        return float((magnitudes_of(sound)[..., :frames] - magnitudes[..., :frames]).norm() / magnitudes.norm())

    assert distance(peak_phases(magnitudes, N_FFT, HOP), 4) < distance(random_phases(magnitudes), 32)


def test_every_bin_of_a_noise_follows_the_peak_on_whose_slope_it_lies():
    magnitudes = magnitudes_of(torch.randn(2, RATE // 2, generator=torch.Generator().manual_seed(0)))
    phases = peak_phases(magnitudes, N_FFT, HOP)
    for clip, frame in ((0, 3), (0, 17), (1, 25)):
        levels = [math.inf, *magnitudes[clip, :, frame].tolist(), math.inf]
        for bin in range(1, 512):
            below, here, above = levels[bin : bin + 3]
            if below > here > above or above > here > below:
                uphill = bin - 1 if below > above else bin + 1
                turned = phases[clip, bin, frame] - phases[clip, uphill, frame]
                assert math.cos(turned) == pytest.approx(-1, abs=1e-3)


@pytest.mark.parametrize("hz", [0.0, 24.0, 40.0])
def test_a_partial_at_the_end_of_the_spectrum_keeps_its_frequency(hz):
    wave = 0.5 * torch.cos(2 * math.pi * hz * torch.arange(RATE, dtype=torch.float64) / RATE)[None]
    magnitudes = magnitudes_of(wave)
    magnitudes[:, 0] *= hz == 0  # as mel frames leave it
    phases = peak_phases(magnitudes, N_FFT, HOP)[0, round(hz * N_FFT / RATE), 8:-8]
    turned = (phases.diff() - 2 * math.pi * hz * HOP / RATE + math.pi) % (2 * math.pi) - math.pi
    assert turned.abs().max() < 2 * math.pi * 0.3 / 4  # three tenths of a bin

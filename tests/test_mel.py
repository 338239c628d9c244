"""Mel bins and the way back: librosa makes the same filters, and real frames lend what bins do not hold."""

import math

import librosa
import pytest
import torch
from torch.testing import assert_close

from audiogan.mel import Exemplars, magnitudes_from_mel, mel_filters, mels_for, spread
from audiogan.spectra import hop_samples_for, stft

RATE, N_FFT, HOP, MELS = 22_050, 1_024, 256, 80
FILTERS = mel_filters(RATE, N_FFT, MELS)
FLOOR = torch.tensor(1e-3)


def sine(hz: float, level: float = 0.5) -> torch.Tensor:
    """Half a second (1, T)."""
    return level * torch.sin(2 * math.pi * hz * torch.arange(RATE // 2) / RATE)[None]


def noise(seed: int) -> torch.Tensor:
    return 0.1 * torch.randn(1, RATE // 2, generator=torch.Generator().manual_seed(seed))


def magnitudes_of(waves: torch.Tensor) -> torch.Tensor:
    # frames with an end of the sound in them are left out
    return stft(waves, N_FFT, HOP, torch.hann_window(N_FFT)).abs()[..., 4:-4]


def fitted(*waves: torch.Tensor, count: int = 64) -> Exemplars:
    magnitudes = magnitudes_of(torch.cat(waves))
    exemplars = Exemplars(count, MELS, N_FFT // 2 + 1)
    exemplars.fit(FILTERS @ magnitudes, magnitudes, FILTERS, FLOOR)
    return exemplars


def crest(magnitudes: torch.Tensor) -> float:
    """The largest magnitude over the mean, of the mean spectrum: 513 for a single bin."""
    levels = magnitudes.mean(dim=(0, 2))
    return float(levels.max() / levels.mean())


@pytest.mark.parametrize(("rate", "mels"), [(8_000, 64), (16_000, 80), (22_050, 80), (44_100, 128)])
def test_mel_bins_grow_with_the_rate_and_are_librosa_s(rate, mels):
    assert mels_for(rate) == mels
    n_fft = 4 * hop_samples_for(rate)
    expected = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=mels, norm=None)
    assert_close(mel_filters(rate, n_fft, mels), torch.from_numpy(expected), atol=1e-6, rtol=0)


def test_magnitudes_from_mel_are_not_negative_and_give_the_mel_values_again():
    mel = FILTERS @ magnitudes_of(noise(0))
    magnitudes = magnitudes_from_mel(mel, FILTERS)
    assert magnitudes.min() >= 0
    assert (FILTERS @ magnitudes - mel).norm() / mel.norm() < 0.02


def test_magnitudes_keep_the_gaps_they_begin_with():
    mel = FILTERS @ magnitudes_of(noise(0))
    start = spread(mel, FILTERS)
    start[:, 300:310] = 0
    found = magnitudes_from_mel(mel, FILTERS, start)
    assert found[:, 300:310].max() < 1e-3 * found[:, 310:320].mean()
    assert (FILTERS @ found - mel).norm() / mel.norm() < 0.02


# what real frames lend


def test_a_tone_in_a_wide_mel_bin_gets_its_place_back():
    """Mel bins are 25 FFT bins wide at 6 kHz."""
    tone = magnitudes_of(sine(6_000))
    mel = FILTERS @ tone
    lent, alone = fitted(sine(6_000))(mel, FILTERS, FLOOR), magnitudes_from_mel(mel, FILTERS)
    at = round(6_000 * N_FFT / RATE)
    assert int(lent.mean(dim=(0, 2)).argmax()) == at
    assert crest(alone) < 0.3 * crest(tone)
    assert crest(lent) == pytest.approx(crest(tone), rel=0.05)
    # and no level is another one afterwards
    assert (FILTERS @ lent - mel).norm() / mel.norm() < 0.1


def test_every_frame_borrows_from_the_one_most_like_it():
    exemplars = fitted(sine(5_000), sine(8_000), noise(0))
    for hz in (5_000, 8_000):
        lent = exemplars(FILTERS @ magnitudes_of(sine(hz)), FILTERS, FLOOR)
        assert int(lent.mean(dim=(0, 2)).argmax()) == round(hz * N_FFT / RATE)
    # a noise stays one, as rough from bin to bin as a real one, which an even spread is not
    real = magnitudes_of(noise(1))
    lent, even = exemplars(FILTERS @ real, FILTERS, FLOOR), spread(FILTERS @ real, FILTERS)

    def roughness(magnitudes: torch.Tensor) -> float:
        return float((magnitudes + 1e-6).log()[:, 300:500].diff(dim=1).abs().mean())

    assert roughness(even) < 0.1 * roughness(real)
    assert roughness(lent) == pytest.approx(roughness(real), rel=0.2)


def test_a_quieter_frame_borrows_the_same_and_stays_quieter():
    exemplars = fitted(sine(5_000), sine(8_000))
    loud, quiet = (exemplars(FILTERS @ magnitudes_of(sine(8_000, level)), FILTERS, FLOOR) for level in (0.5, 0.25))
    assert_close(quiet, loud / 2, atol=1e-2 * float(loud.max()), rtol=0)


def test_clips_lend_alike_however_long_they_sound():
    brief = torch.nn.functional.pad(sine(8_000)[:, : 8 * HOP], (0, RATE // 2 - 8 * HOP))
    exemplars = fitted(sine(5_000), brief, count=8)
    loudest = FILTERS.argmax(1)[exemplars.levels.float().argmax(1)]  # the FFT bin of each one's loudest mel bin
    is_brief = (loudest - 8_000 * N_FFT / RATE).abs() < (loudest - 5_000 * N_FFT / RATE).abs()
    assert int(is_brief.sum()) == 4
    again = fitted(sine(5_000), brief, count=8)
    assert torch.equal(again.levels, exemplars.levels)
    assert torch.equal(again.structure, exemplars.structure)


def test_few_frames_are_kept_twice_and_silence_keeps_none():
    count = magnitudes_of(sine(5_000)).shape[2]
    exemplars = fitted(sine(5_000), count=3 * count)
    assert torch.equal(exemplars.levels[:count], exemplars.levels[count : 2 * count])
    silent = fitted(torch.zeros(1, RATE // 2))
    assert not silent.levels.any()
    # which lends nothing, and does no harm
    mel = FILTERS @ magnitudes_of(noise(0))
    lent = silent(mel, FILTERS, FLOOR)
    assert lent.isfinite().all()
    assert (FILTERS @ lent - mel).norm() / mel.norm() < 0.15

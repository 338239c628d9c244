"""Mel bins and the way back: librosa makes the same filters."""

import librosa
import pytest
import torch
from torch.testing import assert_close

from audiogan.mel import magnitudes_from_mel, mel_filters, mels_for, spread
from audiogan.spectra import hop_samples_for, stft

RATE, N_FFT, HOP, MELS = 22_050, 1_024, 256, 80
FILTERS = mel_filters(RATE, N_FFT, MELS)


def noise(seed: int) -> torch.Tensor:
    return 0.1 * torch.randn(1, RATE // 2, generator=torch.Generator().manual_seed(seed))


def magnitudes_of(waves: torch.Tensor) -> torch.Tensor:
    # frames with an end of the sound in them are left out
    return stft(waves, N_FFT, HOP, torch.hann_window(N_FFT)).abs()[..., 4:-4]


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

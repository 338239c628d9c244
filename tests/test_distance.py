"""Distances between sounds, on sounds for which they can be worked out by hand."""

import math

import pytest
import torch
from torch.testing import assert_close

from audiogan.distance import WINDOWS_SAMPLES, mean_square_error, multi_resolution_stft_distance, stft_terms


@pytest.fixture
def noise() -> torch.Tensor:
    """Two sounds of white noise (2, 8000), whose every bin is well above the floor."""
    return 0.1 * torch.randn(2, 8000, generator=torch.Generator().manual_seed(1))


def test_equal_sounds_have_no_distance(noise):
    assert_close(multi_resolution_stft_distance(noise, noise), torch.zeros(2))
    assert_close(mean_square_error(noise, noise), torch.zeros(2))


@pytest.mark.parametrize("n_fft", WINDOWS_SAMPLES)
def test_half_the_amplitude_is_half_a_convergence_and_the_logarithm_of_two(noise, n_fft):
    convergence, logarithm = stft_terms(0.5 * noise, noise, n_fft)
    assert_close(convergence, torch.full((2,), 0.5))
    assert_close(logarithm, torch.full((2,), math.log(2)), atol=1e-3, rtol=0)


def test_the_distance_is_the_mean_over_the_windows_of_both_terms(noise):
    assert_close(
        multi_resolution_stft_distance(0.5 * noise, noise), torch.full((2,), 0.5 + math.log(2)), atol=1e-3, rtol=0
    )


def test_the_target_s_energy_is_the_measure(noise):
    # three times as loud: | 3 - 1 | and ln 3; the other way round 2 / 3
    assert_close(stft_terms(3 * noise, noise, 512)[0], torch.full((2,), 2.0))
    assert_close(stft_terms(noise, 3 * noise, 512)[0], torch.full((2,), 2 / 3))


def test_a_turned_phase_is_no_distance_to_the_ear_and_the_largest_to_the_samples(noise):
    assert_close(multi_resolution_stft_distance(-noise, noise), torch.zeros(2))
    assert_close(mean_square_error(-noise, noise), 4 * noise.square().mean(1))


def test_what_lies_80_db_below_the_loudest_is_silence_to_the_logarithms(noise):
    silence_after = noise.clone()
    silence_after[:, 4000:] = 0
    faint = silence_after + 1e-7 * noise.flip(1)
    assert stft_terms(faint, silence_after, 256)[1].max() < 1e-3


def test_silence_has_a_finite_distance_from_silence_and_from_sound(noise):
    silence = torch.zeros_like(noise)
    assert_close(multi_resolution_stft_distance(silence, silence), torch.zeros(2))
    assert_close(stft_terms(silence, noise, 1024)[0], torch.ones(2))
    assert multi_resolution_stft_distance(noise, silence).isfinite().all()


def test_the_mean_square_is_that_of_the_samples():
    assert mean_square_error(torch.tensor([[1.0, 0.0, -1.0, 0.0]]), torch.tensor([[0.0, 0.0, 1.0, 0.0]])).item() == 1.25


def test_the_distance_pulls_a_sound_towards_its_target(noise):
    gain = torch.tensor(0.5, requires_grad=True)
    multi_resolution_stft_distance(gain * noise, noise).sum().backward()
    assert gain.grad < 0

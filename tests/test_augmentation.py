"""Augmentation: what is done to the pictures of real and generated clips before the discriminator sees them."""

import pytest
import torch

from audiogan import augmentation
from audiogan.augmentation import MOST_LEVEL, augmented
from audiogan.settings import SettingError
from tests.conftest import tiny_config

ONCE, NEVER = 0.0, 1.0
"""Draws under a probability, and over any."""


def with_amounts(monkeypatch, **amounts: float) -> None:
    """Every clip is changed by these amounts in [-1, 1], and not in what is not named."""
    names = ("time", "pitch", "level", "tilt")
    row = [ONCE if name in amounts else NEVER for name in names] + [(amounts.get(name, 0) + 1) / 2 for name in names]
    monkeypatch.setattr(torch, "rand", lambda count, _, device: torch.tensor(row).expand(count, -1))


def test_a_clip_is_moved_in_time_by_up_to_an_eighth_and_its_edge_fills_the_gap(monkeypatch):
    ramp = torch.arange(16.0).expand(1, 3, 16)
    with_amounts(monkeypatch, time=1.0)
    assert augmented(ramp, 0.5)[0].tolist() == [[0, 0, *range(14)]] * 3
    with_amounts(monkeypatch, time=-0.5)
    assert augmented(ramp, 0.5)[0].tolist() == [[*range(1, 16), 15]] * 3


def test_a_clip_is_moved_along_its_bins_by_up_to_a_sixteenth(monkeypatch):
    bins = torch.arange(32.0)[:, None].expand(1, 1, 32, 5)
    with_amounts(monkeypatch, pitch=1.0)
    assert augmented(bins, 0.5)[0, 0, :, 4].tolist() == [0, 0, *range(30)]
    with_amounts(monkeypatch, pitch=-1.0)
    assert augmented(bins, 0.5)[0, 0, :, 0].tolist() == [*range(2, 32), 31, 31]


def test_levels_change_everywhere_alike_and_brightness_changes_the_ends_against_each_other(monkeypatch):
    silence = torch.zeros(2, 5, 8)
    with_amounts(monkeypatch, level=0.5)
    assert torch.equal(augmented(silence, 0.5), torch.full((2, 5, 8), 0.5 * MOST_LEVEL))
    with_amounts(monkeypatch, tilt=-1.0)
    assert augmented(silence, 0.5)[1, :, 3].tolist() == [MOST_LEVEL * x for x in (1, 0.5, 0, -0.5, -1)]


def test_each_change_comes_as_often_as_asked_and_each_clip_has_its_own():
    torch.manual_seed(0)
    ramp = (torch.arange(16.0) + 100 * torch.arange(32.0)[:, None]).expand(4_000, 32, 16)
    changed = augmented(ramp, 0.3)
    inner = changed[:, 8:24, 4:12] - ramp[:, 8:24, 4:12]
    untouched = (inner == 0).all(dim=(1, 2))
    # each change that is drawn moves something, except moves of less than half a place: a quarter in time and pitch
    seen = [0.7, 0.7, 1 - 0.3 * 0.75, 1 - 0.3 * 0.75]
    assert untouched.float().mean().item() == pytest.approx(torch.tensor(seen).prod().item(), abs=0.03)
    assert len(inner[:, 3, 3].unique()) > 1_000


def test_gradients_go_through_every_change():
    torch.manual_seed(0)
    x = torch.randn(64, 16, 16, requires_grad=True)
    augmented(x, 0.9).sum().backward()
    # each value goes somewhere or is pushed over an edge, and each place is filled from somewhere
    assert torch.equal(x.grad.sum(dim=(1, 2)), torch.full((64,), 256.0))


def test_nothing_is_changed_at_a_probability_of_zero():
    x = torch.randn(8, 16, 16)
    assert torch.equal(augmentation.augmented(x, 0.0), x)


def test_waveforms_are_not_pictures():
    with pytest.raises(SettingError, match="Only pictures of sounds are augmented; wavegan sees waveforms: augment=0"):
        tiny_config("augment=0.3", preset="wavegan")
    assert tiny_config("augment=0.3", preset="specgan").settings.augment == 0.3

"""Points, seeds and directions, on matrices whose singular vectors are known."""

import pytest
import torch
from torch.testing import assert_close

from audiogan import latent


def test_a_seed_always_gives_the_same_point_and_leaves_the_random_state_alone():
    torch.manual_seed(1)
    undisturbed = torch.rand(3)
    torch.manual_seed(1)
    first = latent.from_seed(7, 5, "normal")
    assert_close(torch.rand(3), undisturbed)
    assert torch.equal(first, latent.from_seed(7, 5, "normal"))
    assert not torch.equal(first, latent.from_seed(8, 5, "normal"))
    assert first.shape == (5,)


def test_a_seed_gives_on_every_machine_what_it_gave_when_this_was_written():
    normal, uniform = latent.from_seed(3, 64, "normal"), latent.from_seed(3, 100, "uniform")
    assert_close(normal[:3], torch.tensor([-0.0766, 0.3599, -0.7820]), atol=1e-4, rtol=0)
    assert_close(uniform[:3], torch.tensor([-0.9915, -0.7889, -0.4283]), atol=1e-4, rtol=0)


def test_uniform_latents_fill_minus_one_to_one():
    torch.manual_seed(0)
    drawn = latent.draw(5000, 4, "uniform")
    assert drawn.shape == (5000, 4)
    assert -1 <= drawn.min() < -0.999
    assert 0.999 < drawn.max() <= 1
    assert drawn.mean().abs() < 0.01
    assert drawn.std() == pytest.approx(latent.deviation("uniform"), abs=0.005)


def test_normal_latents_have_a_deviation_of_one():
    torch.manual_seed(0)
    drawn = latent.draw(5000, 4, "normal")
    assert drawn.mean().abs() < 0.02
    assert drawn.std() == pytest.approx(latent.deviation("normal"), abs=0.02)
    assert drawn.abs().max() > 3


def test_principal_directions_of_a_known_matrix_are_its_right_singular_vectors_strongest_first():
    # W (0.6, 0.8) = (3, 0) and W (0.8, -0.6) = (0, 1)
    weight = torch.tensor([[1.8, 2.4], [0.8, -0.6]])
    assert_close(latent.principal_directions(weight, 2), torch.tensor([[0.6, 0.8], [0.8, -0.6]]))
    assert_close(latent.principal_directions(weight, 1), torch.tensor([[0.6, 0.8]]))


def test_principal_directions_are_orthonormal_and_ordered_by_gain():
    torch.manual_seed(4)
    weight = torch.randn(7, 12) * torch.linspace(0.2, 3, 12)
    directions = latent.principal_directions(weight, 5)
    gains = (directions @ weight.T).norm(dim=1)
    assert_close(directions @ directions.T, torch.eye(5), atol=1e-5, rtol=0)
    assert_close(gains, torch.linalg.svdvals(weight)[:5])
    # the sign is a convention that survives retraining: the largest component is positive
    assert (directions.gather(1, directions.abs().argmax(1, keepdim=True)) > 0).all()


def test_positions_and_places_are_those_worked_out_by_hand():
    point, direction = torch.tensor([1.0, 2.0]), torch.tensor([[0.6, 0.8]])
    assert_close(latent.positions(point, direction, 0.5), torch.tensor([(0.6 + 1.6) / 0.5]))
    # from 4.4 to 1.0 units of 0.5 along (0.6, 0.8)
    moved = latent.place(point, direction, torch.tensor([1.0]), 0.5)
    assert_close(moved, torch.tensor([1 - 1.7 * 0.6, 2 - 1.7 * 0.8]))


def test_a_placed_point_stands_where_it_was_put_and_is_unchanged_across():
    torch.manual_seed(2)
    directions = latent.principal_directions(torch.randn(9, 6), 4)
    point, where = torch.randn(6), torch.tensor([0.5, -2.0, 0.0, 1.25])
    moved = latent.place(point, directions[:3], where[:3], latent.UNIFORM_DEVIATION)
    assert_close(latent.positions(moved, directions[:3], latent.UNIFORM_DEVIATION), where[:3], atol=1e-6, rtol=0)
    assert_close(moved @ directions[3], point @ directions[3])
    assert_close(latent.place(point, directions, latent.positions(point, directions, 1.0), 1.0), point)

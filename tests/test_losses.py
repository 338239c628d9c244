"""Each loss and penalty by hand, on scores without any symmetry, so that a lost term shows.

softplus(-3, -2, -1.5, 0.5, 1, 1.5, 2) = 0.048587, 0.126928, 0.201413, 0.974077, 1.313262, 1.701413, 2.126928.
"""

import pytest
import torch
from torch.testing import assert_close

from audiogan.losses import LOSSES, interpolated_penalty, squared_gradient, zero_centred_penalty
from audiogan.settings import BELIEFS

REAL = torch.tensor([2.0, -1.0])
FAKE = torch.tensor([0.5, -3.0])

BY_HAND = {
    # (discriminator's loss, generator's loss, belief of real, belief of generated)
    "bce": (
        (0.126928 + 1.313262) / 2 + (0.974077 + 0.048587) / 2,
        (0.474077 + 3.048587) / 2,
        (0.880797 + 0.268941) / 2,
        (0.622459 + 0.047426) / 2,
    ),
    "lsgan": (((1 + 4) / 2 + (0.25 + 9) / 2) / 2, (0.25 + 16) / 2 / 2, 0.5, -1.25),
    "wgan": (-1.25 - 0.5, 1.25, 0.5, -1.25),
    "wgan_gp": (-1.25 - 0.5, 1.25, 0.5, -1.25),
    "hinge": ((0 + 2) / 2 + (1.5 + 0) / 2, 1.25, 0.5, -1.25),
    "relativistic": (
        (0.201413 + 0.126928) / 2,
        (1.701413 + 2.126928) / 2,
        (0.817574 + 0.880797) / 2,
        1 - (0.817574 + 0.880797) / 2,
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_beliefs_are_those_worked_out_by_hand(name):
    loss = LOSSES[name]
    found = [loss.discriminator(REAL, FAKE), loss.generator(REAL, FAKE), *loss.belief(REAL, FAKE)]
    assert_close(torch.stack(found), torch.tensor(BY_HAND[name]), atol=2e-6, rtol=0)


@pytest.mark.parametrize("name", LOSSES)
def test_each_network_gains_by_moving_scores_its_way(name):
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    (by_discriminator,) = torch.autograd.grad(LOSSES[name].discriminator(real, fake), fake)
    (by_generator,) = torch.autograd.grad(LOSSES[name].generator(real, fake), fake)
    # least squares has its target at 0 for the discriminator, and the second score is below that already
    assert by_discriminator[0] > 0
    assert (by_generator < 0).all()


def test_the_relativistic_game_pairs_each_real_clip_with_one_generated_clip():
    swapped = LOSSES["relativistic"].discriminator(REAL, FAKE.flip(0))
    # softplus(-3 - 2) and softplus(0.5 + 1)
    assert_close(swapped, torch.tensor((0.006715 + 1.701413) / 2), atol=2e-6, rtol=0)


def test_every_loss_has_its_penalty_and_a_name_for_its_belief():
    assert {name: loss.penalty for name, loss in LOSSES.items()} == {
        "bce": "none",
        "lsgan": "none",
        "wgan": "clip",
        "wgan_gp": "interpolated",
        "hinge": "none",
        "relativistic": "zero_centred",
    }
    assert set(BELIEFS) == set(LOSSES)


def test_squared_gradient_is_of_each_clip_by_itself():
    x = torch.tensor([[2.0, 1.0], [0.0, -2.0]], requires_grad=True)
    # D = (x1^2 + 3 x2^2) / 2 has the gradient (x1, 3 x2)
    scores = (x.square() * torch.tensor([1.0, 3.0])).sum(1) / 2
    assert_close(squared_gradient(scores, x), torch.tensor([2.0**2 + 3**2, 6.0**2]))


def test_zero_centred_penalty_of_a_quadratic_critic_is_its_closed_form():
    weights = torch.tensor([1.0, 3.0], requires_grad=True)
    x = torch.tensor([[2.0, 1.0], [0.0, -2.0]], requires_grad=True)
    penalty = zero_centred_penalty((x.square() * weights).sum(1) / 2, x)
    penalty.backward()
    # squared gradients 13 and 36, their mean halved; d/dw of (w x)^2 / 2 is w x^2, averaged over the two clips
    assert_close(penalty, torch.tensor((13 + 36) / 2 / 2))
    assert_close(weights.grad, torch.tensor([(4 + 0) / 2, (3 * 1 + 3 * 4) / 2]))


def test_interpolated_penalty_of_a_linear_critic_is_its_closed_form():
    weights = torch.tensor([3.0, 4.0], requires_grad=True)
    penalty = interpolated_penalty(lambda x: x @ weights, torch.tensor([[1.0, 2.0]]), torch.tensor([[-5.0, 0.5]]))
    penalty.backward()
    # (|w| - 1)^2 with |w| = 5, and its derivative 2 (|w| - 1) w / |w|
    assert_close(penalty, torch.tensor(16.0))
    assert_close(weights.grad, torch.tensor([8 * 0.6, 8 * 0.8]))


def test_interpolated_penalty_averages_the_deviation_of_each_clip():
    # D = x^2 / 2 has the gradient x, and real equals generated, so that there is one point between them
    same = torch.tensor([[3.0], [0.5]])
    penalty = interpolated_penalty(lambda x: x.square().sum(1) / 2, same, same)
    assert_close(penalty, torch.tensor(((3 - 1) ** 2 + (0.5 - 1) ** 2) / 2))


def test_the_points_between_lie_uniformly_on_the_line_from_generated_to_real():
    asked = []
    torch.manual_seed(0)
    real, fake = torch.tensor([[11.0, 21.0]]).expand(4000, 2), torch.tensor([[1.0, 1.0]]).expand(4000, 2)
    interpolated_penalty(lambda x: asked.append(x) or x.sum(1), real, fake)
    share = (asked[0].detach() - fake) / (real - fake)
    assert_close(share[:, 0], share[:, 1])
    tenths = torch.histc(share[:, 0], 10, 0, 1)
    # 400 in each tenth, with a standard deviation of 19
    assert tenths.sum() == 4000
    assert (tenths - 400).abs().max() < 80

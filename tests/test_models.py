"""Layer tables, published parameter counts, and what each part does to numbers small enough to check by hand."""

import pytest
import torch
from torch.testing import assert_close

from audiogan.losses import interpolated_penalty
from audiogan.models import ARCHITECTURES, networks
from audiogan.models.framegan import STYLE_SIZE, Modulation, Residual, batch_deviation, pixel_norm
from audiogan.models.networks import leaky_relu
from audiogan.models.wavegan import as_product, phase_shuffle, strides_for, wave_length
from audiogan.presets import PRESETS
from audiogan.settings import Settings

NARROW = {name: PRESETS[name].settings.with_text(["width=4", "latent_size=6", "kernel=5"]) for name in PRESETS}
SHAPES = {
    "framegan": (5, 16),
    "mlp": (1, 1_024),
    "dcgan1d": (1, 1_024),
    "wavegan_bce": (1, 1_024),
    "specgan": (1, 64, 32),
    "melspec_wgan": (1, 64, 32),
    "wavegan": (1, 1_024),
}


def pair(name: str, n_labels: int = 0, shape: tuple[int, int] | None = None, settings: Settings | None = None):
    """(generator, discriminator) of that architecture, always with the same weights."""
    torch.manual_seed(0)
    generator, discriminator = ARCHITECTURES[name]
    built = settings or NARROW[name], shape or SHAPES[name], n_labels
    return generator(*built), discriminator(*built)


def n_parameters(network: torch.nn.Module) -> int:
    return sum(weights.numel() for weights in network.parameters())


# every pair


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_sound_and_score_depend_on_the_label(name):
    generator, discriminator = pair(name, n_labels=3)
    latents = torch.randn(1, 6).expand(3, 6)
    seen = generator.eval()(latents, torch.tensor([0, 1, 1]))
    assert not torch.allclose(seen[0], seen[1], atol=1e-4)
    assert_close(seen[1], seen[2])
    same = seen[:1].expand_as(seen)
    scores = discriminator.eval()(same, torch.tensor([0, 2, 2]))
    assert not torch.allclose(scores[0], scores[1], atol=1e-4)
    assert_close(scores[1], scores[2])


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_label_adds_its_projection_on_the_features_to_the_score(name):
    _, discriminator = pair(name, n_labels=3)
    discriminator.eval()
    with torch.no_grad():
        discriminator.label_embedding.weight[0] = 0
        discriminator.label_embedding.weight[2] = -2 * discriminator.label_embedding.weight[1]
    seen = torch.randn(4, *SHAPES[name])
    without, once, minus_twice = (discriminator(seen, torch.full((4,), label)) for label in range(3))
    assert (once - without).abs().min() > 1e-5
    assert_close(minus_twice - without, -2 * (once - without), atol=1e-5, rtol=1e-4)
    # the mean over time, not the sum: twice as long a clip of the same features would weigh the same
    features = []
    discriminator.dense.register_forward_pre_hook(lambda _, inputs: features.append(inputs[0]))
    discriminator(seen, torch.ones(4, dtype=torch.long))
    channels = discriminator.label_embedding.weight.shape[1]
    positions = features[0].shape[1] // channels
    over_time = features[0][:, : channels * positions].unflatten(1, (channels, positions))
    assert_close(once - without, over_time.mean(2) @ discriminator.label_embedding.weight[1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["framegan", "wavegan"])
def test_scores_are_unbounded_and_there_is_no_batch_normalisation(name):
    generator, discriminator = pair(name)
    with torch.no_grad():
        discriminator.dense.weight.mul_(1_000)
        scores = discriminator(torch.randn(8, *SHAPES[name]))
        discriminator.dense.weight.neg_()
        scores = torch.cat([scores, discriminator(torch.randn(8, *SHAPES[name]))])
    assert scores.min() < -5
    assert scores.max() > 5
    for network in (generator, discriminator):
        assert not any(isinstance(part, torch.nn.modules.batchnorm._BatchNorm) for part in network.modules())
        assert not list(network.buffers())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_sound_is_the_same_whatever_is_made_beside_it(name):
    generator = pair(name)[0].eval()
    latents = torch.randn(5, 6)
    assert_close(generator(latents)[3], generator(latents[3:4])[0], atol=1e-5, rtol=1e-4)


# wavegan


@pytest.mark.parametrize(
    ("width", "n_generator", "n_discriminator"), [(64, 19_065_345, 17_427_969), (32, 5_180_673, 4_361_985)]
)
def test_wavegan_has_the_published_numbers_of_parameters(width, n_generator, n_discriminator):
    settings = PRESETS["wavegan"].settings.with_text([f"width={width}"])
    with torch.device("meta"):
        generator, discriminator = pair("wavegan", 0, (1, 16_384), settings)
    assert n_parameters(generator) == n_generator
    assert n_parameters(discriminator) == n_discriminator


def test_wavegan_has_the_published_layers():
    with torch.device("meta"):
        generator, discriminator = pair("wavegan", 0, (1, 16_384), PRESETS["wavegan"].settings)
    assert [layer.out_channels for layer in generator.layers] == [512, 256, 128, 64, 1]
    assert [layer.out_channels for layer in discriminator.layers] == [64, 128, 256, 512, 1_024]
    for layer in (*generator.layers, *discriminator.layers):
        assert (layer.kernel_size, layer.stride) == ((25,), (4,))


@pytest.mark.parametrize(
    ("clip_samples", "length"),
    [(1, 64), (64, 64), (65, 128), (2_000, 2_048), (16_384, 16_384), (16_385, 32_768), (65_536, 65_536)],
)
def test_wavegan_s_length_is_the_next_power_of_two(clip_samples, length):
    assert wave_length(clip_samples) == length


@pytest.mark.parametrize(
    ("length", "strides"),
    [
        (64, [4]),
        (4_096, [4, 4, 4, 4]),
        (8_192, [4, 4, 4, 4, 2]),
        (16_384, [4, 4, 4, 4, 4]),
        (32_768, [4, 4, 4, 4, 4, 2]),
        (65_536, [4, 4, 4, 4, 4, 4]),
    ],
)
def test_wavegan_makes_every_length_it_can_be_asked_for(length, strides):
    assert strides_for(length) == strides
    generator, discriminator = pair("wavegan", 0, (1, length))
    waves = generator(torch.randn(2, 6))
    assert waves.shape == (2, 1, length)
    assert discriminator(waves).shape == (2,)


def test_wavegan_s_waves_lie_between_minus_one_and_one():
    generator, _ = pair("wavegan")
    with torch.no_grad():
        generator.layers[-1].weight.mul_(1e4)
        waves = generator(torch.randn(4, 6))
    assert waves.min() == -1
    assert waves.max() == 1


def test_wavegan_s_activations_by_hand():
    # 64 samples are one layer: its weights are 0, so that its bias alone passes through what follows
    generator, discriminator = pair("wavegan", 0, (1, 64))
    with torch.no_grad():
        for layer in (generator.dense, discriminator.layers[0]):
            layer.weight.zero_()
        discriminator.dense.weight.fill_(1)
        discriminator.dense.bias.zero_()
        generator.layers[0].weight.zero_()
        generator.layers[0].weight[:, :, 2] = 0.1
        generator.layers[0].bias.fill_(0.3)
        for level, leaked, kept in ((-1.0, -0.2, 0.0), (2.0, 2.0, 2.0)):
            # 4 channels of 16 places, each seen through LeakyReLU
            discriminator.layers[0].bias.fill_(level)
            assert_close(discriminator(torch.zeros(1, 1, 64)), torch.tensor([4 * 16 * leaked]))
            # and 4 channels through ReLU, of which the middle tap reaches every fourth sample
            generator.dense.bias.fill_(level)
            waves = generator(torch.zeros(1, 6))[0, 0]
            assert_close(waves[::4], torch.full((16,), 4 * 0.1 * kept + 0.3).tanh())
            assert_close(waves[1::4], torch.full((16,), 0.3).tanh())


SHIFTED_BY_HAND = {
    # the numbers 0 to 9 delayed by k places, the gap filled by reflection without repeating the edge
    -2: [2, 3, 4, 5, 6, 7, 8, 9, 8, 7],
    -1: [1, 2, 3, 4, 5, 6, 7, 8, 9, 8],
    0: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    1: [1, 0, 1, 2, 3, 4, 5, 6, 7, 8],
    2: [2, 1, 0, 1, 2, 3, 4, 5, 6, 7],
}


@pytest.mark.parametrize("per_clip", [True, False])
def test_phase_shuffle_shifts_by_up_to_n_places_and_reflects_at_the_edge(per_clip):
    torch.manual_seed(0)
    ramp = torch.arange(10.0).expand(1, 1, 10)
    seen = {tuple(phase_shuffle(ramp, 2, per_clip)[0, 0].int().tolist()) for _ in range(100)}
    assert seen == {tuple(shifted) for shifted in SHIFTED_BY_HAND.values()}


def test_phase_shuffle_draws_a_shift_for_each_clip_or_one_for_the_batch_but_never_one_for_each_channel():
    torch.manual_seed(0)
    ramps = torch.arange(10.0).expand(64, 3, 10)
    by_clip, by_batch = phase_shuffle(ramps, 2, per_clip=True), phase_shuffle(ramps, 2, per_clip=False)
    for shuffled in (by_clip, by_batch):
        assert torch.equal(shuffled[:, 0], shuffled[:, 1])
        assert torch.equal(shuffled[:, 0], shuffled[:, 2])
    assert len({tuple(row.tolist()) for row in by_clip[:, 0]}) == 5
    assert len({tuple(row.tolist()) for row in by_batch[:, 0]}) == 1


def test_phase_shuffle_works_in_training_after_all_layers_but_the_last(monkeypatch):
    shuffled = []
    monkeypatch.setattr(
        "audiogan.models.wavegan.phase_shuffle",
        lambda x, most, per_clip: shuffled.append((tuple(x.shape), most, per_clip)) or x,
    )
    _, discriminator = pair("wavegan")
    waves = torch.randn(2, 1, 1_024)
    discriminator(waves)
    # 1,024 samples are three layers of stride 4, with 4, 8 and 16 channels
    assert shuffled == [((2, 4, 256), 2, True), ((2, 8, 64), 2, True)]
    discriminator.eval()(waves)
    assert len(shuffled) == 2


def test_phase_shuffle_moves_the_score_in_training_and_not_when_it_is_switched_off():
    torch.manual_seed(3)
    waves = torch.randn(2, 1, 1_024)
    _, discriminator = pair("wavegan")
    assert not torch.equal(discriminator(waves), discriminator(waves))
    _, still = pair("wavegan", settings=NARROW["wavegan"].with_text(["phase_shuffle=0"]))
    assert torch.equal(still(waves), still(waves))
    assert torch.equal(still(waves), discriminator.eval()(waves))


def test_wavegan_s_critic_scores_each_clip_by_itself():
    _, discriminator = pair("wavegan")
    discriminator.eval()
    waves = torch.randn(4, 1, 1_024)
    assert_close(discriminator(waves)[2], discriminator(waves[2:3])[0], atol=1e-5, rtol=1e-4)


def test_the_slope_of_leaky_relu_hands_no_gradient_on():
    x = torch.tensor([-3.0, 0.5], requires_grad=True)
    y = leaky_relu(x)
    assert_close(y, torch.tensor([-0.6, 0.5]))
    (slope,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    assert_close(slope, torch.tensor([0.2, 1.0]))
    assert not slope.requires_grad


def test_a_gradient_penalty_has_the_same_gradient_as_through_torch_s_own_leaky_relu(monkeypatch):
    gradients = []
    for _ in range(2):
        _, discriminator = pair("wavegan")
        torch.manual_seed(1)
        penalty = interpolated_penalty(discriminator, torch.randn(3, 1, 1_024), torch.randn(3, 1, 1_024))
        weights = [weights for name, weights in discriminator.named_parameters() if name.endswith("weight")]
        gradients.append(torch.autograd.grad(penalty, weights))
        monkeypatch.setattr(networks, "leaky_relu", lambda x: torch.nn.functional.leaky_relu(x, 0.2))
    assert min(float(gradient.abs().max()) for gradient in gradients[0]) > 1e-4
    assert_close(*gradients)


def test_a_convolution_as_a_matrix_product_is_the_same_convolution():
    torch.manual_seed(0)
    layer = torch.nn.Conv1d(3, 5, 7, stride=4, padding=3).double()
    x = torch.randn(2, 3, 16, dtype=torch.float64, requires_grad=True)
    assert_close(as_product(layer, x), layer(x))
    upstream = torch.randn(2, 5, 4, dtype=torch.float64)
    through_both = (torch.autograd.grad(y, (x, layer.weight), upstream) for y in (as_product(layer, x), layer(x)))
    assert_close(*through_both)


# framegan


def test_how_much_clips_differ_is_told_in_thirty_two_bits():
    # a large common level leaves 16 bits no digits for the difference: 1,000 +- 1 is 1,000 in bfloat16
    x = 1_000 + torch.tensor([-1.0, 1.0, -3.0, 3.0]).view(4, 1, 1).expand(4, 2, 3)
    with torch.autocast("cpu", torch.bfloat16):
        assert_close(batch_deviation(x, torch.tensor([0, 0, 1, 1])), torch.tensor([[1.0], [1.0], [3.0], [3.0]]))


def test_pixel_norm_brings_the_channels_of_each_place_to_a_mean_square_of_one():
    # the root of (9 + 16) / 2 is 3.5355
    x = torch.tensor([[[3.0, 0.1], [4.0, 0.0]]])
    assert_close(pixel_norm(x), torch.tensor([[[3 / 3.53553, 1.41421], [4 / 3.53553, 0.0]]]), atol=1e-4, rtol=0)


def test_a_latent_s_length_does_not_matter_to_framegan_but_its_direction_does():
    generator, _ = pair("framegan")
    latents = torch.randn(2, 6)
    assert_close(generator(latents), generator(3 * latents), atol=1e-5, rtol=1e-4)
    assert not torch.allclose(generator(latents), generator(-latents), atol=1e-4)


@pytest.mark.parametrize("normalise", [True, False])
def test_a_residual_block_starts_as_the_identity_and_can_leave_it(normalise):
    block = Residual(4, normalise)
    x = torch.randn(2, 4, 9)
    assert torch.equal(block(x), x)
    block(x).sum().backward()
    assert block.second.weight.grad.abs().max() > 0


def keep_first_channel(layer: torch.nn.Conv1d, factor: float) -> None:
    """Make every output channel that factor times the first input channel, where it is."""
    layer.weight.zero_()
    layer.bias.zero_()
    layer.weight[:, 0, layer.kernel_size[0] // 2] = factor


@pytest.mark.parametrize(("level", "heard"), [(5.0, 1.0), (-5.0, -0.2)])
def test_framegan_s_generator_by_hand(level, heard):
    generator, _ = pair("framegan")
    with torch.no_grad():
        generator.spread.weight.zero_()
        generator.spread.bias.fill_(level)
        for layer in generator.widen:
            keep_first_channel(layer, 1.0)
        keep_first_channel(generator.to_frames, 3.0)
        frames = generator(torch.randn(1, 6))
    # all channels are equal: their pixel norm is their sign at every stage, of which -1 leaks to -0.2; residual blocks
    # are the identity yet, and the last layer is linear
    assert_close(frames, torch.full((1, 5, 16), 3 * heard))


def test_framegan_s_discriminator_by_hand():
    _, discriminator = pair("framegan")
    with torch.no_grad():
        for layer in discriminator.narrow:
            layer.weight.zero_()
            layer.bias.fill_(-1)
        discriminator.dense.weight.fill_(1)
        discriminator.dense.bias.fill_(0.5)
        scores = discriminator(torch.randn(4, 5, 16))
    # 8 channels of 2 places, each -1 leaked to -0.2, a deviation of the 0.0001 that keeps its root finite, and the bias
    assert_close(scores, torch.full((4,), 8 * 2 * -0.2 + 1e-4 + 0.5), atol=1e-5, rtol=0)


def test_a_residual_block_by_hand():
    block = Residual(1, normalise=False)
    with torch.no_grad():
        for layer, tap in ((block.first, 1.0), (block.second, 3.0)):
            layer.weight.zero_()
            layer.bias.zero_()
            layer.weight[0, 0, 2] = tap
    # 2 + 3 * 2, and -1 leaks to -0.2, and that to -0.04
    assert_close(block(torch.tensor([[[2.0, -1.0]]])), torch.tensor([[[8.0, -1 - 3 * 0.04]]]))
    block.normalise = True
    # one channel's pixel norm leaves the sign: 1 and 1; -1 leaks to -0.2, becomes -1 again and leaks to -0.2
    assert_close(block(torch.tensor([[[2.0, -1.0]]])), torch.tensor([[[5.0, -1 - 3 * 0.2]]]))


def test_batch_deviation_by_hand_in_groups_of_four():
    # one channel, two places; the first varies by 5 about its mean of 3, the second not at all
    group = torch.tensor([[0.0, 1.0], [2.0, 1.0], [4.0, 1.0], [6.0, 1.0]])[:, None]
    expected = (5**0.5 + 1e-4) / 2
    assert_close(batch_deviation(group), torch.full((4, 1), expected))
    still = torch.zeros(4, 1, 2)
    assert_close(batch_deviation(torch.cat([group, still]))[:, 0], torch.tensor([expected] * 4 + [1e-4] * 4))


def test_batch_deviation_of_a_number_that_four_does_not_divide_is_of_the_whole_batch():
    # 0 to 5 vary by 35 / 12 about their mean
    batch = torch.arange(6.0)[:, None, None]
    assert_close(batch_deviation(batch), torch.full((6, 1), (35 / 12) ** 0.5))


def test_batch_deviation_among_clips_of_one_label_by_hand():
    # label 0: 0 and 6, deviation 3; label 1: 100, 101 and 105, deviation sqrt(14 / 3); label 2 is alone
    clips = torch.tensor([0.0, 100.0, 6.0, 101.0, 105.0, 7.0])[:, None, None]
    labels = torch.tensor([0, 1, 0, 1, 1, 2])
    one = (14 / 3) ** 0.5
    expected = torch.tensor([3.0, one, 3.0, one, one, 1e-4])
    assert_close(batch_deviation(clips, labels)[:, 0], expected, rtol=1e-3, atol=1e-3)


def test_framegan_s_critic_sees_sameness():
    _, discriminator = pair("framegan")
    with torch.no_grad():
        discriminator.dense.weight[0, -1] = 50.0
        seen = torch.randn(4, *SHAPES["framegan"])
        alone = discriminator(seen[:1].expand(4, -1, -1))[0]
        among_others = discriminator(seen)[0]
    # 50 times the deviation that it now sees beside it
    assert among_others - alone > 0.5


def test_modulation_by_hand():
    modulation = Modulation(2)
    x = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])
    style = torch.zeros(1, STYLE_SIZE)
    style[0, 5] = 2.0
    assert torch.equal(modulation(x, style), x)
    with torch.no_grad():
        # scales of both channels, then their shifts
        modulation.dense.weight[:, 5] = torch.tensor([0.5, -1.0, 10.0, 0.25])
    assert_close(modulation(x, style), torch.tensor([[[22.0, 24.0], [-2.5, -3.5]]]))


def test_framegan_s_stages_hear_latent_and_label_once_they_are_modulated():
    plain = NARROW["framegan"].with_text(["modulation=false"])
    generator, _ = pair("framegan", 3)
    without, _ = pair("framegan", 3, settings=plain)
    unknown = generator.load_state_dict(without.state_dict(), strict=False).missing_keys
    assert unknown == [f"modulate.{stage}.dense.{name}" for stage in range(3) for name in ("weight", "bias")]
    latents, classes = torch.randn(4, 6), torch.tensor([0, 1, 2, 0])
    # it begins as the generator that it was
    assert_close(generator(latents, classes), without(latents, classes))
    for stage in range(3):
        before = generator(latents, classes)
        with torch.no_grad():
            generator.modulate[stage].dense.weight.normal_()
        assert (generator(latents, classes) - before).abs().amax(dim=(1, 2)).min() > 1e-3


def test_a_class_s_own_layer_reads_what_is_heard_and_when():
    _, discriminator = pair("framegan", 3)
    seen, classes = torch.randn(3, *SHAPES["framegan"]), torch.tensor([0, 1, 2])
    features, before = discriminator.features(seen, classes), discriminator(seen, classes)
    channels = discriminator.label_embedding.embedding_dim
    assert discriminator.class_layers.weight.shape == (3, channels * 2)
    assert not discriminator.class_layers.weight.any()
    with torch.no_grad():
        # the second channel at the last of both positions
        discriminator.class_layers.weight[1, 3] = 2.0
    expected = torch.stack([before[0], before[1] + 2 * features[1, 3], before[2]])
    assert_close(discriminator(seen, classes), expected)


def test_class_layers_are_framegan_s_and_come_with_classes():
    plain = NARROW["framegan"].with_text(["class_layers=false"])
    for _, discriminator in (pair("framegan"), pair("framegan", 3, settings=plain), pair("wavegan", 3)):
        assert discriminator.class_layers is None

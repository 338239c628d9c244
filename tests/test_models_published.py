"""The published systems beside WaveGAN: their layers, counts and settings, at every length, and 30 steps of each."""

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from audiogan.config import Limit, RunConfig
from audiogan.game import PREVIEW_SEEDS, Game
from audiogan.losses import LOSSES
from audiogan.models import ARCHITECTURES, networks
from audiogan.presets import PRESETS
from audiogan.settings import BATCH_NORMALISED_CRITICS, IMAGES, PENALISED, SEES, SettingError, Settings
from audiogan.transforms import TRANSFORMS, make_transform

PUBLISHED = ("mlp", "dcgan1d", "wavegan_bce", "specgan", "melspec_wgan")

SIZES = {
    # rate and samples of a published clip
    "mlp": (44_100, 220_500),
    "dcgan1d": (16_000, 64_000),
    "wavegan_bce": (16_000, 16_384),
    "specgan": (16_000, 16_384),
    "melspec_wgan": (22_050, 5 * 22_050),
}

NARROW = ["width=4", "latent_size=6", "batch=4", "griffin_lim_iterations=1"]


def config(name: str, *assignments: str, rate: int = 8_000, clip_samples: int = 2_000, labels=()) -> RunConfig:
    settings = PRESETS[name].settings.with_text(list(assignments))
    return RunConfig(name, settings, "sounds", "0", rate, clip_samples, labels)


def pair(run: RunConfig) -> tuple[nn.Module, nn.Module, tuple[int, ...]]:
    """(generator, discriminator, shape) on the device in use, always with the same weights."""
    shape = make_transform(run).shape
    torch.manual_seed(0)
    generator, discriminator = ARCHITECTURES[run.settings.architecture]
    built = run.settings, shape, run.n_labels
    return generator(*built), discriminator(*built), shape


def published(name: str, *assignments: str) -> tuple[nn.Module, nn.Module]:
    """The pair at its published size, on torch's device without numbers."""
    rate, clip_samples = SIZES[name]
    run = config(name, *assignments, rate=rate, clip_samples=clip_samples)
    shape = make_transform(run).shape
    generator, discriminator = ARCHITECTURES[name]
    with torch.device("meta"):
        return generator(run.settings, shape, 0), discriminator(run.settings, shape, 0)


def kinds(network: nn.Module) -> str:
    """The layers in order, one letter each: what has no effect is left out."""
    letters = {
        nn.Linear: "l",
        nn.Conv1d: "c",
        nn.Conv2d: "c",
        nn.ConvTranspose1d: "t",
        nn.ConvTranspose2d: "t",
        nn.Upsample: "u",
        networks.BatchNorm1d: "b",
        networks.BatchNorm2d: "b",
        nn.ReLU: "R",
        nn.LeakyReLU: "L",
        networks.LeakyReLU: "L",
        nn.Tanh: "T",
        networks.Dropout: "d",
    }
    shaping = (nn.Identity, nn.Flatten, nn.Unflatten, nn.ConstantPad1d)
    layers = [layer for layer in network.layers if not isinstance(layer, shaping)]
    return "".join(letters[type(layer)] for layer in layers if getattr(layer, "p", 1) > 0)


def n_parameters(network: nn.Module) -> int:
    return sum(weights.numel() for weights in network.parameters())


def clips(run: RunConfig, count: int) -> torch.Tensor:
    """Noise bursts (count, T)."""
    generator = torch.Generator().manual_seed(1)
    fall = torch.exp(-torch.arange(run.clip_samples) / run.clip_samples * 5)
    return (0.3 * torch.randn(count, run.clip_samples, generator=generator) * fall).clamp(-1, 1)


def play(run: RunConfig, steps: int, seed: int = 0) -> Game:
    """A game after so many steps on noise bursts, the labels of which take turns."""
    torch.manual_seed(seed)
    transform = make_transform(run)
    waves = clips(run, run.settings.batch)
    transform.fit(waves)
    game = Game(run, transform, torch.device("cpu"))
    labels = torch.arange(len(waves)) % max(1, run.n_labels)
    for step in range(1, steps + 1):
        game.discriminator_step(transform(waves), labels, step)
        game.generator_step(labels, step)
    return game


# as published


def test_every_preset_s_parameters_are_those_counted_by_hand():
    count = 220_500
    by_hand = {
        "mlp": (
            (500 + 1) * 256 + (256 + 1) * 512 + (512 + 1) * 1024 + (1024 + 1) * count,
            (count + 1) * 1024 + (1024 + 1) * 512 + (512 + 1) * 256 + (256 + 1),
        ),
        # a convolution of 25 taps from a to b channels: 25ab; batch normalisation of b: 2b; a bias of b: b
        "dcgan1d": (
            (500 + 1) * 250 * 128
            + (25 * 128 * 64 + 2 * 64)
            + (25 * 64 * 32 + 2 * 32)
            + (25 * 32 * 16 + 2 * 16)
            + (25 * 16 + 1),
            (25 * 16 + 2 * 16)
            + (25 * 16 * 32 + 2 * 32)
            + (25 * 32 * 64 + 2 * 64)
            + (25 * 64 * 128 + 128)
            + (250 * 128 + 1) * 500
            + (500 + 1),
        ),
        "wavegan_bce": (
            (100 * 16 * 512 + 2 * 512)
            + (25 * 512 * 256 + 2 * 256)
            + (25 * 256 * 128 + 2 * 128)
            + (25 * 128 * 1 + 2 * 1)
            + (1024 + 1) * 1024
            + (1024 + 1) * 16_384,
            (16_384 + 1) * 1024 + (1024 + 1) * 512 + (512 + 1) * 256 + (256 + 1),
        ),
        "specgan": (
            (100 + 1) * 4 * 4 * 1024
            + 2 * 1024
            + (25 * 1024 * 512 + 2 * 512)
            + (25 * 512 * 256 + 2 * 256)
            + (25 * 256 * 128 + 2 * 128)
            + (25 * 128 * 64 + 2 * 64)
            + (25 * 64 + 1),
            (25 * 64 + 64)
            + (25 * 64 * 128 + 2 * 128)
            + (25 * 128 * 256 + 2 * 256)
            + (25 * 256 * 512 + 2 * 512)
            + (25 * 512 * 1024 + 2 * 1024)
            + (4 * 4 * 1024 + 1),
        ),
        "melspec_wgan": (
            (128 + 2) * 8 * 8 * 1024
            + (9 * 1024 * 512 + 2 * 512)
            + (9 * 512 * 256 + 2 * 256)
            + (9 * 256 * 128 + 2 * 128)
            + (9 * 128 * 64 + 2 * 64)
            + (9 * 64 + 2),
            (25 * 64 + 64)
            + (25 * 64 * 128 + 128)
            + (25 * 128 * 256 + 256)
            + (25 * 256 * 512 + 512)
            + (16 * 16 * 512 + 1),
        ),
    }
    assert by_hand == {name: tuple(map(n_parameters, published(name))) for name in PUBLISHED}
    # and as the docstrings say
    assert by_hand["mlp"] == (226_797_652, 226_449_409)
    assert by_hand["dcgan1d"] == (16_301_425, 16_270_553)
    assert by_hand["wavegan_bce"] == (22_763_394, 17_434_625)
    assert by_hand["specgan"] == (19_068_353, 17_429_889)
    assert by_hand["melspec_wgan"] == (14_789_058, 4_434_433)


def test_specgan_without_normalisation_is_as_large_as_wavegan_as_in_the_paper():
    pair = published("specgan", "loss=wgan_gp", "normalisation=none")
    assert tuple(map(n_parameters, pair)) == (19_065_345, 17_427_969)


@pytest.mark.parametrize(
    ("name", "generator", "discriminator"),
    [
        # after the generator's dense layer, before the discriminator's
        ("mlp", "L lL lL lT", "lL lL lL"),
        ("dcgan1d", "L tbRd tbRd tbRd tT", "cbLd cbLd cbLd cL lL"),
        ("wavegan_bce", "bLd tbLd tbLd tbLd lL lT", "lRd lRd lRd"),
        ("specgan", "bR tbR tbR tbR tbR tT", "cL cbL cbL cbL cbL"),
        ("melspec_wgan", "bL ucbL ucbL ucbL ucbL ucbT", "cL cLd cLd cL d"),
    ],
)
def test_layers_stand_in_the_published_order(name, generator, discriminator):
    made, judged = published(name)
    assert kinds(made) == generator.replace(" ", "")
    assert kinds(judged) == discriminator.replace(" ", "")
    for layer in (*made.modules(), *judged.modules()):
        assert getattr(layer, "negative_slope", 0.2) == 0.2


def test_without_normalisation_and_dropout_only_they_are_gone():
    assert kinds(published("specgan", "normalisation=none", "loss=wgan_gp")[0]) == "RtRtRtRtRtT"
    assert kinds(published("specgan", "normalisation=none", "loss=wgan_gp")[1]) == "cLcLcLcLcL"
    assert kinds(published("melspec_wgan", "normalisation=none", "dropout=0")[0]) == "LucLucLucLucLucT"
    assert kinds(published("melspec_wgan", "normalisation=none", "dropout=0")[1]) == "cLcLcLcL"
    assert kinds(published("dcgan1d", "normalisation=none", "dropout=0")[0]) == "LtRtRtRtT"
    # a bias comes back where no normalisation would take it out again
    for name in PUBLISHED[1:]:
        for network in published(name, "normalisation=none", *(["loss=bce"] if name == "melspec_wgan" else [])):
            weighted = [layer for layer in network.modules() if hasattr(layer, "bias")]
            assert all(layer.bias is not None for layer in weighted)


def test_melspec_wgan_s_critic_drops_as_much_as_published():
    def dropped(*assignments: str) -> list[float]:
        return [
            layer.p for layer in published("melspec_wgan", *assignments)[1].modules() if isinstance(layer, nn.Dropout)
        ]

    assert dropped() == [0.0, 0.3, 0.3, 0.0, 0.2]
    assert dropped("dropout=0.1") == [0.0, 0.1, 0.1, 0.0, 0.1]


def test_presets_carry_the_published_settings():
    def of(name: str, *keys: str) -> list:
        return [getattr(PRESETS[name].settings, key) for key in keys]

    adam = ("rate_g", "rate_d", "beta1", "beta2")
    assert of("mlp", *adam) == [2e-4, 1e-3, 0.5, 0.999]
    assert of("mlp", "loss", "latent_size", "latent", "batch", "epochs") == ["bce", 500, "normal", 32, 250]
    assert of("dcgan1d", "loss", "latent_size", "epochs", "normalisation") == ["bce", 500, 50, "batch"]
    assert of("wavegan_bce", "loss", "epochs", "normalisation") == ["bce", 10_000, "batch"]
    assert of("specgan", "loss", "latent_size", "latent", "normalisation") == ["bce", 100, "uniform", "batch"]
    assert of("specgan", "griffin_lim_iterations", "transform") == [16, "log_spectrogram"]
    assert of("melspec_wgan", *adam) == [2e-4, 2e-4, 0.5, 0.9]
    assert of("melspec_wgan", "loss", "penalty", "penalty_every", "critic_steps") == ["wgan_gp", 10.0, 1, 3]
    assert of("melspec_wgan", "epochs", "griffin_lim_iterations", "transform") == [30, 32, "mel_image"]


def test_wavegan_bce_begins_with_a_transposed_convolution_from_the_noise_vector():
    run = config("wavegan_bce", *NARROW)
    generator, _, _ = pair(run)
    convolution = nn.ConvTranspose1d(6, 32, 16, bias=False)
    with torch.no_grad():
        # (out * 16, in) -> (in, out, 16)
        convolution.weight.copy_(generator.dense.weight.unflatten(0, (32, 16)).permute(2, 0, 1))
    latents = torch.randn(3, 6)
    assert_close(generator.dense(latents).unflatten(1, (32, 16)), convolution(latents[:, :, None]))


# every preset


@pytest.mark.parametrize("seconds", [0.25, 1.3, 10])
@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000])
@pytest.mark.parametrize("labels", [(), ("a", "b", "c")], ids=["plain", "conditional"])
@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_works_at_every_length_and_rate(name, labels, rate, seconds):
    run = config(name, "conditional=true", rate=rate, clip_samples=round(rate * seconds), labels=labels)
    transform = make_transform(run)
    with torch.device("meta"):
        generator, discriminator, shape = pair(run)
        asked = torch.zeros(2, dtype=torch.long) if labels else None
        seen = generator(torch.zeros(2, run.settings.latent_size), asked)
        assert seen.shape == (2, *shape) == (2, *transform.shape)
        # phase shuffle draws numbers, which that device has not
        discriminator.eval()
        assert discriminator(seen, asked).shape == (2,)
        assert discriminator.features(seen).shape == (2, discriminator.dense.in_features)


@pytest.mark.parametrize("clip_samples", [2_000, 2_047, 2_049])
@pytest.mark.parametrize("name", [name for name in PRESETS if PRESETS[name].settings.transform == "waveform"])
def test_all_of_a_waveform_is_made_and_judged(name, clip_samples):
    run = config(name, *NARROW, clip_samples=clip_samples)
    generator, discriminator, shape = pair(run)
    waves = generator.eval()(torch.randn(2, 6))
    assert waves.shape == (2, 1, clip_samples)
    assert waves[:, :, -1].abs().min() > 0
    assert waves.abs().max() < 1
    seen = (0.1 * torch.randn(2, *shape)).requires_grad_()
    (slope,) = torch.autograd.grad(discriminator.eval()(seen).sum(), seen)
    assert slope[..., 0].abs().min() > 0
    assert slope[..., -1].abs().min() > 0


@pytest.mark.parametrize("name", PRESETS)
def test_the_score_is_the_last_layer_of_the_features_and_nothing_after(name):
    _, discriminator, shape = pair(config(name, *NARROW))
    discriminator.eval()
    seen = torch.randn(4, *shape)
    assert_close(discriminator(seen), discriminator.dense(discriminator.features(seen))[:, 0])
    with torch.no_grad():
        # a sigmoid or any other bound would keep one of these small
        discriminator.dense.weight.mul_(1e4)
        discriminator.dense.bias.fill_(1e4)
        high = discriminator(seen).max()
        discriminator.dense.bias.fill_(-1e4)
        assert high > 5e3
        assert discriminator(seen).min() < -5e3


@pytest.mark.parametrize("labels", [(), ("a", "b", "c")], ids=["plain", "conditional"])
@pytest.mark.parametrize("name", PUBLISHED)
def test_latents_and_then_the_label_enter_the_first_layer_as_they_are(name, labels):
    generator, _, _ = pair(config(name, *NARROW, "conditional=true", labels=labels))
    entered = []
    generator.dense.register_forward_pre_hook(lambda _, inputs: entered.append(inputs[0]))
    latents, asked = torch.randn(3, 6), torch.tensor([2, 0, 1])
    generator(latents, asked if labels else None)
    assert torch.equal(entered[0][:, :6], latents)
    if labels:
        assert torch.equal(entered[0][:, 6:], generator.label_embedding.weight[asked])
    else:
        assert entered[0].shape == (3, 6)


@pytest.mark.parametrize("name", PUBLISHED)
def test_chance_is_at_work_in_training_and_not_afterwards(name):
    generator, discriminator, shape = pair(config(name, *NARROW))
    for network, x in ((generator, torch.randn(4, 6)), (discriminator, torch.randn(4, *shape))):
        drops = any(isinstance(layer, nn.Dropout) and layer.p for layer in network.modules())
        assert torch.equal(network(x), network(x)) != drops
        network.eval()
        assert torch.equal(network(x), network(x))
        # and afterwards no clip has a part in another's sound or score
        assert_close(network(x)[2], network(x[2:3])[0], atol=1e-5, rtol=1e-4)


# training


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", PRESETS)
def test_thirty_steps_change_every_parameter_and_keep_every_number_finite(name, seed):
    run = config(name, *NARROW, "conditional=true", labels=("a", "b"))
    start, end = play(run, 0, seed), play(run, 30, seed)
    still = []
    for before, after in ((start.generator, end.generator), (start.discriminator, end.discriminator)):
        for (parameter, old), new in zip(before.named_parameters(), after.parameters(), strict=True):
            assert new.isfinite().all(), parameter
            if torch.equal(old, new):
                still.append(parameter)
    # losses of differences of scores never see what is added to all of them
    assert still == (["dense.bias"] if run.settings.loss in ("wgan_gp", "relativistic") else [])
    for wave in end.sounds(PREVIEW_SEEDS):
        assert wave.shape == (2_000,)
        assert wave.isfinite().all()


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_same_seed_gives_the_same_sounds_and_another_seed_others(name):
    run = config(name, *NARROW)
    once, again, other = (play(run, 3, seed).sounds(PREVIEW_SEEDS) for seed in (0, 0, 1))
    assert torch.equal(once, again)
    assert not torch.allclose(once, other, atol=1e-4)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_save_gives_the_same_sounds_again_statistics_of_batches_included(name):
    run = config(name, *NARROW)
    trained, fresh = play(run, 3), play(run, 0, seed=5)
    fresh.load(trained.tensors())
    assert torch.equal(trained.sounds(PREVIEW_SEEDS), fresh.sounds(PREVIEW_SEEDS))
    assert set(trained.snapshot()) == {f"generator.{key}" for key in trained.averaged.state_dict()} | {
        f"transform.{key}" for key in trained.transform.state_dict()
    }


def test_averaged_weights_come_with_the_present_statistics_of_batches():
    game = play(config("dcgan1d", *NARROW, "ema=0.9"), 5)
    present, average = game.generator.state_dict(), game.averaged.state_dict()
    statistics = [name for name in present if "running" in name]
    assert len(statistics) == 6
    for name in statistics:
        assert torch.equal(average[name], present[name])
        # means begin at 0 and deviations at 1
        assert not torch.equal(present[name], torch.full_like(present[name], float("var" in name)))
    assert not torch.equal(average["dense.weight"], present["dense.weight"])


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_systems_play_with_the_last_weights(name):
    game = play(config(name, *NARROW), 3)
    for key, value in game.generator.state_dict().items():
        assert torch.equal(value, game.averaged.state_dict()[key])


# settings that do and do not go together


def test_what_the_settings_know_of_the_networks_is_true():
    assert set(SEES) == set(ARCHITECTURES) == {preset.settings.architecture for preset in PRESETS.values()}
    assert {transform for seen in SEES.values() for transform in seen} == set(TRANSFORMS)
    assert set(PENALISED) == {name for name, loss in LOSSES.items() if loss.penalty in ("interpolated", "zero_centred")}
    for name, preset in PRESETS.items():
        settings = preset.settings.with_text(["normalisation=batch", "loss=bce", *NARROW])
        run = RunConfig(name, settings, "sounds", "0", 8_000, 2_000, ())
        normalised = any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in pair(run)[1].modules())
        assert normalised == (settings.architecture in BATCH_NORMALISED_CRITICS)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", PRESETS)
def test_no_critic_under_a_gradient_penalty_has_batch_normalisation(name, loss):
    settings = PRESETS[name].settings
    if name in BATCH_NORMALISED_CRITICS and loss in PENALISED:
        with pytest.raises(SettingError, match=rf"{loss} .* {name}'s discriminator .* normalisation=none"):
            settings.with_text([f"loss={loss}"])
        settings = settings.with_text([f"loss={loss}", "normalisation=none"])
    else:
        settings = settings.with_text([f"loss={loss}"])
    run = RunConfig(name, settings.with_text(NARROW), "sounds", "0", 8_000, 2_000, ())
    critic = pair(run)[1]
    if LOSSES[loss].penalty in ("interpolated", "zero_centred"):
        assert not any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in critic.modules())


@pytest.mark.parametrize("name", ["specgan", "melspec_wgan"])
@pytest.mark.parametrize("transform", IMAGES)
def test_image_networks_take_every_image(name, transform):
    run = config(name, *NARROW, f"transform={transform}", "mels=64")
    game = play(run, 1)
    assert all(wave.isfinite().all() for wave in game.sounds(PREVIEW_SEEDS))
    assert game.transform.shape == (1, 64 if transform == "mel_image" else 128, 32)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"architecture": "mlp"}, "mlp is made for transform=waveform, not frames"),
        (
            {"architecture": "specgan", "transform": "waveform"},
            "transform=log_spectrogram or log_mel_spectrogram or mel_image",
        ),
        ({"architecture": "melspec_wgan", "transform": "mel_image", "mels": 80}, "multiple of 32.*80 is not"),
    ],
)
def test_what_does_not_fit_together_is_refused_in_a_sentence(settings, sentence):
    with pytest.raises(SettingError, match=sentence):
        Settings(**settings)


@pytest.mark.parametrize(
    ("settings", "limit"),
    [
        (Settings(), Limit(minutes=10)),
        (Settings(epochs=30), Limit(epochs=30)),
        (Settings(epochs=30, steps=100), Limit(steps=100)),
    ],
)
def test_a_training_without_a_limit_ends_as_its_preset_says(settings, limit):
    assert Limit().or_default(settings) == limit
    assert Limit(minutes=math.pi).or_default(settings) == Limit(minutes=math.pi)

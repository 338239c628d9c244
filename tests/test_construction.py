"""What a user is told of the construction, held against what the modules do, over clip lengths and rates."""

import re

import pytest
import torch

from audiogan import models
from audiogan.transforms import Spectral, make_transform
from audiogan.worker import describe_construction
from tests.conftest import tiny_config

LENGTHS = [
    (8_000, 0.25),
    (16_000, 1.024),
    (22_050, 0.5),
    (16_000, 4.0),
    (22_050, 5.0),
    (44_100, 2.0),
    (48_000, 1.0),
    (48_000, 10.0),
]


def numbers(sentence: str) -> list[float]:
    """The numbers in a text, without the commas between thousands."""
    return [float(text.replace(",", "")) for text in re.findall(r"\d[\d,]*(?:\.\d+)?", sentence)]


def lengths_inside(generator: torch.nn.Module) -> list[tuple[int, ...]]:
    """The positions (F,) or (H, W) that go through a generator's layers on a real call, one after the other."""
    seen = []

    def watch(_, inputs, output) -> None:
        for tensor in (*inputs, output):
            if tensor.ndim > 2 and (not seen or seen[-1] != tuple(tensor.shape[2:])):
                seen.append(tuple(tensor.shape[2:]))

    for module in generator.modules():
        if not list(module.children()) and not isinstance(module, torch.nn.Flatten):
            module.register_forward_hook(watch)
    generator.eval()(torch.zeros(2, generator.dense.in_features, device="meta"))
    return seen


def expected(preset: str, seen: list[tuple[int, ...]], clip_samples: int) -> list[int]:
    """The numbers that a sentence should have after what its layers were seen to do."""
    if preset == "mlp":
        return [clip_samples]
    start, made = seen[0], seen[-1]
    layers = len(seen) - 1
    if preset == "wavegan_bce":
        return [layers, *made, clip_samples]
    if preset == "framegan":
        # its first doubling happens before the first layer
        return [layers + 1, start[0] // 2, *made]
    if preset in ("specgan", "melspec_wgan"):
        published = (4, 4) if preset == "specgan" else (8, 8)
        return [layers, *start, *(() if start == published else published), *made]
    crop = [] if made == (clip_samples,) else [clip_samples]
    if preset == "wavegan":
        return [layers, *([] if layers == 5 else [5]), *made, *crop]
    return [layers, *start, *([] if start == (250,) else [250]), *made, *crop]


@pytest.mark.parametrize(("rate", "seconds"), LENGTHS)
@pytest.mark.parametrize("preset", models.ARCHITECTURES)
def test_the_sentence_says_what_the_layers_do(preset, rate, seconds):
    config = tiny_config(preset=preset, rate=rate, clip_samples=round(rate * seconds))
    shape = make_transform(config).shape
    sentence = models.describe(config.settings, shape)
    with torch.device("meta"):
        generator, discriminator = (part(config.settings, shape, 0) for part in models.ARCHITECTURES[preset])
    assert numbers(sentence) == expected(preset, lengths_inside(generator), config.clip_samples)
    cropped = preset in ("wavegan", "dcgan1d") and "all of them the clip's" not in sentence
    if preset == "wavegan":
        assert cropped == (discriminator.silence > 0)
    if preset == "dcgan1d":
        assert cropped == (discriminator.layers[0].padding != (0, 0))
    assert ("the discriminator is shown silence" in sentence) == cropped


@pytest.mark.parametrize(("rate", "seconds"), LENGTHS)
@pytest.mark.parametrize("preset", ["framegan", "specgan", "melspec_wgan"])
def test_the_sentence_says_which_frames_are_the_clip_s(preset, rate, seconds):
    config = tiny_config(preset=preset, rate=rate, clip_samples=round(rate * seconds))
    transform: Spectral = make_transform(config)
    bins, frames, frame_ms, *own = numbers(transform.describe())
    assert (bins, frames) == transform.shape[-2:]
    assert frame_ms == pytest.approx(1000 * transform.hop / rate, abs=0.05)
    last = int(own[0] if own else frames) - 1
    # a click in the middle of the last frame that the clip is said to have is heard there, and is the last that can be
    click = torch.zeros(1, config.clip_samples)
    click[0, last * transform.hop] = 1.0
    assert transform.magnitudes(click).sum(1).argmax() == last
    assert (last + 1) * transform.hop >= config.clip_samples


def test_the_published_lengths_are_told_without_instead():
    published = {
        "dcgan1d": (16_000, 64_000),
        "specgan": (16_000, 16_384),
        "melspec_wgan": (22_050, 256 * 512),
        "wavegan": (16_000, 16_384),
    }
    for preset, (rate, clip_samples) in published.items():
        config = tiny_config(preset=preset, rate=rate, clip_samples=clip_samples)
        sentence = describe_construction(config)
        assert "instead" not in sentence and "silence" not in sentence, sentence


@pytest.mark.parametrize(
    ("preset", "rate", "clip_samples", "sentence"),
    [
        (
            "wavegan",
            48_000,
            48_000,
            "Waveform: 48,000 samples, the clip itself. wavegan: 6 layers instead of 5 make 65,536 samples, of which "
            "the clip's 48,000 are kept (the discriminator is shown silence in place of the others).",
        ),
        (
            "melspec_wgan",
            44_100,
            88_200,
            "Mel image: 256 mel bins x 256 frames of 11.6 ms, of which 173 are the clip's, then silence. melspec_wgan: "
            "5 layers from 8 x 8 points make an image of 256 x 256.",
        ),
        (
            "framegan",
            44_100,
            44_100,
            "Frames: 128 mel bins x 88 frames of 11.6 ms, of which 87 are the clip's, then silence. framegan: 3 layers "
            "from 11 positions make 88 frames.",
        ),
    ],
)
def test_what_a_user_reads(preset, rate, clip_samples, sentence):
    assert describe_construction(tiny_config(preset=preset, rate=rate, clip_samples=clip_samples)) == sentence

"""The images of the published systems: librosa makes the same ones, sines stay where they are, drums stay drums."""

import math

import librosa
import numpy as np
import pytest
import torch
from torch.testing import assert_close

from audiogan import synthesis
from audiogan.config import RunConfig
from audiogan.presets import PRESETS
from audiogan.settings import IMAGES
from audiogan.spectra import stft
from audiogan.transforms import LogSpectrogram, MelImage, make_transform

RATES = (8_000, 16_000, 22_050, 44_100, 48_000)


def sine(hz: float, rate: int, count: int) -> torch.Tensor:
    """(1, count) at half the full scale."""
    return 0.5 * torch.sin(2 * math.pi * hz * torch.arange(count) / rate)[None]


def drums(rate: int, count: int) -> dict[str, torch.Tensor]:
    """One built-in sound of each label (1, count), silence behind it."""
    sounds = {sound.label: torch.from_numpy(sound.samples) for sound in synthesis.built_in_sounds(rate, per_label=1)}
    return {label: torch.nn.functional.pad(x, (0, max(0, count - len(x))))[None, :count] for label, x in sounds.items()}


def noise(clips: int, count: int) -> torch.Tensor:
    return 0.1 * torch.randn(clips, count, generator=torch.Generator().manual_seed(0))


def spectra(clips: torch.Tensor, n_fft: int, hop: int, frames: int) -> np.ndarray:
    """librosa's magnitudes (B, n_fft / 2 + 1, frames) of clips (B, T) followed by silence."""
    padded = np.pad(clips.numpy(), ((0, 0), (0, frames * hop - clips.shape[1])))
    return np.abs(librosa.stft(padded, n_fft=n_fft, hop_length=hop, pad_mode="constant"))[..., :frames]


def convergence(before: torch.Tensor, after: torch.Tensor) -> float:
    """Spectral convergence of two clips (1, T), 0 for equal magnitudes."""
    one, other = (stft(sound, 512, 128, torch.hann_window(512)).abs() for sound in (before, after))
    return float((one - other).norm() / one.norm())


# shapes


@pytest.mark.parametrize(
    ("transform", "shape"),
    [
        # as published
        (LogSpectrogram(16_000, 16_384), (1, 128, 128)),
        (LogSpectrogram(16_000, 16_384, mel=True), (1, 128, 128)),
        (MelImage(22_050, 5 * 22_050), (1, 256, 256)),
        (MelImage(22_050, 256 * 512), (1, 256, 256)),
        # a sample more than fits
        (LogSpectrogram(16_000, 16_385), (1, 128, 160)),
        (MelImage(22_050, 256 * 512 + 1), (1, 256, 512)),
        # the shortest and the longest clips
        (LogSpectrogram(8_000, 2_000), (1, 128, 32)),
        (LogSpectrogram(48_000, 480_000), (1, 128, 3_776)),
        (MelImage(8_000, 2_000), (1, 256, 32)),
        (MelImage(48_000, 480_000), (1, 256, 1_024)),
        (MelImage(22_050, 22_050, mels=64), (1, 64, 64)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, torch.nn.Module) else str(value),
)
def test_images_have_the_published_size_and_grow_and_shrink_with_the_clip(transform, shape):
    assert transform.shape == shape
    transform.iterations = 1
    clips = noise(2, transform.clip_samples)
    transform.fit(clips)
    seen = transform(clips)
    assert seen.shape == (2, *shape)
    assert seen.abs().max() <= 1
    back = transform.inverse(seen)
    assert back.shape == clips.shape
    assert back.isfinite().all()


@pytest.mark.parametrize("rate", RATES)
def test_no_mel_bin_is_without_a_frequency(rate):
    # such a bin would be a division by zero on the way back
    for transform in (LogSpectrogram(rate, rate, mel=True), MelImage(rate, rate)):
        assert transform.filters.sum(1).min() > 0.01


# specgan's


@pytest.mark.parametrize("mel", [False, True])
def test_log_spectrogram_is_librosa_s_standardised_in_each_bin(mel):
    # more clips than are measured at a time, and loud and quiet ones: all bins reach both bounds
    clips = noise(20, 8_000) * torch.logspace(-4, 0, 20)[:, None]
    transform = LogSpectrogram(16_000, 8_000, mel)
    transform.fit(clips)
    if mel:
        filters = librosa.filters.mel(sr=16_000, n_fft=1_024, n_mels=128, norm=None)
        values = filters @ spectra(clips, 1_024, 128, 64)
    else:
        values = spectra(clips, 256, 128, 64)[:, :128]
    levels = np.log(values + 1e-6)
    mean, std = levels.mean(axis=(0, 2), keepdims=True), levels.std(axis=(0, 2), keepdims=True)
    expected = np.clip((levels - mean) / std, -3, 3)[:, None] / 3
    assert_close(transform(clips), torch.from_numpy(expected), atol=1e-3, rtol=0)


def test_a_level_three_deviations_off_is_white_or_black_and_one_deviation_a_third():
    transform = LogSpectrogram(16_000, 4_096)
    clip = noise(1, 4_096)
    level = (transform.magnitudes(clip)[0, 40, 16] + 1e-6).log()
    transform.std.fill_(0.5)
    for deviations, seen in [(1.0, 1 / 3), (-2.0, -2 / 3), (4.0, 1.0), (-4.0, -1.0)]:
        transform.mean.fill_(float(level) - deviations * 0.5)
        assert_close(float(transform(clip)[0, 0, 40, 16]), seen, atol=1e-4, rtol=0)


def test_a_bin_that_never_moves_does_not_turn_rounding_into_structure():
    transform = LogSpectrogram(16_000, 4_096)
    transform.fit(torch.zeros(2, 4_096))
    assert_close(transform.std, torch.full((128, 1), 0.1))
    assert_close(transform(torch.zeros(2, 4_096)), torch.zeros(2, *transform.shape), atol=1e-3, rtol=0)


def test_but_for_the_top_bin_and_the_phase_a_log_spectrogram_loses_nothing(monkeypatch):
    transform = LogSpectrogram(16_000, 4_096)
    clips = noise(4, 4_096)
    transform.fit(clips)
    transform.std.mul_(10)  # so that no level is clipped
    monkeypatch.setattr(transform, "waves", lambda magnitudes: magnitudes)
    back, magnitudes = transform.inverse(transform(clips)), transform.magnitudes(clips)
    assert back.shape == magnitudes.shape == (4, 129, 32)
    assert_close(back[:, :128], magnitudes[:, :128], atol=1e-4, rtol=1e-3)
    assert not back[:, 128].any()


def test_griffin_lim_has_as_many_rounds_as_the_sources_or_the_user_say(monkeypatch):
    asked = []

    def silence(magnitudes, n_fft, hop, window, phases, iterations):
        asked.append(iterations)
        return torch.zeros(1, 4_096)

    monkeypatch.setattr("audiogan.transforms.griffin_lim", silence)
    for transform in (LogSpectrogram(16_000, 4_096), MelImage(16_000, 4_096), LogSpectrogram(16_000, 4_096, True, 7)):
        transform.inverse(torch.zeros(1, *transform.shape))
    assert asked == [16, 32, 7]


# melspec_wgan's


@pytest.mark.parametrize("rate", RATES)
def test_mel_image_is_librosa_s_in_decibels_and_eight_bits(rate):
    transform = MelImage(rate, rate)
    clips = torch.cat([*drums(rate, rate).values(), 0.1 * noise(1, rate), sine(1_000, rate, rate)])
    frames = transform.shape[2]
    for clip, seen in zip(clips, transform(clips), strict=True):
        # the source's slice is a sample short of 256 hops, which makes 256 frames and not 257
        padded = np.pad(clip.numpy(), (0, frames * 512 - 1 - rate)) if frames * 512 > rate else clip.numpy()
        mel = librosa.feature.melspectrogram(y=padded, sr=rate, n_fft=2048, hop_length=512, n_mels=256)
        decibels = librosa.power_to_db(mel, ref=np.max, top_db=80)
        grey = np.round((decibels + 80) * 255 / 80)
        assert grey.shape == (256, frames)
        difference = np.abs((seen[0].numpy() + 1) * 127.5 - grey)
        # float32 rounds a handful of values to the neighbouring grey
        assert difference.max() < 1.01
        assert (difference > 0.25).mean() < 1e-3


def test_the_loudest_place_is_white_a_hundredth_of_the_power_64_greys_darker_and_silence_black():
    transform = MelImage(16_000, 32 * 512)
    loud, quiet = sine(1_000, 16_000, 32 * 512), sine(1_000, 16_000, 32 * 512) / 10
    clip = torch.where(torch.arange(32 * 512) < 16 * 512, loud, quiet)
    seen = transform(clip)[0, 0]
    assert seen.max() == 1
    # 20 dB of 80 are 63.75 of 255 greys
    assert_close(float(seen[:, 4].max() - seen[:, 28].max()) * 127.5, 64.0, atol=1.0, rtol=0)
    assert seen[250, 28] == -1
    # twice as loud a clip looks the same
    assert_close(transform(clip / 2)[0, 0], seen, atol=0.01, rtol=0)


def test_what_follows_a_short_clip_is_black():
    transform = MelImage(22_050, 3 * 22_050)  # 129.2 frames
    seen = transform(noise(1, 3 * 22_050))[0, 0]
    assert seen.shape == (256, 256)
    # a window reaches two hops beyond its centre
    assert (seen[:, 132:] == -1).all()
    assert (seen[:, :129].amax(0) > 0).all()


def test_a_silent_clip_is_black_and_comes_back_unheard():
    transform = MelImage(16_000, 8_000)
    seen = transform(torch.zeros(1, 8_000))
    assert (seen == -1).all()
    assert transform.inverse(seen).abs().max() <= 1.001e-4  # -80 dB


def test_a_mel_image_comes_back_with_the_training_clips_median_peak_and_a_darker_one_quieter():
    transform = MelImage(16_000, 8_000)
    clips = noise(3, 8_000)
    clips = clips / clips.abs().amax(1, keepdim=True) * torch.tensor([[0.2], [0.7], [0.9]])
    transform.fit(clips)
    seen = transform(clips)
    assert_close(transform.inverse(seen).abs().amax(1), torch.full((3,), 0.7))
    # a quarter of the way from white to black is 20 dB
    assert_close(transform.inverse(seen - 0.5).abs().amax(1), torch.full((3,), 0.07))


def test_no_mel_image_clips():
    transform = MelImage(16_000, 8_000, iterations=2)
    images = torch.rand(4, *transform.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    images[0] = 1
    assert transform.inverse(images).abs().max() <= 1.0001


@pytest.mark.parametrize(
    ("transform", "learned"),
    [(LogSpectrogram(8_000, 2_000), {"mean", "std"}), (LogSpectrogram(8_000, 2_000, True), {"mean", "std"})]
    + [(MelImage(8_000, 2_000), {"peak"})],
    ids=["log", "log_mel", "mel_image"],
)
def test_what_an_image_learned_of_the_data_is_saved_and_nothing_else(transform, learned):
    assert set(transform.state_dict()) == learned


def test_settings_choose_the_image():
    def made(*assignments: str):
        settings = PRESETS["specgan"].settings.with_text(["griffin_lim_iterations=5", *assignments])
        return make_transform(RunConfig("specgan", settings, "sounds", "0", 8_000, 2_000, ()))

    assert made("transform=log_spectrogram").n_fft == 256
    assert made("transform=log_mel_spectrogram").n_fft == 1_024
    assert made("transform=mel_image", "mels=64").shape == (1, 64, 32)
    assert {made(f"transform={name}").iterations for name in IMAGES} == {5}


# there and back


@pytest.mark.parametrize("hz", [500, 1_000, 3_000])
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("name", ["log", "log_mel", "mel_image"])
def test_a_sine_comes_back_in_its_own_bin(name, rate, hz):
    count = rate // 2
    makers = {
        "log": lambda: LogSpectrogram(rate, count),
        "log_mel": lambda: LogSpectrogram(rate, count, mel=True),
        "mel_image": lambda: MelImage(rate, count),
    }
    transform = makers[name]()
    fft_bin = round(hz * transform.n_fft / rate)
    clip = sine(fft_bin * rate / transform.n_fft, rate, count)
    # fitted to it and to noise, as a data set of nothing but one sine has no deviation
    transform.fit(torch.cat([clip, noise(4, count)]))
    back = transform.inverse(transform(clip))
    levels = transform.magnitudes(back)[0].mean(1)
    # mel bins are two FFT bins wide and more
    assert abs(int(levels.argmax()) - fft_bin) <= (0 if name == "log" else 1 + hz // 1_500)


@pytest.mark.parametrize(
    ("make", "bounds"),
    # measured 0.02 to 0.1 lower; magnitudes alone, without Griffin-Lim, would be 0
    [
        (lambda: LogSpectrogram(8_000, 4_000), {"kick": 0.25, "snare": 0.4, "tom": 0.3, "clap": 0.45, "chirp": 0.35}),
        (
            lambda: LogSpectrogram(8_000, 4_000, True),
            {"kick": 0.4, "snare": 0.4, "tom": 0.2, "clap": 0.45, "chirp": 0.35},
        ),
        (lambda: MelImage(8_000, 4_000), {"kick": 0.45, "snare": 0.55, "tom": 0.3, "clap": 0.7, "chirp": 0.7}),
    ],
    ids=["log", "log_mel", "mel_image"],
)
def test_a_drum_comes_back_with_nearly_its_own_spectrogram(make, bounds):
    transform, clips = make(), drums(8_000, 4_000)
    transform.fit(torch.cat(list(clips.values())))
    distances = {label: convergence(clips[label], transform.inverse(transform(clips[label]))) for label in bounds}
    assert all(distances[label] < bound for label, bound in bounds.items()), distances

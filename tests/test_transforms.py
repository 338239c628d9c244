"""What the network sees, and the way back to sound: sines stay where they are, drums stay drums."""

import math

import pytest
import torch
from torch.testing import assert_close

from audiogan import synthesis
from audiogan.descriptors import periodicity
from audiogan.mel import mel_filters
from audiogan.presets import PRESETS
from audiogan.spectra import stft
from audiogan.transforms import Frames, Waveform, make_transform
from tests.conftest import tiny_config

RATES = (8_000, 16_000, 22_050, 44_100)


def one_sine(hz: float, rate: int) -> torch.Tensor:
    """Half a second (1, T) at half the full scale."""
    return 0.5 * torch.sin(2 * math.pi * hz * torch.arange(rate // 2) / rate)[None]


@pytest.fixture(scope="module")
def drums() -> dict[str, torch.Tensor]:
    """One built-in sound of each label (1, 5512), a quarter of a second at 22,050 Hz."""
    drums = {}
    for sound in synthesis.built_in_sounds(22_050, per_label=1):
        samples = torch.from_numpy(sound.samples[:5512])
        drums[sound.label] = torch.nn.functional.pad(samples, (0, 5512 - len(samples)))[None]
    return drums


# the waveform itself


def test_a_waveform_is_the_clip_itself():
    clips = torch.rand(3, 2_000, generator=torch.Generator().manual_seed(0)) * 2 - 1
    transform = Waveform(2_000)
    seen = transform(clips)
    assert seen.shape == (3, *transform.shape) == (3, 1, 2_000)
    assert torch.equal(seen[:, 0], clips)
    assert torch.equal(transform.inverse(seen), clips)


# frames


def test_fitted_frames_have_mean_zero_and_the_deviation_that_the_scale_leaves_in_every_mel_bin(drums):
    clips = torch.cat([drums["kick"], drums["snare"], drums["tom"]])
    frames = Frames(22_050, 5_512)
    frames.fit(clips)
    seen = frames(clips)
    assert seen.shape == (3, *frames.shape) == (3, 80, 24)
    # nothing reaches a bound here: levels are standardised and divided by 1.5
    assert seen.min() > -2
    assert seen.max() < 4
    assert_close(seen.mean(dim=(0, 2)), torch.zeros(80), atol=1e-5, rtol=0)
    assert_close(seen.std(dim=(0, 2)), torch.full((80,), 1 / 1.5))


def test_what_lies_60_db_below_the_loudest_level_counts_as_silence():
    frames = Frames(8_000, 4_000)
    frames.fit(one_sine(1_000, 8_000))
    mel = mel_filters(8_000, 512, 64) @ stft(one_sine(1_000, 8_000), 512, 128, torch.hann_window(512)).abs()
    assert_close(frames.floor, mel.max() / 1_000)
    # a level at the floor stands 6 dB above silence, and one 40 dB under the floor is silence
    quiet = torch.full((1, 64, 32), float(frames.floor))
    heard = ((quiet + frames.floor).log() - frames.floor.log()) / math.log(2)
    assert_close(heard, torch.ones_like(heard))
    assert_close(frames(1e-5 * one_sine(1_000, 8_000)), frames(torch.zeros(1, 4_000)), atol=2e-2, rtol=0)


def test_what_a_generator_asks_for_below_the_floor_fades_twice_as_fast():
    frames = Frames(8_000, 4_000)
    frames.fit(one_sine(1_000, 8_000))

    def level_db(times_floor: float) -> float:
        # a level holds the floor itself as well
        frames.mean.fill_(math.log(1 + times_floor) + float(frames.floor.log()))
        return 10 * math.log10(float(frames.inverse(torch.zeros(1, *frames.shape)).square().mean()))

    assert level_db(10) - level_db(1) == pytest.approx(20, abs=0.1)
    assert level_db(1) - level_db(0.1) == pytest.approx(40, abs=0.1)
    frames.mean.fill_(float(frames.floor.log()) - 1)
    assert not frames.inverse(torch.zeros(1, *frames.shape)).any()


def test_frames_are_bounded_three_deviations_below_and_six_above():
    frames = Frames(8_000, 4_000)
    frames.fit(one_sine(1_000, 8_000))
    frames.std.fill_(0.1)
    frames.mean.fill_(float(frames.floor.log()) + 1)
    seen = frames(one_sine(1_000, 8_000))
    assert_close(seen.min(), torch.tensor(-3 / 1.5))
    assert_close(seen.max(), torch.tensor(6 / 1.5))


def test_a_mel_bin_that_never_moves_does_not_turn_rounding_into_structure():
    frames = Frames(8_000, 4_000)
    frames.fit(torch.zeros(2, 4_000))
    assert_close(frames.std, torch.full((64, 1), 0.1))
    assert_close(frames(torch.zeros(2, 4_000)), torch.zeros(2, *frames.shape), atol=1e-5, rtol=0)


@pytest.mark.parametrize("hz", [300, 600, 1_000])
@pytest.mark.parametrize("rate", RATES)
def test_a_sine_comes_back_at_its_own_frequency(rate, hz):
    frames = Frames(rate, rate // 2)
    fft_bin = round(hz * frames.n_fft / rate)
    sound = one_sine(fft_bin * rate / frames.n_fft, rate)
    frames.fit(sound)
    back = frames.inverse(frames(sound))
    levels = stft(back, frames.n_fft, frames.hop, frames.window).abs()[0].mean(1)
    # mel bins are two FFT bins wide down here
    assert abs(int(levels.argmax()) - fft_bin) <= 1
    # Griffin-Lim loses a little where its frames do not agree: 1.6 dB at most here
    assert -2 < 20 * math.log10(back.std() / sound.std()) < 0.5


@pytest.mark.parametrize(
    ("label", "bound"),
    # measured 0.05 lower; noise has the largest error because mel bins keep only its envelope
    [("kick", 0.22), ("snare", 0.4), ("tom", 0.2), ("clap", 0.4), ("chirp", 0.2)],
)
def test_a_drum_comes_back_with_nearly_its_own_spectrogram(drums, label, bound):
    frames = Frames(22_050, 5_512)
    frames.fit(torch.cat(list(drums.values())))
    back = frames.inverse(frames(drums[label]))
    before, after = (stft(sound, frames.n_fft, frames.hop, frames.window).abs() for sound in (drums[label], back))
    assert (before - after).norm() / before.norm() < bound


@pytest.mark.parametrize("clip_samples", [1_000, 1_024, 1_025, 2_000])
def test_a_click_anywhere_in_the_clip_comes_back_where_it_was(clip_samples):
    frames = Frames(8_000, clip_samples, iterations=8)
    for at in (40, clip_samples // 2, clip_samples - 40):
        click = torch.zeros(1, clip_samples)
        click[0, at : at + 8] = 0.5
        frames.fit(click)
        back = frames.inverse(frames(click))
        assert back.shape == click.shape
        # to the resolution of one frame
        assert abs(int(back.abs().argmax()) - at) <= frames.hop


def test_untrained_networks_never_give_infinite_sounds(drums):
    frames = Frames(22_050, 5_512, iterations=2)
    frames.fit(drums["snare"])
    loudest = drums["snare"].abs().max()
    for scale in (1, 100, 1e6):
        seen = torch.randn(2, *frames.shape, generator=torch.Generator().manual_seed(0)) * scale
        sound = frames.inverse(seen)
        assert sound.isfinite().all()
        # twice the loudest level of the data set in every bin of every frame at once, and no more
        assert sound.abs().max() < 100 * loudest


def test_what_frames_learned_is_saved_with_the_generator_and_nothing_else():
    learned = {"mean", "std", "floor"}
    assert set(Frames(8_000, 2_000).state_dict()) == learned
    lent = {"exemplars.levels", "exemplars.structure", "onsets.levels", "onsets.phases"}
    assert set(Frames(8_000, 2_000, exemplars=5, onsets=5).state_dict()) == learned | lent


# back to sound


def test_a_high_note_comes_back_as_periodic_as_it_was_once_real_frames_lend_their_detail():
    rate = 22_050
    t = torch.arange(rate) / rate
    notes = torch.stack([sum(torch.sin(2 * math.pi * hz * k * t) / k for k in range(1, 9)) / 4 for hz in (880, 587)])
    harmonicity = {}
    for name, ways in {"real": None, "alone": {}, "lent": {"phases": "peaks", "exemplars": 64}}.items():
        back = notes
        if ways is not None:
            frames = Frames(rate, rate, iterations=8, **ways)
            frames.fit(notes)
            back = frames.inverse(frames(notes))
        harmonicity[name] = float(periodicity(back.numpy(), rate).harmonicity.mean())
    # in decibels of harmonics over noise: 14 without, 27 with, when this was written
    assert 1 - harmonicity["lent"] < 0.2 * (1 - harmonicity["alone"])


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_s_transform_keeps_the_shape_contract(name):
    config = tiny_config(preset=name)
    transform = make_transform(config)
    clips = torch.zeros(2, config.clip_samples)
    transform.fit(clips)
    seen = transform(clips)
    assert seen.shape == (2, *transform.shape)
    assert transform.inverse(seen).shape == clips.shape


def test_settings_reach_the_frames():
    frames = make_transform(
        tiny_config("mels=40", "griffin_lim_iterations=7", "exemplars=5", "onsets=3", "phases=random")
    )
    assert frames.shape == (40, 16)
    assert (frames.iterations, frames.phases) == (7, "random")
    assert frames.exemplars.levels.shape == (5, 40)
    assert frames.onsets.phases.shape == (3, 4, frames.n_fft // 2 + 1)
    assert make_transform(tiny_config("exemplars=0")).exemplars is None
    assert make_transform(tiny_config("onsets=0")).onsets is None


@pytest.mark.parametrize(("floor_db", "tail_db"), [(-60.0, -80.0), (-80.0, -70.0)])
def test_what_lies_under_the_floor_of_frames_is_twice_as_far_under_it(floor_db, tail_db):
    rate, count = 16_000, 16_384
    tone = torch.sin(2 * torch.pi * 1_000 * torch.arange(count) / rate)
    # the second half is 70 dB quieter
    clip = (tone * torch.where(torch.arange(count) < count // 2, 1.0, 10 ** (-70 / 20)))[None]
    frames = Frames(rate, count, floor_db=floor_db)
    frames.fit(clip)
    head, tail = frames.inverse(frames(clip))[0, :6_000], frames.inverse(frames(clip))[0, -6_000:]
    level_db = 10 * torch.log10(tail.square().mean() / head.square().mean() + 1e-20)
    assert float(level_db) == pytest.approx(tail_db, abs=4)

"""What may be chosen, and what is said to whoever chooses something else."""

import json
from dataclasses import asdict, fields, replace

import pytest

from audiogan.config import Limit, RunConfig, check_seed
from audiogan.presets import PRESETS, Preset, preset
from audiogan.settings import BELIEFS, PUBLISHED, SEES, SettingError, Settings, documentation
from tests.conftest import tiny_config

NUMBERS = [item for item in fields(Settings) if "low" in item.metadata]
CHOICES = [item for item in fields(Settings) if "options" in item.metadata]


def test_every_setting_is_a_number_with_bounds_or_a_choice_or_a_switch():
    switches = [item for item in fields(Settings) if item.type is bool]
    assert len(NUMBERS) + len(CHOICES) + len(switches) == len(fields(Settings))


@pytest.mark.parametrize("config_class", [Settings, Preset])
def test_every_field_says_what_it_is(config_class):
    texts = documentation(config_class)
    for item in fields(config_class):
        if item.name != "settings":
            assert len(texts[item.name]) >= 15, item.name
    if config_class is Settings:
        assert texts["batch"] == "Clips per step; under torchrun in each process."


@pytest.mark.parametrize("item", NUMBERS, ids=lambda item: item.name)
def test_both_ends_of_a_number_s_range_are_accepted_and_what_lies_beyond_is_not(item):
    low, high = item.metadata["low"], item.metadata["high"]
    assert low <= item.default <= high
    assert getattr(Settings(**{item.name: low}), item.name) == low
    assert getattr(Settings(**{item.name: high}), item.name) == high
    for beyond in (low - 1, high + 1, float("nan"), float("inf")):
        with pytest.raises(SettingError, match=f"{item.name} must lie between {low} and {high}"):
            Settings(**{item.name: beyond})


@pytest.mark.parametrize("item", CHOICES, ids=lambda item: item.name)
def test_a_choice_accepts_what_it_offers_and_nothing_else(item):
    for option in item.metadata["options"]:
        # an architecture is made for some transforms only
        pairs = {architecture: seen[0] for architecture, seen in SEES.items() if option in (architecture, *seen)}
        architecture, transform = next(iter(pairs.items()), ("framegan", "frames"))
        values = {"architecture": architecture, "transform": transform, item.name: option}
        assert getattr(Settings(**values), item.name) == option
    with pytest.raises(SettingError, match=f"{item.name} is one of .*; 'nonsense' is not"):
        Settings(**{item.name: "nonsense"})


def test_a_kernel_is_odd():
    with pytest.raises(SettingError, match="kernel must be odd"):
        Settings(kernel=24)


def test_texts_change_the_settings_they_name_and_no_others():
    before = PRESETS["wavegan"].settings
    after = before.with_text(["batch=32", "rate_g=1e-3", "conditional=TRUE", "latent=normal"])
    assert after == replace(before, batch=32, rate_g=0.001, conditional=True, latent="normal")
    assert [type(value) for value in (after.batch, after.rate_g, after.conditional)] == [int, float, bool]


def test_another_loss_brings_its_published_settings_except_those_that_are_named():
    before = PRESETS["wavegan"].settings
    after = before.with_text(["rate_g=0.003", "loss=hinge", "penalty_every=3"])
    assert after == replace(
        before, loss="hinge", critic_steps=1, rate_g=0.003, rate_d=4e-4, beta1=0.0, penalty=0.0, penalty_every=3
    )
    # there and back is as published, since WaveGAN's preset is
    assert after.with_text(["loss=wgan_gp"]) == before


def test_the_preset_s_own_loss_leaves_its_settings_as_they_are():
    before = PRESETS["framegan"].settings
    assert before.with_text(["loss=relativistic"]) == before
    assert before.with_text(["loss=relativistic", "beta1=0.1"]) == replace(before, beta1=0.1)


@pytest.mark.parametrize("loss", BELIEFS)
def test_every_loss_has_all_its_published_settings(loss):
    names = {"critic_steps", "rate_g", "rate_d", "beta1", "beta2", "penalty", "penalty_every"}
    assert set(PUBLISHED[loss]) == names
    assert Settings(**PUBLISHED[loss])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("bacth=3", r"There is no setting 'bacth'; did you mean 'batch'\?"),
        ("zzz=3", "There is no setting 'zzz'. The settings are: architecture, transform"),
        ("batch", "'batch' is not of the form key=value, for example batch=32."),
        ("batch=many", "batch must be a whole number, not 'many'."),
        ("batch=2.5", "batch must be a whole number, not '2.5'."),
        ("rate_g=fast", "rate_g must be a number, not 'fast'."),
        ("rate_g=nan", "rate_g must lie between 1e-07 and 0.1; nan does not. .Learning rate of the generator"),
        ("conditional=1", "conditional is true or false, not '1'."),
        ("batch=1", r"batch must lie between 2 and 512; 1 does not. .Clips per step; under"),
    ],
)
def test_a_text_that_cannot_be_used_is_answered_with_what_could(text, sentence):
    with pytest.raises(SettingError, match=sentence):
        Settings().with_text([text])


def test_an_unknown_preset_is_answered_with_the_nearest_one():
    with pytest.raises(SettingError, match=r"There is no preset 'wave-gan'; did you mean 'wavegan'\?"):
        preset("wave-gan")
    assert preset("framegan") is PRESETS["framegan"]


def test_wavegan_s_preset_is_as_published():
    published = {
        "latent_size": 100,
        "latent": "uniform",
        "width": 64,
        "kernel": 25,
        "phase_shuffle": 2,
        "phase_shuffle_per": "clip",
        "loss": "wgan_gp",
        "penalty": 10.0,
        "penalty_every": 1,
        "critic_steps": 5,
        "rate_g": 1e-4,
        "rate_d": 1e-4,
        "beta1": 0.5,
        "beta2": 0.9,
        "decay_steps": 0,
        "batch": 64,
        "steps": 200_000,
        "augment": 0.0,
    }
    assert asdict(PRESETS["wavegan"].settings).items() >= published.items()


@pytest.mark.parametrize("name", PRESETS)
def test_a_run_s_configuration_travels_as_json(name):
    config = tiny_config(preset=name, labels=("Hände", "kick"), versions={"torch": "2.13"}, seed=2**63 - 1)
    text = config.to_json()
    assert RunConfig.from_json(text) == config
    assert json.loads(text)["settings"]["architecture"] == config.settings.architecture
    assert "Hände" in text


def test_a_run_of_the_days_when_frames_could_be_rolled_goes_on():
    values = json.loads(tiny_config().to_json())
    values["settings"]["roll_seconds"] = 0.0
    # in which the number of kinds meant nothing where there were labels
    values["settings"]["kinds"] = 8
    # and groups had their name
    del values["settings"]["groups"]
    assert RunConfig.from_json(json.dumps(values)) == tiny_config("kinds=1", created=values["created"])
    values["labels"] = []
    old = RunConfig.from_json(json.dumps(values))
    assert (old.n_labels, old.n_classes) == (8, 8)
    values["settings"]["conditional"] = False
    assert RunConfig.from_json(json.dumps(values)).settings.groups == 0


def test_labels_are_given_to_the_networks_when_there_are_two_and_they_are_wanted():
    assert tiny_config(labels=("a", "b", "c")).n_labels == 3
    assert tiny_config(labels=("a",)).n_labels == 0
    assert tiny_config(labels=()).n_labels == 0
    assert tiny_config("conditional=false", labels=("a", "b", "c")).n_labels == 0


def test_a_clip_of_2000_samples_at_8_khz_lasts_a_quarter_of_a_second():
    assert tiny_config().seconds == 0.25


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_that_cannot_start_all_random_numbers_is_refused(seed):
    check_seed(0)
    with pytest.raises(SettingError, match="A seed is a whole number from 0 to 9223372036854775807"):
        tiny_config(seed=seed)


def test_one_limit_can_be_given_and_must_be_positive():
    with pytest.raises(SettingError, match="Give one limit, not steps and minutes together"):
        Limit(steps=5, minutes=2)
    for limit in ({"steps": 0}, {"epochs": -1.0}, {"minutes": 0.0}):
        with pytest.raises(SettingError, match="A limit must be greater than 0"):
            Limit(**limit)


def test_a_training_without_a_limit_uses_its_preset_s():
    given = Limit(epochs=2.5)
    assert given.or_default(Settings()) == given
    assert Limit().or_default(Settings(steps=0, minutes=7.0)) == Limit(minutes=7.0)
    assert Limit().or_default(Settings(steps=300, minutes=7.0)) == Limit(steps=300)


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (Limit(steps=12_000), "12,000 steps"),
        (Limit(minutes=10.0), "10 minutes"),
        (Limit(minutes=1.0), "1 minute"),
        (Limit(epochs=2.5), "2.5 epochs"),
        (Limit(), "the preset's own limit"),
    ],
)
def test_a_limit_in_words(limit, words):
    assert limit.describe() == words


def test_a_run_from_before_anything_was_held_out_still_trains_on_everything():
    config = tiny_config()
    values = json.loads(config.to_json())
    assert RunConfig.from_json(json.dumps(values)).settings.hold_out == 0.1
    del values["settings"]["hold_out"]
    assert RunConfig.from_json(json.dumps(values)).settings.hold_out == 0.0


def test_a_run_from_before_frames_were_lent_and_stages_modulated_is_what_it_was():
    values = json.loads(tiny_config().to_json())
    before = {"phases": "random", "exemplars": 0, "onsets": 0, "modulation": False, "class_layers": False}
    for name, value in before.items():
        assert values["settings"].pop(name) != value
    old = asdict(RunConfig.from_json(json.dumps(values)).settings)
    assert {name: old[name] for name in before} == before


@pytest.mark.parametrize("name", ["exemplars", "onsets"])
def test_only_frames_lend(name):
    with pytest.raises(SettingError, match=f"Only frames keep {name}; wavegan has none: set {name}=0"):
        tiny_config(f"{name}=5", preset="wavegan")
    # another architecture than the preset's can be named all the same
    settings = PRESETS["framegan"].settings.with_text(["architecture=wavegan", "transform=waveform"])
    assert getattr(settings, name) == 0

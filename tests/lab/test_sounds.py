"""From folders and uploads to data sets."""

import shutil
from dataclasses import replace

import pytest

from audiogan import synthesis
from audiogan.audio import decode, to_int16
from audiogan.lab import BUILT_IN, Lab, RunError, wav_of_clip
from audiogan.runs import Run
from tests.conftest import CLIP_SAMPLES, RATE, tiny_config


def test_a_folder_becomes_a_data_set_of_the_rate_and_length_asked_for(trained_lab):
    dataset = trained_lab.dataset("tiny")
    assert (dataset.rate, dataset.clip_samples, dataset.n_clips) == (RATE, CLIP_SAMPLES, 24)
    assert dataset.counts == {"noise": 12, "tone": 12}
    assert [item.name for item in trained_lab.datasets()] == ["tiny"]
    assert dataset.folder == trained_lab.home / "datasets" / "tiny"


def test_rate_and_length_are_suggested_where_they_are_not_given(lab, sounds):
    survey = lab.survey([sounds])
    suggestion = survey.suggest()
    suggested = lab.prepare(survey, "suggested")
    assert (suggested.rate, suggested.seconds) == (suggestion.rate, suggestion.seconds)
    chosen = lab.prepare(survey, "chosen", 16_000, 0.5)
    assert (chosen.rate, chosen.seconds) == (16_000, 0.5)


def test_the_built_in_sounds_are_prepared_once(lab, monkeypatch):
    sounds = synthesis.built_in_sounds(per_label=2)
    monkeypatch.setattr(synthesis, "built_in_sounds", lambda: sounds)
    dataset = lab.prepare_built_in()
    assert dataset.name == BUILT_IN
    assert set(dataset.labels) == set(synthesis.LABELS)
    assert set(dataset.counts.values()) == {2}
    monkeypatch.setattr(synthesis, "built_in_sounds", lambda: [])
    assert lab.prepare_built_in().fingerprint == dataset.fingerprint


def test_a_clip_is_heard_with_the_very_samples_that_are_learned_from(trained_lab):
    dataset = trained_lab.dataset("tiny")
    samples, rate = decode(wav_of_clip(dataset, 5))
    assert rate == RATE
    # decoding divides by 32,768 where a clip's full scale is 32,767
    assert (to_int16(samples[:, 0] * (32_768 / 32_767)) == dataset.clips()[5]).all()


@pytest.fixture
def moved_lab(trained_lab, tmp_path):
    """A lab whose data set 'tiny' goes by the name of the built-in one."""
    shutil.copytree(trained_lab.home, tmp_path / "home")
    lab = Lab(tmp_path / "home")
    lab.dataset("tiny").folder.rename(lab.datasets_folder / BUILT_IN)
    return lab


def test_a_run_s_data_set_is_found_by_its_content_before_its_name(moved_lab, sounds):
    run = moved_lab.run("first")
    assert moved_lab._dataset_of(run).name == BUILT_IN
    moved_lab.prepare(moved_lab.survey([sounds / "tone"]), "tiny", RATE, CLIP_SAMPLES / RATE)
    assert moved_lab._dataset_of(run).name == BUILT_IN
    assert moved_lab._dataset_of(run, "tiny").name == "tiny"
    moved_lab.delete_dataset(moved_lab.dataset(BUILT_IN))
    assert moved_lab._dataset_of(run).name == "tiny"


def test_a_run_on_built_in_sounds_has_its_own_before_those_that_are_made_anew(moved_lab, monkeypatch):
    own = moved_lab.dataset(BUILT_IN)
    own.folder.rename(moved_lab.datasets_folder / "renamed")
    config = replace(tiny_config(), dataset=BUILT_IN, fingerprint=own.fingerprint)
    run = Run.create(moved_lab.runs_folder, config, "on built-in")
    assert moved_lab._dataset_of(run).name == "renamed"
    moved_lab.delete_dataset(moved_lab.dataset("renamed"))
    sounds = synthesis.built_in_sounds(per_label=2)
    monkeypatch.setattr(synthesis, "built_in_sounds", lambda: sounds)
    assert moved_lab._dataset_of(run).name == BUILT_IN


def test_a_data_set_that_is_gone_is_said_with_those_that_there_are(moved_lab):
    run = Run.create(moved_lab.runs_folder, replace(tiny_config(), dataset="drums"), "lost")
    with pytest.raises(RunError, match=r"'drums' that 'lost' was trained on is gone: .* \(there is built-in\)"):
        moved_lab._dataset_of(run)

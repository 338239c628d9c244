"""From folders and uploads to data sets."""

from audiogan import synthesis
from audiogan.audio import decode, to_int16
from audiogan.lab import BUILT_IN, wav_of_clip
from tests.conftest import CLIP_SAMPLES, RATE


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

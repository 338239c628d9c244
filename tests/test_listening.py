"""Blind tests: sounds that differ in nothing but themselves, answers that last, sentences that hold."""

import errno
import json
from collections import Counter

import numpy as np
import pytest

from audiogan import audio, listening
from audiogan.lab import Lab
from audiogan.questions import GENERATED, REAL, ListeningError, Participant
from audiogan.runs import RunError
from tests.conftest import train_here
from tests.test_questions import NEW, OLD, REAL_CLIPS, plan


def noise(participant, sound) -> np.ndarray:
    rng = np.random.default_rng(sound.seed or sound.clip)
    return rng.uniform(-0.5, 0.5, round(participant.seconds * participant.rate)).astype(np.float32)


@pytest.fixture
def make(tmp_path):
    """Makes a test of these participants: make("real", [REAL_CLIPS, NEW], 6)."""

    def create(kind, participants, count, name="first", render=noise):
        questions = plan(kind, participants, count)
        return listening.create(tmp_path, name, kind, participants, questions, 0, render)

    return create


# sounds


def unlike(participant, sound) -> np.ndarray:
    """A quiet spiky sine of the real clips against a model's loud noise."""
    if not participant.is_real:
        return 0.9 * np.sign(noise(participant, sound))
    x = 0.01 * np.sin(np.arange(round(participant.seconds * participant.rate)) * (0.2 + 0.01 * sound.clip))
    x[1000] = 0.05
    return x


def decoded(test) -> dict[bool, list[np.ndarray]]:
    """All sounds of a test (T,), as 16-bit integers, by whether they are real."""
    sounds = {True: [], False: []}
    for number, question in enumerate(test.questions):
        for sound, wav in zip(question, test.wavs(number), strict=True):
            samples, rate = audio.decode(wav)
            assert rate == test.rate
            sounds[test.participants[sound.participant].is_real].append(samples[:, 0])
    return sounds


def test_loudness_does_not_tell_who_it_is(make):
    sounds = decoded(make("pairs", [REAL_CLIPS, NEW], 8, render=unlike))
    # away from fades and pauses a plain root mean square is the level
    levels = [20 * np.log10(np.sqrt(np.mean(x[100:-100] ** 2))) for x in [*sounds[True], *sounds[False]]]
    assert max(levels) - min(levels) < 0.5
    assert max(np.abs(x).max() for x in [*sounds[True], *sounds[False]]) < audio.amplitude(-0.9)


def test_one_spike_does_not_silence_all_others(make):
    long_real, long_new = Participant(8_000, 2.0, dataset="drums"), Participant(8_000, 2.0, "run", 100)

    def render(participant, sound):
        hum = 0.01 * np.sin(0.3 * np.arange(16_000))
        return 50 * hum if participant.is_real else hum + np.eye(1, 16_000, 700)[0]

    # the spike's mean square is 1 / 16 000 and the hum's 0.01**2 / 2: 39.5 dB below the peak
    sounds = decoded(make("pairs", [long_real, long_new], 2, render=render))
    for x in sounds[True]:
        assert np.sqrt(np.mean(x[100:-100] ** 2)) == pytest.approx(audio.amplitude(listening.QUIETEST_DB), rel=0.02)
    for x in sounds[False]:
        assert np.abs(x).max() == pytest.approx(audio.amplitude(listening.PEAK_DB), rel=0.01)


def test_silence_and_what_is_no_number_stay_silent(make):
    sounds = decoded(make("real", [REAL_CLIPS, NEW], 2, render=lambda participant, sound: np.full(2000, np.nan)))
    assert not any(x.any() for x in [*sounds[True], *sounds[False]])


def test_rate_length_and_file_do_not_tell_who_it_is(make):
    long = Participant(16_000, 0.5, "long", 10)
    test = make("pairs", [REAL_CLIPS, long], 6)
    wavs = [wav for number in range(6) for wav in test.wavs(number)]
    assert len({len(wav) for wav in wavs}) == 1
    assert (test.rate, len(audio.decode(wavs[0])[0])) == (8_000, 2_000)
    # cut in the middle of a noise or not, all begin and end in silence
    for x in [x for sounds in decoded(test).values() for x in sounds]:
        assert (x[0], x[-1]) == (0, 0)
    assert sorted(path.name for path in (test.folder / "sounds").iterdir()) == [
        f"{number:03d}-{side}.wav" for number in range(1, 7) for side in (1, 2)
    ]


# answers


def test_a_test_goes_on_where_it_was_left(make):
    test = make("real", [REAL_CLIPS, NEW], 4)
    assert test.next_question("Anna") == 0
    test.answer("Anna", 0, [REAL])
    test.answer("Anna", 1, [GENERATED])
    again = listening.open_test(test.folder)
    assert again == test
    assert again.next_question("Anna") == 2
    assert again.next_question("Ben") == 0
    for number in (2, 3):
        again.answer("Anna", number, [REAL])
    assert again.next_question("Anna") is None


def test_a_question_has_one_answer_and_a_listener_one_file(make):
    test = make("real", [REAL_CLIPS, NEW], 4)
    test.answer("José Núñez", 0, [REAL])
    test.answer("josé núñez", 0, [GENERATED])
    test.answer(" José Núñez ", 1, [GENERATED])
    assert test.listeners() == ["José Núñez"]
    assert [answer.values for answer in test.answers("JOSÉ NÚÑEZ")] == [(REAL,), (GENERATED,)]
    path = test.folder / "answers-José Núñez.csv"
    assert len(path.read_text(encoding="utf-8").splitlines()) == 3
    # two tabs at the same moment may both write: the first counts
    with path.open("a") as file:
        file.write(f"1,{GENERATED},2026-11-21T12:00:00+00:00\n")
    assert test.answers("José Núñez")[0].values == (REAL,)


def test_an_answer_that_was_half_written_is_asked_again(make):
    test = make("ratings", [REAL_CLIPS, NEW], 3)
    test.answer("Anna", 0, [5, 4, 3])
    with (test.folder / "answers-Anna.csv").open("a") as file:
        file.write("2,5")
    assert test.next_question("Anna") == 1
    test.answer("Anna", 1, [1, 2, 3])
    assert [answer.values for answer in test.answers("Anna")] == [(5, 4, 3), (1, 2, 3)]
    # a header is a line too
    with (test.folder / "answers-Ben.csv").open("w") as file:
        file.write("question,quality")
    test.answer("Ben", 0, [1, 2, 3])
    assert [answer.values for answer in test.answers("Ben")] == [(1, 2, 3)]


@pytest.mark.parametrize("values", [[0], [3], [1, 1], []])
def test_an_answer_that_does_not_fit_is_refused(make, values):
    test = make("real", [REAL_CLIPS, NEW], 2)
    with pytest.raises(ListeningError, match="no answer to a question"):
        test.answer("Anna", 0, values)
    assert test.listeners() == []


@pytest.mark.parametrize("name", ["", "../Anna", "a/b", "x" * 41, "Anna\n", "=SUM(A1)"])
def test_a_listener_s_name_becomes_no_path(make, name):
    test = make("real", [REAL_CLIPS, NEW], 2)
    if name == "Anna\n":
        assert listening.listener_name(name) == "Anna"
        return
    with pytest.raises(ListeningError, match="needs a name"):
        test.answer(name, 0, [REAL])


# damage


@pytest.mark.parametrize(
    "damage",
    [
        lambda book: "not json",
        lambda book: "[]",
        lambda book: json.dumps(book | {"kind": "guess"}),
        lambda book: json.dumps(book | {"kind": "pairs"}),
        lambda book: json.dumps(book | {"participants": book["participants"][:1]}),
        lambda book: json.dumps(book | {"questions": []}),
        lambda book: json.dumps(book | {"questions": [[{"participant": "../../secret"}]]}),
    ],
)
def test_a_damaged_plan_is_one_sentence_and_no_trouble_for_others(make, damage):
    good, bad = make("real", [REAL_CLIPS, NEW], 2, "good"), make("real", [REAL_CLIPS, NEW], 2, "bad")
    path = bad.folder / "test.json"
    path.write_text(damage(json.loads(path.read_text())))
    with pytest.raises(ListeningError, match=r"'bad' has a damaged test.json .*: delete its folder and make another"):
        listening.open_test(bad.folder)
    assert listening.list_tests(good.folder.parent) == [good]


def test_a_sound_that_is_gone_is_one_sentence(make):
    test = make("real", [REAL_CLIPS, NEW], 2)
    (test.folder / "sounds" / "002-1.wav").unlink()
    with pytest.raises(ListeningError, match=r"'first' is damaged \(002-1.wav cannot be read\)"):
        test.wavs(1)


def test_foreign_answers_are_named_by_their_line(make):
    test = make("real", [REAL_CLIPS, NEW], 2)
    test.answer("Anna", 0, [REAL])
    with (test.folder / "answers-Anna.csv").open("a") as file:
        file.write("9,1,2026-11-21T12:00:00+00:00\n")
    with pytest.raises(ListeningError, match=r"cannot read line 3 of answers-Anna.csv"):
        test.results()


def test_nothing_half_written_stays(make, tmp_path, monkeypatch):
    def fail(participant, sound):
        raise RunError("no such sound")

    def fill_disk(samples, rate):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(RunError):
        make("real", [REAL_CLIPS, NEW], 2, render=fail)
    assert list(tmp_path.iterdir()) == []
    with monkeypatch.context() as patch, pytest.raises(ListeningError, match="cannot be written"):
        patch.setattr(audio, "encode_wav", fill_disk)
        make("real", [REAL_CLIPS, NEW], 2)
    assert list(tmp_path.iterdir()) == []
    make("real", [REAL_CLIPS, NEW], 2)
    with pytest.raises(ListeningError, match="already a listening test named 'first'"):
        make("real", [REAL_CLIPS, NEW], 2)
    assert [path.name for path in tmp_path.iterdir()] == ["first"]


# results


def answer_all(test, listener, choose) -> None:
    for number, question in enumerate(test.questions):
        test.answer(listener, number, choose(number, *(test.participants[sound.participant] for sound in question)))


def test_telling_real_from_generated_is_held_against_chance(make):
    test = make("real", [REAL_CLIPS, NEW], 20)
    assert test.results().sentences == ("There are no answers yet.",)
    answer_all(test, "Anna", lambda number, heard: [REAL if heard.is_real else GENERATED])
    assert test.results().sentences[0] == (
        "Anna told real from generated in 20 of 20 cases (100 %, 95 % interval 84 to 100 %): "
        "better than chance (p < 0.001)."
    )
    answer_all(test, "Ben", lambda number, heard: [REAL])
    assert test.results("Ben").sentences == (
        "Ben told real from generated in 10 of 20 cases (50 %, 95 % interval 30 to 70 %): "
        "this could be chance (p = 1).",
        "Of real clips, 10 of 10 (100 %, 95 % interval 72 to 100 %) were taken for real.",
        "Of run, step 2,000, 10 of 10 (100 %, 95 % interval 72 to 100 %) were taken for real.",
    )
    together = test.results()
    assert together.sentences[0].startswith("Listeners told real from generated in 30 of 40 cases (75 %")
    assert [(row.participant, row.value, row.answers) for row in together.measures] == [
        ("real clips", 1.0, 20),
        ("run, step 2,000", 0.5, 20),
    ]


def test_being_always_wrong_is_not_chance(make):
    test = make("real", [REAL_CLIPS, NEW], 20)
    answer_all(test, "Anna", lambda number, heard: [GENERATED if heard.is_real else REAL])
    assert "0 of 20 cases (0 %, 95 % interval 0 to 16 %): worse than chance" in test.results().sentences[0]


def test_preferences_and_ties_become_strengths(make):
    test = make("pairs", [OLD, NEW], 20)
    # four ties; of the others the new one wins twelve and the old one four
    wishes = [3] * 4 + [NEW] * 12 + [OLD] * 4
    answer_all(
        test, "Anna", lambda number, first, second: [3 if wishes[number] == 3 else 1 + (wishes[number] == second)]
    )
    results = test.results()
    # 2 * (1 + 16 + 120 + 560 + 1820) / 2**16 = 0.0768
    assert results.sentences == (
        "Anna preferred step 2,000 to step 100 in 12 of 16 cases (75 %, 95 % interval 51 to 90 %): "
        "this could be chance (p = 0.077). In 4 more they heard no difference.",
    )
    best, worst = results.measures
    assert (best.participant, worst.participant, best.answers) == ("step 2,000", "step 100", 20)
    # 12 wins, 4 half ones, and the half one that everybody begins with
    assert best.value - worst.value == pytest.approx(np.log(14.5 / 6.5))
    assert best.low < best.value < best.high


def test_three_are_ranked_and_who_lost_everything_still_has_a_place(make):
    test = make("pairs", [OLD, REAL_CLIPS, NEW], 12)
    rank = {OLD: 0, NEW: 1, REAL_CLIPS: 2}
    answer_all(test, "Anna", lambda number, first, second: [1 if rank[first] > rank[second] else 2])
    results = test.results()
    assert results.sentences[0] == "From the most to the least preferred: real clips; step 2,000; step 100."
    assert len(results.sentences) == 4
    assert all(np.isfinite([row.low, row.value, row.high]).all() for row in results.measures)


def test_ratings_are_means_with_their_intervals(make):
    test = make("ratings", [REAL_CLIPS, NEW], 12)
    answer_all(test, "Anna", lambda number, heard: [5, 4, 5] if heard.is_real else [2 + number % 2, 4, 1])
    results = test.results()
    means = {(row.name, row.participant): row.value for row in results.measures}
    made = [2 + number % 2 for number, (sound,) in enumerate(test.questions) if sound.participant == 1]
    assert means["quality", "real clips"] == 5
    assert means["quality", "run, step 2,000"] == pytest.approx(sum(made) / 6)
    assert means["resemblance", "run, step 2,000"] == 1
    assert all(1 <= row.low <= row.value <= row.high <= 5 for row in results.measures)
    assert results.sentences[2].startswith(
        "Resemblance, from 1 to 5: real clips 5.0 (4.7 to 5.0); run, step 2,000 1.0 "
    )


def test_the_table_says_whose_sounds_every_answer_was_about(make):
    test = make("pairs", [OLD, NEW], 2)
    answer_all(test, "Anna", lambda number, first, second: [3])
    header, row, _ = test.table().splitlines()
    assert header == "listener,question,sound_1,address_1,label_1,sound_2,address_2,label_2,answer,answered"
    sound = test.questions[0][0]
    name = test.participants[sound.participant].name
    assert row.startswith(f'Anna,1,"{name}",seed {sound.seed},{sound.label},')
    assert ",No difference,20" in row


# the laboratory


@pytest.fixture
def ears(trained_lab, tmp_path) -> Lab:
    """The laboratory with the run 'first', and listening tests of its own."""
    lab = Lab(trained_lab.home)
    lab.listening_folder = tmp_path
    return lab


def test_a_run_is_heard_against_its_own_clips(ears):
    run, told = ears.run("first"), []
    test = ears.new_listening_test("real", [(run, None)], 8, seed=3, progress=lambda *done: told.append(done))
    assert told[-1] == (8, 8)
    assert ears.listening_tests() == [test] == [ears.listening_test(test.name)]
    model, real = test.participants
    assert (model.run, model.step, real.dataset) == ("first", run.snapshot().step, "tiny")
    labels = Counter((sound.participant, sound.label) for (sound,) in test.questions)
    assert labels == {(at, label): 2 for at in (0, 1) for label in ("noise", "tone")}
    # each is the sound at its address, but for level and fades
    dataset, instrument = ears.dataset("tiny"), ears.instrument(run)
    for number, (sound,) in enumerate(test.questions):
        heard = audio.decode(test.wavs(number)[0])[0][20:-100, 0]
        point = None if sound.seed is None else instrument.point(sound.seed, instrument.label_number(sound.label))
        meant = (dataset.clip(sound.clip) if point is None else instrument.heard(point).numpy())[20:-100]
        assert np.corrcoef(heard, meant)[0, 1] > 0.999


def test_a_test_outlives_its_snapshot(ears, new_run, clips, tmp_path):
    run = new_run("short", "batch=4")
    train_here(run, clips, 2)
    ears.runs_folder = run.folder.parent
    test = ears.new_listening_test("ratings", [(run, None)], 4, has_real=False, name="kept")
    run.snapshot().path.unlink()
    assert len(test.wavs(3)[0]) > 1000


@pytest.mark.parametrize(
    ("models", "name", "words"),
    [
        ([], "", "choose one"),
        ([("first", 7)], "", "kept no snapshot of step 7"),
        ([("first", None)], "../x", "cannot be a name"),
    ],
)
def test_what_cannot_be_made_is_one_sentence(ears, models, name, words):
    with pytest.raises(ValueError, match=words):
        ears.new_listening_test("real", [(ears.run(run), step) for run, step in models], 4, name=name)
    assert ears.listening_tests() == []


@pytest.mark.parametrize(
    ("name", "words"), [("../first", "cannot be a name"), ("nothing", "There is no listening test 'nothing'")]
)
def test_a_test_that_is_not_there_is_one_sentence(ears, name, words):
    with pytest.raises(ValueError, match=words):
        ears.listening_test(name)

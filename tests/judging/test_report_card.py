"""From numbers to sentences."""

import json
import math

import pytest

from audiogan.judging.comparisons import MEASURES, Reading
from audiogan.judging.report_card import (
    BAD,
    DOUBTFUL,
    GOOD,
    QUESTIONS,
    RULES,
    SHOWN,
    UNKNOWN,
    ReportCard,
    Rule,
    in_order,
    judged,
    line,
)

HIGHER = Rule("silence", "clean", "t", 1, 0.1, 0.5, "{value} beside {floor}: {detail}")
LOWER = Rule("coverage", "varied", "t", -1, 0.1, 0.5, "")


def certain(value: float) -> Reading:
    return Reading(value, value, value)


def card(*lines) -> ReportCard:
    return ReportCard("drums", "0", 50, 100, 20, {"mel statistics": "1"}, in_order(lines))


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.2, GOOD), (1.0, GOOD), (1.35, GOOD), (1.45, DOUBTFUL), (1.75, DOUBTFUL), (1.85, BAD)]
)
def test_a_value_is_judged_by_how_far_it_lies_beyond_the_floor_s_interval(value, verdict):
    assert judged(HIGHER, certain(value), Reading(1.0, 0.9, 1.3)) == verdict


@pytest.mark.parametrize(("value", "verdict"), [(3.0, GOOD), (0.85, GOOD), (0.75, DOUBTFUL), (0.35, BAD)])
def test_where_less_is_worse_the_other_side_counts(value, verdict):
    assert judged(LOWER, certain(value), Reading(1.0, 0.9, 1.3)) == verdict


def test_few_clips_convict_nobody():
    # far beyond the floor's interval, but its own reaches back to it
    assert judged(HIGHER, Reading(5.0, 1.05, 9.0), Reading(1.0, 0.9, 1.3)) == GOOD
    assert judged(HIGHER, Reading(1.7, 1.25, 2.0), Reading(1.0, 0.9, 1.3)) == DOUBTFUL
    assert judged(LOWER, Reading(0.1, 0.0, 0.95), Reading(1.0, 0.9, 1.3)) == GOOD


def test_a_rule_may_ask_for_a_value_that_is_far_in_itself():
    rule = Rule("whiteness", "real", "t", 1, 0.1, 0.2, "", only_beyond=0.7)
    assert judged(rule, certain(0.69), certain(0.0)) == GOOD
    assert judged(rule, certain(0.71), certain(0.0)) == BAD
    rule = Rule("direction", "real", "t", -1, 0.0, 0.0, "", only_beyond=-0.5)
    assert judged(rule, certain(-0.4), certain(1.0)) == GOOD
    assert judged(rule, certain(-0.6), certain(1.0)) == BAD


def test_clips_as_far_from_training_clips_as_these_from_each_other_are_no_copies():
    far = certain(2.0)  # recordings that were kept back are unlike all others
    assert line("nearest_neighbour_ratio", certain(0.9), far, 40, 20).verdict == GOOD
    assert line("nearest_neighbour_ratio", certain(0.8), far, 40, 20).verdict == BAD


def test_a_fault_is_a_sentence_with_its_numbers():
    found = line("copies", certain(0.625), Reading(0.05, 0.0, 0.1), 40, 20)
    assert found.fault == "62% of the clips are copies of training clips (real sounds that were kept back: 5%)."
    assert (found.verdict, found.question, found.clips, found.floor_clips) == (BAD, "new", 40, 20)
    assert line("copies", certain(0.05), certain(0.05), 40, 20).fault == ""


def test_numbers_without_a_rule_are_shown_and_not_judged():
    found = line("frechet_distance", certain(1e9), certain(1), 40, 20)
    assert (found.verdict, found.question, found.fault) == (UNKNOWN, "", "")
    assert card(found).faults == ()


def test_the_four_questions_are_answered_by_their_worst_line():
    doubtful = line("diversity", certain(0.8), certain(1), 40, 20)
    bad = line("coverage", certain(0.2), certain(1), 40, 20)
    good = line("silence", certain(0.0), certain(0.0), 40, 20)
    answers = {answer.question: answer for answer in card(good, doubtful, bad).answers}
    assert list(answers) == ["real", "varied", "new", "clean"]
    assert answers["varied"].verdict == BAD
    assert answers["varied"].sentence == bad.fault
    assert [line.measure for line in answers["varied"].lines] == ["coverage", "diversity"]
    assert answers["clean"].verdict == GOOD
    assert answers["clean"].sentence == QUESTIONS["clean"].good
    assert answers["real"].verdict == UNKNOWN


def test_of_several_faults_the_one_that_explains_the_others_comes_first():
    copied = line("copies", certain(1), certain(0), 40, 20)
    vague = line("mel_kernel_distance", certain(50), certain(0), 40, 20)
    slight = line("silence", certain(0.03), certain(0), 40, 20)
    assert [line.measure for line in card(vague, slight, copied).faults] == [
        "copies",
        "mel_kernel_distance",
        "silence",
    ]


def test_each_measure_has_a_rule_or_a_title_and_each_rule_a_question():
    ruled = [rule.measure for rule in RULES]
    assert len(set(ruled)) == len(ruled)
    assert set(MEASURES) <= {*ruled, *SHOWN}
    assert {rule.question for rule in RULES} == set(QUESTIONS)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.measure)
def test_each_rule_s_sentence_can_be_said(rule):
    far = 1e3 * rule.worse
    found = line(rule.measure, Reading(far, far, far, "a detail"), certain(0), 40, 20)
    assert found.verdict == (DOUBTFUL if rule.bad == math.inf else BAD)
    assert found.fault.endswith(".")
    assert "{" not in found.fault


def test_a_card_is_json_with_its_answers():
    values = json.loads(card(line("silence", certain(1.0), certain(0.0), 40, 20)).to_json())
    assert values["lines"][0]["measure"] == "silence"
    assert values["answers"][3] | {"lines": []} == {
        "question": "clean",
        "verdict": "bad",
        "sentence": "100% of the clips are silent.",
        "lines": [],
    }

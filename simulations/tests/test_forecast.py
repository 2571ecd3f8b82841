"""Forecasts of designs: times, messages and bytes, and what is said where they cannot be known."""

from typing import Any

import pytest

from simulations.models import Simulation
from simulations.services.designs.drafts import draft_stages
from simulations.services.designs.forecast import (
    UNKNOWN,
    Amount,
    Certainty,
    Forecast,
    forecast,
)
from simulations.services.designs.simulations import StageSpec
from simulations.services.start_checks import stages_of
from simulations.tests.conftest import MESSAGES, Design
from storage.models import RosbagTopic
from templates.models import Template
from templates.services import templates

PASS_SECONDS = 1.95
TWO_PASSES = 2 * PASS_SECONDS + 0.05
"""The rhythm of the rosbag goes on between passes."""
BYTES = 5
"""Of each message."""


def of(simulation: Simulation) -> Forecast:
    return forecast(simulation.pattern, simulation.mec.transport, stages_of(simulation))


def test_sequential_stages_follow_each_other_after_their_delays(design: Design) -> None:
    result = of(design(3, 2, repeat_count=2, delay_after=10))
    first, second = result.stages
    assert first.seconds == Amount(pytest.approx(TWO_PASSES))
    assert second.start == Amount(pytest.approx(TWO_PASSES + 10))
    assert result.seconds == Amount(pytest.approx(2 * TWO_PASSES + 10))
    assert result.agents == 3
    assert (first.messages, result.messages) == (Amount(240), Amount(400))
    assert result.size == Amount(400 * BYTES)
    rate = 3 * 2 * MESSAGES / TWO_PASSES
    assert result.message_rate == first.message_rate == Amount(pytest.approx(rate))
    assert result.byte_rate == Amount(pytest.approx(rate * BYTES))


def test_parallel_stages_play_at_once(design: Design) -> None:
    result = of(design(3, 2, pattern="parallel", delay_after=10))
    assert [stage.start for stage in result.stages] == [Amount(0), Amount(0)]
    assert result.seconds == Amount(pytest.approx(PASS_SECONDS))
    assert result.agents == 5
    assert result.message_rate == Amount(pytest.approx(5 * MESSAGES / PASS_SECONDS))


def test_a_time_limit_ends_a_stage_within_a_pass(design: Design) -> None:
    result = of(design(1, repeat_count=10, execution_time=5))
    assert result.seconds == Amount(5)
    assert result.messages == Amount(pytest.approx(100, abs=1), Certainty.ESTIMATE)
    assert of(design(1, name="long", execution_time=60)).messages == Amount(MESSAGES)


def test_part_of_a_rosbag_is_estimated_and_pauses_count(design: Design, template: Template) -> None:
    Template.objects.filter(pk=template.pk).update(start_offset=0.51, end_offset=1.52, pass_gap=3)
    result = of(design(2, repeat_count=2))
    assert result.seconds.value == pytest.approx(2 * 1.01 + 3.05, abs=0.06)
    assert result.seconds.certainty == Certainty.ESTIMATE
    assert result.messages.value == pytest.approx(4 * 20, abs=8)
    assert result.messages.certainty == result.message_rate.certainty == Certainty.ESTIMATE


def test_unpaced_stages_have_no_rate_and_at_most_their_limit(
    design: Design, template: Template
) -> None:
    Template.objects.filter(pk=template.pk).update(rate=0)
    result = of(design(1, 1))
    assert result.seconds == result.stages[1].start == result.message_rate == UNKNOWN
    assert result.messages == Amount(2 * MESSAGES)
    limited = of(design(1, name="limited", execution_time=5))
    assert limited.seconds == Amount(5, Certainty.LIMIT)
    assert limited.messages == Amount(MESSAGES, Certainty.LIMIT)


def test_gaps_that_the_index_does_not_tell_leave_a_limit(
    design: Design, template: Template
) -> None:
    RosbagTopic.objects.update(period_ns=10**9, gaps=[], gap_count=0)
    Template.objects.filter(pk=template.pk).update(max_gap_seconds=0.1)
    result = of(design(1))
    assert result.seconds == Amount(pytest.approx(PASS_SECONDS), Certainty.LIMIT)
    assert result.messages == Amount(MESSAGES)
    assert result.message_rate == UNKNOWN


def test_a_stage_that_cannot_start_is_unknown(design: Design, template: Template) -> None:
    simulation = design(1, 2)
    templates.delete(template)
    result = of(simulation)
    assert result.seconds == result.messages == result.size == UNKNOWN
    assert result.agents == 2


def test_a_design_without_stages_is_nothing() -> None:
    result = forecast("parallel", "null", [])
    assert (result.seconds, result.messages, result.agents) == (Amount(0), Amount(0), 0)


def test_drafts_are_made_by_two_queries(template: Template, django_assert_num_queries: Any) -> None:
    specs = [StageSpec(template=template.pk, agent_count=n, repeat_count=2) for n in range(1, 31)]
    with django_assert_num_queries(2):
        stages = draft_stages(specs)
        result = forecast("sequential", "null", stages)
    assert [stage.position for stage in stages] == list(range(1, 31))
    assert result.messages == Amount(sum(range(1, 31)) * 2 * MESSAGES)

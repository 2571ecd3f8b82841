"""The subscribers of each topic at the start: those that not all agents had first."""

from typing import Any

from django.utils.translation import gettext as _

from common.admin.numbers import number
from simulations.admin.executions.page_data import PageData
from simulations.services.progress.subscribers import TopicSubscribers, subscribers_of

MAX_ROWS = 40


def context(data: PageData) -> dict[str, Any]:
    topics = sorted(subscribers_of(data.execution), key=lambda topic: _share(topic) == 1)
    return {
        "rows": [_row(data, topic) for topic in topics[:MAX_ROWS]],
        "more": len(topics[MAX_ROWS:]),
    }


def _share(topic: TopicSubscribers) -> float:
    return topic.agents / topic.of_agents if topic.of_agents else 0.0


def _row(data: PageData, topic: TopicSubscribers) -> dict[str, Any]:
    same = topic.fewest == topic.most
    return {
        "topic": topic,
        "stage": data.plan.stage(topic.stage),
        "tone": "ok" if _share(topic) == 1 else "warn",
        "agents": number(topic.agents),
        "of_agents": number(topic.of_agents),
        "subscribers": number(topic.most)
        if same
        else _("%(fewest)s to %(most)s")
        % {"fewest": number(topic.fewest), "most": number(topic.most)},
    }

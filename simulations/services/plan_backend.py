"""Part of a plan for the backend: the image, the placement and the resources of its units.

None of it decides what agents play. A plan of another backend is therefore repeated with these values of now.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from django.conf import settings

from simulations.backends.base import Placement, Resources, Toleration
from simulations.models import Mec
from simulations.services.plan import Plan, PlanStage
from simulations.services.unit_resources import Load, unit_resources
from storage.models import Rosbag
from templates.models import Template

KUBERNETES = "kubernetes"


def with_backend(
    plan: Plan, mec: Mec, templates: Mapping[int, Template], rosbags: Mapping[int, Rosbag]
) -> Plan:
    """Freeze what units need on the backend of this installation.

    Args:
        plan: A plan for any backend.
        mec: Its system under test, as it is now.
        templates: Those of its stages by id; one that is missing has the defaults.
        rosbags: Those of its stages by id, with their topics.
    """
    in_pods = settings.BACKEND == KUBERNETES
    values: dict[str, Any] = {
        "backend": settings.BACKEND,
        "image": settings.AGENT_IMAGE if in_pods else "",
        "placement": placement(mec) if in_pods else Placement(),
        "stages": tuple(
            msgspec.structs.replace(
                stage,
                resources=stage_resources(
                    stage,
                    templates.get(stage.template) or Template(),
                    rosbags[stage.rosbag],
                    plan.link.transport,
                    plan.agents_per_unit,
                ),
            )
            for stage in plan.stages
        ),
    }
    return msgspec.structs.replace(plan, **values)


def repeated(plan: Plan) -> Plan:
    """Return a plan that passed `check_again` as it would run again here."""
    if plan.backend == settings.BACKEND:
        return plan
    templates = Template.objects.in_bulk({stage.template for stage in plan.stages})
    rosbags = Rosbag.objects.prefetch_related("topics")
    bags = rosbags.in_bulk({stage.rosbag for stage in plan.stages})
    return with_backend(plan, Mec.objects.get(pk=plan.mec), templates, bags)


def placement(mec: Mec) -> Placement:
    """Nodes on which units of a system under test may run."""
    tolerations = tuple(Toleration(**toleration) for toleration in mec.tolerations)
    return Placement(mec.node_selector, tolerations)


def stage_resources(
    stage: PlanStage, template: Template, rosbag: Rosbag, transport: str, agents_per_unit: int
) -> Resources | None:
    """Compute the resources of a unit of a stage; None on a backend that enforces none."""
    if settings.BACKEND != KUBERNETES:
        return None
    names = set(stage.topic_names)
    played = [topic for topic in rosbag.topics.all() if topic.name in names]
    count = sum(topic.message_count for topic in played)
    mean_size = sum(topic.size for topic in played) / count if count else 0.0
    paced = stage.rate > 0 and stage.seconds_a_pass > 0
    messages = stage.messages_a_pass / stage.seconds_a_pass if paced else None
    load = Load(transport, messages, (messages or 0.0) * mean_size, rosbag.size)
    return unit_resources(min(stage.agents, agents_per_unit), template, load)

"""The frozen plan, in words."""

from typing import Any

from common.admin.actions import admin_url
from simulations.admin.executions.page_data import PageData
from simulations.admin.plan_words import plan_facts, rosbag_names, stage_facts
from storage.models import Rosbag
from templates.models import Template


def context(data: PageData) -> dict[str, Any]:
    plan = data.plan
    bags = rosbag_names([plan])
    return {
        "facts": plan_facts(plan),
        "stages": [
            {
                "plan": stage,
                "facts": stage_facts(stage, bags),
                "template_url": admin_url(Template(pk=stage.template)),
                "rosbag_url": admin_url(Rosbag(pk=stage.rosbag)) if stage.rosbag in bags else "",
            }
            for stage in plan.stages
        ],
    }

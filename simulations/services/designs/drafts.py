"""Designs that are not stored, such as a form that is being edited, as unsaved rows."""

from collections.abc import Sequence

from simulations.models import Stage
from simulations.services.designs.simulations import StageSpec
from templates.models import Template


def draft_stages(specs: Sequence[StageSpec]) -> list[Stage]:
    """Make unsaved stages, with the topics of their rosbags, in three queries for any number.

    Raises:
        KeyError: A template does not exist.
    """
    ids = {spec.template_id for spec in specs}
    rows = Template.objects.select_related("rosbag").prefetch_related("rosbag__topics__definition")
    templates = rows.in_bulk(ids) if ids else {}
    return [
        Stage(
            position=position,
            template=templates[spec.template_id],
            **{name: value for name, value in vars(spec).items() if name != "template"},
        )
        for position, spec in enumerate(specs, 1)
    ]

"""Entries of the table of topics in the form of a template, as they are submitted and as they are stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.topic_names import with_slash
from templates.models import Template

MODE, PLAYED, EXCLUDED, REQUIRED = (
    "topics_mode",
    "topics",
    "excluded_topics",
    "required_subscribers",
)
RENAME = "rename:"
"""Prefix of the field with the published name of a topic; each shown topic has one."""
ONLY, ALL = "only", "all"


@dataclass(frozen=True)
class TopicEntries:
    """Settings of a user for the topics; `is_all` plays all topics but the `excluded` ones."""

    is_all: bool = True
    played: Sequence[str] = ()
    excluded: Sequence[str] = ()
    renames: Mapping[str, str] = field(default_factory=dict)
    required: Sequence[str] = ()

    @classmethod
    def of(cls, template: Template) -> "TopicEntries":
        """The entries of a template."""
        return cls(
            not template.topics,
            template.topics,
            template.excluded_topics,
            template.renames,
            template.required_subscribers,
        )

    @classmethod
    def submitted(cls, data: Any) -> "TopicEntries":
        """The entries of a submitted form; of all topics those are excluded that are shown unticked."""
        ticked = _names(data, PLAYED)
        shown = [key.removeprefix(RENAME) for key in data if key.startswith(RENAME)]
        is_all = data.get(MODE, ONLY if ticked else ALL) == ALL
        unticked = [name for name in shown if name not in set(ticked)]
        renames = {name: data.get(RENAME + name, "").strip() for name in shown}
        return cls(
            is_all,
            () if is_all else ticked,
            list(dict.fromkeys([*unticked, *_names(data, EXCLUDED)])) if is_all else (),
            {name: new for name, new in renames.items() if new},
            _names(data, REQUIRED),
        )

    def plays(self, topic: str) -> bool:
        """Tell whether a topic is ticked."""
        return topic not in self.excluded if self.is_all else topic in self.played

    def published_name(self, topic: str) -> str:
        """The name of a topic within the namespace of an agent."""
        return with_slash(self.renames.get(topic, topic))

    def needs(self, topic: str) -> bool:
        """Tell whether the rosbag must have a topic: one that is only excluded may as well be missing."""
        return topic in self.played or topic in self.renames or topic in self.required

    @property
    def named(self) -> list[str]:
        """Topics for which anything is set, each once."""
        return list(dict.fromkeys([*self.played, *self.excluded, *self.renames, *self.required]))

    @property
    def values(self) -> dict[str, Any]:
        """The entries by fields of the template."""
        return {
            "topics": list(self.played),
            "excluded_topics": list(self.excluded),
            "renames": dict(self.renames),
            "required_subscribers": list(self.required),
        }


def _names(data: Any, field_name: str) -> list[str]:
    names = data.getlist(field_name)
    return list(dict.fromkeys(name for name in names if name and "\0" not in name))

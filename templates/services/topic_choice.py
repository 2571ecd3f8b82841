"""Topics that a template plays, and the names under which they are published."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from agent.topic_names import with_slash
from templates.models import Template

CLOCK = "/clock"


@dataclass(frozen=True)
class TopicChoice:
    """Choice of topics; an empty `chosen` stands for all but the `excluded` ones.

    With `own_clock` the agents publish `/clock` themselves, and no recorded topic under this name.
    """

    chosen: Sequence[str] = ()
    excluded: Collection[str] = ()
    renames: Mapping[str, str] = field(default_factory=dict)
    own_clock: bool = False

    @classmethod
    def of(cls, template: Template) -> "TopicChoice":
        """The choice of a template, stored or not."""
        return cls(
            template.topics,
            frozenset(template.excluded_topics),
            template.renames,
            bool(template.clock_hz),
        )

    def played(self, playable: Iterable[str]) -> tuple[str, ...]:
        """The topics that are played, of those that can be."""
        names = self.chosen or sorted(playable)
        return tuple(
            name for name in names if name not in self.excluded and not self.is_clock(name)
        )

    def published_name(self, topic: str) -> str:
        """The name of a topic within the namespace of an agent."""
        return self.renames.get(topic, topic)

    def is_clock(self, topic: str) -> bool:
        """Tell whether the clock of the agents replaces a topic."""
        return self.own_clock and with_slash(self.published_name(topic)) == CLOCK

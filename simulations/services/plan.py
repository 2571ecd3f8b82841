"""The frozen plan of an execution: all that is needed to repeat it exactly."""

import msgspec

from agent.pass_times import replay_seconds
from agent.protocol import AgentSlot, Link, PlayedTopic, RecordTopic
from simulations.backends.base import Placement, Resources
from simulations.models import Execution

PLAN_VERSION = 2
"""Version 1 had only the names of played topics."""


class PlanStage(msgspec.Struct, frozen=True, kw_only=True):
    """One frozen stage; times in seconds, agents numbered from `first_agent`."""

    position: int
    name: str
    template: int
    template_name: str
    template_version: int
    robot_type: str
    rosbag: int
    rosbag_digest: str
    topics: tuple[PlayedTopic, ...]
    left_out: tuple[str, ...] = ()
    """Names that the transport does not carry."""
    untyped: dict[str, str] = {}
    """Names of topics that are left out too, as too little is known of their types, with these."""
    messages_a_pass: int
    messages_known: bool = True
    """False where `messages_a_pass` and `seconds_a_pass` are estimated, as only a part is played."""
    seconds_a_pass: float
    seconds_known: bool = True
    """False where `seconds_a_pass` is only a limit, as the index does not tell all gaps that count."""
    rate: float
    max_gap_seconds: float | None = None
    record: tuple[RecordTopic, ...]
    record_own: bool
    agents: int
    first_agent: int
    start_offset: float = 0.0
    end_offset: float | None = None
    pass_gap: float = 0.0
    clock_hz: float = 0.0
    restamp: bool = False
    prefix_frames: bool = False
    match_seconds: float = 30.0
    resources: Resources | None = None
    """Of one unit of `agents_per_unit` agents; None: not for the backend."""
    record_scope: str = "unit"
    record_storage: str = "sqlite3"
    execution_time: float
    repeats: int
    delay_after: float
    area: str
    retries: int
    min_success: int
    lost_messages_allowed: int = 0
    continue_on_failure: bool
    no_messages_allowed: bool = False

    @property
    def topic_names(self) -> tuple[str, ...]:
        """Names of the played topics, as in the rosbag."""
        return tuple(topic.name for topic in self.topics)

    @property
    def seconds_to_match(self) -> float:
        """Time that its agents may wait for subscribers before they are ready."""
        waits = any(topic.subscriber_required for topic in self.topics)
        return self.match_seconds if waits else 0.0

    @property
    def published_names(self) -> tuple[str, ...]:
        """Names of the played topics within the namespace of an agent."""
        return tuple(topic.published_name for topic in self.topics)

    @property
    def renames(self) -> dict[str, str]:
        """Published names of the topics that have another one in the rosbag."""
        return {topic.name: topic.publish_as for topic in self.topics if topic.publish_as}

    @property
    def required_subscribers(self) -> tuple[str, ...]:
        """Names of the topics to which somebody must subscribe, as in the rosbag."""
        return tuple(topic.name for topic in self.topics if topic.subscriber_required)

    @property
    def seconds_of_passes(self) -> float:
        """Seconds of all its passes with the pauses between them."""
        return replay_seconds(
            self.seconds_a_pass, self.messages_a_pass, self.repeats, self.pass_gap
        )

    @property
    def planned_messages(self) -> int:
        """Messages that all its agents publish unless a time limit ends them earlier."""
        return self.agents * self.repeats * self.messages_a_pass


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The plan of an execution; `agents_per_unit` is fixed, so that units keep their agents."""

    version: int = PLAN_VERSION
    pattern: str
    mec: int
    mec_name: str
    link: Link
    namespace_prefix: str
    backend: str
    image: str = ""
    """Image of the agent program, for backends that run containers."""
    placement: Placement = Placement()
    agents_per_unit: int
    stages: tuple[PlanStage, ...]

    @property
    def agents(self) -> int:
        """Agents of all stages."""
        return sum(stage.agents for stage in self.stages)

    def units(self, stage: PlanStage) -> int:
        """Number of units that host the agents of a stage."""
        return -(-stage.agents // self.agents_per_unit)

    def slots(self, stage: PlanStage, unit: int) -> tuple[AgentSlot, ...]:
        """The agents of one unit, by its index from 0."""
        first = stage.first_agent + unit * self.agents_per_unit
        last = min(first + self.agents_per_unit, stage.first_agent + stage.agents)
        return tuple(
            AgentSlot(number=number, namespace=f"{self.namespace_prefix}{number}")
            for number in range(first, last)
        )

    def stage(self, position: int) -> PlanStage:
        """The stage at a position, from 1."""
        return next(stage for stage in self.stages if stage.position == position)


def plan_of(execution: Execution) -> Plan:
    """The plan that an execution was started with."""
    plan = execution.plan
    if plan["version"] < PLAN_VERSION:
        stages = [
            stage | {"topics": [{"name": name} for name in stage["topics"]]}
            for stage in plan["stages"]
        ]
        plan = plan | {"version": PLAN_VERSION, "stages": stages}
    return msgspec.convert(plan, Plan)


def serialize(plan: Plan) -> object:
    """Convert a plan to lists and dicts, to be stored."""
    return msgspec.to_builtins(plan)

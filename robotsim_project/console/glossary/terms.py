"""The terms that pages use, explained; those of docs/glossary.md that people see."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Term:
    """A term; `slug` is its anchor, `model` the one whose pages are about it, as in URL names."""

    slug: str
    title: str | Promise
    text: str | Promise
    model: str = ""


DATA = (
    Term(
        "rosbag",
        _("rosbag"),
        _(
            "A recording that is stored, checked and indexed here: uploaded, recorded by an execution, "
            "repaired or exported. Agents play rosbags."
        ),
        "storage_rosbag",
    ),
    Term(
        "bundle",
        _("bundle"),
        _("The files of one recording of rosbag2: metadata.yaml and its .db3 or .mcap files."),
    ),
    Term(
        "template",
        _("template"),
        _(
            "What one kind of robot does: the rosbag and topics that it plays, how fast, and the topics "
            "that it records. It says nothing about how many robots there are."
        ),
        "templates_template",
    ),
    Term(
        "recording",
        _("recording"),
        _(
            "What the agents of one unit received on the topics to record. It is stored as a rosbag "
            "when the unit ends."
        ),
        "simulations_recording",
    ),
    Term(
        "export",
        _("export"),
        _("A part of a rosbag, by time and topics, as a new rosbag or as a table (CSV)."),
        "storage_export",
    ),
)
DESIGN = (
    Term(
        "mec",
        _("system under test"),
        _(
            "What the fleet is connected to and what you measure, such as a MEC server with a Zenoh "
            "router; and how agents reach it: transport, endpoint, discovery."
        ),
        "simulations_mec",
    ),
    Term(
        "simulation",
        _("simulation"),
        _(
            "The design: which templates run, with how many agents each, in which order, against which "
            "system under test. It can be started many times."
        ),
        "simulations_simulation",
    ),
    Term(
        "stage",
        _("stage"),
        _(
            "A part of a simulation: a number of agents of one template. Stages run one after the other "
            "(sequential) or all at once (parallel)."
        ),
        "simulations_stagerun",
    ),
    Term(
        "quick-run",
        _("Quick run"),
        _("One form that makes template and simulation of a rosbag and starts them."),
    ),
)
RUN = (
    Term(
        "execution",
        _("execution"),
        _("One run of a simulation, from its start to its result."),
        "simulations_execution",
    ),
    Term(
        "frozen-plan",
        _("frozen plan"),
        _(
            "The copy of the design with which an execution started. Later changes of the simulation "
            "do not change it, so that an execution can be repeated exactly."
        ),
    ),
    Term(
        "agent",
        _("agent"),
        _(
            "A virtual robot: it publishes the topics of its template in a namespace of its own and "
            "records what it subscribes to."
        ),
        "simulations_agentrun",
    ),
    Term(
        "unit",
        _("unit"),
        _(
            "A process (or a pod of Kubernetes) that hosts agents of one stage. If it is lost, all of its "
            "agents are; with retries it is started again."
        ),
    ),
    Term(
        "backend",
        _("Backend"),
        _("Where units run: on this machine, or in a cluster of Kubernetes."),
    ),
    Term(
        "controller",
        _("Controller"),
        _(
            "The process that moves executions on: it starts units, releases agents, writes results."
        ),
    ),
    Term(
        "worker",
        _("Worker"),
        _("A process for work in the background: verifying, exporting and deleting."),
    ),
    Term(
        "release",
        _("release"),
        _(
            "The common start of all agents of a stage: they fetch their rosbag and connect first, then "
            "begin at the same moment."
        ),
    ),
    Term(
        "heartbeat",
        _("heartbeat"),
        _(
            "The report that a unit sends every few seconds: its agents, what they published, their delay."
        ),
    ),
    Term(
        "event",
        _("event"),
        _(
            "An entry in the history of an execution, such as a stage that starts or a unit that is lost."
        ),
        "simulations_event",
    ),
)
MEASURED = (
    Term(
        "lateness",
        _("Lateness"),
        _(
            "How much later than planned a message was handed to the transport. p99: 99 of 100 messages "
            "were not later than this."
        ),
    ),
    Term(
        "start-skew",
        _("Start skew"),
        _("How far from the common start an agent really began to play."),
    ),
    Term(
        "gap",
        _("gap"),
        _(
            "A long time between two neighbouring messages of a rosbag. A template can shorten gaps "
            "while playing."
        ),
    ),
    Term(
        "outage",
        _("outage"),
        _(
            "A time in which the connection of a unit to the system under test was not known to be good."
        ),
    ),
    Term(
        "undelivered",
        _("undelivered messages"),
        _(
            "Messages published during an outage, which may never have arrived. A stage can allow a number "
            "of them before an agent fails."
        ),
    ),
    Term(
        "failure-code",
        _("failure code"),
        _(
            "The stable name of the cause of a failure. It says who caused it, the user or the system, and "
            "what to do."
        ),
    ),
)
KEPT = (
    Term(
        "in-use",
        _("in use"),
        _("Named by an execution that has not ended, or by a template: it cannot be deleted now."),
    ),
    Term(
        "delete",
        _("delete, restore, purge"),
        _(
            "Deleted rosbags, templates and simulations are hidden and can be restored, until they are "
            "purged: then they are removed permanently."
        ),
    ),
    Term(
        "retention",
        _("retention"),
        _("How long logs, events and recordings of executions are kept before they are removed."),
    ),
)
GROUPS = (
    (_("Data"), DATA),
    (_("Design"), DESIGN),
    (_("Run and what takes part in it"), RUN),
    (_("What is measured"), MEASURED),
    (_("What is kept"), KEPT),
)
TERMS = {term.slug: term for _title, terms in GROUPS for term in terms}

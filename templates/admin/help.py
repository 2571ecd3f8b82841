"""Help texts of the form of a template."""

from django.utils.translation import gettext_lazy as _

HELP_TEXTS = {
    "name": _("What this kind of robot does, such as courier or forklift with a load."),
    "robot_type": _("For searching and filtering only, such as TurtleBot 4."),
    "rosbag": _(
        "The recording that every agent of this template plays, as ros2 bag play does, each in a "
        "namespace of its own."
    ),
    "rate": _("Factor of the recorded speed, as --rate of ros2 bag play; 0: as fast as possible."),
    "max_gap_seconds": _(
        "Longest recorded time without a message of these topics that agents wait for; empty: any."
    ),
    "start_offset": _("After the first message of the played topics, in recorded time."),
    "end_offset": _("Empty: to the end of the rosbag."),
    "pass_gap": _("Between the end of a pass and the next one, in real time."),
    "clock_hz": _(
        "Agents publish the recorded time on /clock so often, for nodes with use_sim_time; 0: no clock. "
        "A recorded /clock is not played then."
    ),
    "restamp": _(
        "Set header.stamp of each message to the time of its publication, so that the system under test "
        "sees data of now."
    ),
    "prefix_frames": _(
        "Put the name of the agent before frame IDs, such as agent_7/base_link, so that robots share no "
        "frames."
    ),
    "match_seconds": _(
        "How long agents wait for subscribers of the topics that require one. Then the start fails and "
        "names the topic."
    ),
    "record_own": _("Also record messages that the agent itself publishes on these topics."),
    "record_scope": _(
        "A rosbag for each agent is easier to compare; one for a unit is fewer files."
    ),
    "record_storage": _("MCAP is the default of ROS 2 since Iron; older versions read SQLite 3."),
    "unsupported_topics": _(
        "Transports differ in the names that they carry; over Zenoh no topic is named /a//b or /a*."
    ),
    "agent_cpu": _(
        "Thousandths of a core that are reserved for each agent; empty: by what it plays."
    ),
    "agent_cpu_limit": _(
        "Above it agents are slowed down and play late; empty: four times what is reserved."
    ),
    "agent_memory": _("MiB that are reserved for each agent; empty: by the transport."),
    "agent_memory_limit": _(
        "A unit that needs more is ended (OUT_OF_MEMORY); empty: twice what is reserved."
    ),
}

"""A sample bag: a robot with odometry, an IMU and a laser scanner drives a figure of eight."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.store import Typestore

from rosbag2.formats.metadata import Topic
from rosbag2.writing.sqlite_writer import BagWriter

START_NS = 1_700_000_000_000_000_000
_SECOND = 1_000_000_000
_LAP_SECONDS = 20.0
_HALF_LENGTH, _HALF_WIDTH = 6.0, 3.0
_ROOM = 8.0, 5.0
_PILLARS = np.array([(3.0, 0.0, 0.5), (-3.0, 0.0, 0.5), (6.5, 4.0, 0.3), (-6.5, -4.0, 0.3)])
_BEAMS = 240
_MAX_RANGE = 12.0
_GRAVITY = 9.80665

_PROFILE = """- history: keep_last
  depth: {depth}
  reliability: {reliability}
  durability: volatile
  deadline: {{sec: 9223372036, nsec: 854775807}}
  lifespan: {{sec: 9223372036, nsec: 854775807}}
  liveliness: automatic
  liveliness_lease_duration: {{sec: 9223372036, nsec: 854775807}}
  avoid_ros_namespace_conventions: false"""


@dataclass(frozen=True)
class _Pose:
    """Position and motion of the robot: metres, radians, metres and radians a second."""

    x: float
    y: float
    heading: float
    speed: float
    turn: float
    acceleration: float


@dataclass(frozen=True)
class _Stream:
    name: str
    type: str
    hertz: int
    reliability: str
    message: Callable[[int, _Pose], Any]


class _Robot:
    """Makes the messages of one drive; the noise comes from one seeded generator."""

    def __init__(self, store: Typestore, seed: int) -> None:
        self.types: Any = store.types
        self.noise = np.random.default_rng(seed)

    def odometry(self, stamp_ns: int, pose: _Pose) -> Any:
        place = self._make("geometry_msgs/msg/Point", pose.x, pose.y, 0.0)
        stance = self._make("geometry_msgs/msg/Pose", place, self._turned(pose.heading))
        moving = self._make(
            "geometry_msgs/msg/Twist",
            self._vector(pose.speed, 0.0, 0.0),
            self._vector(0.0, 0.0, pose.turn),
        )
        spread = np.diag([1e-3, 1e-3, 1e-6, 1e-6, 1e-6, 1e-3]).reshape(-1)
        return self._make(
            "nav_msgs/msg/Odometry",
            self._header(stamp_ns, "odom"),
            "base_link",
            self._make("geometry_msgs/msg/PoseWithCovariance", stance, spread),
            self._make("geometry_msgs/msg/TwistWithCovariance", moving, spread),
        )

    def imu(self, stamp_ns: int, pose: _Pose) -> Any:
        turn = self.noise.normal(0.0, 0.002, 3)
        turn[2] += pose.turn
        force = self.noise.normal(0.0, 0.02, 3)
        force += (pose.acceleration, pose.speed * pose.turn, _GRAVITY)
        return self._make(
            "sensor_msgs/msg/Imu",
            self._header(stamp_ns, "imu_link"),
            self._turned(pose.heading),
            np.diag([1e-4, 1e-4, 1e-3]).reshape(-1),
            self._vector(*turn),
            np.diag([4e-6] * 3).reshape(-1),
            self._vector(*force),
            np.diag([4e-4] * 3).reshape(-1),
        )

    def scan(self, stamp_ns: int, pose: _Pose) -> Any:
        step = 2 * math.pi / _BEAMS
        angles = np.linspace(-math.pi, math.pi, _BEAMS, endpoint=False)
        ranges = _distances(pose, angles) + self.noise.normal(0.0, 0.01, _BEAMS)
        return self._make(
            "sensor_msgs/msg/LaserScan",
            self._header(stamp_ns, "laser_link"),
            -math.pi,
            math.pi - step,
            step,
            0.2 / _BEAMS,
            0.2,
            0.1,
            _MAX_RANGE,
            np.clip(ranges, 0.1, _MAX_RANGE).astype(np.float32),
            np.zeros(0, np.float32),
        )

    def _make(self, kind: str, *values: object) -> Any:
        return self.types[kind](*values)

    def _header(self, stamp_ns: int, frame: str) -> Any:
        seconds, nanoseconds = divmod(stamp_ns, _SECOND)
        time = self._make("builtin_interfaces/msg/Time", seconds, nanoseconds)
        return self._make("std_msgs/msg/Header", time, frame)

    def _vector(self, x: float, y: float, z: float) -> Any:
        return self._make("geometry_msgs/msg/Vector3", float(x), float(y), float(z))

    def _turned(self, heading: float) -> Any:
        return self._make(
            "geometry_msgs/msg/Quaternion", 0.0, 0.0, math.sin(heading / 2), math.cos(heading / 2)
        )


def make_sample(folder: Path, *, seconds: float = 10.0, seed: int = 7) -> None:
    """Write the sample bag: /odom at 20 Hz, /imu at 50 Hz, /scan at 5 Hz.

    The same seconds and seed give the same bytes.

    Raises:
        BagError: BAG_EXISTS, WRITE_FAILED.
    """
    store = get_typestore(Stores.ROS2_JAZZY)
    robot = _Robot(store, seed)
    streams = (
        _Stream("/odom", "nav_msgs/msg/Odometry", 20, "reliable", robot.odometry),
        _Stream("/imu", "sensor_msgs/msg/Imu", 50, "best_effort", robot.imu),
        _Stream("/scan", "sensor_msgs/msg/LaserScan", 5, "best_effort", robot.scan),
    )
    moments = sorted(
        (START_NS + turn * _SECOND // stream.hertz, place)
        for place, stream in enumerate(streams)
        for turn in range(int(seconds * stream.hertz))
    )
    # Commits by the clock would leave their number in the file.
    with BagWriter(folder, ros_distro="jazzy", commit_seconds=math.inf) as writer:
        numbers = [writer.add_topic(_topic(store, stream)) for stream in streams]
        for stamp_ns, place in moments:
            stream = streams[place]
            message = stream.message(stamp_ns, _pose((stamp_ns - START_NS) / _SECOND))
            data = bytes(store.serialize_cdr(message, stream.type))
            writer.write(numbers[place], stamp_ns, data)


def _topic(store: Typestore, stream: _Stream) -> Topic:
    return Topic(
        name=stream.name,
        type=stream.type,
        offered_qos_profiles=_PROFILE.format(depth=10, reliability=stream.reliability),
        type_hash=store.hash_rihs01(stream.type),
        definition=store.generate_msgdef(stream.type, ros_version=2)[0],
        definition_encoding="ros2msg",
    )


def _pose(seconds: float) -> _Pose:
    """The place on the figure of eight, and its first and second derivatives."""
    rate = 2 * math.pi / _LAP_SECONDS
    phase = rate * seconds
    x, y = _HALF_LENGTH * math.sin(phase), _HALF_WIDTH * math.sin(2 * phase)
    vx = _HALF_LENGTH * rate * math.cos(phase)
    vy = 2 * _HALF_WIDTH * rate * math.cos(2 * phase)
    ax, ay = -(rate**2) * x, -4 * rate**2 * y
    speed = math.hypot(vx, vy)
    turn = (vx * ay - vy * ax) / speed**2
    return _Pose(x, y, math.atan2(vy, vx), speed, turn, (vx * ax + vy * ay) / speed)


def _distances(pose: _Pose, angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Length of each beam in metres, to the walls of the room or to a pillar."""
    dx, dy = np.cos(angles + pose.heading), np.sin(angles + pose.heading)
    with np.errstate(divide="ignore"):
        walls = np.minimum(
            (np.copysign(_ROOM[0], dx) - pose.x) / dx, (np.copysign(_ROOM[1], dy) - pose.y) / dy
        )
    nearest: NDArray[np.float64] = walls
    for x, y, radius in _PILLARS:
        along = (x - pose.x) * dx + (y - pose.y) * dy
        beside = radius**2 - ((x - pose.x) ** 2 + (y - pose.y) ** 2 - along**2)
        hit = along - np.sqrt(np.maximum(beside, 0.0))
        nearest = np.where((beside > 0) & (hit > 0), np.minimum(nearest, hit), nearest)
    return nearest

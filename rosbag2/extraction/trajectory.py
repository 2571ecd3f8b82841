"""Trajectories from topics of poses, transforms or GNSS fixes, simplified to a number of points."""

import heapq
import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rosbag2.extraction.decoded_bag import DecodedBag, Span
from rosbag2.messages.cdr import CdrError
from rosbag2.messages.fields import Picker
from rosbag2.messages.to_json import to_json

PATHS = {
    "nav_msgs/msg/Odometry": "pose.pose.position.",
    "geometry_msgs/msg/Point": "",
    "geometry_msgs/msg/PointStamped": "point.",
    "geometry_msgs/msg/Pose": "position.",
    "geometry_msgs/msg/PoseStamped": "pose.position.",
    "geometry_msgs/msg/PoseWithCovariance": "pose.position.",
    "geometry_msgs/msg/PoseWithCovarianceStamped": "pose.pose.position.",
    "geometry_msgs/msg/TransformStamped": "transform.translation.",
}
"""Where the position is, by type."""
FIX = "sensor_msgs/msg/NavSatFix"
TRANSFORMS = "tf2_msgs/msg/TFMessage"
TYPES = frozenset({*PATHS, FIX, TRANSFORMS})
MAX_HELD = 100_000
"""Positions kept of one track while reading; beyond that every other one is dropped."""
MAX_FRAMES = 100
MAX_TRANSFORMS = 200


class TrajectoryUnsuitableError(Exception):
    """The topic has no positions, or none of that frame; the text says which have."""

    code = "TYPE_UNSUITABLE"


@dataclass
class Track:
    """Positions in time order: (time in ns, x, y, z); `frame` and `child` as the messages name them."""

    frame: str
    child: str
    times: "array[int]" = field(default_factory=lambda: array("q"))
    places: "array[float]" = field(default_factory=lambda: array("d"))
    count: int = 0
    every: int = 1

    def add(self, time_ns: int, place: tuple[float, float, float]) -> None:
        """Add a position, unless it is not finite."""
        if not all(map(math.isfinite, place)):
            return
        self.count += 1
        if (self.count - 1) % self.every:
            return
        self.times.append(time_ns)
        self.places.extend(place)
        if len(self.times) >= MAX_HELD:
            self._halve()

    def _halve(self) -> None:
        rows = np.array(self.places).reshape(-1, 3)[::2].reshape(-1)
        self.times, self.places = self.times[::2], array("d", rows.tobytes())
        self.every *= 2

    def rows(self) -> NDArray[np.float64]:
        """The positions as rows of x, y, z."""
        return np.array(self.places, dtype=np.float64).reshape(-1, 3)

    def behind(self, gaps: Sequence[Span]) -> list[int]:
        """Indexes of the first positions behind gaps that have positions on both sides."""
        times = np.frombuffer(self.times, dtype=np.int64) if self.times else np.empty(0, np.int64)
        found = {int(np.searchsorted(times, first, side="right")) for first, _last in gaps}
        return sorted(at for at in found if 0 < at < len(times))


def trajectory(
    source: DecodedBag,
    name: str,
    *,
    span: Span,
    points: int,
    frame: str = "",
    gaps: Sequence[Span] = (),
) -> dict[str, Any]:
    """The trajectory of a topic in at most `points` points, which keep its shape.

    Of transforms it is that of the child `frame`, or of the one that moves farthest. `gaps` are the times of
    the messages before and after each gap: the result's `breaks` are the indexes of the
    points behind them, to which no line leads.

    Raises:
        TopicUnknownError, TypeUnknownError: as `DecodedBag.shape`.
        TrajectoryUnsuitableError: the type has no positions, or the frame does not occur.
    """
    kind = source.message_type(name).name
    if kind == TRANSFORMS:
        tracks = _transforms(source, name, span)
        track = _choose(tracks, frame)
        frames = [{"frame": item.frame, "child": item.child} for item in tracks]
    elif kind in PATHS or kind == FIX:
        track, frames = _positions(source, name, span, kind), []
    else:
        message = f"{name} is of the type {kind}, which tells no positions: choose a topic of poses"
        raise TrajectoryUnsuitableError(message)
    return _to_dict(track, points, gaps) | {
        "topic": name,
        "type": kind,
        "geographic": kind == FIX,
        "frames": frames,
    }


def _to_dict(track: Track, points: int, gaps: Sequence[Span]) -> dict[str, Any]:
    rows = track.rows()
    longest = sorted(gaps, key=lambda gap: gap[0] - gap[1])
    behind = track.behind(longest[: max(0, points - 2) // 2])
    chosen = simplify(rows, points, behind)
    deltas = np.diff(rows, axis=0)
    return {
        "frame": track.frame,
        "child_frame": track.child,
        "positions": track.count,
        "length": float(np.sqrt((deltas**2).sum(axis=1)).sum()) if len(rows) > 1 else 0.0,
        "points": [[track.times[at], *map(float, rows[at])] for at in chosen],
        "breaks": [place for place, at in enumerate(chosen) if at in behind],
    }


def _positions(source: DecodedBag, name: str, span: Span, kind: str) -> Track:
    message_type = source.message_type(name)
    at = ["longitude", "latitude", "altitude"] if kind == FIX else [PATHS[kind] + a for a in "xyz"]
    texts = [
        text
        for text in ("header.frame_id", "child_frame_id")
        if _has_field(message_type.fields, text)
    ]
    picker, names = Picker(message_type, at), Picker(message_type, texts)
    track = Track("", "")
    for time_ns, _topic, data in source.messages([name], span):
        try:
            if not track.count:
                decoded = dict(zip(texts, names.pick(data), strict=True))
                track.frame = decoded.get("header.frame_id", "")
                track.child = decoded.get("child_frame_id", "")
            x, y, z = picker.pick(data)
        except CdrError:
            continue
        track.add(time_ns, (x, y, z))
    return track


def _has_field(fields: dict[str, Any], path: str) -> bool:
    return path.partition(".")[0] in fields


def _transforms(source: DecodedBag, name: str, span: Span) -> list[Track]:
    message_type = source.message_type(name)
    tracks: dict[tuple[str, str], Track] = {}
    for time_ns, _topic, data in source.messages([name], span):
        for frame, child, place in _decoded_transforms(to_json, message_type, data):
            if (frame, child) not in tracks and len(tracks) >= MAX_FRAMES:
                continue
            tracks.setdefault((frame, child), Track(frame, child)).add(time_ns, place)
    return list(tracks.values())


def _decoded_transforms(
    decode: Any, message_type: Any, data: bytes
) -> Iterator[tuple[str, str, tuple[float, float, float]]]:
    """The transforms in one message: frame, child, place; none if it cannot be decoded."""
    try:
        decoded = decode(message_type, data, MAX_TRANSFORMS)["transforms"]
    except CdrError:
        return
    for transform in decoded if isinstance(decoded, list) else decoded["first"]:
        moved = transform["transform"]["translation"]
        place = tuple(float(moved[axis]) for axis in "xyz")
        yield str(transform["header"]["frame_id"]), str(transform["child_frame_id"]), place  # type: ignore[misc]


def _choose(tracks: list[Track], frame: str) -> Track:
    if frame:
        for track in tracks:
            if track.child == frame:
                return track
        frames = ", ".join(sorted({track.child for track in tracks})[:20])
        raise TrajectoryUnsuitableError(
            f"no transform leads to the frame {frame}; there are: {frames}"
        )
    return max(tracks, key=_reach, default=Track("", ""))


def _reach(track: Track) -> float:
    rows = track.rows()
    return float(np.ptp(rows, axis=0).sum()) if len(rows) else 0.0


def simplify(rows: NDArray[np.float64], max_points: int, behind: Sequence[int] = ()) -> list[int]:
    """Choose rows so that the line through them stays close to that through all (Douglas-Peucker).

    The row that lies farthest from its chord comes first, until there are `max_points` or none lies off. The
    line ends before each row of `behind`, and begins anew there.
    """
    if len(rows) <= min(2, max_points):
        return list(range(len(rows)))
    legs = list(zip([0, *behind], [*(at - 1 for at in behind), len(rows) - 1], strict=True))
    chosen = {at for leg in legs for at in leg}
    noise = (float(np.ptp(rows, axis=0).max()) * 1e-9) ** 2
    waiting = [_farthest(rows, *leg) for leg in legs]
    heapq.heapify(waiting)
    while waiting and len(chosen) < max_points:
        distance, at, first, stop = heapq.heappop(waiting)
        if -distance <= noise:  # on its chord
            break
        chosen.add(at)
        heapq.heappush(waiting, _farthest(rows, first, at))
        heapq.heappush(waiting, _farthest(rows, at, stop))
    return sorted(chosen)


def _farthest(rows: NDArray[np.float64], first: int, last: int) -> tuple[float, int, int, int]:
    """The row between two that lies farthest from the chord; its distance is negated, for the heap."""
    inner = rows[first + 1 : last] - rows[first]
    if not len(inner):
        return 0.0, first, first, last
    chord = rows[last] - rows[first]
    length = float(chord @ chord)
    along = np.clip(inner @ chord / length, 0, 1) if length else np.zeros(len(inner))
    off = ((inner - np.outer(along, chord)) ** 2).sum(axis=1)
    at = int(off.argmax())
    return -float(off[at]), first + 1 + at, first, last

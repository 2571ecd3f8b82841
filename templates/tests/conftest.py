"""A rosbag for templates to play."""

from typing import Any

import pytest

from storage.choices import Status
from storage.models import Rosbag, RosbagTopic


@pytest.fixture
def rosbag(db: Any) -> Rosbag:
    rosbag = Rosbag.objects.create(name="course", status=Status.READY)
    RosbagTopic.objects.bulk_create(
        RosbagTopic(rosbag=rosbag, name=name, type=kind, message_count=5)
        for name, kind in (("/odom", "nav_msgs/msg/Odometry"), ("/imu", "sensor_msgs/msg/Imu"))
    )
    return rosbag

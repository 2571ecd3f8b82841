"""Environment and profile of Fast DDS, which read both when the first node of a process is made.

The profile holds what environment variables cannot say: UDP alone, as the files of shared memory outlive a
killed process; no endpoints of its own that match, as an agent's publications are no answers; and static
peers without multicast beside them.
"""

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from agent.protocol import Link
from agent.transports.base import HostUnknownError

PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<profiles xmlns="http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles">
  <transport_descriptors>
    <transport_descriptor>
      <transport_id>udp</transport_id>
      <type>UDPv4</type>
      <maxInitialPeersRange>{processes}</maxInitialPeersRange>
    </transport_descriptor>
  </transport_descriptors>
  <participant profile_name="robotsim" is_default_profile="true">
    <rtps>
      <useBuiltinTransports>false</useBuiltinTransports>
      <userTransports><transport_id>udp</transport_id></userTransports>
      <propertiesPolicy><properties><property>
        <name>fastdds.ignore_local_endpoints</name><value>true</value>
      </property></properties></propertiesPolicy>
      <builtin>{discovery}</builtin>
    </rtps>
  </participant>
  <publisher profile_name="robotsim" is_default_profile="true">
    <times><heartbeatPeriod><nanosec>{heartbeat}</nanosec></heartbeatPeriod></times>
  </publisher>
</profiles>
"""
HEARTBEAT_NS = 200_000_000
"""Fast DDS asks for acknowledgements every three seconds, which is long at the end of a run."""
PEERS = """
        <metatrafficUnicastLocatorList><locator/></metatrafficUnicastLocatorList>
        <initialPeersList>{peers}</initialPeersList>
      """
"""A locator of its own keeps Fast DDS from listening to multicast."""
PEER = "<locator><udpv4><address>{address}</address></udpv4></locator>"
PROCESSES_OF_A_PEER = 32
"""ROS 2 processes of one host that static peers reach; Fast DDS has 4, fewer than many robots run."""


def set_environment(link: Link, folder: Path) -> None:
    """Write the profile into a folder, and name it and the rest to rclpy. Raises TransportError."""
    profile = folder / "fastdds.xml"
    profile.write_text(
        PROFILE.format(
            processes=PROCESSES_OF_A_PEER, discovery=_discovery(link), heartbeat=HEARTBEAT_NS
        )
    )
    servers = ";".join(link.addresses) if link.discovery == "server" else ""
    os.environ |= {
        "FASTRTPS_DEFAULT_PROFILES_FILE": str(profile),
        "RMW_IMPLEMENTATION": "rmw_fastrtps_cpp",
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "SYSTEM_DEFAULT",  # as in the profile
        "ROS_DISCOVERY_SERVER": servers,
        "ROS_LOG_DIR": str(folder / "ros-log"),
    }
    os.environ.pop("ROS_STATIC_PEERS", None)


def _discovery(link: Link) -> str:
    if link.discovery != "peers":
        return ""
    addresses = _resolve(link.addresses)
    return PEERS.format(peers="".join(PEER.format(address=escape(one)) for one in addresses))


def _resolve(hosts: Sequence[str]) -> list[str]:
    """Return the IPv4 addresses of hosts, as Fast DDS ignores a name that it cannot resolve."""
    addresses = []
    for host in hosts:
        try:
            addresses.append(socket.gethostbyname(host))
        except OSError as error:
            raise HostUnknownError(
                f"The static peer {host} cannot be resolved ({error}). Check the DNS, and the name in the "
                "settings of the system under test."
            ) from error
    return addresses

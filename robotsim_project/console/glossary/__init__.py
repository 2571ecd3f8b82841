"""The glossary of the console: its terms for somebody who has ROS 2 but not our vocabulary."""

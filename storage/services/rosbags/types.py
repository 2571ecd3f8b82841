"""Message types for those who play topics: the bridge to `rosbag2`."""

from rosbag2.messages.message_types import TypeProblem, TypeUnknownError
from rosbag2.messages.type_hashes import bad_line, facts_of_uploads

__all__ = ["TypeProblem", "TypeUnknownError", "bad_line", "facts_of_uploads"]

"""Every code is explained in the documentation, in the words of the catalogue."""

from pathlib import Path

import pytest

from rosbag2.errors import SENTENCES
from rosbag2.recovery.inventory import FINAL

DOCS = (Path(__file__).parents[2] / "docs" / "rosbags.md").read_text()
RECORDING_ONLY = {"BAG_EXISTS", "WRITE_FAILED"}


@pytest.mark.parametrize("code", sorted(SENTENCES.keys() - RECORDING_ONLY))
def test_each_code_is_documented(code: str) -> None:
    assert f"| `{code}` | {SENTENCES[code]} |" in DOCS


@pytest.mark.parametrize("code", sorted(FINAL))
def test_codes_that_are_not_repaired_are_documented(code: str) -> None:
    assert f"| `{code}` | {SENTENCES[code]} | no |" in DOCS

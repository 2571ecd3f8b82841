"""The Korean console says nothing in English, but for proper terms, names, codes and what is quoted."""

from tests.console.system import ConsoleSystem


def test_no_english_on_korean_pages(seeded_system: ConsoleSystem) -> None:
    assert seeded_system.call("words.english") == []

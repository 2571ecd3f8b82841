"""The console in Korean: words of previews and exports, and a compiled catalogue that is that of the text."""

import gettext
import re
from pathlib import Path
from typing import IO, Any

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.test import Client
from django.utils import translation

from accounts.choices import Role
from accounts.models import User
from rosbag2 import errors
from rosbag2.writing.sample import make_sample
from storage.choices import sentence
from tests.support.bags import stored_bag

CATALOGUE = Path(settings.LOCALE_PATHS[0]) / "ko" / "LC_MESSAGES"
PLACES = re.compile(r"%\(\w+\)[ds]|%d|\{\w+\}")


def texts() -> dict[str, str]:
    """The catalogue as people edit it; of plurals the singular."""
    with (CATALOGUE / "django.po").open("rb") as stream:
        entries = list(read_po(stream))
    texts_by_key = {}
    for entry in entries:
        key = entry.id if isinstance(entry.id, str) else entry.id[0]
        texts_by_key[key] = entry.string if isinstance(entry.string, str) else entry.string[0]
    return {key: text for key, text in texts_by_key.items() if key}


def test_compiled_catalogue_is_up_to_date(tmp_path: Path) -> None:
    with (CATALOGUE / "django.po").open("rb") as stream:
        entries = read_po(stream)
    with (tmp_path / "django.mo").open("wb") as compiled:
        write_mo(compiled, entries)
    with (CATALOGUE / "django.mo").open("rb") as stream:
        assert texts_of(stream) == texts_of((tmp_path / "django.mo").open("rb")), (
            "run: msgfmt -c -o locale/ko/LC_MESSAGES/django.mo locale/ko/LC_MESSAGES/django.po"
        )


def texts_of(stream: IO[bytes]) -> dict[Any, str]:
    """The texts of a compiled catalogue by their keys, without its header."""
    compiled = gettext.GNUTranslations(stream)
    return {key: text for key, text in compiled._catalog.items() if key}  # type: ignore[attr-defined]


def test_instructions_are_in_one_style() -> None:
    old = re.compile(r"십시오|[은을이]\([는를가]\)|\(으\)로")
    assert [text for text in texts().values() if old.search(text)] == []


def test_translations_keep_placeholders() -> None:
    for key, text in texts().items():
        assert set(PLACES.findall(key)) == set(PLACES.findall(text)), key


def test_every_sentence_about_bags_is_translated() -> None:
    sentences = {*errors.SENTENCES.values(), *errors.SHORTER.values()}
    assert [text for text in sentences if not texts().get(text)] == []


@pytest.mark.parametrize(
    ("code", "details"),
    [
        ("COUNT_MISMATCH", {"listed": 7, "found": 6, "topics": 1, "topic": "/a"}),
        (
            "TIME_MISMATCH",
            {"listed_start_ns": 1, "listed_duration_ns": 2, "start_ns": 3, "duration_ns": 4},
        ),
        ("QOS_MISMATCH", {"topic": "/a", "topics": 1}),
        ("COMPRESSION_MISMATCH", {}),
        ("FILE_MISSING", {"file": "a.db3"}),
    ],
)
def test_details_of_older_versions_have_a_sentence(
    code: str, details: dict[str, str | int]
) -> None:
    english = sentence(code, details)
    with translation.override("ko"):
        assert "" != sentence(code, details) != english
    assert english


@pytest.mark.django_db
def test_a_page_in_korean(client: Client, tmp_path: Path) -> None:
    client.force_login(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    make_sample(tmp_path / "drive", seconds=1)
    rosbag = stored_bag(tmp_path / "drive")
    headers = {"Accept-Language": "ko"}
    preview = client.get(f"/admin/storage/rosbag/{rosbag.pk}/part/preview/", headers=headers)
    for text in ("궤적", "시간에 따른 필드", "토픽"):
        assert text in preview.content.decode()
    form = client.get(f"/admin/storage/rosbag/{rosbag.pk}/export/", headers=headers)
    assert "고르지 않으면 전부입니다." in form.content.decode()
    data = client.get(f"/api/v1/rosbags/{rosbag.pk}/fields?topic=/none", headers=headers).json()
    assert "토픽이 없습니다" in data["detail"]

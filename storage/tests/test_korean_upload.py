"""Korean translations of the upload page and of sentences about archives and repairs."""

import re

import pytest
from django.test import Client
from django.utils import translation

from accounts.choices import Role
from accounts.models import User
from storage.admin.rosbags.add_page import script_texts
from storage.choices import SENTENCES, lost_sentence

OURS = ("ARCHIVE_", "REBUILT", "RESCUED", "NO_SPACE")
HANGUL = re.compile("[\uac00-\ud7a3]")


@pytest.mark.parametrize("code", [code for code in SENTENCES if code.startswith(OURS)])
def test_translated_sentences_keep_placeholders(code: str) -> None:
    english = SENTENCES[code]
    with translation.override("ko"):
        korean = translation.gettext(english)
    assert HANGUL.search(korean)
    assert sorted(re.findall(r"{\w+}", korean)) == sorted(re.findall(r"{\w+}", english))


def test_lost_spans() -> None:
    span = {"file": "a.db3", "topic": "/odom", "first_ns": 10**9, "last_ns": None, "messages": 3}
    with translation.override("ko"):
        assert (
            lost_sentence(span) == "a.db3, 토픽 /odom: 1.000 s부터 끝까지 메시지 3개를 잃었습니다."
        )


def test_add_page_is_translated(client: Client, db: None) -> None:
    with translation.override("ko"):
        assert all(HANGUL.search(word) for word in script_texts().values())
    client.force_login(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    page = client.get("/admin/storage/rosbag/add/", headers={"Accept-Language": "ko"}).content
    assert "rosbag 추가" in page.decode()

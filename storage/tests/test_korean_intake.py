"""What operators read of intake is there in Korean."""

import re

import pytest
from django.test import Client
from django.utils import translation

from accounts.choices import Role
from accounts.models import User
from storage.admin.adding import words
from storage.choices import SENTENCES, lost_sentence

OURS = ("ARCHIVE_", "REBUILT", "RESCUED", "NO_SPACE")
HANGUL = re.compile("[\uac00-\ud7a3]")


@pytest.mark.parametrize("code", [code for code in SENTENCES if code.startswith(OURS)])
def test_sentences_keep_their_details(code: str) -> None:
    english = SENTENCES[code]
    with translation.override("ko"):
        korean = translation.gettext(english)
    assert HANGUL.search(korean)
    assert sorted(re.findall(r"{\w+}", korean)) == sorted(re.findall(r"{\w+}", english))


def test_lost_stretches() -> None:
    span = {"file": "a.db3", "topic": "/odom", "first_ns": 10**9, "last_ns": None, "messages": 3}
    with translation.override("ko"):
        assert (
            lost_sentence(span) == "a.db3, 토픽 /odom: 1.000 s부터 끝까지 메시지 3개를 잃었습니다."
        )


def test_the_page_and_its_script(client: Client, db: None) -> None:
    with translation.override("ko"):
        assert all(HANGUL.search(word) for word in words().values())
    client.force_login(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    page = client.get("/admin/storage/rosbag/add/", headers={"Accept-Language": "ko"}).content
    assert "rosbag 추가" in page.decode()
    assert "번들은 metadata.yaml" in page.decode()

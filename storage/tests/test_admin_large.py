"""The page of a rosbag with very many files and topics: as short as that of a small one."""

from typing import Any

import pytest
from django.test import Client

from accounts.choices import Role
from accounts.models import User
from storage.admin.index import MAX_ROWS
from storage.models import Rosbag, RosbagFile, RosbagTopic
from storage.tests.conftest import MakeBag
from tests.support.bags import stored_bag

pytestmark = pytest.mark.django_db
ROWS = 10_000


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    return client


@pytest.fixture
def large(make_bag: MakeBag) -> Rosbag:
    rosbag = stored_bag(make_bag())
    names = [f"{number:05d}" for number in range(ROWS)]
    RosbagTopic.objects.bulk_create(
        RosbagTopic(rosbag=rosbag, name=f"/zz{name}", type="a/msg/B", message_count=1)
        for name in names
    )
    RosbagFile.objects.bulk_create(
        RosbagFile(rosbag=rosbag, path=f"zz_{name}.db3", size=1, key=f"rosbags/{rosbag.pk}/{name}")
        for name in names
    )
    return rosbag


def test_page_of_a_large_rosbag(
    operator: Client, large: Rosbag, django_assert_max_num_queries: Any
) -> None:
    address = f"/admin/storage/rosbag/{large.pk}/change/"
    operator.get(address)
    with django_assert_max_num_queries(15):
        answer = operator.get(address)
    inlines = answer.context["inline_admin_formsets"]
    assert [len(inline.formset.forms) for inline in inlines] == [MAX_ROWS, MAX_ROWS]
    page = answer.content.decode()
    assert len(page) < 1_000_000
    for model, count in (("rosbagtopic", ROWS + 2), ("rosbagfile", ROWS + 2)):
        link = f"/admin/storage/{model}/?rosbag__id__exact={large.pk}"
        assert f'href="{link}"' in page
        assert str(count) in page
        listed = operator.get(link).content.decode()
        assert "zz" in listed
        assert len(listed) < 500_000


def test_large_rosbag_is_renamed(operator: Client, large: Rosbag) -> None:
    address = f"/admin/storage/rosbag/{large.pk}/change/"
    form = operator.get(address).context["adminform"].form
    formsets = operator.get(address).context["inline_admin_formsets"]
    values: dict[str, Any] = {"name": "better"}
    for formset in formsets:
        management = formset.formset.management_form
        values |= {
            f"{management.prefix}-{name}": management[name].value() for name in management.fields
        }
    assert form.instance.pk == large.pk
    assert operator.post(address, values).status_code == 302
    large.refresh_from_db()
    assert large.name == "better"

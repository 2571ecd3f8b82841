"""The form of a template whose rosbag has very many topics."""

import pytest
from django.test import Client

from accounts.choices import Role
from accounts.models import User
from storage.models import Rosbag, RosbagTopic
from templates.models import Template
from templates.services.validation import MAX_TOPICS

pytestmark = pytest.mark.django_db
TOPICS = 10_000


def test_form_lists_the_first_topics_and_the_chosen(client: Client) -> None:
    client.force_login(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    rosbag = Rosbag.objects.create(name="drive", status="ready")
    RosbagTopic.objects.bulk_create(
        RosbagTopic(rosbag=rosbag, name=f"/t{number:05d}", type="a/msg/B", message_count=1)
        for number in range(TOPICS)
    )
    chosen = ["/t09999", "/t00000"]
    template = Template.objects.create(name="many", rosbag=rosbag, topics=chosen)
    page = client.get(f"/admin/templates/template/{template.pk}/change/").content.decode()
    assert page.count('name="topics"') == MAX_TOPICS + 1
    assert page.count("checked") >= len(chosen)
    assert 'value="/t09999"' in page
    assert "not in this rosbag" not in page
    listed = client.get(f"/admin/templates/template/topics/?rosbag={rosbag.pk}").json()
    assert len(listed["topics"]) == MAX_TOPICS

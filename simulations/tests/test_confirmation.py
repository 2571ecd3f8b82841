"""The page before rows are deleted: what happens, whether it can be undone, what is skipped and why."""

from django.urls import reverse

from accounts.choices import Role
from accounts.models import ApiToken, User
from accounts.services import api_tokens
from simulations.models import Mec
from simulations.services.designs import mecs
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Console, Design
from templates.models import Template
from templates.services import templates


def test_what_can_be_restored_is_said_so_and_what_is_used_is_skipped(
    console: Console, design: Design, template: Template
) -> None:
    lifecycle.start(design())
    free = templates.create(name="free", rosbag=template.rosbag)
    operator = console(Role.OPERATOR)
    page = reverse("admin:templates_template_changelist")
    form = {"action": "delete_selected", "_selected_action": [template.pk, free.pk]}
    text = operator.post(page, form).content.decode()
    assert "can be restored" in text
    assert "related" not in text
    assert "Concerned: 1" in text
    assert "Skipped: 1" in text
    assert "drive" in text.split("Skipped: 1")[1]  # what uses it
    assert f'value="{template.pk}"' not in text
    operator.post(page, {**form, "post": "yes"})
    assert list(Template.objects.filter(deleted_at=None)) == [template]


def test_what_is_permanent_is_said_so(console: Console, design: Design) -> None:
    design()
    free = mecs.ensure("free", name="Free", transport="null")
    admin = console(Role.ADMIN)
    page = reverse("admin:simulations_mec_changelist")
    chosen = [mec.pk for mec in Mec.objects.all()]
    text = admin.post(page, {"action": "delete_selected", "_selected_action": chosen})
    assert "deleted permanently" in text.content.decode()
    assert "Concerned: 1" in text.content.decode()
    assert "Skipped: 1" in text.content.decode()
    one = admin.get(reverse("admin:simulations_mec_delete", args=[free.pk])).content.decode()
    assert "deleted permanently" in one


def test_the_last_admin_is_skipped(console: Console) -> None:
    admin = console(Role.ADMIN)
    page = reverse("admin:accounts_user_changelist")
    chosen = [User.objects.get().pk]
    text = admin.post(page, {"action": "delete_selected", "_selected_action": chosen})
    assert "none of the selected rows" in text.content.decode()


def test_tokens_are_revoked_after_a_question(console: Console) -> None:
    admin = console(Role.ADMIN)
    api_tokens.create(User.objects.get(), name="robot", scopes=["read"])
    page = reverse("admin:accounts_apitoken_changelist")
    form = {"action": "revoke", "_selected_action": [ApiToken.objects.get().pk]}
    assert "refused at once" in admin.post(page, form).content.decode()
    assert ApiToken.objects.get().revoked_at is None
    admin.post(page, {**form, "post": "yes"})
    again = admin.post(page, form).content.decode()
    assert "It is revoked already." in again

"""The page before rows are deleted: what happens, whether it can be undone, what is skipped and why."""

from django.urls import reverse

from accounts.choices import Role
from accounts.models import ApiToken, User
from accounts.services import api_tokens
from simulations.models import Execution, Mec, Simulation
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


def test_starts_and_stops_in_a_list_ask_first(console: Console, design: Design) -> None:
    lifecycle.start(design(name="busy"))
    idle, empty = design(name="idle"), design(name="empty")
    empty.stages.all().delete()
    operator = console(Role.OPERATOR)
    page = reverse("admin:simulations_simulation_changelist")
    chosen = {"_selected_action": list(Simulation.objects.values_list("pk", flat=True))}
    start = operator.post(page, {**chosen, "action": "start"}).content.decode()
    stop = operator.post(page, {**chosen, "action": "stop"}).content.decode()
    assert Execution.objects.get().status == "PENDING"
    assert "Concerned: 1" in start
    skipped = start.split("Skipped: 2")[1]
    assert "has no stage" in skipped
    assert "is running" in skipped
    assert f'name="_selected_action" value="{idle.pk}"' in start
    assert "Concerned: 1" in stop
    assert "nothing to stop" in stop.split("Skipped: 2")[1]


def test_executions_in_a_list_are_stopped_and_repeated_after_a_question(
    console: Console, design: Design
) -> None:
    execution = lifecycle.start(design())
    operator = console(Role.OPERATOR)
    page = reverse("admin:simulations_execution_changelist")
    chosen = {"_selected_action": [execution.pk]}
    assert "Concerned: 1" in operator.post(page, {**chosen, "action": "stop"}).content.decode()
    for action in ("again", "latest"):
        text = operator.post(page, {**chosen, "action": action}).content.decode()
        assert "The simulation is running" in text.split("Skipped: 1")[1]
    Execution.objects.update(status="COMPLETED")
    assert "nothing to stop" in operator.post(page, {**chosen, "action": "stop"}).content.decode()
    for action in ("again", "latest"):
        text = operator.post(page, {**chosen, "action": action}).content.decode()
        assert "Concerned: 1" in text
    assert Execution.objects.count() == 1


def test_bulk_deletion_names_what_uses_a_row(
    console: Console, design: Design, template: Template
) -> None:
    design(name="rush hour")
    page = reverse("admin:templates_template_changelist")
    form = {"action": "delete_selected", "_selected_action": [template.pk]}
    text = console(Role.OPERATOR).post(page, form).content.decode()
    assert "rush hour" in text
    assert "cannot be started again" in text

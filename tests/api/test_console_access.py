"""The console's half of the access table is complete, has no dead rows, and is what happens."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.db.models import ForeignKey
from django.test import Client
from django.urls import reverse

from accounts.choices import Role
from accounts.models import User
from accounts.permissions import allows, permission_rule
from robotsim_project.access import CONSOLE
from robotsim_project.console import navigation, pages

MISSING = 999_999_999
"""Id of no row: rights are checked before rows are looked for."""
HISTORY = "admin.logentry"
STANDARD = {
    ("changelist", "GET"): "view",
    ("add", "GET"): "add",
    ("add", "POST"): "add",
    ("change", "GET"): "view",
    ("change", "POST"): "change",
    ("delete", "GET"): "delete",
    ("delete", "POST"): "delete",
}
"""Verbs of the pages that each model has."""
OWN = {
    ("auditlog_logentry_export", "GET"): "auditlog.view_logentry",
    ("auth_user_password_change", "GET"): "accounts.change_user",
    ("auth_user_password_change", "POST"): "accounts.change_user",
    ("storage_rosbag_export", "GET"): "storage.export_rosbag",
    ("storage_rosbag_export", "POST"): "storage.export_rosbag",
    ("storage_rosbag_foxglove", "GET"): "storage.view_rosbag",
    ("storage_rosbag_foxglove_open", "GET"): "storage.view_rosbag",
    ("storage_rosbag_part", "GET"): "storage.view_rosbag",
    ("storage_export_part", "GET"): "storage.view_export",
    ("storage_rosbag_popup", "GET"): "storage.add_rosbag",
    ("simulations_execution_again", "GET"): "simulations.again_execution",
    ("simulations_execution_compare", "GET"): "simulations.view_execution",
    ("simulations_execution_panels", "GET"): "simulations.view_execution",
    ("simulations_mec_part", "GET"): "simulations.view_mec",
    ("simulations_mec_test", "POST"): "simulations.test_mec",
    ("simulations_simulation_add_preview", "POST"): "simulations.add_simulation",
    ("simulations_simulation_preview", "POST"): "simulations.change_simulation",
    ("simulations_simulation_preflight", "POST"): "simulations.start_simulation",
    ("simulations_simulation_quick_run", "GET"): "simulations.quickrun_simulation",
    ("simulations_simulation_quick_run", "POST"): "simulations.quickrun_simulation",
    ("simulations_simulation_quick_run_summary", "GET"): "simulations.quickrun_simulation",
    ("simulations_simulation_runs", "GET"): "simulations.view_simulation",
    ("templates_template_topics", "POST"): "templates.view_template",
    **{(page.name, "GET"): page.permission for page in pages.PAGES if page.permission},
}
"""Permissions of pages that only one model has."""
WITHOUT_ROW = {
    "auditlog_logentry_export",
    "simulations_execution_compare",
    "simulations_simulation_add_preview",
    "simulations_simulation_quick_run",
    "simulations_simulation_quick_run_summary",
    "templates_template_topics",
    *(page.name for page in pages.PAGES),
}
PARTS = {
    "simulations_mec_part": "tested",
    "storage_rosbag_part": "topics",
    "simulations_simulation_runs": "latest",
}
"""A part of pages whose address names one."""
EVERYBODY = {
    "index",
    "login",
    "logout",
    "password_change",
    "password_change_done",
    "jsi18n",
    "preferences",
    *(page.name for page in pages.PAGES if not page.permission),
}
"""Pages without rights: they show one's own, or what one may see."""
CHECKED_ELSEWHERE = {"app_list", "autocomplete", "view_on_site", "None"}
PAGES = {
    label: page
    for model, page in admin.site._registry.items()
    if (label := model._meta.label_lower)
}


def permission(label: str, verb: str) -> str:
    app, model = label.split(".")
    return f"{app}.{verb}_{model}"


def label_of(permission: str) -> str:
    """The row of a permission, such as `robotsim.health` of `robotsim.view_health`."""
    app, _dot, codename = permission.partition(".")
    return f"{app}.{codename.partition('_')[2]}"


def prefix(page: Any) -> str:
    return f"{page.opts.app_label}_{page.opts.model_name}"


def actions_of(page: Any) -> Iterator[tuple[str, set[str]]]:
    """All actions of a model, also those that some lists leave out, with their permissions."""
    for name in {*page.actions, *dict(admin.site.actions)}:
        verbs = getattr(page.get_action(name)[0], "allowed_permissions", ())
        assert verbs, f"{name} needs no right"
        yield name, {permission(page.opts.label_lower, verb) for verb in verbs}


def calls(page: Any) -> Iterator[tuple[str, str, str, dict[str, Any], set[str]]]:
    """Name, method, address, form and needed permissions of each call of a model's pages."""
    label, name = page.opts.label_lower, prefix(page)
    for (view, method), verb in STANDARD.items():
        args = [] if view in {"changelist", "add"} else [MISSING]
        yield (
            view,
            method,
            reverse(f"admin:{name}_{view}", args=args),
            {},
            {permission(label, verb)},
        )
    history = {permission(label, "view"), permission(HISTORY, "view")}
    yield "history", "GET", reverse(f"admin:{name}_history", args=[MISSING]), {}, history
    for action, needed in actions_of(page):
        form = {"action": action, "_selected_action": MISSING, "index": 0}
        viewed = {*needed, permission(label, "view")}
        yield f"bulk {action}", "POST", reverse(f"admin:{name}_changelist"), form, viewed
        if hasattr(page, "object_action_view"):
            address = reverse(f"admin:{name}_act", args=[MISSING, action])
            yield f"act {action}", "POST", address, {}, needed


def own_calls() -> Iterator[tuple[str, str, str, dict[str, Any], set[str]]]:
    for (name, method), needed in OWN.items():
        args: list[Any] = [] if name in WITHOUT_ROW else [MISSING]
        if name in PARTS:
            args.append(PARTS[name])
        yield name, method, reverse(f"admin:{name}", args=args), {}, {needed}


@pytest.fixture
def clients(db: None, empty_redis: None) -> dict[Role | None, Client]:
    """A client signed in as each role, and one that is not."""
    made: dict[Role | None, Client] = {None: Client()}
    for role in Role:
        user = User.objects.create_user(f"{role}@example.org", role=role)
        made[role] = Client()
        made[role].force_login(user)
    return made


def admitted(role: Role, permissions: Iterable[str]) -> bool:
    user = User(role=role)
    return all(allows(permission_rule(name), user, None) for name in permissions)


def test_every_model_has_a_row_and_no_row_is_dead() -> None:
    inlines = {inline.model._meta.label_lower for page in PAGES.values() for inline in page.inlines}
    own = {label_of(page.permission) for page in pages.PAGES if page.permission}
    assert {*PAGES, *inlines, HISTORY, *own} == set(CONSOLE)
    unasked = [
        (label, verb)
        for label, page in PAGES.items()
        for verb in CONSOLE[label]
        if not hasattr(page, f"has_{verb}_permission")
    ]
    assert unasked == []


def test_every_address_is_walked() -> None:
    names = {str(getattr(pattern, "name", None)) for pattern in admin.site.urls[0]}
    for page in PAGES.values():
        names |= {str(pattern.name) for pattern in page.urls}
    walked = {name for name, _method in OWN} | EVERYBODY | CHECKED_ELSEWHERE
    views = {view for view, _method in STANDARD} | {"history", "act"}
    walked |= {f"{prefix(page)}_{view}" for page in PAGES.values() for view in views}
    assert names - walked == set()


@pytest.mark.parametrize("label", [*sorted(PAGES), "pages of one model"])
def test_the_table_is_what_happens(clients: dict[Role | None, Client], label: str) -> None:
    found, expected = {}, {}
    for name, method, address, form, needed in (
        calls(PAGES[label]) if label in PAGES else own_calls()
    ):
        for role, client in clients.items():
            answer = client.generic(method, address) if not form else client.post(address, form)
            opened = answer.status_code != 403 and "/admin/login/" not in answer.get("Location", "")
            found[name, method, role] = opened
            expected[name, method, role] = role is not None and admitted(role, needed)
    assert found == expected


def test_everybody_opens_the_pages_without_rights(clients: dict[Role | None, Client]) -> None:
    for role in Role:
        for name in EVERYBODY - {"login", "logout"}:
            assert clients[role].get(reverse(f"admin:{name}")).status_code == 200


def test_the_navigation_follows_the_table(clients: dict[Role | None, Client]) -> None:
    for role in Role:
        sections = clients[role].get(reverse("admin:index")).context["navigation"]
        shown = {item.url for section in sections for item in section.items}
        entries = [page for _title, section in navigation.PAGES for page in section]
        assert shown == {
            reverse(f"admin:{page.view}")
            for page in entries
            if not page.permission or admitted(role, [page.permission])
        }


def test_the_navigation_offers_only_pages_that_open(clients: dict[Role | None, Client]) -> None:
    for role in Role:
        sections = clients[role].get(reverse("admin:index")).context["navigation"]
        for item in (item for section in sections for item in section.items):
            assert clients[role].get(item.url).status_code == 200, (role, item.url)


def test_choices_of_autocomplete_fields_follow_the_table(
    clients: dict[Role | None, Client],
) -> None:
    fields = [
        field
        for label in CONSOLE
        if label in PAGES
        for field in PAGES[label].model._meta.get_fields()
        if isinstance(field, ForeignKey) and field.related_model in admin.site._registry
    ]
    assert any(field.related_model is User for field in fields)
    for field in fields:
        options = field.model._meta
        query = {
            "app_label": options.app_label,
            "model_name": options.model_name,
            "field_name": field.name,
        }
        target = field.related_model._meta.label_lower
        if not PAGES[target].search_fields:
            continue
        for role in Role:
            answer = clients[role].get(reverse("admin:autocomplete"), query)
            expected = 200 if admitted(role, [permission(target, "view")]) else 403
            assert (field.name, role, answer.status_code) == (field.name, role, expected)

"""The button that fills in what an agent has used, in a real browser."""

from playwright.sync_api import Page, expect

from accounts.choices import Role
from accounts.models import User
from simulations.tests.conftest import Design
from simulations.tests.test_measured_resources import execution
from simulations.tests.test_measured_resources import page as address
from templates.models import Template
from tests.support.browser import SignIn


def test_the_button_fills_in_and_the_form_saves(
    page: Page, sign_in: SignIn, design: Design, template: Template
) -> None:
    execution(design)
    Template.objects.update(agent_cpu=100, agent_cpu_limit=200, agent_memory_limit=50)
    sign_in(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    page.goto(address(template))
    page.get_by_role("button", name="Reserve 244 m and 13 MiB").click()
    expect(page.locator("#id_agent_cpu")).to_have_value("244")
    expect(page.locator("#id_agent_cpu_limit")).to_have_value("")  # it was lower
    expect(page.locator("#id_agent_memory_limit")).to_have_value("50")
    page.locator("[name=_save]").first.click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    template.refresh_from_db()
    stored = (template.agent_cpu, template.agent_cpu_limit)
    assert (*stored, template.agent_memory, template.agent_memory_limit) == (244, None, 13, 50)

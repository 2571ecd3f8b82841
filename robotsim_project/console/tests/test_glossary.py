"""The glossary: every term has its Korean, and links of pages lead to terms that exist."""

import re

import pytest
from django.conf import settings
from django.utils import translation

from accounts.choices import Role
from robotsim_project.console.glossary.terms import GROUPS, TERMS
from simulations.models import Mec
from simulations.tests.conftest import Console, Design

pytestmark = pytest.mark.django_db
PAGE = "/admin/glossary/"
LATIN = frozenset({"rosbag"})
"""Terms that Korean engineers write in Latin letters."""


@pytest.mark.parametrize("role", Role)
def test_every_role_reads_it(console: Console, role: Role) -> None:
    page = console(role).get(PAGE).content.decode()
    assert set(re.findall(r'<div id="([a-z-]+)" tabindex', page)) == set(TERMS)
    assert f'<a href="{PAGE}">Glossary</a>' in console(role).get("/admin/").content.decode()


def test_every_term_has_its_korean() -> None:
    for _title, terms in GROUPS:
        for term in terms:
            english = str(term.title), str(term.text)
            with translation.override("ko"):
                korean = str(term.title), str(term.text)
            assert english[1] != korean[1], term.slug
            assert english[0] != korean[0] or term.slug in LATIN, term.slug


def test_korean_page_has_the_english_names(console: Console) -> None:
    client = console(Role.VIEWER)
    korean = client.get(PAGE, headers={"Accept-Language": "ko"}).content.decode()
    assert "<dt>실행 " in korean
    assert '<span class="quiet" lang="en">execution</span>' in korean
    assert 'lang="en">' not in client.get(PAGE).content.decode().partition("<dl")[2]


@pytest.mark.parametrize(
    ("path", "slug"),
    [
        ("simulations/simulation/", "simulation"),
        ("simulations/execution/", "execution"),
        ("simulations/agentrun/", "agent"),
        ("simulations/mec/", "mec"),
        ("storage/rosbag/", "rosbag"),
        ("templates/template/", "template"),
    ],
)
def test_pages_lead_to_their_term(console: Console, path: str, slug: str) -> None:
    page = console(Role.VIEWER).get(f"/admin/{path}").content.decode()
    assert f'<a class="term" href="{PAGE}#{slug}"' in page


def test_links_lead_to_terms_that_exist(console: Console, design: Design, mec: Mec) -> None:
    templates = settings.BASE_DIR.glob("*/templates/**/*.html")
    used = {
        slug
        for path in templates
        for slug in re.findall(r'{% term "([^"]+)"', path.read_text(encoding="utf-8"))
    }
    assert used <= set(TERMS)
    assert {"lateness", "stage"} <= used
    page = console(Role.VIEWER).get(f"/admin/simulations/mec/{mec.pk}/change/").content.decode()
    assert f'{PAGE}#mec" title="system under test: explained in the glossary"' in page

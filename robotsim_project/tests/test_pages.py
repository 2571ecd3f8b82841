"""The root, the API docs, unknown URLs and the console's sign-in page."""

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse


def test_the_root_returns_a_greeting() -> None:
    answer = Client().get("/")
    assert answer.json() == {"message": "Robot Simulator Backend API"}


def test_docs_come_from_this_server() -> None:
    page = Client().get("/docs")
    text = page.content.decode()
    assert page.status_code == 200
    assert "/static/drf_spectacular_sidecar/" in text
    assert "https://" not in text.replace("https://www.w3.org", "")


def test_the_schema_describes_the_sign_in() -> None:
    answer = Client().get(f"{settings.API_STR}/schema", headers={"Accept": "application/json"})
    schema = answer.json()
    assert schema["openapi"].startswith("3.")
    sign_in = schema["paths"][f"{settings.API_STR}/auth/signin"]["post"]
    assert "security" not in sign_in or sign_in["security"] == [{}]


@pytest.mark.parametrize("path", ["/", "/nothing", "/docs", f"{settings.API_STR}/schema"])
def test_other_names_of_the_server_are_refused_with_the_setting_that_has_them(path: str) -> None:
    answer = Client().get(path, headers={"Host": "rebound.example"})
    assert (answer.status_code, answer.json()["code"]) == (400, "HOST_NOT_ALLOWED")
    assert "ALLOWED_HOSTS" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/templates/", "/templates/1/2/3"])
def test_an_unknown_url_of_the_api_is_a_problem_document(path: str) -> None:
    answer = Client().get(f"{settings.API_STR}{path}")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "NOT_FOUND"


def test_an_unknown_url_outside_the_api_is_a_page() -> None:
    answer = Client().get("/nothing")
    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")


@pytest.mark.django_db
def test_a_crash_outside_the_views_is_a_problem_document(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("accounts.api.me.Me.dispatch", crash)
    answer = Client(raise_request_exception=False).get(f"{settings.API_STR}/me")
    assert answer.status_code == 500
    assert answer.json()["code"] == "INTERNAL_ERROR"
    assert "secret" not in answer.content.decode()


@pytest.mark.django_db
def test_the_console_requires_a_sign_in_and_has_languages() -> None:
    client = Client()
    assert client.get(reverse("admin:index")).status_code == 302
    page = client.get(reverse("admin:login"))
    assert page["Content-Language"] == "en"
    client.post(reverse("set_language"), {"language": "ko"})
    assert client.get(reverse("admin:login"))["Content-Language"] == "ko"


@pytest.mark.django_db
def test_the_console_has_the_name_of_the_project() -> None:
    page = Client().get(reverse("admin:login")).content.decode()
    assert "robotsim" in page
    assert "Django" not in page


@pytest.mark.django_db
def test_a_form_without_its_token_gets_a_page_with_a_way_back() -> None:
    answer = Client(enforce_csrf_checks=True).post(reverse("admin:login"))
    text = answer.content.decode()
    assert answer.status_code == 403
    assert "The form was not accepted" in text
    assert f'href="{reverse("admin:index")}"' in text

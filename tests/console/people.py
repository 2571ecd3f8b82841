"""People of a tested console; runs in the shell of its `World`."""

from django.conf import settings
from django.test import Client

from accounts.choices import Role
from accounts.models import User
from tests.console.system import PASSWORD


def ensure(role: str, language: str = "en") -> str:
    """Create a user of a role who reads a language, if there is none; return the address."""
    email = f"{role}-{language}@example.org"
    if not User.objects.filter(email=email).exists():
        User.objects.create_user(email, PASSWORD, role=Role(role), name=f"{role.title()} Kim")
    return email


def session(role: str, language: str) -> dict[str, str]:
    """Sign a user in; return the cookies of the session and of the language."""
    client = Client()
    client.force_login(User.objects.get(email=ensure(role, language)))
    name = settings.SESSION_COOKIE_NAME
    return {name: client.cookies[name].value, settings.LANGUAGE_COOKIE_NAME: language}

"""The manager of users."""

from typing import TYPE_CHECKING, Any

from django.contrib.auth.base_user import BaseUserManager
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.choices import Role

if TYPE_CHECKING:
    from accounts.models import User


class UserManager(BaseUserManager["User"]):
    """Users by e-mail; addresses are stored in lower case, so that each has one account."""

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """Strip the address and convert it to lower case."""
        return (email or "").strip().lower()

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user of an address in any case."""
        return self.get(email=self.normalize_email(username))

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create an account, a viewer unless `role` is given.

        Without a password nobody can sign in.

        Raises:
            ValueError: the address is empty.
        """
        address = self.normalize_email(email)
        if not address:
            raise ValueError(_("An account needs an e-mail address."))
        user = self.model(email=address, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create an admin (the name is Django's, for `manage.py createsuperuser`)."""
        return self.create_user(email, password, **{**fields, "role": Role.ADMIN})

    def admins(self) -> "QuerySet[User]":
        """Return active admins, the oldest first."""
        return self.filter(role=Role.ADMIN, is_active=True).order_by("pk")

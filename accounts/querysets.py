"""How users are made and found, and how rows are found that each request asks for."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib.auth.base_user import BaseUserManager
from django.db import connections
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.choices import Role

if TYPE_CHECKING:
    from accounts.models import User


class UserManager(BaseUserManager["User"]):
    """Users by e-mail; an address is kept in lower case, so that one person has one account."""

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """The address without blanks around it, in lower case."""
        return (email or "").strip().lower()

    def get_by_natural_key(self, username: str | None) -> "User":
        """The user of an address in any case."""
        return self.get(email=self.normalize_email(username))

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make an account, a viewer unless `role` says otherwise.

        Without a password nobody can sign in to it.

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
        """Make an admin (the name is Django's, for `manage.py createsuperuser`)."""
        return self.create_user(email, password, **{**fields, "role": Role.ADMIN})

    def admins(self) -> "QuerySet[User]":
        """Active admins, the oldest first."""
        return self.filter(role=Role.ADMIN, is_active=True).order_by("pk")


class Statement(NamedTuple):
    """What a query is once it is written."""

    sql: str
    params: list[Any]
    names: list[str]
    converters: dict[int, tuple[list[Callable[..., Any]], Any]]


class Written:
    """A query that is written once, rows as of `.values()`; later only the key changes, where it has one.

    For what each request asks: writing the statement takes the ORM longer than the database takes to answer.
    `rows` must be a query that is always the same; `key` is the column that it is asked by.
    """

    _KEY = -(2**62)
    """Stands for the key while the statement is written."""

    def __init__(self, rows: Callable[[], QuerySet[Any, Any]], key: str | None = "pk") -> None:
        self._rows = rows
        self._key = key
        self._statements: dict[str, Statement] = {}

    def get(self, key: int) -> dict[str, Any] | None:
        """The first row with this key; None: there is none."""
        found = self.all(key)
        return found[0] if found else None

    def all(self, key: int | None = None) -> list[dict[str, Any]]:
        """All rows, of those with this key."""
        connection = connections["default"]
        statement = self._statements.get(connection.vendor)
        if statement is None:
            statement = self._statements[connection.vendor] = self._write(connection)
        params = [key if param == self._KEY else param for param in statement.params]
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, params)
            found = [list(row) for row in cursor.fetchall()]
        for at, (converters, expression) in statement.converters.items():
            for convert in converters:
                for row in found:
                    row[at] = convert(row[at], expression, connection)
        return [dict(zip(statement.names, row, strict=True)) for row in found]

    def _write(self, connection: Any) -> Statement:
        rows = self._rows()
        query = (rows if self._key is None else rows.filter(**{self._key: self._KEY})).query
        compiler = query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        names = list(query.selected or [*query.values_select, *query.annotation_select])
        converters = compiler.get_converters([column[0] for column in compiler.select])
        return Statement(sql, list(params), names, converters)

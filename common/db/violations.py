"""Violations of unique constraints, told apart: an IntegrityError alone does not say which it was."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import IntegrityError, models, transaction


@contextmanager
def refusing_duplicates(
    model: type[models.Model], name: str, error: Callable[[], Exception]
) -> Iterator[None]:
    """Run in a transaction, and raise `error` where rows collide on one unique constraint.

    Args:
        model: The model of the constraint.
        name: The constraint in its `Meta`, or a field with `unique=True`.
        error: Makes the exception to raise.

    Raises:
        IntegrityError: Another constraint is violated.
    """
    try:
        with transaction.atomic():
            yield
    except IntegrityError as violation:
        if is_duplicate(violation, model, name):
            raise error() from violation
        raise


def is_duplicate(violation: IntegrityError, model: type[models.Model], name: str) -> bool:
    """Tell whether this unique constraint, or that of this field, is the violated one."""
    meta = model._meta  # noqa: SLF001  as documented by Django
    columns = {field.name: field.column for field in meta.concrete_fields}
    constraint = next((c for c in meta.constraints if c.name == name), None)
    diagnosis = getattr(violation.__cause__, "diag", None)
    if diagnosis is None:  # SQLite names the columns
        fields = getattr(constraint, "fields", (name,))
        paths = ", ".join(f"{meta.db_table}.{columns[field]}" for field in fields)
        return str(violation) == f"UNIQUE constraint failed: {paths}"
    violated = str(diagnosis.constraint_name)
    if constraint is not None:
        return violated == name
    return violated.startswith(f"{meta.db_table}_{columns[name]}_")

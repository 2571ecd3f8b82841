"""What the templates refuse; the sentences say what to do."""

from typing import Any


class TemplateError(Exception):
    """A request that cannot be carried out; `errors` points at the fields that are wrong."""

    status = 422
    code = "TEMPLATE_INVALID"

    def __init__(self, sentence: str, errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(sentence)
        self.errors = errors or []


class TemplateDeletedError(TemplateError):
    """The template was deleted, it cannot be changed."""

    status = 404
    code = "TEMPLATE_NOT_FOUND"

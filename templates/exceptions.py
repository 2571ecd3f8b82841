"""What the templates refuse; the sentences say what to do."""

from common.exceptions import DomainError


class TemplateError(DomainError):
    """A request that cannot be carried out; `errors` points at the fields that are wrong."""

    status = 422
    code = "TEMPLATE_INVALID"


class TemplateDeletedError(TemplateError):
    """The template was deleted, it cannot be changed."""

    status = 404
    code = "TEMPLATE_NOT_FOUND"

"""Errors of the templates app; their messages say what to do."""

from common.exceptions import DomainError


class TemplateError(DomainError):
    """The values of a template are invalid; `errors` points at the fields."""

    status = 422
    code = "TEMPLATE_INVALID"


class TemplateDeletedError(TemplateError):
    """The template was deleted and cannot be changed."""

    status = 404
    code = "TEMPLATE_NOT_FOUND"


class TemplateInUseError(TemplateError):
    """Executions that have not ended use the template."""

    status = 409
    code = "TEMPLATE_IN_USE"


class NotMeasuredError(TemplateError):
    """No execution has measured what agents of the template use."""

    status = 404
    code = "NOT_MEASURED"

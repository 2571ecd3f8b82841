"""Save and start by one button: the execution runs what the form shows, or nothing is stored.

The form has a key of its own, so that a double click, or a request that is sent again, starts one execution.
"""

import hashlib
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from accounts.exceptions import IdempotencyInProgressError
from accounts.services import idempotency
from accounts.services.idempotency import IdempotentRequest, StoredResponse
from common.admin.actions import admin_url
from simulations.models import Simulation
from simulations.services.runs import lifecycle

START = "_start"


class _NotStartedError(Exception):
    """The form is shown again; carries its response, and leaves the key free."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__()
        self.response = response


class StartingMixin:
    """Start what the form of a simulation shows; before `DomainErrorMixin`, which shows a refused start."""

    has_start_permission: Any
    message_user: Any

    def changeform_view(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse | Any:
        def respond() -> HttpResponse:
            response: HttpResponse = super(StartingMixin, self).changeform_view(  # type: ignore[misc]
                request, *args, **kwargs
            )
            return response

        if request.method != "POST" or START not in request.POST:
            return respond()
        if not self.has_start_permission(request):
            raise PermissionDenied

        def start() -> StoredResponse:
            response = respond()
            if not isinstance(response, HttpResponseRedirect):
                raise _NotStartedError(response)
            return StoredResponse(response.status_code, None, {"Location": response.url})

        try:
            stored, _replayed = idempotency.run(_identity(request), start)
        except _NotStartedError as error:
            return error.response
        except IdempotencyInProgressError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        return HttpResponseRedirect(stored.headers["Location"])

    def response_add(self, request: HttpRequest, obj: Any, *args: Any, **kwargs: Any) -> Any:
        return self._started(request, obj) or super().response_add(request, obj, *args, **kwargs)  # type: ignore[misc]

    def response_change(self, request: HttpRequest, obj: Any) -> Any:
        return self._started(request, obj) or super().response_change(request, obj)  # type: ignore[misc]

    def _started(self, request: HttpRequest, simulation: Simulation) -> HttpResponse | None:
        """Start what was stored just now, in the same transaction.

        Raises:
            NotStartableError: It cannot run; `errors` names each reason.
            AlreadyRunningError: It is running, and does not allow concurrent executions.
        """
        if START not in request.POST:
            return None
        execution = lifecycle.start(simulation, requested_by=request.user)
        text = _("Execution %(number)d was started.") % {"number": execution.number}
        self.message_user(request, text)
        return HttpResponseRedirect(admin_url(execution))


def _identity(request: HttpRequest) -> IdempotentRequest:
    """Return the identity of a form: its key and content; after another edit it is another form."""
    names = sorted(set(request.POST) - {"csrfmiddlewaretoken"})
    digest = hashlib.sha256(repr([(n, request.POST.getlist(n)) for n in names]).encode())
    content = digest.hexdigest()
    user: Any = request.user
    key = f"console:{content}"
    return IdempotentRequest(lambda: user, key, f"POST {request.path}"[:200], content)

"""Errors of simulations and their executions."""

from django.utils.translation import gettext_lazy

from common.exceptions import DomainError


class SimulationError(DomainError):
    """Base of errors that refuse a request; `errors` lists the invalid fields."""

    status = 422
    code = "SIMULATION_INVALID"


class NotStartableError(SimulationError):
    """The simulation cannot be started in its present state."""

    code = "NOT_STARTABLE"


class AlreadyRunningError(SimulationError):
    """The simulation has an active execution."""

    status = 409
    code = "ALREADY_RUNNING"


class NotRunningError(SimulationError):
    """No execution can be stopped."""

    status = 409
    code = "NOT_RUNNING"


class SimulationNotFoundError(SimulationError):
    """The simulation no longer exists."""

    status = 404
    code = "SIMULATION_NOT_FOUND"


class DeletionOpenError(SimulationError):
    """An open deletion prevents the request."""

    status = 409
    code = "DELETION_OPEN"


class SimulationChangedError(SimulationError):
    """The simulation was changed after the user had read it."""

    status = 409
    code = "SIMULATION_CHANGED"
    message = gettext_lazy(
        "This simulation was changed after you opened this page, and your changes are not stored. Look at "
        "the stored simulation in another tab; if you save again, yours replace it."
    )


class NameTakenError(SimulationError):
    """Another simulation has this name."""

    status = 409
    code = "NAME_TAKEN"


class MecInvalidError(SimulationError):
    """The values of the mec are invalid."""

    code = "MEC_INVALID"


class MecInUseError(SimulationError):
    """Simulations use this mec."""

    status = 409
    code = "MEC_IN_USE"


class MecDisabledError(SimulationError):
    """The mec is disabled, and must not be connected to."""

    status = 409
    code = "MEC_DISABLED"
    message = gettext_lazy("The system under test is disabled: enable it, then test it.")


class TooManyTestsError(SimulationError):
    """This process has reached its limit of tests at once."""

    status = 503
    code = "TOO_MANY_TESTS"
    message = gettext_lazy("Other systems under test are being tested: try again in ten seconds.")
    retry_after = 10


class MecTestUnavailableError(SimulationError):
    """The backend cannot run a test now."""

    status = 503
    code = "BACKEND_UNAVAILABLE"
    message = gettext_lazy("The test could not be started (%(reason)s): check the backend.")
    retry_after = 10


class NoControllerError(MecTestUnavailableError):
    """No controller runs, which alone may use the backend."""

    message = gettext_lazy(
        "The test was not made, as no controller is running: start one (manage.py run_controller), then "
        "test again."
    )


class MecTestNotTakenError(MecTestUnavailableError):
    """No controller has taken the test in time."""

    message = gettext_lazy(
        "The test was not made, as the controllers are busy with other tests: test again in ten seconds."
    )


class MecTestOngoingError(MecTestUnavailableError):
    """A controller makes the test, and it takes longer than a request may wait."""

    message = gettext_lazy(
        "The test has no result after %(seconds)d seconds, as its pod may wait for room or for its image. It "
        "goes on, and its result will be shown with the system under test."
    )


class MecTestLostError(MecTestUnavailableError):
    """Each controller that made the test was killed."""

    message = gettext_lazy(
        "The controllers that made the test were killed: check them, then test again."
    )


class SupersededError(SimulationError):
    """A newer attempt of the unit has taken over."""

    status = 409
    code = "superseded"


class UnitRefusedError(SimulationError):
    """The unit's token or request does not belong to this execution."""

    status = 403
    code = "UNIT_REFUSED"


class SegmentsMissingError(SimulationError):
    """Segments of a recording are not stored yet."""

    status = 409
    code = "UPLOAD_INCOMPLETE"


class TicketInvalidError(SimulationError):
    """The ticket is invalid or no longer valid."""

    status = 401
    code = "TICKET_INVALID"


class TicketForeignError(SimulationError):
    """The ticket is for another execution or another user."""

    status = 403
    code = "TICKET_FOREIGN"


class StreamUnsupportedError(SimulationError):
    """This server cannot keep streams open."""

    status = 501
    code = "STREAM_NEEDS_ASGI"


class TooManyWatchersError(SimulationError):
    """This process has reached its limit of watchers."""

    status = 503
    code = "TOO_MANY_WATCHERS"
    retry_after = 5


class RedisUnreachableError(Exception):
    """Redis is unreachable; callers fall back to the database."""


class BackendError(Exception):
    """The backend cannot start or reach units; the call may be retried."""

    code = "BACKEND_UNAVAILABLE"
    """The failure code of units that wait for it, or are given up."""

"""The only speaker of the cluster's API: plain objects, bounded retries, and errors of our own.

lightkube finds the cluster and signs in to it (service account with a rotated token, or KUBECONFIG). Objects
are plain dicts, as the API sends them.
"""

import random
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import httpx2
import msgspec
import structlog
from lightkube import KubeConfig
from lightkube.config.client_adapter import Client, ConnectionParams
from lightkube.core.exceptions import ConfigError
from lightkube.utils.quantity import parse_quantity

from simulations.backends.kubernetes.errors import (
    LateError,
    NoClusterError,
    NotFoundError,
    PassingError,
    end_of_watch,
    refusal,
)
from simulations.exceptions import BackendError

log = structlog.get_logger(__name__)

Object = dict[str, Any]

GROUPS = {
    "jobs": "apis/batch/v1",
    "pods": "api/v1",
    "events": "api/v1",
    "secrets": "api/v1",
    "resourcequotas": "api/v1",
    "nodes": "api/v1",
}
TIMEOUT = httpx2.Timeout(5, connect=2)
PAGE_SIZE = 500
BACKGROUND = {"propagationPolicy": "Background"}
"""Option of a deletion: what the object owns goes after it."""
LOG_LINES = 50
LOG_BYTES = 64 * 1024
NODE_CALL = 'Get "https://'
"""Beginning of the API's message on a call of its own to a node that failed."""
RETRY_SECONDS = 5.0
"""Time after which a call gives up: a pass of the controller must not hang."""
FIRST_DELAY = 0.2
MAX_RETRY_AFTER = 30.0
"""The longest wait that is granted: a proxy may ask for a day, during which nobody would watch."""
AWAY_SECONDS = 2.0
"""Time for which calls fail at once after the API could not be reached: a pass makes many calls."""
WATCH_SECONDS = 60
"""Time after which the API ends a watch, so that a connection that died silently is noticed."""
OPEN = "OPEN"
"""Not a change: the API has accepted a watch."""


class Cluster:
    """Calls of one cluster's API; threads may share it."""

    def __init__(self) -> None:
        """Find the cluster: that of this pod, else the one of KUBECONFIG.

        Raises:
            NoClusterError: There is none.
        """
        try:
            found = KubeConfig.from_env().get()
            if found is None:
                raise ConfigError("no current context")
            self._http = Client(found, ConnectionParams(timeout=TIMEOUT))
        except (ConfigError, OSError, LookupError, ValueError) as error:
            message = f"No cluster is configured ({error}): run in a pod, or set KUBECONFIG."
            raise NoClusterError(message) from error
        self.address = str(found.cluster.server)
        self._away_until = self._hasty_until = 0.0
        self._away = ""

    def create(self, kind: str, namespace: str, manifest: Object) -> Object:
        """Create an object.

        Raises:
            ConflictError: One of this name exists.
            BackendError: It cannot be created now.
        """
        return self._call("POST", _path(kind, namespace), body=manifest)

    def get(self, kind: str, namespace: str, name: str) -> Object:
        """Return an object.

        Raises:
            NotFoundError: It does not exist.
            BackendError: The API cannot be used now.
        """
        return self._call("GET", _path(kind, namespace, name))

    def patch(self, kind: str, namespace: str, name: str, change: Object) -> Object:
        """Merge a change into an object.

        Raises:
            NotFoundError: It does not exist.
            BackendError: The API cannot be used now.
        """
        return self._call("PATCH", _path(kind, namespace, name), body=change)

    def delete(self, kind: str, namespace: str, name: str, options: Object | None = None) -> bool:
        """Delete an object; return whether it existed.

        Raises:
            BackendError: The API cannot be used now.
        """
        try:
            self._call("DELETE", _path(kind, namespace, name), body=options)
        except NotFoundError:
            return False
        return True

    def list_raw(
        self, kind: str, namespace: str = "", labels: str = "", fields: str = ""
    ) -> tuple[list[Object], str]:
        """List objects, and the resource version from which changes to them can be watched.

        Raises:
            GoneError: It took too long: list again.
            BackendError: The API cannot be used now.
        """
        parameters = {**_selectors(labels, fields), "limit": str(PAGE_SIZE)}
        objects: list[Object] = []
        with _failures():
            while True:
                answer = self._call("GET", _path(kind, namespace), parameters)
                objects += answer.get("items") or []
                following = answer["metadata"].get("continue")
                if not following:
                    return objects, answer["metadata"]["resourceVersion"]
                parameters["continue"] = following

    def watch_raw(
        self,
        kind: str,
        namespace: str,
        resource_version: str,
        labels: str = "",
        *,
        fields: str = "",
        seconds: int = WATCH_SECONDS,
    ) -> Iterator[tuple[str, Object]]:
        """Yield OPEN once, then changes: ADDED, MODIFIED, DELETED or BOOKMARK, and the object.

        It is not retried, and ends after so many seconds: watch again from the last resource version.

        Raises:
            GoneError: The resource version is too old: list again.
            BackendError: The API cannot be used now.
        """
        parameters = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(seconds),
            **_selectors(labels, fields),
        }
        timeout = httpx2.Timeout(5, connect=2, read=seconds + 10)
        with (
            _failures(),
            self._http.stream(
                "GET", _path(kind, namespace), params=parameters, timeout=timeout
            ) as response,
        ):
            if response.is_error:
                response.read()
                raise _error(response)
            yield OPEN, {}
            for line in _lines(response.iter_bytes()):
                change = msgspec.json.decode(line)
                if change["type"] == "ERROR":
                    raise end_of_watch(change["object"])
                yield change["type"], change["object"]

    def pod_log(self, namespace: str, pod: str) -> str:
        """Return the last lines that a pod's container printed, as its kubelet has them.

        Raises:
            NotFoundError: The pod does not exist.
            BackendError: They cannot be read now.
        """
        with _failures():
            response = self._http.get(
                f"{_path('pods', namespace, pod)}/log",
                params={"tailLines": str(LOG_LINES), "limitBytes": str(LOG_BYTES)},
            )
            if response.is_error:
                raise _error(response)
            return response.text

    def node_answers(self, namespace: str, pod: str) -> bool:
        """Check that the node of a pod answers the API, which asks it for the output of the pod.

        Raises:
            BackendError: The API itself cannot be used now.
        """
        try:
            self.pod_log(namespace, pod)
        except LateError:  # the API waits for the node for longer than we do
            return False
        except PassingError as error:
            if error.is_away:
                raise
            return NODE_CALL not in str(error)
        except BackendError:
            return True
        return True

    def _call(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str] | None = None,
        body: Object | None = None,
    ) -> Object:
        """Send a request, again after failures that may pass, for a few seconds in all.

        Soon after a call that gave up it is sent once: a pass makes many calls, which may all fail.
        """
        started, delay = time.monotonic(), FIRST_DELAY
        if started < self._away_until:
            raise BackendError(self._away)
        seconds = RETRY_SECONDS if started >= self._hasty_until else 0.0
        request = self._request(method, path, parameters or {}, body)
        while True:
            try:
                return self._send(request)
            except PassingError as failure:
                wait = failure.after or delay * random.uniform(0.5, 1.5)  # noqa: S311  no secret
                if time.monotonic() - started + wait > seconds:
                    self._hasty_until = time.monotonic() + AWAY_SECONDS
                    if failure.is_away:
                        self._away, self._away_until = str(failure), self._hasty_until
                    raise
                log.warning("cluster_call_repeated", method=method, path=path, reason=str(failure))
            time.sleep(wait)
            delay *= 2

    def _request(
        self, method: str, path: str, parameters: Mapping[str, str], body: Object | None
    ) -> httpx2.Request:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        content = None if body is None else msgspec.json.encode(body)
        headers = {"Content-Type": kind} if content else {}
        return self._http.build_request(
            method, path, params=parameters, content=content, headers=headers
        )

    def _send(self, request: httpx2.Request) -> Object:
        with _failures():
            response = self._http.send(request)
            if response.is_error:
                raise _error(response)
            return msgspec.json.decode(response.content, type=Object)


def quantity(text: str) -> float:
    """Return the number that a quantity of Kubernetes stands for, such as `500m` or `2Gi`."""
    return float(parse_quantity(text) or 0)


@cache
def shared_cluster() -> Cluster:
    """Return the cluster of this process.

    Raises:
        NoClusterError: There is none.
    """
    return Cluster()


@contextmanager
def _failures() -> Iterator[None]:
    """Turn failures of the way to the API into our own; none names a token, as no header is told."""
    try:
        yield
    except httpx2.TimeoutException as error:
        message = "The cluster's API does not answer in time: check its control plane."
        raise LateError(message, is_away=True) from error
    except httpx2.HTTPError as error:
        message = f"The cluster's API cannot be reached ({error}): check its address and network."
        raise PassingError(message, is_away=True) from error
    except (ConfigError, OSError) as error:
        message = (
            f"The credentials for the cluster cannot be read ({error}): check the service account."
        )
        raise BackendError(message) from error
    except (ValueError, LookupError) as error:
        message = "What answered is not the API of a cluster: check its address."
        raise BackendError(message) from error


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Split a stream at newlines alone: the client also splits at U+0085, which JSON need not escape."""
    rest = b""
    for chunk in chunks:
        *complete, rest = (rest + chunk).split(b"\n")
        yield from complete
    if rest:
        yield rest


def _path(kind: str, namespace: str, name: str = "") -> str:
    parts = [GROUPS[kind], f"namespaces/{namespace}" if namespace else "", kind, name]
    return "/".join(part for part in parts if part)


def _selectors(labels: str, fields: str) -> dict[str, str]:
    both = {"labelSelector": labels, "fieldSelector": fields}
    return {name: value for name, value in both.items() if value}


def _error(response: httpx2.Response) -> BackendError:
    try:
        status = dict(msgspec.json.decode(response.content))
    except (ValueError, TypeError):
        status = {"message": response.text}  # of a proxy between
    return refusal(response.request.method, response.status_code, status, _retry_after(response))


def _retry_after(response: httpx2.Response) -> float:
    try:
        return min(max(0.0, float(response.headers.get("Retry-After", 0))), MAX_RETRY_AFTER)
    except ValueError:  # a date, which Kubernetes never sends
        return 0.0

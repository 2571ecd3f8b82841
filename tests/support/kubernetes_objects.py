"""Objects of a cluster as its API server keeps them: versions, selectors, owners and changes."""

import base64
import copy
import itertools
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]
GROUPS = {"jobs": ("batch/v1", "Job"), "pods": ("v1", "Pod"), "secrets": ("v1", "Secret")}


class RefusedError(Exception):
    """The API refuses a request with a status."""

    def __init__(self, code: int, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


@dataclass
class Change:
    """A change as a watch tells it."""

    version: int
    kind: str
    type: str
    object: Object


@dataclass
class Objects:
    """All objects by kind, namespace and name; `changed` is notified of each change."""

    namespaces: set[str]
    changed: threading.Condition = field(default_factory=threading.Condition)
    changes: list[Change] = field(default_factory=list)
    oldest: int = 0
    """Version from which the history of changes is kept."""

    def __post_init__(self) -> None:
        self._objects: dict[tuple[str, str, str], Object] = {}
        self._versions = itertools.count(1)
        self.version = 0

    def create(self, kind: str, namespace: str, manifest: Object) -> Object:
        name = manifest["metadata"]["name"]
        with self.changed:
            if namespace not in self.namespaces:
                raise RefusedError(404, f'namespaces "{namespace}" not found')
            if (kind, namespace, name) in self._objects:
                raise RefusedError(409, f'{kind} "{name}" already exists', "AlreadyExists")
            metadata = {
                "namespace": namespace,
                "uid": str(uuid.uuid4()),
                "creationTimestamp": "2026-01-01T00:00:00Z",
                **manifest["metadata"],
            }
            return self._store("ADDED", kind, {"status": {}, **manifest, "metadata": metadata})

    def get(self, kind: str, namespace: str, name: str) -> Object:
        with self.changed:
            found = self._objects.get((kind, namespace, name))
            if found is None:
                raise RefusedError(404, f'{kind} "{name}" not found')
            return found

    def patch(self, kind: str, namespace: str, name: str, change: Object) -> Object:
        """Merge a change into an object."""
        with self.changed:
            found = self.get(kind, namespace, name)
            return self._store("MODIFIED", kind, _merge(copy.deepcopy(found), change))

    def delete(self, kind: str, namespace: str, name: str, uid: str | None = None) -> Object:
        """Remove an object, and all that it owns."""
        with self.changed:
            found = self.get(kind, namespace, name)
            own = found["metadata"]["uid"]
            if uid not in {None, own}:
                raise RefusedError(409, "the UID in the precondition does not match")
            del self._objects[kind, namespace, name]
            self._tell("DELETED", kind, found)
            for other_kind, other in [(key[0], value) for key, value in self._objects.items()]:
                owners = other["metadata"].get("ownerReferences", ())
                if any(row["uid"] == own for row in owners):
                    self.delete(other_kind, namespace, other["metadata"]["name"])
            return found

    def list(self, kind: str, namespace: str, labels: str = "", fields: str = "") -> list[Object]:
        """Objects of a kind, of all namespaces if none is given."""
        with self.changed:
            return [
                found
                for (of, place, _name), found in sorted(self._objects.items())
                if of == kind and namespace in {"", place} and matches(found, labels, fields)
            ]

    def forget(self) -> None:
        """Forget the history of changes: watches from before it are answered 410."""
        with self.changed:
            self.oldest = self.version
            self.changes.clear()

    def _store(self, change: str, kind: str, found: Object) -> Object:
        metadata = found["metadata"]
        for key, text in found.pop("stringData", {}).items():
            found.setdefault("data", {})[key] = base64.b64encode(text.encode()).decode()
        self._objects[kind, metadata["namespace"], metadata["name"]] = found
        self._tell(change, kind, found)
        return found

    def _tell(self, change: str, kind: str, found: Object) -> None:
        self.version = next(self._versions)
        found["metadata"]["resourceVersion"] = str(self.version)
        self.changes.append(Change(self.version, kind, change, copy.deepcopy(found)))
        self.changed.notify_all()


def matches(found: Object, labels: str, fields: str) -> bool:
    """Check an object against selectors of equality."""
    present = found["metadata"].get("labels", {})
    return _holds(present, labels) and _holds(found, fields)


def _holds(values: Mapping[str, Any], selector: str) -> bool:
    terms = [term.split("=", 1) for term in selector.split(",") if term]
    return all(_value(values, key) == value for key, value in terms)


def _value(values: Mapping[str, Any], path: str) -> Any:
    """A label, or the field of a path such as `involvedObject.uid`."""
    if path in values:
        return values[path]
    first, _, rest = path.partition(".")
    return _value(values[first], rest) if rest and isinstance(values.get(first), dict) else None


def _merge(found: Object, change: Object) -> Object:
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(found.get(key), dict):
            _merge(found[key], value)
        else:
            found[key] = value
    return found

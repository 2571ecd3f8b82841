"""Outages as a table: what is away, whether frozen or killed, and for how long; nothing may be lost.

Each outage serves three executions: one is RUNNING, one STOPPING, and of one the recordings are being
uploaded. All end as they would have ended without it. The whole table takes about 40 minutes with two
installations side by side, one of them with the server of streams:

    .venv/bin/python -m tests.system.outages --results /tmp/outages
    .venv/bin/python -m tests.system.outages --only 'web:frozen:22' 'database:*'
"""

import argparse
import json
import multiprocessing
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from queue import Empty
from typing import Any

from tests.support.parts import Installation, an_installation
from tests.support.verdicts import Shown, losses
from tests.support.zenoh import CountingRouter

PARTS = ("web", "database", "redis", "s3", "controller", "worker", "all")
WAYS = ("frozen", "gone")
SECONDS = (22, 40, 120, 15)
ENDS = {"running": "COMPLETED", "stopping": "STOPPED", "uploading": "COMPLETED"}
ROLES = tuple(ENDS)
"""The three executions, and how they end."""
PASS_SECONDS, PASS_MESSAGES, HEAVY_MESSAGES = 0.9, 10, 20
AFTER_SECONDS = 14
"""The running execution goes on for this long after the outage."""
END_SECONDS = 180
"""Limit for the end of all executions after the outage."""
MAX_TRIES = 3
"""Times to start the executions: on a busy machine one may leave its state before the others reach theirs."""
DRIVES = "tests.support.drives"


@dataclass(frozen=True)
class Cell:
    part: str
    way: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.part}:{self.way}:{self.seconds:g}"


def cells(patterns: list[str]) -> list[Cell]:
    table = [Cell(part, way, s) for s in SECONDS for part in PARTS for way in WAYS]
    return [cell for cell in table if any(fnmatch(str(cell), pattern) for pattern in patterns)]


def missed(at_outage: dict[str, Shown]) -> Iterator[str]:
    """Name the executions that were no longer in their state when the outage began."""
    if at_outage["stopping"]["status"] != "STOPPING":
        yield "the stop was over before the outage"
    if set(at_outage["uploading"]["agents"]) != {"UPLOADING"}:
        yield "the upload was over before the outage"


class Bench:
    """An installation with a router, on which outages happen one after the other."""

    def __init__(self, installation: Installation, router: CountingRouter) -> None:
        self.installation = installation
        self.world = installation.world
        self.router = router
        self._number = 0
        self.world.call(f"{DRIVES}.prepare", router.endpoint, str(self.world.folder))

    def run(self, cell: Cell) -> Shown:
        """Let an outage happen.

        Returns:
            What the executions were doing when it began, how they ended, and what was lost.
        """
        began = time.monotonic()
        for _ in range(MAX_TRIES):
            self._number += 1
            names = {role: f"c{self._number}{role[0]}" for role in ROLES}
            before = self._call("storage")
            executions = self._reach(names, cell.seconds)
            at_outage = dict(zip(ROLES, self._call("states", *executions.values()), strict=True))
            if not (moved_on := list(missed(at_outage))):
                break
            self._await_end(list(executions.values()))
        self._outage(cell)
        ended = self._await_end(list(executions.values()))
        judged = {role: self._call("judge", pk) for role, pk in executions.items()}
        received = {role: self.router.counts(f"/{name}_") for role, name in names.items()}
        lost = moved_on
        if not ended:
            lost.append(f"not ended {END_SECONDS} s after the outage")
        due = {"running": self._passes * PASS_MESSAGES, "uploading": HEAVY_MESSAGES}
        for role, shown in judged.items():
            found = losses(shown, received[role], ENDS[role], due.get(role))
            lost += [f"{role}: {loss}" for loss in found]
        lost += [f"storage: {each}" for each in self._call("storage") if each not in before]
        lost += [f"unit {pid} is left" for pid in self.installation.units()]
        return {
            "cell": str(cell),
            "executions": executions,
            "at_outage": at_outage,
            "judged": judged,
            "received": received,
            "lost": lost,
            "seconds": round(time.monotonic() - began, 1),
        }

    def _reach(self, names: dict[str, str], seconds: float) -> dict[str, int]:
        """Start three executions, and return when they are in the three states."""
        self._passes = int((seconds + AFTER_SECONDS) / PASS_SECONDS) + 1
        pks: dict[str, int] = {}
        for role in ("running", "stopping"):
            passes = {"repeat_count": self._passes if role == "running" else 10_000}
            pks[role] = self._call("start", names[role], "light", 4, passes)
        for pk in pks.values():
            assert self._call("await_agents", pk, "RUNNING", 120), "the agents do not start"
        pks["uploading"] = self._call("start", names["uploading"], "heavy", 2, {})
        assert self._call("await_agents", pks["uploading"], "UPLOADING", 120), "no agent uploads"
        self._call("stop", pks["stopping"])
        return {role: pks[role] for role in ROLES}

    def _outage(self, cell: Cell) -> None:
        parts = self.installation.named(cell.part)
        for part in parts:
            part.freeze() if cell.way == "frozen" else part.kill()
        time.sleep(cell.seconds)
        for part in parts:
            part.thaw() if cell.way == "frozen" else part.start()

    def _await_end(self, executions: list[int]) -> bool:
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            if all(shown["ended"] for shown in self._call("states", *executions)):
                return True
            time.sleep(0.5)
        return False

    def _call(self, function: str, *values: Any) -> Any:
        return self.world.call(f"{DRIVES}.{function}", *values)


def serve(inbox: Any, outbox: Any, kind: str, environment: dict[str, str], logs: Path) -> None:
    """Take cells and run them, on an installation that is replaced when a cell breaks off."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # everything is ended, as by Ctrl-C
    try:
        while not inbox.empty():
            serve_on_one(inbox, outbox, kind, environment, logs)
    finally:
        outbox.put(None)


def serve_on_one(
    inbox: Any, outbox: Any, kind: str, environment: dict[str, str], logs: Path
) -> None:
    with closing(CountingRouter()) as router, an_installation(kind, **environment) as installation:
        bench = Bench(installation, router)
        while (cell := take(inbox)) is not None:
            result = run_or_tell(bench, cell)
            if result["lost"]:
                keep_logs(installation.world.folder, logs / file_name(cell), result)
            outbox.put(result)
            if "judged" not in result:
                return


def take(inbox: Any) -> Cell | None:
    try:
        cell: Cell = inbox.get(timeout=1)
    except Empty:
        return None
    return cell


def run_or_tell(bench: Bench, cell: Cell) -> Shown:
    try:
        return bench.run(cell)
    except Exception:  # noqa: BLE001  one cell does not end the table
        return {"cell": str(cell), "lost": [traceback.format_exc()], "seconds": 0.0}


def keep_logs(folder: Path, target: Path, result: Shown) -> None:
    """Copy the logs of processes, and those of units that have left their folders."""
    shutil.rmtree(target, ignore_errors=True)
    logs = list(folder.glob("*.log"))
    for pk in result.get("executions", {}).values():
        logs += folder.glob(f"data/units/execution-{pk}-*/unit-*/*.log")
    for log in logs:
        copy = target / log.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(log, copy)


def file_name(cell: object) -> str:
    return str(cell).replace(":", "-")


def show(result: dict[str, Any]) -> None:
    words = "; ".join(result["lost"]) or "nothing lost"
    sys.stdout.write(f"{result['cell']:24} {result['seconds']:6.0f} s  {words}\n")
    sys.stdout.flush()


def main() -> int:
    """Run the chosen cells; return 1 when anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=["*"], help="patterns, as 'web:frozen:*'")
    parser.add_argument("--results", type=Path, default=Path("outages"), help="folder for JSON")
    parser.add_argument(
        "--servers", nargs="+", default=["web", "stream"], choices=["web", "stream"]
    )
    parser.add_argument("--set", nargs="*", default=[], help="settings, as HUNG_AFTER_SECONDS=20")
    options = parser.parse_args()
    options.results.mkdir(parents=True, exist_ok=True)
    environment = dict(each.split("=", 1) for each in options.set)
    context = multiprocessing.get_context("spawn")
    inbox, outbox = context.Queue(), context.Queue()
    for cell in cells(options.only):
        inbox.put(cell)
    values = (environment, options.results)
    for kind in options.servers:
        context.Process(target=serve, args=(inbox, outbox, kind, *values)).start()
    failed = sum(collect(outbox, len(options.servers), options.results))
    sys.stdout.write(f"{failed} outages with losses\n")
    return int(failed > 0)


def collect(outbox: Any, working: int, folder: Path) -> Iterator[bool]:
    """Print and write the results of all processes; yield whether something was lost."""
    while working:
        result = outbox.get()
        if result is None:
            working -= 1
            continue
        show(result)
        path = folder / f"{file_name(result['cell'])}.json"
        path.write_text(json.dumps(result, indent=1))
        yield bool(result["lost"])


if __name__ == "__main__":
    sys.exit(main())

"""Kills as a table: each process in each state of an execution and in other work; nothing may be lost.

For each process one execution of two stages is followed through its steps, and the process is killed in each
of them (kill -9), in every second round with a stop near the end; then once in an upload, a verification, an
export and a deletion. Two installations: production (PostgreSQL, S3, gunicorn) and embedded (SQLite, a
folder, the launcher).

    .venv/bin/python -m tests.system.kills --rounds 2 --results /tmp/kills
    .venv/bin/python -m tests.system.kills --installations embedded --only worker launcher
"""

import argparse
import json
import multiprocessing
import random
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from simulations.tests.processes import kill_all
from tests.support.embedded import an_embedded_one
from tests.support.parts import an_installation
from tests.support.resumed_upload import ResumedUpload
from tests.support.verdicts import (
    Shown,
    losses,
    losses_of_killed_units,
    losses_of_stopped_units,
)
from tests.support.zenoh import CountingRouter

DRIVES = "tests.support.drives"
WORK = "tests.support.background_work"
PASSES = {"light": 4, "heavy": 2}
MESSAGES, AGENTS = 40, 2
END_SECONDS = 240
RUN_STEPS = (
    *("PENDING", "0 PREPARING", "0 RUNNING", "0 UPLOADING", "0 FINALIZING", "1 DELAY"),
    *("1 RUNNING", "1 FINALIZING"),
)
STOP_STEPS = (*RUN_STEPS[:-1], "STOPPING")
UNIT_STEPS = ("0 PREPARING", "0 RUNNING", "0 UPLOADING", "1 PREPARING", "1 RUNNING", "1 UPLOADING")
UNIT_STOP_STEPS = ("0 PREPARING", "0 RUNNING", "STOPPING")
UNIT_RETRIES = 10
WORK_STEPS = ("upload", "verification", "export", "deletion")
INSTALLATIONS = {"production": an_installation, "embedded": an_embedded_one}
SETTINGS = {"TASK_LEASE_SECONDS": "5", "ACCESS_TOKEN_EXPIRE_MINUTES": "1440"}
"""Work of a killed worker is taken up again after this long."""


def steps_of(process: str, *, with_stop: bool) -> tuple[str, ...]:
    if process == "unit":
        return UNIT_STOP_STEPS if with_stop else UNIT_STEPS
    return STOP_STEPS if with_stop else RUN_STEPS


def losses_of(
    process: str, shown: Shown, received: dict[str, int], *, with_stop: bool
) -> Iterator[str]:
    due = None if with_stop else MESSAGES
    if process != "unit":
        yield from losses(shown, received, "STOPPED" if with_stop else "COMPLETED", due)
    elif due is not None:
        yield from losses_of_killed_units(shown, received, due)
    else:
        yield from losses_of_stopped_units(shown)


class Killer:
    """Kills the processes of an installation, and counts kills by process and step."""

    def __init__(self, installation: Any, router: CountingRouter) -> None:
        self.installation = installation
        self.world = installation.world
        self.router = router
        self.kills: Counter[str] = Counter()
        self._random = random.Random(7)  # noqa: S311  not for secrets
        self._number = 0
        self.token = self.world.token("operator")
        self._drive("prepare", router.endpoint, str(self.world.folder))

    @property
    def processes(self) -> list[str]:
        return [*self.installation.parts, "unit"]

    def run(self, process: str, *, with_stop: bool) -> Shown:
        """Kill a process in each step of an execution.

        Returns:
            How it ended, and what was lost.
        """
        self._number += 1
        name = f"k{self._number}"
        retries = UNIT_RETRIES if process == "unit" else 0
        template = "heavy" if process == "unit" else "light"  # an upload that lasts
        stage = {"repeat_count": PASSES[template], "delay_after": 2, "retries": retries}
        before = self._drive("storage")
        execution = self._drive("start", name, template, AGENTS, stage, stage)
        for step in steps_of(process, with_stop=with_stop):
            self._kill_in_step(process, execution, step)
        lost = [] if self._await_end(execution) else ["has not ended"]
        shown = self._drive("judge", execution)
        received = self.router.counts(f"/{name}_")
        lost += losses_of(process, shown, received, with_stop=with_stop)
        lost += [each for each in self._drive("storage") if each not in before]
        return {"judged": shown, "received": received, "lost": lost}

    def _kill_in_step(self, process: str, execution: int, step: str) -> None:
        if step == "STOPPING":
            self._drive("stop", execution)
        reached = self._drive("await_step", execution, step, 120)
        if step.endswith(("PREPARING", "RUNNING", "DELAY")):
            time.sleep(self._random.uniform(0, 0.4))
        self.kill(process, step.rsplit(maxsplit=1)[-1] if reached else "")

    def kill(self, process: str, step: str) -> None:
        """Kill a process and start it again; without a step the kill is counted as one between steps."""
        if process == "unit":
            kill_all(self.installation.units())
        else:
            part = self.installation.parts[process]
            part.kill()
            part.start()
        self.kills[f"{process} {step or 'between'}"] += 1

    def work(self, process: str) -> Shown:
        """Kill a process during an upload, a verification, an export and a deletion."""
        before = self._drive("storage")
        upload = ResumedUpload(self.installation.url, self.token, self.world.folder / "upload")
        upload.begin()
        self.kill(process, "upload")
        rosbag = upload.finish()
        lost = list(self._settled("rosbag", rosbag, "upload"))
        rosbag = self.world.call(f"{WORK}.import_new", str(self.world.folder / "import"))
        lost += self._killed(process, "verification", "rosbag", rosbag)
        export = self.world.call(f"{WORK}.export", rosbag)
        lost += self._killed(process, "export", "export", export)
        self._number += 1
        execution = self._drive("start", f"k{self._number}", "light", AGENTS, {})
        self._drive("await_step", execution, "ENDED", END_SECONDS)
        deletion = self.world.call(f"{WORK}.delete_newest_simulation")
        lost += self._killed(process, "deletion", "deletion", deletion)
        lost += [each for each in self._drive("storage") if each not in before]
        return {"lost": lost}

    def _killed(self, process: str, step: str, kind: str, pk: int) -> Iterator[str]:
        working = self.world.call(f"{WORK}.await_work", kind, pk)
        self.kill(process, step if working else "")
        yield from self._settled(kind, pk, step)

    def _settled(self, kind: str, pk: int, step: str) -> Iterator[str]:
        wrong = self.world.call(f"{WORK}.await_result", kind, pk, END_SECONDS)
        if wrong:
            yield f"{step}: {wrong}"

    def _await_end(self, execution: int) -> bool:
        return bool(self._drive("await_step", execution, "ENDED", END_SECONDS))

    def _drive(self, function: str, *values: Any) -> Any:
        return self.world.call(f"{DRIVES}.{function}", *values)


def serve(name: str, outbox: Any, only: list[str], rounds: int) -> None:
    """Run all rounds on one installation; a new one takes its place when a run breaks off."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # everything is ended, as by Ctrl-C
    todo = [(number, kind) for number in range(rounds) for kind in ("run", "work")]
    tasks = [(number, process, kind) for number, kind in todo for process in only]
    try:
        while tasks:
            serve_on_one(name, outbox, tasks)
    finally:
        outbox.put(None)


def serve_on_one(name: str, outbox: Any, tasks: list[tuple[int, str, str]]) -> None:
    with closing(CountingRouter()) as router, INSTALLATIONS[name](**SETTINGS) as installation:
        killer = Killer(installation, router)
        while tasks:
            number, process, kind = tasks.pop(0)
            if process not in killer.processes or (process == "unit" and kind == "work"):
                continue
            killer.kills.clear()
            result = run_or_tell(killer, number, process, kind)
            names = {"installation": name, "process": process, "kind": kind, "round": number}
            outbox.put({**names, **result, "kills": dict(killer.kills)})
            if "broke" in result:
                return


def run_or_tell(killer: Killer, number: int, process: str, kind: str) -> Shown:
    began = time.monotonic()
    try:
        run = (
            killer.run(process, with_stop=bool(number % 2))
            if kind == "run"
            else killer.work(process)
        )
    except Exception:  # noqa: BLE001  one run does not end the table
        run = {"broke": True, "lost": [traceback.format_exc()]}
    return {**run, "seconds": round(time.monotonic() - began, 1)}


def show(result: Shown) -> None:
    where = "{installation:10} {process:10} {kind:4} round {round}".format(**result)
    words = "; ".join(result["lost"]) or "nothing lost"
    sys.stdout.write(f"{where} {sum(result['kills'].values()):3} kills {words}\n")
    sys.stdout.flush()


def table(results: list[Shown]) -> str:
    """Make a table of kills: installation and process by step."""
    counts: Counter[tuple[str, str]] = Counter()
    for result in results:
        for kill, number in result["kills"].items():
            process, _blank, step = kill.partition(" ")
            counts[f"{result['installation']:10} {process:10}", step] += number
    steps = list(dict.fromkeys(step for _process, step in counts))
    rows = sorted({process for process, _step in counts})
    lines = [" " * 22 + " ".join(f"{step:>12}" for step in steps)]
    lines += [row + " ".join(f"{counts[row, step]:12}" for step in steps) for row in rows]
    return "\n".join([*lines, f"{sum(counts.values())} kills"])


def main() -> int:
    """Run the chosen kills; return 1 when anything was lost."""
    processes = ("web", "controller", "worker", "launcher", "unit", "redis", "database", "s3")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=processes, choices=processes)
    parser.add_argument("--installations", nargs="+", default=list(INSTALLATIONS))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--results", type=Path, default=Path("kills"), help="folder for JSON")
    options = parser.parse_args()
    options.results.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    outbox = context.Queue()
    for name in options.installations:
        context.Process(target=serve, args=(name, outbox, options.only, options.rounds)).start()
    results: list[Shown] = []
    working = len(options.installations)
    while working:
        result = outbox.get()
        if result is None:
            working -= 1
            continue
        show(result)
        results.append(result)
        (options.results / "kills.json").write_text(json.dumps(results, indent=1))
    sys.stdout.write(f"{table(results)}\n")
    return int(any(result["lost"] for result in results))


if __name__ == "__main__":
    sys.exit(main())

"""`python -m launcher run` and `demo`, behind `make run` and `make demo`.

Options come from the environment: DATA_DIR and PORT; for the demo BAG, AGENTS, PATTERN, TRANSPORT, RATE.
This process knows no Django: it starts and watches the others, and does what needs Django in jobs.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from launcher.data_folder import LaunchError, Place
from launcher.options import DemoOptions, UsageError, read_port
from launcher.stack import Stack
from robotsim_project.environment import BASE_DIR, env

REFUSED = 2
INTERRUPTED = 130
SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def main(words: list[str]) -> int:
    """Do what the words say; the answer is the exit code."""
    commands = {"run": run, "demo": demo}
    if len(words) != 1 or words[0] not in commands:
        tell("usage: python -m launcher run|demo")
        return REFUSED
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    try:
        place = Place(Path(env.str("DATA_DIR", "") or BASE_DIR / "data").resolve())
        try:
            return commands[words[0]](place)
        finally:
            place.release()
    except (LaunchError, UsageError) as error:
        tell(str(error))
        return REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED


def run(place: Place) -> int:
    """Serve until Ctrl-C; the first time with a demo."""
    port = read_port(os.environ)
    if not place.take():
        running = place.running()
        where = f" at {running.url}" if running else ""
        raise LaunchError(
            f"robotsim already runs on {place.data_dir}{where}: use that one, stop it, "
            "or set DATA_DIR to another folder."
        )
    with ended(Stack.new(place, port, tell, serving=True)) as stack:
        if not stack.url.endswith(f":{port}"):
            tell(f"Port {port} is taken: using {stack.url} instead.")
        try:
            return _prepare(stack) or _show_and_serve(stack)
        except KeyboardInterrupt:
            tell("Stopping ...")
            return 0


def demo(place: Place) -> int:
    """Run a bundle once and print its summary; on the stack that runs, else on one for the purpose."""
    options = DemoOptions.read(os.environ)
    port = read_port(os.environ)
    if place.take():
        with ended(Stack.new(place, port, tell, serving=False)) as stack:
            return _prepare(stack) or _demo(stack, options, "last")
    running = place.running()
    if running is None or not running.serving:
        raise LaunchError(
            f"Another robotsim is starting or running a demo on {place.data_dir}: try again when it "
            "is done, or set DATA_DIR to another folder."
        )
    with ended(Stack(place, running, tell)) as stack:
        return _demo(stack, options)


@contextmanager
def ended(stack: Stack) -> Iterator[Stack]:
    """End the stack in any case. It takes ten seconds at most, so a second Ctrl-C is not heard."""
    try:
        yield stack
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        stack.stop()


def _prepare(stack: Stack) -> int:
    """Start Redis and the services on a database that is up to date; the answer is an exit code."""
    stack.start_redis()
    code = stack.job("first_run")
    if code == 0:
        stack.start_services()
    return code


def _demo(stack: Stack, options: DemoOptions, *words: str) -> int:
    extra = options.words()
    if options.transport == "zenoh-raw":
        extra["ENDPOINT"] = stack.add_router()
    return stack.job("demo", *words, extra=extra)


def _show_and_serve(stack: Stack) -> int:
    if _demo(stack, DemoOptions(), "once") == INTERRUPTED:
        return INTERRUPTED
    api = "/" + env.str("API_STR", "/api/v1").strip("/")
    tell(f"Console: {stack.url}/admin/   API: {stack.url}{api}   its description: {stack.url}/docs")
    tell("Ctrl-C stops everything.")
    stack.serve()
    return 0


def tell(sentence: str) -> None:
    """Say it to the user; standard output is for results."""
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

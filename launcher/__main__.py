"""`python -m launcher run` and `demo`, behind `make run` and `make demo`.

Options come from the environment: DATA_DIR and PORT; for the demo BAG, AGENTS, PATTERN, TRANSPORT, RATE.
This process does not load Django: it starts and watches the others, and runs what needs Django in jobs.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from launcher.data_folder import DataFolder, LaunchError
from launcher.options import DemoOptions, UsageError, read_port
from launcher.stack import Stack
from robotsim_project.environment import BASE_DIR, env

EXIT_REFUSED = 2
EXIT_INTERRUPTED = 130
SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def main(args: list[str]) -> int:
    """Run a command.

    Returns:
        Exit code.
    """
    commands = {"run": run, "demo": demo}
    if len(args) != 1 or args[0] not in commands:
        print_message("usage: python -m launcher run|demo")
        return EXIT_REFUSED
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    try:
        folder = DataFolder(Path(env.str("DATA_DIR", "") or BASE_DIR / "data").resolve())
        try:
            return commands[args[0]](folder)
        finally:
            folder.release()
    except (LaunchError, UsageError) as error:
        print_message(str(error))
        return EXIT_REFUSED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def run(folder: DataFolder) -> int:
    """Serve until Ctrl-C; the first time run a demo."""
    port = read_port(os.environ)
    if not folder.lock():
        running = folder.running()
        url = f" at {running.url}" if running else ""
        raise LaunchError(
            f"robotsim is already running on {folder.data_dir}{url}: use that one, stop it, "
            "or set DATA_DIR to another folder."
        )
    try:
        with stopping(Stack.new(folder, port, print_message, serving=True)) as stack:
            if not stack.url.endswith(f":{port}"):
                print_message(f"Port {port} is in use: using {stack.url} instead.")
            return _prepare(stack) or _show_and_serve(stack)
    except KeyboardInterrupt:
        return 0


def demo(folder: DataFolder) -> int:
    """Run a bundle once, on the running stack or else on a temporary one, and print a summary."""
    options = DemoOptions.read(os.environ)
    port = read_port(os.environ)
    if folder.lock():
        with stopping(Stack.new(folder, port, print_message, serving=False)) as stack:
            return _prepare(stack) or _demo(stack, options, "last")
    running = folder.running()
    if running is None or not running.serving:
        raise LaunchError(
            f"Another robotsim is starting or running a demo on {folder.data_dir}: try again when it "
            "is done, or set DATA_DIR to another folder."
        )
    with stopping(Stack(folder, running, print_message)) as stack:
        return _demo(stack, options)


@contextmanager
def stopping(stack: Stack) -> Iterator[Stack]:
    """Stop the stack on leaving. A second Ctrl-C is ignored, as stopping takes ten seconds at most."""
    received = signal.SIGTERM
    try:
        yield stack
    except KeyboardInterrupt as error:
        received = signal.Signals(error.args[0])
        print_message("Stopping ...")
        raise
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        stack.stop(received)


def _prepare(stack: Stack) -> int:
    """Start Redis, migrate the database and start the services.

    Returns:
        Exit code.
    """
    stack.start_redis()
    code = stack.job("first_run")
    if code == 0:
        stack.start_services()
    return code


def _demo(stack: Stack, options: DemoOptions, *args: str) -> int:
    extra = options.to_environment()
    if options.transport == "ros2":
        stack.add_ros2_node()
    elif options.transport != "null":
        extra["ENDPOINT"] = stack.add_router()
    return stack.job("demo", *args, extra=extra)


def _show_and_serve(stack: Stack) -> int:
    if _demo(stack, DemoOptions(), "once") == EXIT_INTERRUPTED:
        return EXIT_INTERRUPTED
    api = "/" + env.str("API_STR", "/api/v1").strip("/")
    print_message(
        f"Console: {stack.url}/admin/   API: {stack.url}{api}   API docs: {stack.url}/docs"
    )
    print_message("Ctrl-C stops everything.")
    stack.serve()
    return 0


def print_message(message: str) -> None:
    """Print a message to standard error; standard output is for results."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt(number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The command `run_worker`: run background tasks, and survive outages of the database."""

import logging
from typing import Any

from django.utils.autoreload import run_with_reloader
from django_tasks_db.management.commands import db_worker

from robotsim_project.processes.worker import ResilientWorker


class Command(db_worker.Command):
    """Run the worker; the options are those of db_worker of the library."""

    help = "Run the worker of background tasks until it is stopped (SIGTERM, Ctrl-C)."

    def configure_logging(self, verbosity: int) -> None:
        """Log each task; messages of the library's loop only with -v 2."""
        super().configure_logging(verbosity)
        if verbosity == 1:
            logging.getLogger("django_tasks_db").setLevel(logging.WARNING)

    def handle(self, **options: Any) -> None:
        self.configure_logging(options["verbosity"])
        excluded = options["exclude_queues"]
        worker = ResilientWorker(
            queue_names=options["queue_name"].split(","),
            interval=options["interval"],
            batch=options["batch"],
            backend_name=options["backend_name"],
            startup_delay=options["startup_delay"],
            max_tasks=options["max_tasks"],
            worker_id=options["worker_id"],
            excluded_queue_names=excluded.split(",") if excluded else [],
        )
        worker.configure_signals()
        if options["reload"] and not options["batch"]:
            run_with_reloader(worker.run)
        else:
            worker.run()

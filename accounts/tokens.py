"""Refresh tokens in Redis; the only module of this app with direct access to it.

Each sign-in is a family of tokens: one Redis hash with the user, a stamp of the account (its session
auth hash), the hash of the current token, and the hashes of recently rotated ones. Lua scripts make each step
atomic, by Redis's clock. If Redis loses its data, people have to sign in again, nothing else.

A token is `rsr_<id>.<secret>`, both random; Redis stores only hashes. The successor of a secret is derived
from it with the server's key, so that parallel refreshes with the same token all get the same new one.
"""

import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from accounts.exceptions import (
    RefreshRefusedError,
    SignInStoreFullError,
    SignInStoreUnavailableError,
)
from common import disks

MAX_FAMILIES = 100
"""Sign-ins of one user; a further one ends the one unused for longest."""
MAX_ROTATIONS = 1000
"""Rotations within the grace time that `rotate` follows from a late token to the current one."""
_TOKEN = re.compile(r"rsr_(?P<id>[\w-]{22})\.(?P<secret>[\w-]{43})", re.ASCII)
_FAMILY = "robotsim:auth:family:"
_USER = "robotsim:auth:user:"

_NOW = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
"""
_OPEN = (
    _NOW
    + """
local family, index = KEYS[1], KEYS[2]
local absolute, idle, max_families = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local ends = now + absolute
redis.call('HSET', family, 'made', now, 'used', now, 'until', ends,
  'user', ARGV[4], 'stamp', ARGV[5], 'current', ARGV[6], 'agent', ARGV[7], 'address', ARGV[8])
redis.call('PEXPIREAT', family, math.min(ends, now + idle))
redis.call('ZREMRANGEBYSCORE', index, '-inf', now - idle)
local excess = redis.call('ZCARD', index) + 1 - max_families
if excess > 0 then
  for _, name in ipairs(redis.call('ZRANGE', index, 0, excess - 1)) do
    redis.call('DEL', ARGV[10] .. name)
    redis.call('ZREM', index, name)
  end
end
redis.call('ZADD', index, now, ARGV[9])
redis.call('PEXPIRE', index, math.max(absolute, redis.call('PTTL', index)))
return ends
"""
)
# Returns the hash of the current token and the end of the family, or nothing.
_ROTATE = (
    _NOW
    + """
local family, index = KEYS[1], KEYS[2]
local presented, successor = ARGV[1], ARGV[2]
local grace, idle = tonumber(ARGV[3]), tonumber(ARGV[4])
local values = redis.call('HMGET', family, 'current', 'until')
local current, ends = values[1], tonumber(values[2])
if not current then return {} end
if now < ends and presented == current then
  local fields = redis.call('HGETALL', family)
  for at = 1, #fields, 2 do
    if string.sub(fields[at], 1, 2) == 'r:' and now - tonumber(fields[at + 1]) >= grace then
      redis.call('HDEL', family, fields[at])
    end
  end
  redis.call('HSET', family, 'current', successor, 'used', now, 'r:' .. presented, now)
  redis.call('PEXPIREAT', family, math.min(ends, now + idle))
  redis.call('ZADD', index, 'XX', now, ARGV[5])
  return {successor, ends}
end
local rotated = tonumber(redis.call('HGET', family, 'r:' .. presented) or '')
if now < ends and rotated and now - rotated < grace then return {current, ends} end
return {}
"""
)
_END_ALL = """
for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  redis.call('DEL', ARGV[1] .. name)
end
return redis.call('DEL', KEYS[1])
"""


@dataclass(frozen=True)
class Device:
    """User agent and address of a sign-in."""

    agent: str = ""
    address: str = ""


@dataclass(frozen=True)
class RefreshToken:
    """A refresh token, the latest end of its family, and the family's name."""

    token: str
    expires_at: datetime
    family: str


@dataclass(frozen=True)
class Family:
    """A sign-in; `name` is public, no token can be derived from it."""

    name: str
    user_id: int
    stamp: str
    device: Device
    made_at: datetime
    used_at: datetime
    expires_at: datetime


def begin(user_id: int, stamp: str, device: Device) -> RefreshToken:
    """Create the family of a new sign-in. Raises SignInStoreUnavailableError."""
    public = secrets.token_urlsafe(16)
    secret = secrets.token_urlsafe(32)
    name = _name(public)
    limits = [_lifetime(), _idle(), MAX_FAMILIES]
    values = [user_id, stamp, _hash(secret), device.agent[:200], device.address]
    with _redis() as redis:
        script = redis.register_script(_OPEN)
        ends = script(keys=_keys(name, user_id), args=[*limits, *values, name, _FAMILY])
    return RefreshToken(f"rsr_{public}.{secret}", _time(ends), name)


def find(token: str) -> Family:
    """Return the family of a token, without checking the token itself.

    Raises:
        RefreshRefusedError: there is none.
        SignInStoreUnavailableError: Redis is unavailable.
    """
    public, _secret = _parts(token)
    with _redis() as redis:
        fields = redis.hgetall(_FAMILY + _name(public))
    if not fields:
        raise RefreshRefusedError
    return _family(_name(public), fields)


def rotate(token: str, family: Family) -> RefreshToken:
    """Exchange a token for its successor; within the grace time every call gets the same one.

    Raises:
        RefreshRefusedError: it was rotated before the grace time, or is forged; the caller ends the family.
        SignInStoreUnavailableError: Redis is unavailable.
    """
    public, secret = _parts(token)
    successor = _successor(secret)
    limits = [_milliseconds(settings.REFRESH_TOKEN_GRACE_SECONDS), _idle()]
    with _redis() as redis:
        script = redis.register_script(_ROTATE)
        result = script(
            keys=_keys(family.name, family.user_id),
            args=[_hash(secret), _hash(successor), *limits, family.name],
        )
    if not result:
        raise RefreshRefusedError
    current = _follow(successor, result[0].decode())
    return RefreshToken(f"rsr_{public}.{current}", _time(result[1]), family.name)


def has(user_id: int, name: str) -> bool:
    """Tell whether a user has this family. Raises SignInStoreUnavailableError."""
    with _redis() as redis:
        indexed = redis.zscore(f"{_USER}{user_id}", name) is not None
        return indexed and bool(redis.exists(_FAMILY + name))


def end(user_id: int, name: str) -> None:
    """End one family of a user. Raises SignInStoreUnavailableError."""
    with _redis() as redis:
        redis.delete(_FAMILY + name)
        redis.zrem(f"{_USER}{user_id}", name)


def end_all(user_id: int) -> None:
    """End all families of a user. Raises SignInStoreUnavailableError."""
    with _redis() as redis:
        redis.register_script(_END_ALL)(keys=[f"{_USER}{user_id}"], args=[_FAMILY])


def families(user_id: int) -> list[Family]:
    """Return the families of a user, the last used first. Raises SignInStoreUnavailableError."""
    with _redis() as redis:
        names = [name.decode() for name in redis.zrevrange(f"{_USER}{user_id}", 0, -1)]
        with redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.hgetall(_FAMILY + name)
            hashes = pipe.execute()
    return [_family(name, fields) for name, fields in zip(names, hashes, strict=True) if fields]


@contextmanager
def _redis() -> Iterator[Any]:
    try:
        yield get_redis_connection("default")
    except RedisError as error:
        if disks.is_full(error):
            raise SignInStoreFullError from error
        raise SignInStoreUnavailableError from error


def _keys(name: str, user_id: int) -> list[str]:
    return [_FAMILY + name, f"{_USER}{user_id}"]


def _parts(token: str) -> tuple[str, str]:
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise RefreshRefusedError
    return match["id"], match["secret"]


def _family(name: str, fields: dict[bytes, bytes]) -> Family:
    return Family(
        name=name,
        user_id=int(fields[b"user"]),
        stamp=fields[b"stamp"].decode(),
        device=Device(fields[b"agent"].decode(), fields[b"address"].decode()),
        made_at=_time(fields[b"made"]),
        used_at=_time(fields[b"used"]),
        expires_at=_time(fields[b"until"]),
    )


def _name(public: str) -> str:
    return sha256(public.encode()).hexdigest()[:32]


def _hash(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _successor(secret: str) -> str:
    digest = salted_hmac("accounts.tokens.successor", secret, algorithm="sha256").digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _follow(secret: str, current_hash: str) -> str:
    """Return the secret with this hash among a secret and its successors."""
    for _step in range(MAX_ROTATIONS):
        if _hash(secret) == current_hash:
            return secret
        secret = _successor(secret)
    raise RefreshRefusedError


def _lifetime() -> int:
    return _milliseconds(settings.REFRESH_TOKEN_EXPIRE_MINUTES * 60)


def _idle() -> int:
    return _milliseconds(settings.REFRESH_TOKEN_IDLE_MINUTES * 60)


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def _time(milliseconds: int | bytes) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, tz=UTC)

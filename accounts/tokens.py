"""Refresh tokens in Redis, the only place of this app that speaks to it directly.

Each sign-in is a family: one hash in Redis with the user, a stamp of the account as it was, the hash of the
token that counts now, and those rotated moments ago. Scripts change it, so that each step is atomic, by
Redis's own clock. Losing all of it makes people sign in again, nothing else.

A token is `rsr_<id>.<secret>`, both random; Redis knows only hashes. The successor of a secret is derived
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

from accounts.exceptions import RefreshRefusedError, SignInStoreAwayError

MOST_DEVICES = 100
"""Families of one user; the one used longest ago makes room."""
MOST_STEPS = 1000
"""Rotations within one grace time that a late token is followed over."""
_FORM = re.compile(r"rsr_(?P<id>[\w-]{22})\.(?P<secret>[\w-]{43})", re.ASCII)
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
local absolute, idle, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local ends = now + absolute
redis.call('HSET', family, 'made', now, 'used', now, 'until', ends,
  'user', ARGV[4], 'stamp', ARGV[5], 'current', ARGV[6], 'agent', ARGV[7], 'address', ARGV[8])
redis.call('PEXPIREAT', family, math.min(ends, now + idle))
redis.call('ZREMRANGEBYSCORE', index, '-inf', now - idle)
local over = redis.call('ZCARD', index) + 1 - most
if over > 0 then
  for _, name in ipairs(redis.call('ZRANGE', index, 0, over - 1)) do
    redis.call('DEL', ARGV[10] .. name)
    redis.call('ZREM', index, name)
  end
end
redis.call('ZADD', index, now, ARGV[9])
redis.call('PEXPIRE', index, math.max(absolute, redis.call('PTTL', index)))
return ends
"""
)
# Answers: the hash of the token that counts now and the end of the family, or nothing.
_ROTATE = (
    _NOW
    + """
local family, index = KEYS[1], KEYS[2]
local presented, successor = ARGV[1], ARGV[2]
local grace, idle = tonumber(ARGV[3]), tonumber(ARGV[4])
local known = redis.call('HMGET', family, 'current', 'until')
local current, ends = known[1], tonumber(known[2])
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
redis.call('DEL', family)
redis.call('ZREM', index, ARGV[5])
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
    """From where somebody signs in."""

    agent: str = ""
    address: str = ""


@dataclass(frozen=True)
class Refresh:
    """A refresh token, shown once, and when its family ends at the latest; `name` is the family's."""

    token: str
    expires_at: datetime
    name: str


@dataclass(frozen=True)
class Family:
    """What is known of a sign-in; `name` may be shown, no token follows from it."""

    name: str
    user_id: int
    stamp: str
    device: Device
    made_at: datetime
    used_at: datetime
    expires_at: datetime


def begin(user_id: int, stamp: str, device: Device) -> Refresh:
    """Begin a family for a sign-in. Raises SignInStoreAwayError."""
    public = secrets.token_urlsafe(16)
    secret = secrets.token_urlsafe(32)
    name = _name(public)
    limits = [_absolute(), _idle(), MOST_DEVICES]
    told = [user_id, stamp, _hash(secret), device.agent[:200], device.address]
    with _answering() as redis:
        script = redis.register_script(_OPEN)
        ends = script(keys=_keys(name, user_id), args=[*limits, *told, name, _FAMILY])
    return Refresh(f"rsr_{public}.{secret}", _time(ends), name)


def find(token: str) -> Family:
    """The family of a token, before the token is tried.

    Raises:
        RefreshRefusedError: there is none (any more).
        SignInStoreAwayError: Redis does not answer.
    """
    public, _secret = _parts(token)
    with _answering() as redis:
        fields = redis.hgetall(_FAMILY + _name(public))
    if not fields:
        raise RefreshRefusedError
    return _family(_name(public), fields)


def rotate(token: str, family: Family) -> Refresh:
    """Exchange a token for its successor; within the grace time all who come with it get the same.

    Raises:
        RefreshRefusedError: it was rotated longer ago, or never given out; the family has ended then.
        SignInStoreAwayError: Redis does not answer.
    """
    public, secret = _parts(token)
    successor = _successor(secret)
    limits = [_milliseconds(settings.REFRESH_TOKEN_GRACE_SECONDS), _idle()]
    with _answering() as redis:
        script = redis.register_script(_ROTATE)
        answer = script(
            keys=_keys(family.name, family.user_id),
            args=[_hash(secret), _hash(successor), *limits, family.name],
        )
    if not answer:
        raise RefreshRefusedError
    counts = _follow(successor, answer[0].decode())
    return Refresh(f"rsr_{public}.{counts}", _time(answer[1]), family.name)


def end(user_id: int, name: str) -> bool:
    """End one family of a user; False when he has none of this name. Raises SignInStoreAwayError."""
    with _answering() as redis:
        if redis.zscore(f"{_USER}{user_id}", name) is None:
            return False
        ended = bool(redis.delete(_FAMILY + name))
        redis.zrem(f"{_USER}{user_id}", name)
    return ended


def end_all(user_id: int) -> None:
    """End all families of a user. Raises SignInStoreAwayError."""
    with _answering() as redis:
        redis.register_script(_END_ALL)(keys=[f"{_USER}{user_id}"], args=[_FAMILY])


def families(user_id: int) -> list[Family]:
    """The living families of a user, the one used last first. Raises SignInStoreAwayError."""
    with _answering() as redis:
        names = [name.decode() for name in redis.zrevrange(f"{_USER}{user_id}", 0, -1)]
        with redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.hgetall(_FAMILY + name)
            found = pipe.execute()
    return [_family(name, fields) for name, fields in zip(names, found, strict=True) if fields]


@contextmanager
def _answering() -> Iterator[Any]:
    try:
        yield get_redis_connection("default")
    except RedisError as error:
        raise SignInStoreAwayError from error


def _keys(name: str, user_id: int) -> list[str]:
    return [_FAMILY + name, f"{_USER}{user_id}"]


def _parts(token: str) -> tuple[str, str]:
    match = _FORM.fullmatch(token)
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


def _follow(secret: str, wanted: str) -> str:
    """The secret with this hash among the successors of a secret, itself included."""
    for _step in range(MOST_STEPS):
        if _hash(secret) == wanted:
            return secret
        secret = _successor(secret)
    raise RefreshRefusedError


def _absolute() -> int:
    return _milliseconds(settings.REFRESH_TOKEN_EXPIRE_MINUTES * 60)


def _idle() -> int:
    return _milliseconds(settings.REFRESH_TOKEN_IDLE_MINUTES * 60)


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def _time(milliseconds: int | bytes) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, tz=UTC)

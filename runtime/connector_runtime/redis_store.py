"""The only door to redis-py: asks a Redis server, with blocking calls or in asyncio.

A store only helps: whatever goes wrong with it, asking gives None and the call goes on without.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from types import ModuleType
from typing import Any

from .errors import InputProblem, InvalidInput
from .store import Ask, Reply, Script, Store

# What the two scripts of a budget begin with: turns.Window, read from the store. `out` holds the units whose answers
# are still to come, by the moment at which they are given up; moments and spans are milliseconds of the server's clock.
_WINDOW = """
local state, out = KEYS[1], KEYS[2]
local length, cold = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local w = {limit = 0, reset = 0, ends = 0, guessed = 0, number = 0, spent = 0, others = 0, shut = 0, heard = ARGV[3]}
local kept = redis.call('HGETALL', state)
for i = 1, #kept, 2 do w[kept[i]] = tonumber(kept[i + 1]) end
redis.call('ZREMRANGEBYSCORE', out, '-inf', now)

local function begin(ends, guessed)
  w.number, w.spent, w.others = w.number + 1, redis.call('ZCARD', out), 0
  w.ends, w.guessed = ends, guessed
end

local function keep()
  local flat = {}
  for name, value in pairs(w) do
    flat[#flat + 1] = name
    flat[#flat + 1] = value
  end
  redis.call('HSET', state, unpack(flat))
  local lasts = math.max(w.ends, w.shut, now) - now + 2 * length
  redis.call('PEXPIRE', state, lasts)
  redis.call('PEXPIRE', out, lasts)
end
"""

_TAKE = """
local bulk, id, lasts = ARGV[4] == '1', ARGV[5], tonumber(ARGV[6])
if w.ends > 0 and now >= w.ends then begin(now + length, 1) end
local left, opens = 1, now
if now < w.shut then
  left, opens = 0, w.shut
elseif w.limit > 0 then
  left, opens = w.limit - w.spent - w.others - (bulk and math.floor(w.limit / 10) or 0), w.ends
elseif tonumber(w.heard) == 0 then
  -- The first answer may come at any moment.
  left, opens = cold - redis.call('ZCARD', out), now + 100
end
local unit = ''
if left > 0 then
  unit = w.number .. ':' .. id
  w.spent = w.spent + 1
  redis.call('ZADD', out, now + lasts, unit)
end
keep()
return {unit, opens - now + 1}
"""

_LEARN = """
local unit, limit, remaining, reset = ARGV[4], tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local ends, shut = now + ARGV[9], now + ARGV[10]
if ARGV[5] == '1' then w.heard = 1 end
if limit and reset < w.reset then
  -- It was counted in the window before: if it was carried over, it takes nothing of this one.
  if redis.call('ZSCORE', out, unit) and tonumber(string.match(unit, '^%d+')) < w.number then w.spent = w.spent - 1 end
elseif limit then
  if reset > w.reset and w.guessed == 0 then begin(ends, 0) end
  if reset == w.reset and w.guessed == 0 then ends = math.min(w.ends, ends) end
  w.limit, w.reset, w.ends, w.guessed = limit, reset, ends, 0
  w.others = math.max(w.others, limit - remaining - w.spent)
end
w.shut = math.max(w.shut, shut)
redis.call('ZREM', out, unit)
keep()
return {}
"""

_LOOK = """
local token = redis.call('GET', KEYS[1])
if token and token == ARGV[1] then
  redis.call('DEL', KEYS[1])
  token = false
end
if token then return {'token', token, redis.call('PTTL', KEYS[1])} end
local owner = redis.call('GET', KEYS[2])
if owner and owner ~= ARGV[2] then return {'wait', '', redis.call('PTTL', KEYS[2])} end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return {'yours', '', 0}
"""

# One that comes too late, when somebody else may get a token already, is kept only where there is none.
_KEEP = """
local own = redis.call('GET', KEYS[2]) == ARGV[3]
local lasts = tonumber(ARGV[2])
if lasts > 0 and (own or redis.call('EXISTS', KEYS[1]) == 0) then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', lasts)
end
if own then redis.call('DEL', KEYS[2]) end
return {}
"""

_RELEASE = """
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
return {}
"""

_SCRIPTS: dict[Script, str] = {
    "take": _WINDOW + _TAKE,
    "learn": _WINDOW + _LEARN,
    "look": _LOOK,
    "keep": _KEEP,
    "release": _RELEASE,
}


class Door:
    """A store, for threads. Safe across them."""

    def __init__(self, store: Store) -> None:
        library = _library()
        self._outage = store.outage
        self._open = True
        self._own = isinstance(store.at, str)
        self._client: Any = _client(store, library, library)
        if self._client.get_connection_kwargs().get("socket_timeout") is None:
            raise _unusable("a ready client must have a socket_timeout, or a server that hangs would hang every call")
        self._scripts = {name: self._client.register_script(text) for name, text in _SCRIPTS.items()}

    def ask(self, ask: Ask) -> Reply | None:
        """Give the store's answer; None where it has none."""
        if not self._open or not self._outage.may_ask(time.monotonic()):
            return None
        try:
            reply = _read(self._scripts[ask.script](ask.keys, ask.arguments))
        except Exception as error:
            if self._open:
                self._outage.failed(error, time.monotonic())
            return None
        self._outage.answered()
        return reply

    def close(self) -> None:
        """Ask no more; close the client, unless it is the host's."""
        self._open = False
        if self._own:
            self._client.close()


class AsyncDoor:
    """A store, for one event loop."""

    def __init__(self, store: Store) -> None:
        library = _library()
        self._outage = store.outage
        self._timeout = store.timeout
        self._open = True
        self._own = isinstance(store.at, str)
        self._client: Any = _client(store, library, library.asyncio)
        self._scripts = {name: self._client.register_script(text) for name, text in _SCRIPTS.items()}

    async def ask(self, ask: Ask) -> Reply | None:
        """Give the store's answer; None where it has none."""
        if not self._open or not self._outage.may_ask(time.monotonic()):
            return None
        try:
            async with asyncio.timeout(self._timeout):
                reply = _read(await self._scripts[ask.script](ask.keys, ask.arguments))
        except Exception as error:
            if self._open:
                self._outage.failed(error, time.monotonic())
            return None
        self._outage.answered()
        return reply

    async def close(self) -> None:
        """Ask no more; close the client, unless it is the host's."""
        self._open = False
        if self._own:
            with suppress(Exception):
                await self._client.aclose()


def _library() -> ModuleType:
    # Imported only by whoever gives a store.
    try:
        import redis.asyncio  # noqa: PLC0415
    except ImportError:
        raise _unusable('needs redis-py: install the extra "redis"') from None
    return redis


def _client(store: Store, library: ModuleType, kind: ModuleType) -> Any:
    """Give the ready client, or make one; a time-out is not tried again, for then the call goes on without."""
    if isinstance(store.at, (kind.Redis, kind.RedisCluster)):
        return store.at
    if isinstance(store.at, str):
        retry = (library.asyncio if kind is library.asyncio else library).retry.Retry
        waits = {"socket_timeout": store.timeout, "socket_connect_timeout": store.timeout}
        with suppress(ValueError):
            return kind.Redis.from_url(store.at, retry=retry(library.backoff.NoBackoff(), 0), **waits)
    raise _unusable(f"must be a redis://, rediss:// or unix:// URL, or a client of {kind.__name__}")


def _unusable(what: str) -> InvalidInput:
    return InvalidInput("the connection's options have a problem", errors=[InputProblem("/store", what)])


def _read(reply: list[Any]) -> Reply:
    # Whether texts come decoded is a setting of the client.
    return Reply([each.decode() if isinstance(each, bytes) else each for each in reply])

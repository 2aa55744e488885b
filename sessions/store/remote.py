"""The store for several machines: Redis, or Valkey, by its URL."""

from collections.abc import Awaitable
from typing import Any, TypeVar

from sessions.store.protocol import CLAIMED_SECS, LEASE_SECS, StaleOwner, Stored, StoreDown

T = TypeVar("T")

PREFIX = "vivace:"
LEASES, EPOCHS = f"{PREFIX}leases", f"{PREFIX}epochs"

ANSWER_SECS = 1.0
"""How long one try waits for the server."""

TRIES = 3

NOW = "local t = redis.call('TIME'); local now = t[1] * 1000 + math.floor(t[2] / 1000);"

CLAIM = f"""{NOW}
local held = redis.call('HMGET', KEYS[1], 'owner', 'until')
if ARGV[4] == '0' and held[1] and held[1] ~= ARGV[2] and tonumber(held[2]) > now then
    return 0
end
local epoch = redis.call('INCR', KEYS[3])
redis.call('HSET', KEYS[1], 'epoch', epoch)
if ARGV[3] == '0' then
    redis.call('HDEL', KEYS[1], 'owner', 'until')
    redis.call('ZREM', KEYS[2], ARGV[1])
else
    redis.call('HSET', KEYS[1], 'owner', ARGV[2], 'until', now + ARGV[3])
    redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
end
if redis.call('TTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
return epoch"""

MINE = "if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end;"

SAVE = f"""{MINE}
redis.call('HSET', KEYS[1], 'state', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1"""

APPEND = f"""{MINE}
redis.call('RPUSH', KEYS[2], ARGV[2])
redis.call('PEXPIRE', KEYS[2], redis.call('PTTL', KEYS[1]))
return 1"""

BEAT = f"""{NOW}
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'until', now + ARGV[3])
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
return 1"""

RELEASE = f"""{MINE}
if ARGV[3] == '1' then
    redis.call('HDEL', KEYS[1], 'owner', 'until')
    redis.call('ZREM', KEYS[2], ARGV[2])
else
    redis.call('HSET', KEYS[1], 'until', 0)
    redis.call('ZADD', KEYS[2], 0, ARGV[2])
end
return 1"""

EXPIRED = f"""{NOW}
local found = {{}}
for _, sid in ipairs(redis.call('ZRANGE', KEYS[1], '-inf', now, 'BYSCORE')) do
    if redis.call('EXISTS', ARGV[2] .. sid) == 0 then
        redis.call('ZREM', KEYS[1], sid)
    elseif #found < tonumber(ARGV[1]) and string.sub(sid, 1, #ARGV[3]) == ARGV[3] then
        table.insert(found, sid)
    end
end
return found"""


class RedisStore:
    """A :class:`sessions.store.SessionStore` on one Redis or Valkey server, 6.2 or newer.

    What is claimed, fenced and written is so in one short script, timed by the server's clock. An
    acknowledged write survives a killed server with ``appendonly yes``; with ``appendfsync
    everysec`` a power cut may take the last second. A call is tried three times, a second each.
    """

    def __init__(self, url: str):
        """Connect at the first call.

        Args:
            url: ``redis://`` or ``rediss://``, as redis-py reads it.

        Raises:
            ImportError: redis-py is not installed.
        """
        try:
            from redis.asyncio import Redis
            from redis.asyncio.retry import Retry
            from redis.backoff import ExponentialBackoff
            from redis.exceptions import ConnectionError, RedisError, TimeoutError
        except ImportError as error:
            raise ImportError(
                "VIVACE_STORE names a Redis, and redis-py is not installed. Install it with "
                "pip install -e '.[redis]', or use the embedded store: VIVACE_STORE=sqlite:PATH."
            ) from error
        self._errors = (RedisError, OSError)
        self._redis: Any = Redis.from_url(
            url,
            socket_timeout=ANSWER_SECS,
            socket_connect_timeout=ANSWER_SECS,
            retry=Retry(ExponentialBackoff(cap=0.4, base=0.05), TRIES - 1),
            retry_on_error=[ConnectionError, TimeoutError],
        )
        script = self._redis.register_script
        self._claim, self._save, self._append = script(CLAIM), script(SAVE), script(APPEND)
        self._beat, self._release = script(BEAT), script(RELEASE)
        self._expired = script(EXPIRED)

    async def load(self, sid: str) -> Stored:
        """See :class:`sessions.store.SessionStore`, as for every method."""
        state, epoch = await self._do(self._redis.hmget(_of(sid), "state", "epoch"))
        return Stored(state, int(epoch or 0))

    async def save(self, sid: str, epoch: int, state: bytes, *, keep_s: float) -> None:
        """Replace the state, if the epoch is still the newest."""
        keys, args = [_of(sid), _events(sid)], [epoch, state, _ms(keep_s)]
        if not await self._do(self._save(keys=keys, args=args)):
            raise StaleOwner(sid)

    async def claim(
        self, sid: str, owner: str, *, lease_s: float = LEASE_SECS, force: bool = False
    ) -> int | None:
        """Become the owner under a new epoch."""
        args = [sid, owner, _ms(lease_s), int(force), _ms(CLAIMED_SECS)]
        epoch = await self._do(self._claim(keys=[_of(sid), LEASES, EPOCHS], args=args))
        return int(epoch) or None

    async def beat(self, owner: str, sids: list[str], *, lease_s: float = LEASE_SECS) -> list[str]:
        """Renew the leases."""
        pipe = self._redis.pipeline(transaction=False)
        for sid in sids:
            await self._beat(keys=[_of(sid), LEASES], args=[sid, owner, _ms(lease_s)], client=pipe)
        kept = await self._do(pipe.execute())
        return [sid for sid, mine in zip(sids, kept, strict=True) if not mine]

    async def release(self, sid: str, epoch: int, *, over: bool) -> None:
        """End the lease."""
        await self._do(self._release(keys=[_of(sid), LEASES], args=[epoch, sid, int(over)]))

    async def expired(self, limit: int, *, prefix: str = "") -> list[str]:
        """Those with an owner whose lease has run out."""
        found = await self._do(self._expired(keys=[LEASES], args=[limit, _of(""), prefix]))
        return [sid.decode() for sid in found]

    async def append(self, sid: str, epoch: int, event: bytes) -> None:
        """Add an event, if the epoch is still the newest."""
        keys = [_of(sid), _events(sid)]
        if not await self._do(self._append(keys=keys, args=[epoch, event])):
            raise StaleOwner(sid)

    async def events(self, sid: str, *, since: int = 0) -> list[tuple[int, bytes]]:
        """Events in the order they were added."""
        found = await self._do(self._redis.lrange(_events(sid), since, -1))
        return list(enumerate(found, since + 1))

    async def delete(self, sid: str) -> None:
        """Delete state, events and lease."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.delete(_of(sid), _events(sid)).zrem(LEASES, sid)
        await self._do(pipe.execute())

    async def scan(self, prefix: str) -> list[str]:
        """Ids that begin so."""
        start = _of("")
        literal = "".join(f"[{c}]" if c in "*?[" else c for c in prefix)

        async def all_of_them() -> list[str]:
            found = self._redis.scan_iter(match=f"{_of(literal)}*", count=500)
            return [key.decode().removeprefix(start) async for key in found]

        return sorted(await self._do(all_of_them()))

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _do(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except self._errors as error:
            raise StoreDown(
                f"The session store's Redis does not answer ({type(error).__name__}). Start it, or "
                "name another in VIVACE_STORE."
            ) from error


def _of(sid: str) -> str:
    return f"{PREFIX}session:{sid}"


def _events(sid: str) -> str:
    return f"{PREFIX}events:{sid}"


def _ms(secs: float) -> int:
    return round(secs * 1000)

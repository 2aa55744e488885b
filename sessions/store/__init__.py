"""Where sessions outlive their process: a small protocol and two backends."""

import asyncio
import os
from weakref import WeakKeyDictionary

from sessions.store.protocol import (
    BEAT_SECS,
    LEASE_SECS,
    SessionStore,
    StaleOwner,
    Stored,
    StoreDown,
    StoreError,
)

__all__ = [
    "BEAT_SECS",
    "LEASE_SECS",
    "SessionStore",
    "StaleOwner",
    "StoreDown",
    "StoreError",
    "Stored",
    "open_store",
    "shared_store",
    "VARIABLE",
    "store_by_default",
    "stored_here",
]

VARIABLE, OFF = "VIVACE_STORE", "off"

_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, SessionStore]] = WeakKeyDictionary()


def open_store(url: str) -> SessionStore:
    """A store by its URL.

    Args:
        url: ``sqlite:PATH``, or ``redis://HOST:PORT/DB`` (``rediss://`` with TLS).

    Raises:
        StoreError: There is no such backend.
        ImportError: It is Redis, and redis-py is not installed.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite" and rest:
        from sessions.store.embedded import EmbeddedStore

        return EmbeddedStore(rest)
    if scheme in ("redis", "rediss"):
        from sessions.store.remote import RedisStore

        return RedisStore(url)
    raise StoreError(
        f"{VARIABLE} names no session store. Use sqlite:PATH on one machine, or redis://HOST:PORT/0 "
        "on several."
    )


def stored_here() -> bool:
    """Whether sessions are stored: ``VIVACE_STORE`` names a place, and is not ``off``."""
    return os.environ.get(VARIABLE, "").strip() not in ("", OFF)


def store_by_default(path: str | os.PathLike) -> None:
    """Store sessions in this file where ``VIVACE_STORE`` says nothing, here and in child processes."""
    if not os.environ.get(VARIABLE, "").strip():
        os.environ[VARIABLE] = f"sqlite:{os.fspath(path)}"


def shared_store() -> SessionStore | None:
    """The store of ``VIVACE_STORE``, one for all sessions of a loop; None when it is not set."""
    if not stored_here():
        return None
    url = os.environ[VARIABLE].strip()
    stores = _shared.setdefault(asyncio.get_running_loop(), {})
    if url not in stores:
        stores[url] = open_store(url)
    return stores[url]

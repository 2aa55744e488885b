"""Who may open a session, and who belongs to one.

A start token opens one session, once, and the session's id follows from it. So whoever opened a
session belongs to it by the same token: Pipecat's clients send the headers of ``/start`` with
their offers too. ``/start`` also answers a token of the session's own, for the clients that look.

Either is sent as ``Authorization: Bearer``, as ``?token=``, as the last part of a socket's path,
or as ``token`` in an offer's request data. A server for this machine alone asks for none.
"""

import asyncio
import hashlib
import hmac
import os
import time
import uuid
from contextlib import suppress
from typing import Any

from fastapi import HTTPException
from starlette.requests import HTTPConnection

from serving.limits import Bucket, address
from serving.switchboard import Call
from sessions import tokens
from sessions.store import StoreError, shared_store
from sessions.store.protocol import CLAIMED_SECS

SESSION = "session"
SESSION_SECS = 12 * 3600.0
START_KEY = "VIVACE_START_KEY"

STARTS_PER_MINUTE = 60
"""Tokens that one address is given; a house behind one address calls no more often."""

CALLS_PER_MINUTE = 12
"""Sessions of one caller, where start tokens name them."""

WRONG_PER_MINUTE = 30
"""Tokens that are none, by address."""

MOST_WAITING = 6
"""Lines that one caller, or one address, holds without having connected."""

STORE_SECS = 0.5


class Doorkeeper:
    """Lets callers in by their tokens.

    Args:
        guarded: Whether callers need tokens. Without, all are let in.
    """

    def __init__(self, *, guarded: bool):
        """Initialize with no token used."""
        self.guarded = guarded
        self._given, self._wrong = Bucket(STARTS_PER_MINUTE), Bucket(WRONG_PER_MINUTE)
        self._calls = Bucket(CALLS_PER_MINUTE)
        self._used: dict[str, float] = {}
        self._waiting: dict[str, list[Call]] = {}

    def give(self, connection: HTTPConnection, *, caller: str = "") -> str:
        """A start token, for whoever may have one.

        With ``VIVACE_START_KEY`` set, only who shows it: the operator's own app, which knows its
        callers. Without, anyone, as the page is anyone's.

        Raises:
            HTTPException: 401 without that key, 429 when they ask too often.
        """
        key = os.environ.get(START_KEY, "")
        if self.guarded and key:
            if not hmac.compare_digest(_shown(connection).encode(), key.encode()):
                raise self._refused(
                    connection, f"Start tokens are given to who shows {START_KEY} only."
                )
        elif self.guarded:
            _bound(self._given.take(address(connection)))
        return tokens.start_token(caller=caller if key else "")

    async def open(self, connection: HTTPConnection, token: Any = None) -> str | None:
        """Let a caller open a session.

        Args:
            connection: Theirs.
            token: What they brought besides headers and query.

        Returns:
            The session's id; None for one to be chosen, where no token is needed.

        Raises:
            HTTPException: 401 for a token that is none or was used, 429 for a caller who calls
                too often or holds too many lines.
        """
        if not self.guarded:
            return None
        shown = str(token or _shown(connection))
        try:
            nonce, caller = tokens.verify(shown, purpose=tokens.START)
        except tokens.TokenError as error:
            raise self._refused(
                connection,
                f"{error} POST /start/token gives a start token; send it as Authorization: Bearer.",
            ) from None
        if caller:
            _bound(self._calls.take(caller))
        waiting = [c for c in self._waiting.get(caller or address(connection), ()) if _waits(c)]
        if len(waiting) >= MOST_WAITING:
            raise HTTPException(
                429, f"{len(waiting)} of your sessions wait for you. Connect to one, or wait 30 s."
            )
        if not await self._use(nonce):
            raise self._refused(connection, "This token was used before. Get a new one.")
        return _session_of(nonce)

    def opened(self, connection: HTTPConnection, call: Call) -> None:
        """Note a session that was opened: its caller is to connect."""
        if self.guarded:
            shown = _shown(connection)
            caller = ""
            with suppress(tokens.TokenError):
                caller = tokens.verify(shown, purpose=tokens.START)[1]
            still = {who: [c for c in calls if _waits(c)] for who, calls in self._waiting.items()}
            self._waiting = {who: calls for who, calls in still.items() if calls}
            self._waiting.setdefault(caller or address(connection), []).append(call)

    def belongs(self, connection: HTTPConnection, session_id: str, token: Any = None) -> None:
        """Let a caller do something in a session.

        Raises:
            HTTPException: 401 when what they show does not belong to it.
        """
        if not self.guarded:
            return
        shown = str(token or _shown(connection))
        with suppress(tokens.TokenError):
            if tokens.verify(shown, purpose=SESSION) == session_id:
                return
        with suppress(tokens.TokenError):
            nonce, _ = tokens.verify(shown, purpose=tokens.START, late=True)
            if _session_of(nonce) == session_id:
                return
        raise self._refused(connection, "This token does not belong to this session.")

    def query(self, session_id: str, *, first: str = "?") -> str:
        """A session's own token as the end of a URL; empty where none is needed."""
        return f"{first}token={self.token(session_id)}" if self.guarded else ""

    def token(self, session_id: str) -> str:
        """A session's own token."""
        return tokens.sign(session_id, SESSION_SECS, purpose=SESSION)

    def stream_path(self, bot: str) -> str:
        """Where on this server a carrier brings the sound of one call to a bot."""
        return f"/ws/{bot}/{tokens.start_token()}" if self.guarded else f"/ws/{bot}"

    def _refused(self, connection: HTTPConnection, why: str) -> HTTPException:
        _bound(self._wrong.take(address(connection)))
        return HTTPException(401, why, headers={"WWW-Authenticate": "Bearer"})

    async def _use(self, nonce: str) -> bool:
        """Whether a token is used for the first time, on any server of the same store."""
        now = time.time()
        if nonce in self._used:
            return False
        self._used = {used: until for used, until in self._used.items() if until > now}
        self._used[nonce] = now + tokens.START_SECS
        store = shared_store()
        if store is None:
            return True
        try:
            async with asyncio.timeout(STORE_SECS):
                owner = uuid.uuid4().hex
                return bool(await store.claim(f"used/{nonce}", owner, lease_s=CLAIMED_SECS))
        except (StoreError, TimeoutError):
            return True  # calls go on without their store; here, it is known as used


def _shown(connection: HTTPConnection) -> str:
    bearer = connection.headers.get("authorization", "")
    if bearer[:7].lower() == "bearer ":
        return bearer[7:].strip()
    return connection.query_params.get("token", "")


def _session_of(nonce: str) -> str:
    digest = hmac.new(tokens.secret().encode(), f"session {nonce}".encode(), hashlib.sha256)
    return str(uuid.UUID(bytes=digest.digest()[:16], version=4))


def _waits(call: Call) -> bool:
    return not call.arrival.done() and not (call.task and call.task.done())


def _bound(wait: float) -> None:
    if wait:
        raise HTTPException(
            429,
            f"Too many calls. Try again in {wait:.0f} s.",
            headers={"Retry-After": str(int(wait + 1))},
        )

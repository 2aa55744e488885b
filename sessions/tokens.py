"""Signed, expiring words: what a client brings back is what it was given, and not for ever."""

import hashlib
import os
import secrets
import time
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

VARIABLE = "VIVACE_SECRET"
START = "start"
START_SECS = 600.0
"""How long a start token waits to be used."""


class TokenError(ValueError):
    """A token is forged, for something else, or too old."""


def sign(payload: Any, ttl: float, *, purpose: str) -> str:
    """Make a token.

    Args:
        payload: JSON data; the holder can read it.
        ttl: Seconds that it is good for.
        purpose: What it opens, such as ``"resume"``; it opens nothing else.
    """
    return _serializer(purpose).dumps([payload, time.time() + ttl])  # type: ignore[return-value]


def start_token(*, caller: str = "") -> str:
    """A token that opens one session, once.

    Args:
        caller: Who is to call, as the one who asks for it knows them; their calls are counted.
    """
    return sign([secrets.token_urlsafe(12), caller], START_SECS, purpose=START)


def verify(token: str, *, purpose: str, late: bool = False) -> Any:
    """The payload of a token.

    Args:
        token: What a client brought.
        purpose: What it is to open.
        late: Take one whose time is over too.

    Raises:
        TokenError: It was not signed here for this purpose, or its time is over.
    """
    try:
        payload, until = _serializer(purpose).loads(token)
    except (BadData, TypeError, ValueError):
        raise TokenError("This token was not given by this server. Start a new session.") from None
    if time.time() > until and not late:
        raise TokenError("This token has expired. Start a new session.")
    return payload


def secret() -> str:
    """What tokens are signed with: ``VIVACE_SECRET``.

    Where it is not set, one is made and left in the environment, so that the processes this one
    starts share it. It ends with the process: several machines need one of yours.
    """
    if not os.environ.get(VARIABLE):
        os.environ[VARIABLE] = secrets.token_urlsafe(32)
    return os.environ[VARIABLE]


def _serializer(purpose: str) -> URLSafeSerializer:
    signing = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeSerializer(secret(), salt=f"vivace.{purpose}", signer_kwargs=signing)

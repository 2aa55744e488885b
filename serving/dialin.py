"""Calls from and to the phone network through Daily: a number was dialed, or is to be."""

import base64
import hashlib
import hmac
import json
import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from pipecat.runner.types import DialinSettings
from pydantic import BaseModel, Field

from serving.cards import Catalogue, choose
from serving.daily_rooms import DailyRooms
from serving.rooms import RoomError, RoomLine
from serving.tokens import START_KEY
from sessions.dialout import FIELD, order
from sessions.locality import is_local

SIGNATURE_SECS = 300
"""How old a signed webhook may be."""


class DialOut(BaseModel):
    """Whom to call.

    Parameters:
        to: ``+15550001``, or ``sip:nurse@example.org``.
        body: More of the session's body.
    """

    to: str = Field(pattern=r"^(\+[1-9]\d{6,14}|sips?:[^\s@]+@[^\s@]+)$")
    body: dict[str, Any] = Field(default_factory=dict)


def dialin_body(call: Mapping[str, Any]) -> dict[str, Any]:
    """The session body of a call from the phone network, in Pipecat Cloud's shape.

    The transport answers Daily's ``dialin-ready`` with it (``/dialin/pinlessCallUpdate``), and so
    puts the waiting caller through. The key stays out: the door takes it from the environment.
    """
    settings = DialinSettings(
        call_id=call["callId"],
        call_domain=call["callDomain"],
        To=call["To"],
        From=call["From"],
        sip_headers=call.get("sipHeaders"),
    )
    return {"dialin_settings": settings.model_dump(), "daily_api_key": "", "daily_api_url": ""}


def dialin_router(catalogue: Catalogue, *, rooms: Callable[[], DailyRooms]) -> APIRouter:
    """``POST /daily/dial-in/{bot}`` and ``POST /daily/dial-out/{bot}``, each → ``{sessionId}``.

    A webhook of Daily's (``{From, To, callId, callDomain}``) is signed with ``DAILY_PINLESS_HMAC``.
    A call is ordered (``{to, body}``) by who shows ``VIVACE_START_KEY``, or on this machine where
    none is set. Unsigned calls and other orders are refused.

    Args:
        catalogue: The bots there are.
        rooms: Makes the room service, at the first call.
    """
    routes = APIRouter()
    service: list[DailyRooms] = []

    async def connect(request: Request, body: dict[str, Any], **room_options: Any) -> str:
        """Open a room, send the bot there, and return the session's id."""
        switchboard = request.app.state.switchboard
        session = switchboard.admit(body)
        try:
            if not service:
                service.append(rooms())
            room = await service[0].open(video=False, **room_options)
        except BaseException as error:
            switchboard.drop(session)
            if isinstance(error, RoomError):
                raise HTTPException(503, str(error)) from error
            raise
        switchboard.connect(session, room.arguments(body=body), RoomLine(service[0], room))
        return session.id

    seen: deque[str] = deque(maxlen=1000)

    @routes.post("/daily/dial-in/{bot}")
    async def dial_in(bot: str, request: Request) -> dict[str, str]:
        raw = await request.body()
        _check_signature(request.headers, raw)
        if (signature := request.headers["x-pinless-signature"]) in seen:
            raise HTTPException(403, "This dial-in webhook has been answered.")
        seen.append(signature)
        try:
            call = json.loads(raw)
            if call.get("test") or call.get("Test"):
                return {"status": "OK"}
            body = dialin_body(call) | {"bot": choose(catalogue, bot)}
        except (ValueError, KeyError, AttributeError):
            raise HTTPException(400, "A dial-in webhook has From, To, callId and callDomain.")
        return {"sessionId": await connect(request, body, phone=call["From"])}

    @routes.post("/daily/dial-out/{bot}")
    async def dial_out(bot: str, asked: DialOut, request: Request) -> dict[str, str]:
        _check_operator(request)
        body = {**asked.body, "bot": choose(catalogue, bot), FIELD: order(asked.to)}
        return {"sessionId": await connect(request, body, dialout=True)}

    return routes


def _check_operator(request: Request) -> None:
    key = os.environ.get(START_KEY, "")
    shown = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not (hmac.compare_digest(shown.encode(), key.encode()) if key else is_local(request)):
        raise HTTPException(
            403, f"Calls are placed for who shows {START_KEY} as Authorization: Bearer."
        )


def _check_signature(headers: Mapping[str, str], raw: bytes) -> None:
    secret = os.environ.get("DAILY_PINLESS_HMAC", "")
    if not secret:
        raise HTTPException(
            403, "Dial-in is closed: put the hmac of Daily's pinless_dialin in DAILY_PINLESS_HMAC."
        )
    stamp = headers.get("x-pinless-timestamp", "")
    signed = hmac.new(base64.b64decode(secret), stamp.encode() + b"." + raw, hashlib.sha256)
    expected = base64.b64encode(signed.digest()).decode()
    if not hmac.compare_digest(expected.encode(), headers.get("x-pinless-signature", "").encode()):
        raise HTTPException(403, "The dial-in webhook is not signed by Daily.")
    sent = float(stamp) / (1000 if len(stamp) > 11 else 1)  # Daily sends ms, its guide says s
    if abs(time.time() - sent) > SIGNATURE_SECS:
        raise HTTPException(403, "The dial-in webhook is too old.")

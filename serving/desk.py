"""The desk: where people see who waits for them, take a call or decline it, listen, and whisper.

``GET /desk?key=…`` is the page; what it asks stands below. A person comes to a call over WebRTC, into
the process of the caller's session, and is brought together with the caller there, whichever door
the caller came through. What a call is about is shown with surrogates where its policy redacts; who
takes the call is told the originals, over the connection, and the audit log notes that they were.

With ``--engine hosts``, the desk of any host shows the callers of all. A person's offer finds the
caller's host as the caller's own requests do; their sound goes to it directly.
"""

import asyncio
import contextlib
import hashlib
import hmac
import json
import secrets
from pathlib import Path
from typing import Any

import aiohttp
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import FileResponse, RedirectResponse
from pipecat.transports.smallwebrtc.request_handler import SmallWebRTCRequest
from pydantic import BaseModel, Field

from serving.switchboard import Call, Switchboard
from sessions import tokens
from sessions.person import FIELD, ticket

WEB = Path(__file__).parents[1] / "web"
COOKIE = "vivace-desk"
LOOKS, LOOKS_SECS = "x-vivace-desk", 10.0
"""What another host shows to see who is on the line here, and how long that is good for."""
LOOK_SECS = 1.0
"""A session that does not say how it stands in this time is left out."""


def shared_key() -> str:
    """The key of a desk on several hosts: the same on all, as ``VIVACE_SECRET`` is."""
    return hmac.new(tokens.secret().encode(), b"desk", hashlib.sha256).hexdigest()[:32]


class Coming(BaseModel):
    """A person's WebRTC offer, and how they come."""

    sdp: str
    type: str = "offer"
    listen: bool = False
    who: str = Field(default="", max_length=60)


def desk_router(*, key: str, web: Path = WEB) -> APIRouter:
    """The routes below ``/desk``. Mount them for the operator's own people only.

    Args:
        key: Whoever opens ``/desk?key=...`` with it is let in, and stays so until the browser
            closes.
        web: Folder of the page.
    """

    def let_in(request: Request) -> None:
        if not secrets.compare_digest(request.cookies.get(COOKIE, "").encode(), key.encode()):
            raise HTTPException(
                403, "Open the desk with the address that the runner printed: it holds the key."
            )

    def let_look(request: Request) -> bool:
        """Whether it is another host that looks."""
        with contextlib.suppress(tokens.TokenError):
            return tokens.verify(request.headers.get(LOOKS, ""), purpose=LOOKS)
        let_in(request)
        return False

    outside, router = APIRouter(), APIRouter(prefix="/desk", dependencies=[Depends(let_in)])

    @outside.get("/desk", include_in_schema=False)
    async def page(request: Request):
        if given := request.query_params.get("key"):
            if not secrets.compare_digest(given.encode(), key.encode()):
                raise HTTPException(403, "This key is not the one that the runner printed.")
            answer = RedirectResponse("/desk", 303)
            answer.set_cookie(COOKIE, key, path="/desk", httponly=True, samesite="strict")
            return answer
        let_in(request)
        return FileResponse(web / "desk.html")

    @outside.get("/desk/calls")
    async def calls(request: Request, host: bool = Depends(let_look)) -> list[dict[str, Any]]:
        switchboard: Switchboard = request.app.state.switchboard
        callers = [c for c in switchboard.calls if c.arrival.done() and FIELD not in c.body]
        looks = [_look(switchboard, call) for call in callers]
        looks += [] if host else [_look_at(url) for url in switchboard.elsewhere]
        found = [call for calls in await asyncio.gather(*looks) for call in calls]
        return sorted(found, key=lambda call: (call["state"] != "ringing", -call["secs"]))

    @router.post("/calls/{session_id}/refuse")
    async def refuse(session_id: str, request: Request) -> dict[str, Any]:
        switchboard: Switchboard = request.app.state.switchboard
        return await switchboard.desk(switchboard.find(session_id), "refuse")

    @router.post("/calls/{session_id}/offer")
    async def come(session_id: str, coming: Coming, request: Request) -> dict[str, str]:
        switchboard: Switchboard = request.app.state.switchboard
        call = switchboard.find(session_id)
        joins = ticket(session_id, listen=coming.listen)
        body = {"bot": call.body.get("bot"), FIELD: joins, "who": coming.who}
        leg = switchboard.admit(body, returning=True)  # no limit keeps a person from their caller
        try:
            return await switchboard.offer(SmallWebRTCRequest(coming.sdp, coming.type), leg)
        except BaseException:
            switchboard.drop(leg)
            raise

    outside.include_router(router)
    return outside


async def _look(switchboard: Switchboard, call: Call) -> list[dict[str, Any]]:
    try:
        async with asyncio.timeout(LOOK_SECS):
            return [{"id": call.id, **await switchboard.desk(call, "look")}]
    except (HTTPException, TimeoutError):
        return []


async def _look_at(url: str) -> list[dict[str, Any]]:
    """Who is on the line at another host; nobody if it has no desk, or is not there."""
    shown = {LOOKS: tokens.sign(True, LOOKS_SECS, purpose=LOOKS)}
    patience = aiohttp.ClientTimeout(2 * LOOK_SECS)
    try:
        async with aiohttp.ClientSession(timeout=patience, headers=shown) as http:
            async with http.get(f"{url}/desk/calls", raise_for_status=True) as answer:
                return json.loads(await answer.read())
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return []

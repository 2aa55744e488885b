"""The desk: where people see who waits for them, take a call or decline it, listen, and whisper.

``GET /desk?key=…`` is the page; what it asks stands below. A person comes to a call over WebRTC, into
the process of the caller's session, and is brought together with the caller there, whichever door
the caller came through. What a call is about is shown with surrogates where its policy redacts; who
takes the call is told the originals, over the connection, and the audit log notes that they were.
"""

import asyncio
import secrets
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import FileResponse, RedirectResponse
from pipecat.transports.smallwebrtc.request_handler import SmallWebRTCRequest
from pydantic import BaseModel, Field

from serving.switchboard import Call, Switchboard
from sessions.person import FIELD, ticket

WEB = Path(__file__).parents[1] / "web"
COOKIE = "vivace-desk"
LOOK_SECS = 1.0
"""A session that does not say how it stands in this time is left out."""


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

    @router.get("/calls")
    async def calls(request: Request) -> list[dict[str, Any]]:
        switchboard: Switchboard = request.app.state.switchboard
        callers = [c for c in switchboard.calls if c.arrival.done() and FIELD not in c.body]
        looks = await asyncio.gather(*(_look(switchboard, call) for call in callers))
        found = [look for look in looks if look]
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


async def _look(switchboard: Switchboard, call: Call) -> dict[str, Any] | None:
    try:
        async with asyncio.timeout(LOOK_SECS):
            return {"id": call.id, **await switchboard.desk(call, "look")}
    except (HTTPException, TimeoutError):
        return None

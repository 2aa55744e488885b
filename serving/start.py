"""``POST /start`` and ``GET /status``: how a caller asks for a session."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from pipecat.runner.types import RunnerArguments
from pydantic import BaseModel, ConfigDict

from serving.cards import Catalogue, choose
from serving.switchboard import Line, Switchboard

TELEPHONY = ("twilio", "telnyx", "plivo", "exotel")


class StartRequest(BaseModel):
    """What Pipecat's clients post to ``/start``; fields of single transports are kept as sent."""

    model_config = ConfigDict(extra="allow")

    transport: str | None = None
    body: dict[str, Any] | None = None
    createDailyRoom: bool = False  # noqa: N815


NOTHING_ASKED = StartRequest()

Door = Callable[[StartRequest, str], Awaitable[tuple[RunnerArguments, dict[str, Any], Line]]]
"""Opens a room for a session: the bot's runner arguments, what ``/start`` answers besides the
session, and the caller's line. Raises `HTTPException` with a cure when no room can be had."""


def start_router(
    switchboard: Switchboard,
    catalogue: Catalogue,
    *,
    doors: Mapping[str, Door],
    ice_servers: Sequence[Mapping[str, Any]],
) -> APIRouter:
    """The routes that open a session.

    Args:
        switchboard: Admits the callers.
        catalogue: The bots there are.
        doors: What opens a room, by transport (``daily``, ``livekit``).
        ice_servers: STUN and TURN servers handed to WebRTC callers.
    """
    router = APIRouter()
    transports = ["webrtc", *doors, *TELEPHONY, "websocket"]

    @router.get("/status")
    async def status():
        return {"status": "ready", "transports": transports}

    @router.post("/start")
    async def start(request: Request, asked: StartRequest = NOTHING_ASKED):
        transport = asked.transport or ("daily" if asked.createDailyRoom else "webrtc")
        if transport not in transports:
            allowed = ", ".join(transports)
            raise HTTPException(400, f"There is no door {transport!r} here. Use one of: {allowed}.")
        socket = str(
            request.base_url.replace(scheme="wss" if request.url.scheme == "https" else "ws")
        )
        if transport in TELEPHONY:
            return {"wsUrl": f"{socket}ws"}

        body = asked.body or {}
        call = switchboard.admit({**body, "bot": choose(catalogue, body.get("bot"))})
        answer: dict[str, Any] = {
            "sessionId": call.id,
            "fileUploadUrl": f"/sessions/{call.id}/files",
        }
        if transport == "websocket":
            answer["wsUrl"] = f"{socket}ws-client?session={call.id}"
        elif transport == "webrtc":
            if ice_servers:
                answer["iceConfig"] = {"iceServers": list(ice_servers)}
        else:
            try:
                runner_args, room, line = await doors[transport](asked, call.id)
            except BaseException:
                switchboard.drop(call)
                raise
            switchboard.connect(call, runner_args, line)
            answer |= room
        return answer

    return router

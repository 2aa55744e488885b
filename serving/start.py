"""``POST /start`` and ``GET /status``: how a caller asks for a session."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from pipecat.runner.types import RunnerArguments
from pydantic import BaseModel, ConfigDict, Field

from serving.cards import Catalogue, choose
from serving.keepsakes import tape_url
from serving.switchboard import Line, Switchboard
from serving.tokens import Doorkeeper
from sessions.resume import ResumeError, read_ticket, still_kept, ticket

TELEPHONY = ("twilio", "telnyx", "plivo", "exotel")


class StartRequest(BaseModel):
    """What Pipecat's clients post to ``/start``; fields of single transports are kept as sent."""

    model_config = ConfigDict(extra="allow")

    transport: str | None = None
    resume: str | None = None
    body: dict[str, Any] | None = None
    createDailyRoom: bool = False  # noqa: N815


NOTHING_ASKED = StartRequest()


class TokenRequest(BaseModel):
    """Who asks for a start token may say for whom."""

    caller: str = Field(default="", max_length=200)


NOBODY = TokenRequest()

Door = Callable[[StartRequest, str], Awaitable[tuple[RunnerArguments, dict[str, Any], Line]]]
"""Opens a room for a session: the bot's runner arguments, what ``/start`` answers besides the
session, and the caller's line. Raises `HTTPException` with a cure when no room can be had."""


def start_router(
    switchboard: Switchboard,
    catalogue: Catalogue,
    *,
    keeper: Doorkeeper,
    doors: Mapping[str, Door],
    ice_servers: Sequence[Mapping[str, Any]],
) -> APIRouter:
    """The routes that open a session.

    Args:
        switchboard: Admits the callers.
        catalogue: The bots there are.
        keeper: Knows who may open one.
        doors: What opens a room, by transport (``daily``, ``livekit``).
        ice_servers: STUN and TURN servers handed to WebRTC callers.
    """
    router = APIRouter()
    transports = ["webrtc", *doors, *TELEPHONY, "websocket"]

    @router.get("/status")
    async def status():
        return {"status": "ready", "transports": transports}

    @router.post("/start/token")
    async def token(request: Request, asked: TokenRequest = NOBODY):
        return {"token": keeper.give(request, caller=asked.caller)}

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
            if not keeper.guarded:
                return {"wsUrl": f"{socket}ws"}
            await keeper.open(request)
            bot = choose(catalogue, (asked.body or {}).get("bot"))
            return {"wsUrl": f"{socket.rstrip('/')}{keeper.stream_path(bot or '')}"}

        body = asked.body or {}
        asked.resume = asked.resume or body.get("resume")
        if asked.resume:
            body = {"resume": asked.resume, "bot": await bot_of(asked.resume)}
        body = {**body, "bot": choose(catalogue, body.get("bot"))}
        opened = await keeper.open(request)
        call = switchboard.admit(body, session_id=opened, returning=bool(asked.resume))
        keeper.opened(request, call)
        answer: dict[str, Any] = {
            "sessionId": call.id,
            "sessionToken": keeper.token(call.id),
            "fileUploadUrl": f"/sessions/{call.id}/files{keeper.query(call.id)}",
            "tapeUrl": tape_url(call.id),
        }
        if resume := asked.resume or ticket(call.id, call.body["bot"]):
            answer["resume"] = resume
        if transport == "websocket":
            answer["wsUrl"] = (
                f"{socket}ws-client?session={call.id}{keeper.query(call.id, first='&')}"
            )
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


async def bot_of(resume: str) -> str:
    """The bot that a caller who was cut off comes back to.

    Raises:
        HTTPException: 403 for a ticket that was not given here, 410 for a session that is gone.
    """
    try:
        session_id, bot = read_ticket(resume)
    except ResumeError as error:
        raise HTTPException(403, str(error)) from error
    if not await still_kept(session_id):
        raise HTTPException(410, "This conversation is over. Start a new session.")
    return bot

"""``POST /start`` and ``GET /status``: how a caller asks for a session."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Request
from pipecat.runner.types import RunnerArguments
from pydantic import BaseModel, ConfigDict, Field

from serving.cards import Catalogue, choose
from serving.keepsakes import tape_url
from serving.switchboard import Call, Line, Switchboard
from serving.tokens import Doorkeeper
from sessions.doors import name_given
from sessions.person import FIELD, invitation, invited
from sessions.resume import ResumeError, read_ticket, still_kept, ticket
from sessions.transcript import LINE

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
            name, bot = name_given(body), await bot_of(asked.resume)
            body = {"resume": asked.resume, "bot": bot} | ({"name": name} if name else {})
        meeting, place = "", ""
        if FIELD in body:
            meeting, place = meeting_of(body[FIELD])
            body = guest_of(switchboard.get(meeting), body)
        body = {**body, "bot": choose(catalogue, body.get("bot"))}
        opened = await keeper.open(request)
        call = switchboard.admit(body, session_id=opened, returning=bool(asked.resume))
        keeper.opened(request, call)
        answer: dict[str, Any] = {"sessionId": call.id, "sessionToken": keeper.token(call.id)}
        if not meeting:
            upload = f"/sessions/{call.id}/files{keeper.query(call.id)}"
            answer |= {"fileUploadUrl": upload, "tapeUrl": tape_url(call.id)}
            if resume := asked.resume or ticket(call.id, call.body["bot"]):
                answer["resume"] = resume
        if transport == "webrtc" and gathers(catalogue, call.body["bot"]):
            answer["meeting"] = links(meeting or call.id, call, place=place)
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


def gathers(catalogue: Catalogue, bot: str) -> bool:
    """Whether others may join a call of a bot."""
    return any(card.gathers for card in catalogue() if card.name == bot)


def meeting_of(joins: Any) -> tuple[str, str]:
    """The session that an invitation opens, and as whom; see `sessions.person.invited`.

    Raises:
        HTTPException: 403 for what was not given here, or is too old.
    """
    if guest := invited(joins):
        return guest
    raise HTTPException(403, "This link opens no meeting, or is too old. Ask for a new one.")


def guest_of(meeting: Call | None, body: Mapping[str, Any]) -> dict[str, Any]:
    """What a participant's line is opened with: the way to the meeting, and their name.

    Raises:
        HTTPException: 410 when the meeting is over.
    """
    if meeting is None:
        raise HTTPException(410, "This meeting is over.")
    return {"bot": meeting.body["bot"], FIELD: body[FIELD], "name": name_given(body)}


def links(meeting: str, call: Call, *, place: str) -> dict[str, str]:
    """How others come to a meeting, and how who has asked comes back to it.

    Args:
        meeting: Its session.
        call: The line of who has asked; in the opener's own call there is no other.
        place: As whom they come, when they have been there before.

    Returns:
        ``url``, a page of this server for everybody who is to come; ``id``, as whom they are in the
        meeting; ``joins``, their own way back.
    """
    own = place or (call.id if call.id != meeting or name_given(call.body) else LINE)
    query = urlencode({"bot": call.body["bot"], "joins": invitation(meeting)})
    return {"url": f"/?{query}", "id": own, "joins": invitation(meeting, id=own)}


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

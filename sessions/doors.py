"""The doors a caller can come through, with the same house parameters for all of them.

Whatever the runner, or Pipecat Cloud, hands to ``bot()`` becomes a transport here: the browser
(SmallWebRTC, plain WebSocket), a Daily or LiveKit room, a phone's media stream, or the harness
of ``pipecat eval``. A replay brings its own: arguments with a coroutine ``open_transport(params)``
are asked for it.
"""

import asyncio
import os
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import contextmanager
from typing import Any

from loguru import logger
from pipecat.runner.types import (
    DailyRunnerArguments,
    EvalRunnerArguments,
    LiveKitRunnerArguments,
    RunnerArguments,
    SmallWebRTCRunnerArguments,
    WebSocketRunnerArguments,
)
from pipecat.runner.utils import create_transport, parse_telephony_websocket
from pipecat.transports.base_transport import BaseTransport, TransportParams, VideoInSourceParams

from sessions.locality import is_local
from sessions.policy import Policy

PHONES = ("twilio", "telnyx", "plivo", "exotel")

HANG_UP_KEYS = {
    "twilio": "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN",
    "telnyx": "TELNYX_API_KEY",
    "plivo": "PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN",
}
"""What a carrier needs in the environment so that the bot can end a call."""

LIVEKIT_QUEUE_MS = 150
"""LiveKit's own 1000 ms puts what the pipeline believes said up to 1 s before what is heard."""

DAILY_API_URL = "https://api.daily.co/v1"

JOIN_SECS = 20.0
"""How long a bot may take to enter a room. daily-python needs 19 s to notice a dead network."""


PHONE_RATE = 8000
"""Samples a second of the phone network: nothing is gained by more, and each change of rate costs."""


class DoorError(RuntimeError):
    """Raised when a door cannot be opened; the message says what to do about it."""


async def open_door(
    runner_args: RunnerArguments,
    *,
    sees: Mapping[str, int],
    policy: Policy,
    tracks: bool = False,
    room_id: str | None = None,
) -> BaseTransport:
    """Open the door the caller stands at.

    Args:
        runner_args: What the runner handed to ``bot()``.
        sees: Frames per second wanted of each video source (``camera``, ``screenVideo``); phones,
            WebSockets and the eval harness carry no video, there it is ignored.
        policy: Its vendor allow-list also holds for whoever carries the call.
        tracks: Whether a room's participants come in each on a track of their own, or mixed. A
            browser's WebRTC then opens a room that others can join.
        room_id: Under which they find it.

    Raises:
        DoorError: If no door fits, an extra or a key is missing, or the carrier is not allowed.
    """
    sound: dict[str, Any] = {
        "audio_in_enabled": True,
        "audio_out_enabled": True,
        "audio_out_10ms_chunks": 2,  # an interruption waits for the chunk being played
        "audio_out_end_silence_secs": 1,  # whole seconds; less would clip the last word
    }
    media = sound | {
        "video_in_enabled": bool(sees),
        "video_in_sources": {
            source: VideoInSourceParams(framerate=fps) for source, fps in sees.items()
        },
    }
    if open_transport := getattr(runner_args, "open_transport", None):
        return await open_transport(TransportParams(**media))

    door = await _door(runner_args)
    if door in ("daily", "livekit", *PHONES):
        policy.require_vendor(door)
    with _cures(door):
        params = _params(door, sound, media, tracks=tracks)
        if tracks and door == "webrtc":
            return _room(runner_args, params, room_id=room_id)
        transport = await create_transport(runner_args, {door: lambda: params})
        if door == "daily":
            _finish_daily(transport, params, mixed=not tracks)
    return transport


def _room(runner_args: Any, params: TransportParams, *, room_id: str | None) -> BaseTransport:
    from sessions.peer_room import PeerRoom

    body = runner_args.body if isinstance(runner_args.body, dict) else {}
    return PeerRoom(
        runner_args.webrtc_connection,
        params,
        session_id=room_id or uuid.uuid4().hex,
        name=name_given(body),
    )


def name_given(body: Mapping[str, Any]) -> str:
    """The name that a caller gives for themselves; nobody has verified it."""
    name = body.get("name")
    return name.strip()[:60] if isinstance(name, str) else ""


async def _door(runner_args: RunnerArguments) -> str:
    match runner_args:
        case SmallWebRTCRunnerArguments():
            return "webrtc"
        case DailyRunnerArguments():
            return "daily"
        case LiveKitRunnerArguments():
            return "livekit"
        case EvalRunnerArguments():
            return "eval"
        case WebSocketRunnerArguments(transport_type="websocket"):
            return "websocket"
        case WebSocketRunnerArguments(websocket=websocket):
            try:
                door, _ = await parse_telephony_websocket(websocket)
            except ValueError as error:
                raise DoorError(f"The phone stream hung up before it said who it is: {error}.")
            if door == "eval" and not (is_local(websocket) or os.environ.get("VIVACE_EVALS")):
                raise DoorError(
                    "An eval harness may rewrite what the model remembers, so it is let in from"
                    " this machine only. Set VIVACE_EVALS=1 on servers without real callers."
                )
            if door == "eval" or door in PHONES:
                return door
            raise DoorError(
                f"The WebSocket did not begin like a media stream of {', '.join(PHONES)} or an"
                " eval harness. Point the carrier at /ws, and Pipecat's own clients at /ws-client."
            )
    raise DoorError(
        f"No door for {type(runner_args).__name__}. Hand bot() the SmallWebRTC, Daily, LiveKit or"
        " WebSocket runner arguments of pipecat.runner.types, or give yours a coroutine"
        " open_transport(params)."
    )


def sound_of(door: str) -> dict[str, Any]:
    """The rates of a pipeline behind a door, as Pipecat's ``PipelineParams`` takes them.

    Args:
        door: Its name in the price table.
    """
    if door not in PHONES:
        return {}
    return {"audio_in_sample_rate": PHONE_RATE, "audio_out_sample_rate": PHONE_RATE}


def _finish_daily(transport: Any, params: Any, *, mixed: bool) -> None:
    """What ``create_transport`` leaves open: the room's mix, and the key that answers a phone."""
    from sessions.daily_mix import mix_per_call

    if mixed:
        mix_per_call(transport)
    params.api_key = params.api_key or os.environ.get("DAILY_API_KEY", "")
    params.api_url = params.api_url or os.environ.get("DAILY_API_URL", DAILY_API_URL)


def _params(
    door: str, sound: dict[str, Any], media: dict[str, Any], *, tracks: bool
) -> TransportParams:
    match door:
        case "webrtc":
            return TransportParams(**media)
        case "daily":
            from pipecat.transports.daily.transport import DailyParams

            return DailyParams(**media)
        case "livekit":
            from pipecat.transports.livekit.transport import LiveKitParams

            return LiveKitParams(
                **media, audio_in_user_tracks=tracks, audio_out_queue_size_ms=LIVEKIT_QUEUE_MS
            )
        case "eval":
            from pipecat.evals.transport import EvalTransportParams

            return EvalTransportParams(**sound)

    from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams

    if door == "websocket":
        from sessions.caller_frames import CallerFrames

        return FastAPIWebsocketParams(**sound, serializer=CallerFrames())
    return FastAPIWebsocketParams(**sound)  # create_transport adds the carrier's serializer


@contextmanager
def _cures(door: str):
    """Turn what Pipecat raises about a missing extra or key into what to do about it."""
    try:
        yield
    except ImportError as error:
        extra = "'.[livekit]'" if door == "livekit" else "'.[eval]'" if door == "eval" else "."
        raise DoorError(
            f"The {door} door needs a package that is missing. Run: pip install {extra}"
        ) from error
    except ValueError as error:
        if door not in HANG_UP_KEYS:
            raise
        keys = HANG_UP_KEYS[door]
        raise DoorError(
            f"The {door} door is refused, as the bot could not hang up: set {keys} in .env ({error})."
        ) from error


def end_on_join_failure(
    transport: BaseTransport,
    end: Callable[[str], Awaitable[None]],
    *,
    within: float = JOIN_SECS,
) -> None:
    """End the session if its room cannot be entered, or closes while the call runs.

    Pipecat keeps a pipeline going whose transport never joined: it would wait in silence for a
    caller who cannot come. Doors without a room need nothing and are left alone.

    Args:
        transport: The session's door, before the pipeline runs.
        end: Ends the session; given the reason, once.
        within: Seconds the bot has to get in.
    """
    kinds = {base.__name__ for base in type(transport).__mro__}
    if not kinds & {"DailyTransport", "LiveKitTransport"}:
        return
    state = "joining"
    ending: asyncio.Task | None = None

    def finish(reason: str):
        nonlocal state, ending
        if state in ("joining", "joined"):
            state = "over"
            logger.error(f"The room is gone: {reason}. Ending the session.")
            ending = asyncio.ensure_future(end(reason))

    timer = asyncio.get_running_loop().call_later(
        within, lambda: state == "joining" and finish(f"the room was not entered in {within:g} s")
    )

    async def joined(transport, *_):
        nonlocal state
        timer.cancel()
        if state == "joining":
            state = "joined"

    async def leaving(transport, *_):
        nonlocal state
        timer.cancel()
        state = "over"

    async def failed(transport, error):
        if state == "joining":
            finish(str(error))

    async def left(transport, *args):
        if not args or args[0] == "left":
            finish("the room closed")

    transport.add_event_handler("on_connected", joined)
    if "DailyTransport" in kinds:
        transport.add_event_handler("on_error", failed)
        transport.add_event_handler("on_before_leave", leaving)
        transport.add_event_handler("on_call_state_updated", left)
    else:
        transport.add_event_handler("on_before_disconnect", leaving)
        transport.add_event_handler("on_disconnected", left)


def is_empty(transport: Any) -> bool:
    """Whether nobody but the bot is left behind the door.

    A room can hold several people: the caller and a person taking over, or the ghost of a caller
    who has already dialed in again. One of them leaving is not the end of the call.
    """
    kinds = {base.__name__ for base in type(transport).__mro__}
    if "DailyTransport" in kinds:
        return not [id for id in transport.participants() if id != "local"]
    if "LiveKitTransport" in kinds:
        return not transport.get_participants()
    if "PeerRoom" in kinds:
        return not transport.participants()
    return True

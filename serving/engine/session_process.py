"""A process that runs one session or a few, told what to do by the front process."""

import asyncio
import os
import resource
import socket
import sys
from pathlib import Path
from typing import Any

import pipecat.runner.types as runner_types
from loguru import logger
from pipecat.runner.types import WebSocketRunnerArguments
from pipecat.transports.smallwebrtc.request_handler import (
    IceCandidate,
    SmallWebRTCPatchRequest,
    SmallWebRTCRequest,
)
from pipecat.utils.file_storage import LocalFileStorage

from serving.engine.channel import Channel, ChannelClosed
from serving.engine.far_sockets import FarSocket, unpacked
from serving.engine.loops import run
from serving.engine.metrics import snapshot
from serving.engine.zygote import Spec
from serving.sockets import SocketLine
from serving.switchboard import Bot, Call, Switchboard
from serving.webrtc import use_loopback_only
from sessions.metrics.otel import init_otel
from sessions.sinks import init_sentry

BEAT_SECS = 1.0
ROOMS = ("DailyRunnerArguments", "LiveKitRunnerArguments")


class SessionProcess:
    """A switchboard without doors: its callers are brought by the front process.

    Args:
        spec: What all session processes have in common.
        bot: The bot function.
    """

    def __init__(self, spec: Spec, bot: Bot):
        self._spec = spec
        self._bot = bot
        self._sockets: dict[str, FarSocket] = {}

    def run(self, line: socket.socket) -> None:
        """Run sessions until the front hangs up."""
        _limit_memory(self._spec.memory_mb)
        if self._spec.loopback:
            use_loopback_only()
        run(self._run(line))

    async def _run(self, line: socket.socket) -> None:
        spec, self._warm = self._spec, set(sys.modules)
        self._switchboard = Switchboard(
            self._bot,
            storage=LocalFileStorage(spec.uploads, max_files=0),
            ice_servers=spec.ice_servers,
            limit=sys.maxsize,  # the front counts
            patience=spec.patience,
            candid=spec.candid,
        )
        handlers = (self.begin, self.offer, self.candidates, self.room, self.socket, self.readings)
        handlers += (self.desk, self.books)
        notes = (self.frame, self.drop)
        self._channel = await Channel.over(
            line, {handler.__name__: handler for handler in (*handlers, *notes)}
        )
        await self._switchboard.open()
        beat = asyncio.create_task(self._beat(), name="beat")
        await self._channel.listen()
        beat.cancel()
        await self._switchboard.close()

    async def begin(self, *, environ: dict[str, str]) -> None:
        """Take what the environment has become since the warm process started."""
        os.environ.update(environ)
        init_sentry()
        init_otel()

    async def offer(self, *, session: str, body: dict[str, Any], **request: Any) -> dict[str, Any]:
        """Answer a WebRTC offer."""
        call = self._call(session, body) if not request.get("pc_id") else None
        return await self._switchboard.offer(SmallWebRTCRequest(**request), call)

    async def candidates(self, *, pc_id: str, found: list[dict[str, Any]]) -> None:
        """Take ICE candidates."""
        patch = SmallWebRTCPatchRequest(pc_id, [IceCandidate(**one) for one in found])
        await self._switchboard.candidates(patch)

    async def room(
        self, *, session: str, body: dict[str, Any], kind: str, arguments: dict[str, Any]
    ) -> None:
        """Send the bot into a room."""
        if kind not in ROOMS:
            raise ValueError(f"{kind!r} is no room: {', '.join(ROOMS)}")
        runner_args = getattr(runner_types, kind)(**arguments)
        self._switchboard.connect(self._call(session, body), runner_args)

    async def socket(
        self, *, session: str, body: dict[str, Any], scope: dict, transport_type: str | None
    ) -> None:
        """Put a caller on a WebSocket through."""
        far = self._sockets[session] = FarSocket(scope, self._channel, session)
        await far.websocket.accept()
        runner_args = WebSocketRunnerArguments(
            websocket=far.websocket, transport_type=transport_type
        )
        call = self._call(session, body)
        self._switchboard.connect(call, runner_args, SocketLine(far.websocket))

    async def readings(self, *, session: str, pushed: Any, source: str) -> dict[str, int]:
        """Take readings of the operator's devices."""
        call = self._switchboard.find(session)
        return {"taken": await self._switchboard.push_readings(call, pushed, source=source)}

    async def desk(self, *, session: str, what: str) -> dict[str, Any]:
        """Say how a session's wish for a person stands."""
        return await self._switchboard.desk(self._switchboard.find(session), what)

    async def books(self) -> dict[str, Any]:
        """Say what its sessions have measured so far."""
        return {"books": await self._switchboard.books()}

    async def frame(self, *, session: str, message: dict[str, Any], blob: bytes = b"") -> None:
        """Take a message of a caller's WebSocket."""
        if far := self._sockets.get(session):
            far.take(unpacked(message, blob))

    async def drop(self, *, session: str) -> None:
        """End a session."""
        if call := self._switchboard.get(session):
            self._switchboard.drop(call)

    def _call(self, session: str, body: dict[str, Any]) -> Call:
        if known := self._switchboard.get(session):
            return known
        call = self._switchboard.admit(body, session_id=session)
        assert call.task
        call.task.add_done_callback(lambda _: self._over(session))
        return call

    def _over(self, session: str) -> None:
        self._sockets.pop(session, None)
        try:
            self._channel.tell("over", session=session, figures=snapshot(), late=self._late())
        except ChannelClosed:
            logger.debug(f"Session {session} ended after the front had")

    def _late(self) -> list[str]:
        late = sorted(sys.modules.keys() - self._warm)
        self._warm.update(late)
        return late

    async def _beat(self) -> None:
        gauge = self._switchboard.gauge
        while True:
            late = self._late()
            self._channel.tell("beat", lag_ms=gauge.lag_ms, figures=snapshot(), late=late)
            await asyncio.sleep(BEAT_SECS)


def _limit_memory(megabytes: int) -> None:
    """Let the kernel refuse memory to a process that takes it faster than the front can see."""
    if sys.platform != "linux":
        return
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            bound = (int(line.split()[1]) << 10) + (2 * megabytes << 20) + (1 << 30)
            resource.setrlimit(resource.RLIMIT_DATA, (bound, bound))

"""WebSocket doors: ``/ws`` for telephony and Pipecat's evals, ``/ws-client`` for apps."""

import contextlib
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, HTTPException, WebSocket
from pipecat.runner.types import WebSocketRunnerArguments

from serving.cards import Catalogue, choose
from serving.switchboard import Switchboard

NORMAL, FAULT, NO_SUCH_BOT, BUSY = 1000, 1011, 1008, 1013


class SocketLine:
    """A caller's WebSocket, closed with a fault's words as its reason."""

    def __init__(self, websocket: WebSocket):
        self._websocket = websocket

    async def tell(self, fault: str) -> None:
        """Close with the reason, cut to the 123 bytes a close frame carries."""
        reason = (fault or "The bot had a fault.").encode()[:123].decode(errors="ignore")
        await self._close(FAULT, reason)

    async def hang_up(self) -> None:
        """Close, unless either side has."""
        await self._close(NORMAL, "")

    async def _close(self, code: int, reason: str) -> None:
        with contextlib.suppress(RuntimeError):
            await self._websocket.close(code, reason)


def socket_router(
    switchboard: Switchboard, catalogue: Catalogue, *, body: Mapping[str, Any]
) -> APIRouter:
    """The WebSocket routes.

    Args:
        switchboard: Runs their sessions.
        catalogue: The bots there are. ``/ws/{bot}`` names one; plain ``/ws`` gets the only one.
        body: Session body of callers who did not come by ``/start``, as carriers and evals do.
    """
    router = APIRouter()

    async def answer(websocket: WebSocket, *, bot: str | None, transport_type: str | None) -> None:
        session_id = websocket.query_params.get("session")
        try:
            if session_id:
                call = switchboard.find(session_id)
            else:
                call = switchboard.admit({**body, "bot": choose(catalogue, bot or body.get("bot"))})
        except HTTPException as refusal:
            await refuse(websocket, refusal)
            return
        await websocket.accept()
        runner_args = WebSocketRunnerArguments(websocket=websocket, transport_type=transport_type)
        switchboard.connect(call, runner_args, SocketLine(websocket))
        await switchboard.until_over(call)

    @router.websocket("/ws")
    @router.websocket("/ws/{bot}")
    async def detected(websocket: WebSocket, bot: str | None = None):
        await answer(websocket, bot=bot, transport_type=None)

    @router.websocket("/ws-client")
    @router.websocket("/ws-client/{bot}")
    async def client(websocket: WebSocket, bot: str | None = None):
        await answer(websocket, bot=bot, transport_type="websocket")

    return router


async def refuse(websocket: WebSocket, refusal: HTTPException) -> None:
    """Accept and close at once, since a close code reaches the client only after accepting."""
    await websocket.accept()
    code = BUSY if refusal.status_code == 503 else NO_SUCH_BOT
    await websocket.close(code, str(refusal.detail).encode()[:123].decode(errors="ignore"))

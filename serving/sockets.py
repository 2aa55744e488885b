"""WebSocket doors: ``/ws`` for telephony and Pipecat's evals, ``/ws-client`` for apps.

``/ws-person`` is for the phone of a person who was rung for a caller, with a ticket.
"""

import contextlib
import os
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, HTTPException, WebSocket
from pipecat.runner.types import WebSocketRunnerArguments

from serving.cards import Catalogue, choose
from serving.phone import is_signed_handshake
from serving.switchboard import Call, Switchboard
from serving.tokens import Doorkeeper
from sessions.doors import DoorError
from sessions.person import FIELD, joined

NORMAL, FAULT, NO_SUCH_BOT, BUSY = 1000, 1011, 1008, 1013
REFUSED = 4003


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
    switchboard: Switchboard,
    catalogue: Catalogue,
    *,
    keeper: Doorkeeper,
    body: Mapping[str, Any],
) -> APIRouter:
    """The WebSocket routes.

    Args:
        switchboard: Runs their sessions.
        catalogue: The bots there are. ``/ws/{bot}`` names one; plain ``/ws`` gets the only one.
        keeper: Knows who may open a session, and who belongs to one.
        body: Session body of callers who did not come by ``/start``, as carriers and evals do.
    """
    router = APIRouter()

    async def open_for(websocket: WebSocket, *, phone: bool, token: str | None) -> str | None:
        """The id of the session that a caller who did not come by ``/start`` may open."""
        if phone and (is_signed_handshake(websocket) or os.environ.get("VIVACE_EVALS")):
            return None
        return await keeper.open(websocket, token)

    async def answer(
        websocket: WebSocket,
        *,
        bot: str | None,
        transport_type: str | None = None,
        token: str | None = None,
    ) -> None:
        session_id = websocket.query_params.get("session")
        try:
            if session_id:
                call = switchboard.find(session_id)
                keeper.belongs(websocket, session_id, token)
            else:
                wanted = {**body, "bot": choose(catalogue, bot or body.get("bot"))}
                opened = await open_for(websocket, phone=not transport_type, token=token)
                call = switchboard.admit(wanted, session_id=opened)
        except HTTPException as refusal:
            if refusal.status_code in (401, 429):
                return await websocket.close(REFUSED)
            await refuse(websocket, refusal)
            return
        await talk(websocket, call, transport_type=transport_type)

    async def talk(websocket: WebSocket, call: Call, *, transport_type: str | None = None) -> None:
        await websocket.accept()
        runner_args = WebSocketRunnerArguments(websocket=websocket, transport_type=transport_type)
        switchboard.connect(call, runner_args, SocketLine(websocket))
        await switchboard.until_over(call)

    @router.websocket("/ws-person/{ticket}")
    async def person(websocket: WebSocket, ticket: str):
        try:
            call = switchboard.find(joined(ticket)[0])
            leg = {"bot": call.body.get("bot"), FIELD: ticket, "who": "phone"}
            await talk(websocket, switchboard.admit(leg, returning=True))
        except DoorError:
            await websocket.close(REFUSED)
        except HTTPException as refusal:
            await refuse(websocket, refusal)

    @router.websocket("/ws")
    @router.websocket("/ws/{bot}")
    @router.websocket("/ws/{bot}/{token}")
    async def detected(websocket: WebSocket, bot: str | None = None, token: str | None = None):
        await answer(websocket, bot=bot, token=token)

    @router.websocket("/ws-client")
    @router.websocket("/ws-client/{bot}")
    @router.websocket("/ws-client/{bot}/{token}")
    async def client(websocket: WebSocket, bot: str | None = None, token: str | None = None):
        await answer(websocket, bot=bot, transport_type="websocket", token=token)

    return router


async def refuse(websocket: WebSocket, refusal: HTTPException) -> None:
    """Accept and close at once, since a close code reaches the client only after accepting."""
    await websocket.accept()
    code = BUSY if refusal.status_code == 503 else NO_SUCH_BOT
    await websocket.close(code, str(refusal.detail).encode()[:123].decode(errors="ignore"))

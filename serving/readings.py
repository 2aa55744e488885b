"""Readings of the operator's devices: ``POST`` and WebSocket ``/sessions/{id}/readings``.

What comes in here is ground truth to the model, so knowing a session's id, as its caller does, is
not enough: the sender shows the session's own token, ``Authorization: Bearer TOKEN``. The token is
made of the operator's key and the session's id, see :func:`readings_token`.
"""

import contextlib
import hashlib
import hmac
import json
import os
import re

from fastapi import APIRouter, HTTPException, Request, WebSocket, WebSocketDisconnect
from starlette.requests import HTTPConnection

from serving.switchboard import Call, Switchboard

KEY = "VIVACE_READINGS_KEY"
REFUSED, NO_SENSE = 1008, 1007
# A socket that sends nonsense so often in a row is closed.
PATIENCE = 3
NO_JSON = "This is no JSON. Send one reading, or a list of them."


def readings_token(session_id: str, key: str) -> str:
    """What opens one session's readings: HMAC-SHA256 of its id under the operator's key, in hex."""
    return hmac.new(key.encode(), session_id.encode(), hashlib.sha256).hexdigest()


def readings_router(switchboard: Switchboard) -> APIRouter:
    """The routes that take readings.

    Args:
        switchboard: Knows the sessions.
    """
    router = APIRouter()

    def opened(session_id: str, connection: HTTPConnection) -> tuple[Call, str]:
        key = os.environ.get(KEY, "")
        if not key:
            raise HTTPException(
                403, f"Readings are not taken here: set {KEY} for the server and its devices."
            )
        shown = connection.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(shown.encode(), readings_token(session_id, key).encode()):
            raise HTTPException(
                401,
                "This token does not open this session's readings. Send Authorization: Bearer with "
                f"the HMAC-SHA256 of the session id under {KEY}.",
            )
        call = switchboard.find(session_id)
        source = re.sub(r"[^\w .-]", "", connection.query_params.get("source", ""))[:30]
        return call, source or "monitor"

    @router.post("/sessions/{session_id}/readings", status_code=202)
    async def push(session_id: str, request: Request):
        call, source = opened(session_id, request)
        try:
            pushed = json.loads(await request.body())
        except (ValueError, RecursionError):
            raise HTTPException(422, NO_JSON) from None
        taken = await switchboard.push_readings(call, pushed, source=source)
        if not taken:
            raise HTTPException(429, "Readings come too fast. Send fewer a second.")
        return {"taken": taken}

    @router.websocket("/sessions/{session_id}/readings")
    async def stream(session_id: str, websocket: WebSocket):
        await websocket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            nonsense = 0
            while nonsense < PATIENCE:
                text = await websocket.receive_text()
                try:
                    call, source = opened(session_id, websocket)  # the call may be over by now
                    taken = await switchboard.push_readings(call, json.loads(text), source=source)
                    nonsense = 0
                    await websocket.send_json({"taken": taken})
                except HTTPException as refusal:
                    if refusal.status_code != 422:
                        return await websocket.close(REFUSED, str(refusal.detail)[:120])
                    nonsense += 1
                    await websocket.send_json({"error": refusal.detail})
                except (ValueError, RecursionError):
                    nonsense += 1
                    await websocket.send_json({"error": NO_JSON})
            await websocket.close(NO_SENSE, "Too much of this is no reading.")

    return router

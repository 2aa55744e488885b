"""What a caller may take along after the call: its tape, ``GET /sessions/{id}/tape``."""

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse

from serving.switchboard import Switchboard
from sessions.recording import tapes
from sessions.tape import tape_path
from sessions.tokens import TokenError, sign, verify

PURPOSE = "tape"
OFFERED_SECS = 24 * 3600.0


def tape_url(session_id: str) -> str:
    """Where a session's tape can be fetched, by whoever was given this address at its start.

    Args:
        session_id: The session's. Knowing it is not enough: logs and metrics name it.
    """
    token = sign(session_id, OFFERED_SECS, purpose=PURPOSE)
    return f"/sessions/{session_id}/tape?token={token}"


def keepsake_router(switchboard: Switchboard) -> APIRouter:
    """The route of a session's tape. A sealed tape is handed to nobody: it needs a key of QA's."""
    router = APIRouter()

    @router.api_route("/sessions/{session_id}/tape", methods=["GET", "HEAD"])
    async def tape(session_id: str, token: str = ""):
        try:
            if verify(token, purpose=PURPOSE) != session_id:
                raise TokenError("This address is of another call.")
        except TokenError as error:
            raise HTTPException(403, str(error))
        if is_running(switchboard, session_id):
            raise HTTPException(425, "The call still runs. Its recording is finished when it is.")
        if tape_path(tapes(), session_id, sealed=True).exists():
            raise HTTPException(
                403, "This recording is sealed. Ask whoever runs this server for it."
            )
        path = tape_path(tapes(), session_id, sealed=False)
        if not path.exists():
            raise HTTPException(404, "There is no recording of this call.")
        return FileResponse(path, filename=path.name, media_type="application/octet-stream")

    return router


def is_running(switchboard: Switchboard, session_id: str) -> bool:
    """Whether a session has not ended yet."""
    try:
        switchboard.find(session_id)
    except HTTPException:
        return False
    return True

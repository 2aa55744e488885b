"""WebRTC signalling: ``/api/offer`` and ``/sessions/{id}/api/offer``, POST and PATCH."""

from typing import Any

from fastapi import APIRouter, HTTPException
from pipecat.runner.types import SmallWebRTCRunnerArguments
from pipecat.transports.smallwebrtc.request_handler import (
    IceCandidate,
    SmallWebRTCPatchRequest,
    SmallWebRTCRequest,
)
from pydantic import AliasChoices, BaseModel, Field

from serving.cards import Catalogue, choose
from serving.switchboard import Call, Switchboard
from serving.webrtc import GONE, CallerConnection, CallerRequestHandler


class Offer(BaseModel):
    """A caller's offer, as Pipecat's clients send it."""

    sdp: str
    type: str = "offer"
    pc_id: str | None = None
    restart_pc: bool | None = None
    request_data: dict[str, Any] | None = Field(
        default=None, validation_alias=AliasChoices("request_data", "requestData")
    )


class Candidate(BaseModel):
    """One ICE candidate; an empty string ends a media line's."""

    candidate: str
    sdp_mid: str | None = None
    sdp_mline_index: int | None = None


class Candidates(BaseModel):
    """ICE candidates found after the offer went out."""

    pc_id: str
    candidates: list[Candidate] = []


def offer_router(
    switchboard: Switchboard, catalogue: Catalogue, handler: CallerRequestHandler
) -> APIRouter:
    """The signalling routes."""
    router = APIRouter()

    async def answer(offer: Offer, call: Call | None) -> dict[str, str]:
        async def put_through(connection: CallerConnection) -> None:
            assert call, "an offer without a pc_id belongs to a call"
            switchboard.connect(
                call, SmallWebRTCRunnerArguments(webrtc_connection=connection), connection
            )

        request = SmallWebRTCRequest(offer.sdp, offer.type, offer.pc_id, offer.restart_pc)
        return await handler.handle_web_request(request, put_through)

    @router.post("/sessions/{session_id}/api/offer")
    async def offer_in_session(session_id: str, offer: Offer):
        call = switchboard.find(session_id)
        if offer.pc_id and getattr(call.line, "pc_id", None) != offer.pc_id:
            raise HTTPException(404, GONE)
        call.body = {**(offer.request_data or {}), **call.body}
        return await answer(offer, call)

    @router.post("/api/offer")
    async def offer_directly(offer: Offer):
        if offer.pc_id:
            return await answer(offer, None)
        body = offer.request_data or {}
        call = switchboard.admit({**body, "bot": choose(catalogue, body.get("bot"))})
        try:
            return await answer(offer, call)
        except HTTPException:
            switchboard.drop(call)
            raise

    @router.patch("/sessions/{session_id}/api/offer")
    async def candidates_in_session(session_id: str, patch: Candidates):
        call = switchboard.find(session_id)
        if getattr(call.line, "pc_id", None) != patch.pc_id:
            raise HTTPException(404, GONE)
        return await candidates_directly(patch)

    @router.patch("/api/offer")
    async def candidates_directly(patch: Candidates):
        found = [IceCandidate(**one.model_dump()) for one in patch.candidates]
        await handler.handle_patch_request(SmallWebRTCPatchRequest(patch.pc_id, found))
        return {"status": "success"}

    return router

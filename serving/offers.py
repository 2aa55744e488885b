"""WebRTC signalling: ``/api/offer`` and ``/sessions/{id}/api/offer``, POST and PATCH."""

from typing import Any

from fastapi import APIRouter, HTTPException, Request
from pipecat.transports.smallwebrtc.request_handler import (
    IceCandidate,
    SmallWebRTCPatchRequest,
    SmallWebRTCRequest,
)
from pydantic import AliasChoices, BaseModel, Field

from serving.cards import Catalogue, choose
from serving.switchboard import Call, Switchboard
from serving.tokens import Doorkeeper
from serving.webrtc import GONE


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
    switchboard: Switchboard, catalogue: Catalogue, *, keeper: Doorkeeper
) -> APIRouter:
    """The signalling routes.

    Args:
        switchboard: Runs the sessions.
        catalogue: The bots there are.
        keeper: Knows who belongs to a session: their offers, restarts and candidates only.
    """
    router = APIRouter()

    def token_in(offer: Offer) -> Any:
        return (offer.request_data or {}).pop("token", None) if keeper.guarded else None

    async def answer(offer: Offer, call: Call | None) -> dict[str, str]:
        request = SmallWebRTCRequest(offer.sdp, offer.type, offer.pc_id, offer.restart_pc)
        return await switchboard.offer(request, call)

    @router.post("/sessions/{session_id}/api/offer")
    async def offer_in_session(session_id: str, offer: Offer, request: Request):
        call = switchboard.find(session_id)
        keeper.belongs(request, session_id, token_in(offer))
        if offer.pc_id and getattr(call.line, "pc_id", None) != offer.pc_id:
            raise HTTPException(404, GONE)
        call.body = {**(offer.request_data or {}), **call.body}
        return await answer(offer, call)

    @router.post("/api/offer")
    async def offer_directly(offer: Offer, request: Request):
        token = token_in(offer)
        if offer.pc_id:
            keeper.belongs(request, switchboard.on_connection(offer.pc_id).id, token)
            return await answer(offer, None)
        body = offer.request_data or {}
        body = {**body, "bot": choose(catalogue, body.get("bot"))}
        call = switchboard.admit(body, session_id=await keeper.open(request, token))
        try:
            return await answer(offer, call)
        except HTTPException:
            switchboard.drop(call)
            raise

    @router.patch("/sessions/{session_id}/api/offer")
    async def candidates_in_session(session_id: str, patch: Candidates, request: Request):
        call = switchboard.find(session_id)
        if getattr(call.line, "pc_id", None) != patch.pc_id:
            raise HTTPException(404, GONE)
        return await candidates_directly(patch, request)

    @router.patch("/api/offer")
    async def candidates_directly(patch: Candidates, request: Request):
        keeper.belongs(request, switchboard.on_connection(patch.pc_id).id)
        found = [IceCandidate(**one.model_dump()) for one in patch.candidates]
        await switchboard.candidates(SmallWebRTCPatchRequest(patch.pc_id, found))
        return {"status": "success"}

    return router

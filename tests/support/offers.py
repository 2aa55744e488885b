"""A caller's offer, as a browser makes it."""

from aiortc import RTCPeerConnection


async def offer() -> tuple[RTCPeerConnection, dict[str, str]]:
    """A caller of sound alone, and what they send to ``/api/offer``."""
    caller = RTCPeerConnection()
    caller.addTransceiver("audio")
    await caller.setLocalDescription(await caller.createOffer())
    return caller, {"sdp": caller.localDescription.sdp, "type": "offer"}

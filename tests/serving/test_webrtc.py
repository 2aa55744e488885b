"""A lost packet must not cost the caller a quarter of a second for the rest of the call."""

import asyncio

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection

from serving.webrtc import CallerConnection, use_loopback_only


async def occupancy_after_a_lost_packet(connection: SmallWebRTCConnection) -> list[int]:
    """Packets held every 20 ms, from half a second after the loss on."""
    use_loopback_only()
    caller = RTCPeerConnection()
    caller.createDataChannel("chat")
    caller.addTrack(AudioStreamTrack())
    await caller.setLocalDescription(await caller.createOffer())
    offer = caller.localDescription
    await connection.initialize(offer.sdp, offer.type)
    answer = connection.get_answer()
    assert answer
    await caller.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
    track = connection.audio_input_track()
    assert track
    receiver = track._receiver
    handle, lost, held = receiver._handle_rtp_packet, [], []

    async def lossy(packet, arrival_time_ms):
        if len(held) > 15 and not lost:
            lost.append(packet)
            return
        await handle(packet, arrival_time_ms)

    receiver._handle_rtp_packet = lossy

    async def listen():
        while True:
            await track.recv()

    listening = asyncio.create_task(listen())
    try:
        async with asyncio.timeout(10):
            while len(held) < 70:
                await asyncio.sleep(0.02)
                packets = receiver._RTCRtpReceiver__jitter_buffer._packets
                if held or any(packets):
                    held.append(sum(packet is not None for packet in packets))
    finally:
        listening.cancel()
        await connection.disconnect()
        await caller.close()
    assert lost
    return held[45:]


@pytest.mark.slow
async def test_after_a_lost_packet_the_audio_queue_stays_short():
    assert max(await occupancy_after_a_lost_packet(CallerConnection())) <= 4


@pytest.mark.slow
async def test_stock_queues_stay_deep_after_a_lost_packet_so_ours_is_still_needed():
    assert min(await occupancy_after_a_lost_packet(SmallWebRTCConnection())) >= 10


async def test_a_receiver_switched_on_again_starts_with_an_empty_queue():
    connection, caller = CallerConnection(), RTCPeerConnection()
    caller.addTrack(AudioStreamTrack())
    await caller.setLocalDescription(await caller.createOffer())
    await connection.initialize(caller.localDescription.sdp, "offer")
    try:
        track = connection.audio_input_track()
        assert track and connection.audio_input_track() is track
        buffers = []
        for _ in range(2):
            track._receiver._enabled = False
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(track.recv(), 0.01)
            buffers.append(track._receiver._RTCRtpReceiver__jitter_buffer)
        assert buffers[0] is not buffers[1]
        assert [buffer.capacity for buffer in buffers] == [4, 4]
    finally:
        await connection.disconnect()
        await caller.close()

"""What a caller on a plain WebSocket may put into the pipeline."""

from pipecat.serializers.protobuf import ProtobufFrameSerializer


class CallerFrames(ProtobufFrameSerializer):
    """Pipecat's protobuf wire, of which a caller may send sound and messages.

    The wire also knows text, transcripts and interruptions. From a caller they would be spoken
    by the bot, thought to be heard by it, or cut the disclosure: they are dropped with a log line.

    Frame input/output::

        audio   -> InputAudioRawFrame
        message -> InputTransportMessageFrame (RTVI)
    """

    DESERIALIZABLE_FIELDS = {
        name: kind
        for name, kind in ProtobufFrameSerializer.DESERIALIZABLE_FIELDS.items()
        if name in ("audio", "message")
    }

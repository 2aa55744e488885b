"""Several people in one session: whose voice it is, what is owed to them, and what was agreed.

How a meeting's people come in: through a Daily or LiveKit room, or over SmallWebRTC by the link of a
room of our own (``Session.open(..., tracks=True)``), where each has a track, an id and a name, which
is as they gave it. A browser without a name, a plain WebSocket and a phone are one peer each, and so
one line, ``sessions.transcript.LINE``: several
people may sit at it, the vendor's labels tell their voices apart, and no name is ever put to them.
Whoever opens the meeting answers for the others' consent to be recorded; who comes later is told.
"""

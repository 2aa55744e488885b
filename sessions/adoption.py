"""What is done to a service that was cast, before it hears or says a word in this session."""

from typing import TYPE_CHECKING, Any, Literal

from pipecat.frames.frames import Frame
from pipecat.processors.frame_processor import FrameProcessor

from sessions.ears_guard import EarsGuard
from sessions.first_words import FirstWords
from sessions.fusion import Fusion
from sessions.guards import guard_mind
from sessions.mouth_guard import guard_mouth

if TYPE_CHECKING:
    from sessions.session import Session

Stage = Literal["stt", "llm", "tts", "speech"]


def adopt(session: "Session", service: Any, *, stage: Stage) -> None:
    """Put a service under the session's policy. See :meth:`Session.adopt`."""
    match stage:
        case "stt":
            _guard_ears(session, service, taking_figures=True)
            session.ears.append(service)
        case "speech":
            _guard_ears(session, service, taking_figures=False)
            _wait_for_disclosure(session, service)
            session.cores.append(service)
        case "llm":
            session.minds.append(service)
            session.prefetch.watch(service)
            session.budget.guard(service)
            session.line.hold(service)
            fusion = Fusion(session, service)  # within the guard, which withholds every picture
            if session.phi:
                guard_mind(service, phi=session.phi, ledger=session.ledger)
            fusion.attend(service)
        case "tts":
            FirstWords(service, opening=session.opening)
            session.mouths.append(service)
            session.transfer.between.adopt(service)
            if session.phi:
                guard_mouth(service, phi=session.phi)


def _guard_ears(session: "Session", ears: FrameProcessor, *, taking_figures: bool) -> None:
    def heard(frame: Frame) -> None:
        for hear in session.ears_heard:
            hear(frame)

    EarsGuard(
        ears,
        phi=session.phi,
        policy=session.policy,
        ledger=session.ledger,
        heard=heard if taking_figures else None,
    )
    session.gate.listen(ears)


def _wait_for_disclosure(session: "Session", core: Any) -> None:
    """Let a realtime core hear nothing, and so say nothing, before the disclosure was heard."""
    session.waterfall.cores.add(core.name)
    session.opening.whole_first = True
    core.set_audio_input_paused(True)
    session.opening.on_heard.append(lambda: core.set_audio_input_paused(False))

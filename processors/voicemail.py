"""Who answered a call that the bot placed: a person, or a machine that takes a message."""

from pipecat.classifiers.base_classifier import BaseClassifier
from pipecat.extensions.voicemail.voicemail_detector import VoicemailDetector
from pipecat.frames.frames import TTSSpeakFrame

from sessions import Session

LEFT = "a message was left"


def voicemail(session: Session, classifier: BaseClassifier, *, message: str) -> VoicemailDetector:
    """Pipecat's detector, with what a machine is told.

    Put it behind the ears, and its ``gate()`` behind the mouth. Until it is known who answered, the
    bot says nothing. A person hears the disclosure and the bot. A machine is told the disclosure and
    the message, once its greeting is over, and the call ends.

    Args:
        session: The call.
        classifier: Judges what is heard, such as Pipecat's ``LLMClassifier(llm=mind)``. It reads
            surrogates where the policy redacts.
        message: What is left. Anybody may hear it: put nothing into it that is the callee's.
    """
    detector = VoicemailDetector(classifier=classifier)

    @detector.event_handler("on_voicemail_detected")
    async def on_voicemail_detected(_detector):
        session.recording.event("voicemail")
        speech = TTSSpeakFrame(f"{session.disclosure} {message}", append_to_context=False)
        speech.interruptible = False
        await detector.push_frame(speech)
        await session.end(LEFT)

    return detector

"""How every call takes turns, unless a bot says otherwise."""

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregatorParams
from pipecat.turns.user_mute import BaseUserMuteStrategy
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from sessions.turns.hearing import VAD
from sessions.turns.partials import PartialsUserTurnStopStrategy
from sessions.turns.taking import TurnTaking

# A synthetic caller's flat voice makes the turn model wait its whole patience; a rehearsal
# ends turns by silence instead.
REHEARSAL_TURN_STOP_SECS = 0.3


def house_turns(
    turns: TurnTaking | None, *, mute: BaseUserMuteStrategy, rehearsed: bool, speculate: bool
) -> LLMUserAggregatorParams:
    """The turn-taking of one call.

    Args:
        turns: Judges the sounds over the bot's voice; without it every voice interrupts.
        mute: When the caller cannot open a turn.
        rehearsed: Whether turns end by silence alone.
        speculate: Whether the model begins to answer a likely end of the turn.
    """
    quiet = SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=REHEARSAL_TURN_STOP_SECS)
    strategies = UserTurnStrategies(stop=[quiet] if rehearsed else None)
    if speculate:
        strategies.stop = [PartialsUserTurnStopStrategy(s) for s in strategies.stop or []]
    if turns:
        strategies.start = turns.start
    return LLMUserAggregatorParams(
        vad_analyzer=turns.hearing if turns else SileroVADAnalyzer(params=VAD),
        user_turn_strategies=strategies,
        user_mute_strategies=[mute],
    )

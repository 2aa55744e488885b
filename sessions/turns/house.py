"""How every call takes turns, unless a bot says otherwise."""

from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregatorParams
from pipecat.turns.user_mute import BaseUserMuteStrategy
from pipecat.turns.user_stop import (
    BaseUserTurnStopStrategy,
    EagerUserTurnStopStrategy,
    SpeechTimeoutUserTurnStopStrategy,
    TurnAnalyzerUserTurnStopStrategy,
    UserTurnStoppedParams,
)
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from sessions.clock import Clock
from sessions.turns.hearing import VAD
from sessions.turns.partials import Guesses, PartialsUserTurnStopStrategy
from sessions.turns.shared_models import SharedSilero, SharedSmartTurn
from sessions.turns.taking import TurnTaking
from sessions.turns.unheard import UnheardUserTurnStopStrategy

# A synthetic caller's flat voice makes the turn model wait its whole patience; a rehearsal
# ends turns by silence instead.
REHEARSAL_TURN_STOP_SECS = 0.3


def house_turns(
    turns: TurnTaking | None,
    *,
    clock: Clock,
    mute: BaseUserMuteStrategy,
    recommended: UserTurnStrategies | None,
    rehearsed: bool,
    transcribed: bool,
    guesses: Guesses | None,
) -> LLMUserAggregatorParams:
    """The turn-taking of one call.

    Args:
        turns: Judges the sounds over the bot's voice; without it every voice interrupts.
        clock: The session's.
        mute: When the caller cannot open a turn.
        recommended: By ears or a core that hear turns themselves: when they end is left to them.
        rehearsed: Whether turns end by silence alone, where nobody recommends how.
        transcribed: Whether ears write down what is said.
        guesses: Counts the answers that the model begins at a likely end of the turn; without it
            there are none.
    """
    if rehearsed:
        stop = SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=REHEARSAL_TURN_STOP_SECS)
    else:
        stop = TurnAnalyzerUserTurnStopStrategy(turn_analyzer=SharedSmartTurn())
    strategies = recommended or UserTurnStrategies(stop=[stop])
    if guesses is not None:
        strategies.stop = [_early(stop, clock, guesses) for stop in strategies.stop or []]
    if transcribed:
        strategies.stop = [*(strategies.stop or []), UnheardUserTurnStopStrategy()]
    if turns:
        strategies.start = turns.start
    return LLMUserAggregatorParams(
        vad_analyzer=turns.hearing if turns else SharedSilero(params=VAD),
        user_turn_strategies=strategies,
        user_mute_strategies=[mute],
    )


def _early(
    stop: BaseUserTurnStopStrategy, clock: Clock, guesses: Guesses
) -> BaseUserTurnStopStrategy:
    """The same end of the turn, answered early where it is likely; one predicted is by Pipecat."""
    if not isinstance(stop, EagerUserTurnStopStrategy):
        return PartialsUserTurnStopStrategy(stop, clock=clock, guesses=guesses)
    open_since: list[float] = []  # at most one is answered at a time

    async def on_begun(_stop, speculation):
        if speculation:
            guesses.made += 1
            guesses.misses += len(open_since)
            open_since[:] = [clock.now()]

    async def on_stopped(_stop, params: UserTurnStoppedParams):
        begun, open_since[:] = [*open_since], []
        if params.confirms_speculation:
            guesses.hits += 1
            guesses.ahead_secs += [clock.now() - at for at in begun]
        else:
            guesses.misses += len(begun)

    stop.add_event_handler("on_user_turn_inference_triggered", on_begun)
    stop.add_event_handler("on_user_turn_stopped", on_stopped)
    return stop

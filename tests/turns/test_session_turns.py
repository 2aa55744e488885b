"""Turn-taking inside a session."""

from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy

from sessions import Session
from sessions.turns import BargeInUserTurnStartStrategy, Hearing, PartialsUserTurnStopStrategy
from tests.sessions.conftest import Call
from tests.support.loopback import Line


async def test_a_session_judges_what_is_said_over_its_voice_unless_told_otherwise():
    session = await Session.open(Line(session_id="judged"))
    params = session.user_params()
    assert isinstance(params.vad_analyzer, Hearing)
    assert [type(s) for s in params.user_turn_strategies.start] == [BargeInUserTurnStartStrategy]
    session = await Session.open(Line(session_id="plain"))
    assert not isinstance(session.user_params(judged=False).vad_analyzer, Hearing)
    assert session.turns is None


async def test_a_session_guesses_only_if_the_bot_asks_for_it():
    session = await Session.open(Line(session_id="guessing"))
    session.rehearsal.add("model")  # ends turns by silence: no turn model to load
    stop = session.user_params(speculate=True).user_turn_strategies.stop
    assert [type(s) for s in stop] == [PartialsUserTurnStopStrategy]
    stop = session.user_params().user_turn_strategies.stop
    assert [type(s) for s in stop] == [SpeechTimeoutUserTurnStopStrategy]


async def test_the_page_is_told_when_the_voice_is_held_and_when_it_goes_on():
    class Judged(Call):
        async def __aenter__(self):
            opened, session_open = {}, Session.open

            async def open_(*args, **kwargs):
                opened["session"] = session = await session_open(*args, **kwargs)
                session.user_params()
                return session

            Session.open = open_
            try:
                return await super().__aenter__()
            finally:
                Session.open = session_open

    async with Judged() as call:
        playback = call.session.turns.playback
        await call.line.until(lambda: playback.speaking)
        assert playback.hold()
        await call.line.until(lambda: call.line.server("duck"))
        silent = len(call.line.heard)
        playback.resume()
        await call.line.until(lambda: len(call.line.server("duck")) == 2)
        assert [m["on"] for m in call.line.server("duck")] == [True, False]
        await call.line.until(lambda: len(call.line.heard) > silent)

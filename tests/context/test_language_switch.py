"""The caller's language is data: voice, model and ears follow it."""

import pytest
from pipecat.frames.frames import (
    LLMMessagesAppendFrame,
    STTUpdateSettingsFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
)
from pipecat.transcriptions.language import Language

from processors.language_switch import LanguageSwitch
from services import tts
from tests.services.support import LittleSession, on_stage, open_house

VOICES = {"en": "en-voice", "de": "de-voice"}


def heard(text, language):
    return TranscriptionFrame(text, "caller", "now", language)


@pytest.fixture
async def house(tmp_path, monkeypatch):
    monkeypatch.delenv("CARTESIA_API_KEY", raising=False)
    async with open_house(tmp_path) as house:
        monkeypatch.setenv("VIVACE_REHEARSAL", house.address)
        yield house


async def test_voice_and_model_follow_the_caller_before_they_are_answered(house):
    switch = LanguageSwitch(VOICES, first="en")
    mouth = tts(LittleSession(), "cartesia/en-voice")
    async with on_stage(switch, mouth) as stage:
        await stage.put(heard("ich möchte einen Termin", Language.DE_DE), TTSSpeakFrame("Gern."))
        await stage.seen.until(lambda: stage.seen.of(TTSAudioRawFrame))
        assert mouth._settings.voice == "de-voice" and str(mouth._settings.language) == "de"
        notes = [f.messages[0]["content"] for f in stage.seen.of(LLMMessagesAppendFrame)]
        assert len(notes) == 1 and "'de'" in notes[0]
        kinds = [type(f) for f in stage.seen.of(LLMMessagesAppendFrame, TranscriptionFrame)]
        assert kinds[-2:] == [LLMMessagesAppendFrame, TranscriptionFrame] or kinds[0] is (
            TranscriptionFrame
        )
        assert not stage.seen.of(STTUpdateSettingsFrame)


@pytest.mark.parametrize(
    ("text", "language"),
    [("guten Tag", Language.DE), ("quiero una cita por favor", Language.ES), ("good day", None)],
)
async def test_a_greeting_or_a_language_that_is_not_allowed_switches_nothing(text, language):
    switch = LanguageSwitch(VOICES, first="en")
    async with on_stage(switch) as stage:
        await stage.put(heard(text, language))
        await stage.seen.until(lambda: stage.seen.of(TranscriptionFrame))
        assert switch.language == "en" and not stage.seen.of(LLMMessagesAppendFrame)


async def test_ears_follow_where_they_are_told_to(house):
    switch = LanguageSwitch(VOICES, first="en", ears_follow=True)
    async with on_stage(switch) as stage:
        await stage.put(heard("ich möchte einen Termin", Language.DE))
        await stage.seen.until(lambda: stage.seen.of(STTUpdateSettingsFrame))
        assert switch.language == "de"

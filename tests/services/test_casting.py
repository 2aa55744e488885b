"""Casting: one string, the right service at the right address, or one sentence why not."""

import pytest

from services import CastingError, llm, speech, stt, tts
from services.casting import Casting, parse
from sessions.policy import EU, HIPAA, OPEN, PolicyError
from tests.services.support import LittleSession

CAST = {"stt": stt, "llm": llm, "tts": tts, "speech": speech}
HERE = "127.0.0.1:4321"


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    monkeypatch.setenv("VIVACE_REHEARSAL", HERE)
    for name in ("OPENAI", "ELEVENLABS", "GOOGLE"):
        monkeypatch.setenv(f"{name}_API_KEY", "k")


def deepgram(service):
    return service._client._client_wrapper.get_environment().production


def base_url(service):
    return str(service._client.base_url).rstrip("/")


def google(service):
    return service._client._api_client._http_options.base_url


@pytest.mark.parametrize(
    ("stage", "name", "address", "expected"),
    [
        ("stt", "deepgram/nova-3-medical", deepgram, f"ws://{HERE}"),
        ("stt", "deepgram/flux-general-en", lambda s: s._url, f"ws://{HERE}/v2/listen"),
        ("stt", "openai/whisper-1", base_url, "https://api.openai.com/v1"),
        ("stt", "openai+http://box:8000/v1#Systran/whisper", base_url, "http://box:8000/v1"),
        ("llm", "anthropic/claude-sonnet-4-6", base_url, f"http://{HERE}"),
        ("llm", "openai/gpt-4.1", base_url, "https://api.openai.com/v1"),
        ("llm", "google/gemini-2.5-pro", google, "https://generativelanguage.googleapis.com"),
        ("llm", "openai+http://127.0.0.1:8000/v1#zai-org/GLM-4.5V", base_url, "http://127.0.0.1:8000/v1"),
        ("llm", "anthropic+http://localhost:11434#qwen3", base_url, "http://localhost:11434"),
        ("tts", "cartesia/voice", lambda s: s._url, f"ws://{HERE}/tts/websocket"),
        ("tts", "elevenlabs/voice", lambda s: s._url, "wss://api.elevenlabs.io"),
        ("speech", "openai/gpt-realtime", lambda s: s.base_url, "wss://api.openai.com/v1/realtime?model=gpt-realtime"),
        ("speech", "google/gemini-live-2.5-flash", google, "https://generativelanguage.googleapis.com"),
    ],
)  # fmt: skip
def test_every_casting_builds_its_service_at_its_address(session, stage, name, address, expected):
    service = CAST[stage](session, name)
    assert address(service) == expected
    assert session.adopted == [(stage, service)]
    model = name.partition("#")[2] or name.partition("/")[2]
    settings = service.settings
    assert model in (settings.model, getattr(settings, "voice", ""), f"{settings.model}"[7:])


@pytest.mark.parametrize("stage", ["llm", "speech"])
@pytest.mark.parametrize("vendor", ["openai", "google"])
def test_the_instruction_reaches_the_model(session, stage, vendor):
    service = CAST[stage](session, f"{vendor}/some-model", instruction="Be brief.")
    assert service.settings.system_instruction == "Be brief."


def test_settings_of_the_service_can_be_given_with_the_casting(session):
    assert stt(session, "deepgram/nova-3", keyterm=["lisinopril"]).settings.keyterm == [
        "lisinopril"
    ]
    assert llm(session, "anthropic/claude-sonnet-4-6", max_tokens=300).settings.max_tokens == 300
    assert stt(session, "deepgram/flux-general-en", eager=True).eager_end_of_turn_enabled
    assert not stt(session, "deepgram/flux-general-en").eager_end_of_turn_enabled


@pytest.mark.parametrize(
    ("stage", "name"),
    [
        ("stt", "whisperer/large"), ("stt", "deepgram"), ("stt", "deepgram/"), ("stt", "/nova-3"),
        ("stt", ""), ("stt", "deepgram+http://box#nova"), ("llm", "deepgram/nova-3"),
        ("llm", "openai+http://box:8000/v1"), ("llm", "ollama+http://box#qwen"),
        ("llm", "http://box:8000/v1#qwen"), ("tts", "anthropic/claude"), ("speech", "anthropic/x"),
        ("speech", "openai+http://box/v1#gpt-realtime"),
    ],
)  # fmt: skip
def test_an_unknown_casting_is_answered_with_those_there_are(session, stage, name):
    with pytest.raises(CastingError, match=f"There is no {stage} .*There is .+/<") as refused:
        CAST[stage](session, name)
    assert "\n" not in str(refused.value)
    assert not session.adopted


def test_a_model_keeps_the_slashes_of_its_name():
    assert parse("openai+http://box:8000/v1#Qwen/Qwen3-VL", stage="llm") == Casting(
        "openai", "Qwen/Qwen3-VL", "http://box:8000/v1"
    )
    assert parse("openai/ft:gpt-4.1/org", stage="llm").model == "ft:gpt-4.1/org"


@pytest.mark.parametrize("name", ["openai/gpt-realtime", "google/gemini-live"])
def test_a_realtime_core_is_refused_where_identifiers_are_redacted(name):
    session = LittleSession(HIPAA)
    with pytest.raises(PolicyError, match="cascade"):
        speech(session, name)
    assert not session.adopted
    for policy in (OPEN, EU):
        assert speech(LittleSession(policy), name)


def test_a_vendor_without_an_agreement_is_refused_at_casting_time(monkeypatch):
    session = LittleSession(HIPAA)
    with pytest.raises(PolicyError, match="VIVACE_BAA"):
        llm(session, "openai/gpt-4.1")
    assert llm(session, "openai+http://127.0.0.1:8000/v1#qwen")
    monkeypatch.setenv("VIVACE_BAA", "openai")
    assert llm(session, "openai/gpt-4.1")


def test_what_is_said_under_a_redacting_policy_trains_no_model(monkeypatch):
    monkeypatch.setenv("VIVACE_BAA", "elevenlabs")
    session = LittleSession(HIPAA)
    assert stt(session, "deepgram/nova-3")._build_connect_kwargs()["mip_opt_out"] == "true"
    assert "mip_opt_out=true" in stt(session, "deepgram/flux-general-en")._build_query_string()


def test_deepgrams_silent_fallback_to_its_own_host_is_caught(session, monkeypatch):
    def broken(base_url):
        raise RuntimeError("the SDK changed")

    monkeypatch.setattr("pipecat.services.deepgram.stt._derive_deepgram_urls", broken)
    with pytest.raises(CastingError, match="Nothing was sent"):
        stt(session, "deepgram/nova-3")
    assert not session.adopted


def test_no_sdk_retries_behind_our_back(session):
    for name in ("anthropic/claude-sonnet-4-6", "openai/gpt-4.1"):
        assert llm(session, name)._client.max_retries == 0


def test_the_metrics_of_a_rehearsed_service_say_so(session):
    rehearsed = llm(session, "anthropic/claude-sonnet-4-6")
    live = llm(session, "openai/gpt-4.1")
    assert rehearsed._metrics._core_metrics_data.model == "rehearsal"
    assert live._metrics._core_metrics_data.model == "gpt-4.1"

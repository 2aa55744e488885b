"""Addresses: which key goes where, and what is refused before anything is sent."""

import pytest

from services import CastingError, resolve
from services.addresses import VENDORS, require_address
from services.hosts import is_loopback, is_private
from sessions.policy import HIPAA, PolicyError
from tests.services.support import LittleSession

REAL = "sk-a-real-key"


@pytest.fixture
def hipaa():
    return LittleSession(HIPAA)


def at(session, vendor, stage="llm", url=""):
    return resolve(vendor, session=session, stage=stage, url=url)


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_key_means_the_vendor_itself(session, monkeypatch, vendor):
    monkeypatch.setenv(VENDORS[vendor].key, REAL)
    address = at(session, vendor)
    assert (address.http, address.key) == (VENDORS[vendor].live, REAL)
    assert address.ws == address.http.replace("https", "wss")
    assert address.vendor == vendor and not address.rehearsed and not session.rehearsal


@pytest.mark.parametrize(
    ("vendor", "stage", "path"),
    [
        ("deepgram", "stt", ""),
        ("anthropic", "llm", ""),
        ("cartesia", "tts", ""),
        ("openai", "speech", "/v1"),
    ],
)
def test_no_key_means_the_rehearsal_which_says_so(session, monkeypatch, vendor, stage, path):
    monkeypatch.setenv("VIVACE_REHEARSAL", "127.0.0.1:4321")
    address = at(session, vendor, stage)
    assert address.http == f"http://127.0.0.1:4321{path}"
    assert address.ws == f"ws://127.0.0.1:4321{path}"
    assert address.key == "rehearsal.little.s1"
    assert address.rehearsed and session.rehearsal == {vendor}


def test_a_rehearsed_vendor_needs_no_agreement_and_a_real_one_does(hipaa, monkeypatch):
    monkeypatch.setenv("VIVACE_REHEARSAL", "127.0.0.1:4321")
    assert at(hipaa, "anthropic").rehearsed
    monkeypatch.setenv("ANTHROPIC_API_KEY", REAL)
    with pytest.raises(PolicyError, match="VIVACE_BAA"):
        at(hipaa, "anthropic")
    monkeypatch.setenv("VIVACE_BAA", "anthropic")
    assert at(hipaa, "anthropic").key == REAL


@pytest.mark.parametrize(
    ("vendor", "stage", "env", "url", "says"),
    [
        ("deepgram", "llm", {}, "", "DEEPGRAM_API_KEY is not set.*cast anthropic"),
        ("google", "tts", {}, "", "GOOGLE_API_KEY is not set.*cast cartesia"),
        ("deepgram", "stt", {"DEEPGRAM_API_KEY": REAL, "DEEPGRAM_URL": "http://127.0.0.1:9"}, "", "real key"),
        ("deepgram", "stt", {"DEEPGRAM_API_KEY": REAL, "DEEPGRAM_URL": "ws://127.1:9"}, "", "real key"),
        ("anthropic", "llm", {"ANTHROPIC_API_KEY": REAL, "ANTHROPIC_BASE_URL": "http://localhost"}, "", "real key"),
        ("openai", "llm", {"OPENAI_API_KEY": REAL, "OPENAI_BASE_URL": "http://[::1]:8/v1"}, "", "real key"),
        ("anthropic", "llm", {"ANTHROPIC_API_KEY": REAL, "ANTHROPIC_BASE_URL": "http://proxy.example.com"}, "", "unencrypted"),
        ("cartesia", "tts", {"CARTESIA_URL": "https://api.eu.cartesia.ai"}, "", "CARTESIA_API_KEY is not set"),
        ("cartesia", "tts", {"CARTESIA_URL": "api.cartesia.ai"}, "", "with its scheme"),
        ("openai", "llm", {}, "https://openrouter.ai/api/v1", "OPENROUTER_AI_API_KEY is not set"),
        ("openai", "llm", {}, "gpu-box:8000", "with its scheme"),
    ],
)  # fmt: skip
def test_what_must_not_be_sent_is_refused_with_the_cure(
    session, monkeypatch, vendor, stage, env, url, says
):
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(CastingError, match=says) as refused:
        at(session, vendor, stage, url)
    assert REAL not in str(refused.value)
    assert not session.rehearsal


def test_a_local_address_is_used_as_it_is_and_never_replaced_by_the_vendors(session, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://localhost:11434")
    address = at(session, "anthropic")
    assert (address.http, address.key, address.vendor) == (
        "http://localhost:11434",
        "none",
        "on-prem",
    )
    assert not address.rehearsed and not session.rehearsal


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/v1", "http://gpu-box:8000/v1", "https://llm.internal/v1"]
)
def test_a_server_in_the_house_is_allowed_under_every_policy(hipaa, monkeypatch, url):
    monkeypatch.setenv("OPENAI_API_KEY", REAL)
    assert at(hipaa, "openai", url=url).key == "none"
    monkeypatch.setenv("ON_PREM_API_KEY", "ours")
    address = at(hipaa, "openai", url=url)
    assert (address.vendor, address.http, address.key) == ("on-prem", url, "ours")


def test_a_public_host_goes_by_its_own_name_and_its_own_key(session, hipaa, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", REAL)
    monkeypatch.setenv("OPENROUTER_AI_API_KEY", "theirs")
    url = "https://openrouter.ai/api/v1"
    address = at(session, "openai", url=url)
    assert (address.vendor, address.key) == ("openrouter.ai", "theirs")
    with pytest.raises(PolicyError, match="openrouter.ai"):
        at(hipaa, "openai", url=url)


def test_a_redirected_vendor_is_judged_by_who_is_really_there(session, hipaa, monkeypatch):
    monkeypatch.setenv("VIVACE_BAA", "anthropic")
    monkeypatch.setenv("ANTHROPIC_API_KEY", REAL)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "https://proxy.example.com")
    assert at(session, "anthropic").vendor == "proxy.example.com"
    with pytest.raises(PolicyError, match="proxy.example.com"):
        at(hipaa, "anthropic")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "https://eu.api.anthropic.com")
    assert at(hipaa, "anthropic").vendor == "anthropic"


def test_a_client_that_would_connect_elsewhere_is_refused():
    require_address("ws://127.0.0.1:1", "ws://127.0.0.1:1/", vendor="deepgram")
    with pytest.raises(CastingError, match="Nothing was sent"):
        require_address("ws://127.0.0.1:1", "wss://api.deepgram.com", vendor="deepgram")


def test_an_address_does_not_print_its_key(session, monkeypatch):
    monkeypatch.setenv("DEEPGRAM_API_KEY", REAL)
    assert REAL not in f"{at(session, 'deepgram')!r} {at(session, 'deepgram')}"


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "a.localhost",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0.0.0.0",
        "::1",
        "::ffff:127.0.0.1",
    ],
)
def test_every_spelling_of_this_machine_is_this_machine(host):
    assert is_loopback(host) and is_private(host)


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("10.1.2.3", True), ("192.168.0.9", True), ("fd00::1", True), ("gpu-box", True),
        ("vllm.models.svc.cluster.local", True), ("llm.internal", True),
        ("api.openai.com", False), ("8.8.8.8", False), ("internal.example.com", False),
    ],
)  # fmt: skip
def test_what_is_in_the_house_is_told_from_what_is_not(host, private):
    assert is_private(host) is private and not is_loopback(host)

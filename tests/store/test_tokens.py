"""A token is taken only as it was given, for what it was given, and in its time."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions import tokens
from sessions.tape import recorder


@pytest.fixture(autouse=True)
def secret(monkeypatch):
    monkeypatch.setenv("VIVACE_SECRET", "only for tests")


def test_a_token_is_what_was_signed():
    token = tokens.sign({"session": "s1"}, 60, purpose="resume")
    assert tokens.verify(token, purpose="resume") == {"session": "s1"}


def test_a_token_for_another_purpose_time_or_server_is_refused(monkeypatch):
    with pytest.raises(tokens.TokenError, match="not given"):
        tokens.verify(tokens.sign("x", 60, purpose="caller"), purpose="resume")
    with pytest.raises(tokens.TokenError, match="expired"):
        tokens.verify(tokens.sign("x", -1, purpose="resume"), purpose="resume")
    token = tokens.sign("x", 60, purpose="resume")
    monkeypatch.setenv("VIVACE_SECRET", "another")
    with pytest.raises(tokens.TokenError, match="not given"):
        tokens.verify(token, purpose="resume")


@given(st.text(max_size=80), st.integers(0, 200), st.characters())
def test_no_forged_token_opens_anything(noise, at, character):
    os.environ["VIVACE_SECRET"] = "only for tests"
    token = tokens.sign({"session": "s1"}, 60, purpose="resume")
    at %= len(token) - 1  # the last character has bits that mean nothing
    forged = token[:at] + character + token[at + 1 :]
    for text in (noise, forged if forged != token else "", token[:-1], token + "x"):
        with pytest.raises(tokens.TokenError):
            tokens.verify(text, purpose="resume")


def test_a_secret_is_made_once_shared_with_child_processes_and_never_taped(monkeypatch):
    monkeypatch.delenv("VIVACE_SECRET")
    made = tokens.secret()
    assert len(made) > 30 and tokens.secret() == made == os.environ["VIVACE_SECRET"]
    monkeypatch.setenv("VIVACE_STORE", "redis://user:hunter2@db:6379/0")
    taped = str(recorder.public_environment())
    assert made not in taped and "hunter2" not in taped

"""A policy is data, and refuses what it must with the cure in the message."""

import dataclasses

import pytest

from sessions.policy import (
    EU,
    HIPAA,
    OPEN,
    Policy,
    PolicyError,
    RealtimeNotAllowed,
    VendorNotAllowed,
)


@pytest.mark.parametrize("policy", [OPEN, EU, HIPAA])
def test_every_policy_tells_callers_that_they_talk_to_an_ai(policy):
    assert "AI" in policy.disclosure


def test_a_policy_without_a_disclosure_cannot_be_made():
    with pytest.raises(PolicyError, match="empty disclosure"):
        Policy(name="quiet", disclosure="  ")


def test_a_vendor_off_the_list_is_refused_even_in_rehearsal():
    with pytest.raises(VendorNotAllowed, match="Cast one of these"):
        HIPAA.require_vendor("acme", rehearsed=True)


def test_a_live_vendor_without_a_signed_agreement_is_refused(monkeypatch):
    monkeypatch.delenv("VIVACE_BAA", raising=False)
    with pytest.raises(VendorNotAllowed, match="add deepgram to VIVACE_BAA"):
        HIPAA.require_vendor("deepgram")
    HIPAA.require_vendor("deepgram", rehearsed=True)


def test_a_signed_agreement_admits_its_vendor_only(monkeypatch):
    monkeypatch.setenv("VIVACE_BAA", "deepgram, cartesia")
    HIPAA.require_vendor("deepgram")
    HIPAA.require_vendor("cartesia")
    with pytest.raises(VendorNotAllowed):
        HIPAA.require_vendor("anthropic")


def test_an_on_prem_model_needs_no_agreement(monkeypatch):
    monkeypatch.delenv("VIVACE_BAA", raising=False)
    HIPAA.require_vendor("on-prem")


def test_a_realtime_core_is_refused_where_identifiers_are_redacted():
    OPEN.require_cascade("openai/gpt-realtime")
    with pytest.raises(RealtimeNotAllowed, match="Cast a cascade"):
        HIPAA.require_cascade("openai/gpt-realtime")


def test_a_team_can_narrow_a_policy_without_code():
    mine = dataclasses.replace(HIPAA, vendors=frozenset({"anthropic"}))
    with pytest.raises(VendorNotAllowed):
        mine.require_vendor("cartesia", rehearsed=True)

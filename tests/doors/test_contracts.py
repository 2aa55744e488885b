"""The doubles are held to what the vendors ship."""

from tests.doubles import daily_sdk, livekit_sdk


def test_the_daily_double_is_shaped_like_daily_python_and_lacks_nothing_pipecat_calls():
    assert daily_sdk.differences() == []


def test_the_livekit_double_is_shaped_like_the_installed_sdk():
    assert livekit_sdk.differences() == []

"""What the caller may say, and which sound files it plays."""

import numpy as np
import pytest
import soundfile

from qa.call.script import RATE, Line, lines_of, read_audio


def test_a_script_may_be_a_mapping_an_object_or_a_list():
    class Script:
        lines = ({"say": "hello"},)

    expected = [Line(say="hello")]
    assert lines_of({"lines": [{"say": "hello"}]}) == expected
    assert lines_of(Script()) == expected
    assert lines_of(expected) == expected


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ([{"shout": "hello"}], "cannot 'shout'. Use say, type, audio"),
        ([{}], "is empty"),
        ([{"say": "hello", "wait": -1}], "use 0 or more"),
        ([], "has no lines"),
    ],
)
def test_a_line_that_cannot_be_performed_is_refused_with_the_cure(script, complaint):
    with pytest.raises(ValueError, match=complaint):
        lines_of(script)


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44100, 2), (48000, 1)])
def test_any_rate_and_any_channels_become_48_khz_mono(tmp_path, rate, channels):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    soundfile.write(tmp_path / "in.wav", np.stack([tone] * channels, axis=1), rate)
    samples = read_audio(tmp_path / "in.wav")
    assert samples.dtype == np.int16
    assert abs(len(samples) - RATE) < RATE / 100
    assert 15000 < np.abs(samples).max() < 18000


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("missing.wav", None, "does not exist"),
        ("text.wav", b"this is no sound", "Give a WAV"),
        ("empty.wav", b"", "Give a WAV"),
    ],
)
def test_a_file_that_cannot_be_played_is_named_with_the_cure(tmp_path, name, content, complaint):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=complaint) as error:
        read_audio(tmp_path / name)
    assert name in str(error.value)
    assert "\n" not in str(error.value)

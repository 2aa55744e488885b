"""Audio lies where it was heard: drift, jitter, gaps."""

import random

import numpy as np
import pytest

from sessions.tape import TapeWriter, read_tape
from sessions.tape.audio import MediaClock, lay_out
from sessions.tape.schemas import CALLER_AUDIO
from sessions.tape.writer import foxglove_time

MS = 10**6


@pytest.mark.parametrize("skew", [0.0, 80e-6, -80e-6], ids=["true", "slow card", "fast card"])
def test_an_hour_of_jittered_frames_drifts_less_than_20_ms(skew):
    clock = MediaClock()
    draws = random.Random(3)
    lateness = 0.0
    for n in range(180_000):
        said = n * 20 * MS * (1 + skew)
        heard = said + 20 * MS + min(draws.expovariate(1 / 3), 60) * MS
        start = clock.stamp(int(heard), 320, 16_000)
        if n > 100:
            lateness = max(lateness, abs(start - said))
    assert lateness <= 20 * MS


def test_a_pause_in_the_stream_is_a_pause_on_the_tape():
    clock = MediaClock()
    assert clock.stamp(20 * MS, 320, 16_000) == 0
    assert clock.stamp(45 * MS, 320, 16_000) == 20 * MS
    assert clock.stamp(5020 * MS, 320, 16_000) == 5000 * MS
    assert clock.stamp(5044 * MS, 320, 16_000) == 5020 * MS


def test_a_track_is_laid_out_with_silence_in_its_gaps(tmp_path):
    tape = TapeWriter(
        tmp_path / "s.mcap", session_id="s", bot="b", policy="OPEN", seed=0, code_version="",
        started_at=10**18, key=None,
    )  # fmt: skip
    block = (np.ones(320, dtype="<i2") * 100).tobytes()
    for start_ms in (100, 120, 500):
        stamp = foxglove_time(10**18 + start_ms * MS)
        message = {"timestamp": stamp, "data": block, "format": "pcm-s16"}
        tape.write(CALLER_AUDIO, 0, message | {"sample_rate": 16_000, "number_of_channels": 1})
    tape.close()
    read = read_tape(tape.path)
    track, rate = lay_out(read.messages(CALLER_AUDIO), read.header.started_at)
    assert rate == 16_000 and len(track) == 520 * 16
    assert not track[: 100 * 16].any() and not track[140 * 16 : 500 * 16].any()
    assert track[100 * 16 : 140 * 16].all() and track[500 * 16 :].all()

"""Latency profiles: how long the doubles make a service wait, drawn from a seeded log-normal."""

import math
import random
from dataclasses import dataclass

Z95 = 1.6449  # standard normal quantile of 0.95


@dataclass(frozen=True)
class Latency:
    """A log-normal latency given by its median and 95th percentile, in milliseconds."""

    p50: float = 0.0
    p95: float = 0.0

    def draw(self, rng: random.Random) -> float:
        """Draw one latency in seconds; a p95 not above p50 makes it constant."""
        if self.p50 <= 0:
            return 0.0
        sigma = math.log(self.p95 / self.p50) / Z95 if self.p95 > self.p50 else 0.0
        return self.p50 * math.exp(rng.gauss(0, sigma)) / 1000


@dataclass(frozen=True)
class Profile:
    """What a session waits for.

    Attributes:
        interim: Words spoken to interim transcript.
        final: End of speech seen to final transcript; real decoding counts towards it.
        first_audio: Text received to first audio; real synthesis counts towards it.
        audio_speed: Synthesis speed as a multiple of real time.
        first_token: Request received to first content.
        tokens_per_second: Speed of the reply that follows.
        reaction: End of the turn seen by a realtime core to its first audio. OpenAI announced
            232 ms at best and 320 ms on average for GPT-4o's voice.
    """

    interim: Latency = Latency()
    final: Latency = Latency()
    first_audio: Latency = Latency()
    audio_speed: float = 1000.0
    first_token: Latency = Latency()
    tokens_per_second: float = 1e6
    reaction: Latency = Latency()


PROFILES = {
    "instant": Profile(),
    "typical": Profile(
        interim=Latency(150, 250),
        final=Latency(120, 300),
        first_audio=Latency(110, 220),
        audio_speed=4.0,
        first_token=Latency(520, 1100),
        tokens_per_second=75.0,
        reaction=Latency(250, 450),
    ),
    "bad-day": Profile(
        interim=Latency(350, 900),
        final=Latency(500, 1500),
        first_audio=Latency(300, 900),
        audio_speed=1.2,
        first_token=Latency(1800, 6000),
        tokens_per_second=25.0,
        reaction=Latency(900, 3000),
    ),
}


def profile_named(name: str) -> Profile:
    """Return the profile of that name.

    Raises:
        ValueError: If there is none; the message names those there are.
    """
    if name not in PROFILES:
        raise ValueError(
            f"There is no latency profile {name!r}. Use one of: {', '.join(PROFILES)}."
        )
    return PROFILES[name]

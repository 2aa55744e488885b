"""What may be known of words that may not be told yet."""

from dataclasses import dataclass

from pipecat.frames.frames import DataFrame

from sessions.turns.verdict import parted, takes_the_turn

# Stands for whatever else was said.
MORE = "[more]"


@dataclass
class GistFrame(DataFrame):
    """The gist of an interim transcript that a policy keeps in the ears.

    It is for the judgement of who may speak, and says nothing of what was said.

    Parameters:
        text: The listener's words that it begins with, such as "oh okay" or "I", which may become
            "I see": they are of a closed vocabulary that names nobody. Then :data:`MORE`, if
            others follow.
    """

    text: str


def gist(words: str) -> GistFrame | None:
    """The gist of an interim transcript; ``None`` if there is none.

    Args:
        words: What was transcribed so far, in clear.
    """
    heard, rest = parted(words)
    text = " ".join([*heard, *([MORE] if takes_the_turn(words) else rest)])
    return GistFrame(text) if text else None

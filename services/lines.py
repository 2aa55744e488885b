"""What the house says aloud when a vendor lets it down: plain words, all in one place."""

from enum import StrEnum


class Line(StrEnum):
    """One spoken line. Nothing in here names a vendor, a number or a fault."""

    WAIT = "One moment, please."
    AGAIN = "Sorry, let me start again."
    NO_ANSWER = "I am sorry, I did not get an answer. Could you say that once more?"

"""When a sentence is spoken to the bot, and when it is only spoken of."""

import pytest

from processors.addressed import Address


@pytest.mark.parametrize(
    "text",
    [
        "vivace what did we decide",
        "Vivace, take the minutes.",
        "hey vivace can you hear me",
        "okay so vivace what is next",
        "That is settled. Vivace, what is next?",
        "what do you think vivace",
        "Could you repeat that, Vivace?",
    ],
)
def test_a_sentence_that_begins_with_its_name_or_asks_it_is_for_the_bot(text):
    assert Address().fits(text)


@pytest.mark.parametrize(
    "text",
    [
        "i asked vivace yesterday",
        "we bought vivace",
        "the vivace movement is my favourite",
        "what did we decide",
        "hello everyone",
        "hey",
        "",
    ],
)
def test_a_name_in_passing_is_no_address(text):
    assert not Address().fits(text)


def test_names_are_data_and_may_be_several_words():
    address = Address(names=("note taker", "vivace"))
    assert address.fits("hello note taker what is the time")
    assert not address.fits("the note taker is late")

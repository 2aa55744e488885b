"""No picture that is too old is reasoned on, whatever the line does."""

import pytest

from tests.support.stale_fuzz import fuzz


@pytest.mark.parametrize("seed", [139, 816])
def test_a_fuzzed_line_never_has_an_old_picture_reasoned_on(seed):
    assert fuzz(seed).stale == 0


@pytest.mark.slow
def test_fuzzed_lines_show_pictures_and_no_old_one():
    outcomes = [fuzz(seed) for seed in range(1000, 1025)]
    assert sum(outcome.stale for outcome in outcomes) == 0
    assert sum(len(outcome.ages) for outcome in outcomes) > 125

"""Where a new caller goes."""

from hypothesis import given
from hypothesis import strategies as st

from serving.engine.placement import AS_NEAR_MS, place, wishes
from serving.engine.seats import Host


def host(url, *, load=0.0, region="", trip_ms=0.0, open=True):  # noqa: A002
    return Host(url=url, load=load, region=region, trip_ms=trip_ms, open=open)


def test_among_equally_near_hosts_the_one_with_most_room_is_chosen():
    assert place([host("a", load=0.8), host("b", load=0.3, trip_ms=5)]).url == "b"


def test_a_difference_that_is_not_worth_a_way_keeps_the_caller_here():
    assert place([host("here", load=0.32), host("b", load=0.29)]).url == "here"


def test_a_near_host_is_chosen_before_an_empty_one_far_away():
    assert place([host("near", load=0.9), host("far", trip_ms=80)]).url == "near"
    assert place([host("near", load=1.0), host("far", trip_ms=80)]).url == "far"


def test_a_region_that_is_asked_for_goes_before_the_round_trip():
    hosts = [host("here", region="us"), host("b", region="eu", trip_ms=90)]
    assert place(hosts, region="eu").url == "b"
    assert place(hosts).url == "here"
    assert place(hosts, region="mars").url == "here"


def test_what_the_caller_measured_goes_before_what_was_measured_here():
    hosts = [host("here"), host("b", trip_ms=90)]
    assert place(hosts, trips={"here": 120.0, "b": 15.0}).url == "b"


def test_nobody_is_chosen_when_nobody_takes_callers():
    assert place([host("leaving", open=False), host("full", load=1.0)]) is None
    assert place([]) is None


@given(
    st.lists(
        st.builds(
            Host,
            url=st.text(max_size=3),
            region=st.sampled_from(["", "eu"]),
            load=st.floats(0, 1),
            open=st.booleans(),
            trip_ms=st.floats(0, 500),
        )
    )
)
def test_whoever_is_chosen_takes_callers_and_is_as_near_as_any_who_does(hosts):
    chosen = place(hosts)
    taking = [host for host in hosts if host.open and host.load < 1]
    assert (chosen in taking) if taking else chosen is None
    if chosen:
        assert chosen.trip_ms <= min(host.trip_ms for host in taking) + AS_NEAR_MS


ANYTHING = st.none() | st.booleans() | st.text() | st.floats()


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "region": ANYTHING,
            "roundTrips": ANYTHING | st.dictionaries(st.text(), ANYTHING),
        },
    )
)
def test_whatever_a_caller_wishes_for_can_be_placed(asked):
    place([host("a"), host("b", region="eu")], **wishes(asked))


def test_wishes_that_are_none_are_left_out():
    asked = {"region": 3, "roundTrips": {"a": 5, "b": "soon", "c": -1, "d": True}}
    assert wishes(asked) == {"region": "", "trips": {"a": 5}}

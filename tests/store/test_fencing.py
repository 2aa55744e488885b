"""Any order of owners, claims, writes and deletions: no write of a stale owner is ever taken."""

import asyncio

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from sessions.store import StaleOwner, open_store

SIDS, OWNERS = st.sampled_from(["s1", "s2"]), st.sampled_from(["a", "b", "c"])


class Fencing(RuleBasedStateMachine):
    """Three processes, each with a connection of its own, over two sessions."""

    url = ""

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.stores = {owner: open_store(self.url) for owner in "abc"}
        for sid in ("s1", "s2"):
            self.do(self.stores["a"].delete(sid))
        self.held: dict[tuple[str, str], int] = {}  # what each process believes
        self.newest = {"s1": 0, "s2": 0}
        self.lessee = {"s1": None, "s2": None}
        self.state = {"s1": None, "s2": None}
        self.events = {"s1": [], "s2": []}
        self.given = set()
        self.n = 0

    def do(self, call):
        return self.runner.run(call)

    @rule(sid=SIDS, owner=OWNERS, force=st.booleans())
    def claim(self, sid, owner, force):
        epoch = self.do(self.stores[owner].claim(sid, owner, lease_s=600, force=force))
        free = force or self.lessee[sid] in (None, owner)
        assert bool(epoch) == free
        if epoch:
            assert epoch > max(self.given, default=0)
            self.given.add(epoch)
            self.held[owner, sid] = self.newest[sid] = epoch
            self.lessee[sid] = owner

    @rule(sid=SIDS, owner=OWNERS)
    def save(self, sid, owner):
        self.n += 1
        blob, epoch = b"%d" % self.n, self.held.get((owner, sid), 0)
        try:
            self.do(self.stores[owner].save(sid, epoch, blob, keep_s=600))
            assert epoch and epoch == self.newest[sid]
            self.state[sid] = blob
        except StaleOwner:
            assert not epoch or epoch != self.newest[sid]

    @rule(sid=SIDS, owner=OWNERS)
    def append(self, sid, owner):
        self.n += 1
        event, epoch = b"%d" % self.n, self.held.get((owner, sid), 0)
        try:
            self.do(self.stores[owner].append(sid, epoch, event))
            assert epoch and epoch == self.newest[sid]
            self.events[sid].append(event)
        except StaleOwner:
            assert not epoch or epoch != self.newest[sid]

    @rule(sid=SIDS, owner=OWNERS, over=st.booleans())
    def release(self, sid, owner, over):
        epoch = self.held.get((owner, sid), 0)
        self.do(self.stores[owner].release(sid, epoch, over=over))
        if epoch and epoch == self.newest[sid]:
            self.lessee[sid] = None

    @rule(sid=SIDS, owner=OWNERS)
    def beat(self, sid, owner):
        lost = self.do(self.stores[owner].beat(owner, [sid], lease_s=600))
        if self.lessee[sid] is not None:
            assert (lost == []) == (self.lessee[sid] == owner)
        elif not lost:  # let go, and taken back before anybody else came
            self.lessee[sid] = owner

    @rule(sid=SIDS)
    def delete(self, sid):
        self.do(self.stores["a"].delete(sid))
        self.newest[sid], self.lessee[sid] = 0, None
        self.state[sid], self.events[sid] = None, []

    @invariant()
    def every_reader_sees_what_was_acknowledged(self):
        for sid in ("s1", "s2"):
            for store in self.stores.values():
                assert self.do(store.load(sid)) == (self.state[sid], self.newest[sid])
            told = self.do(self.stores["b"].events(sid))
            assert [event for _, event in told] == self.events[sid]

    def teardown(self):
        for store in self.stores.values():
            self.do(store.close())
        self.runner.close()


def test_no_order_of_events_lets_a_stale_owner_write(url):
    machine = type("Fencing", (Fencing,), {"url": url})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

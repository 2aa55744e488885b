"""What a session store is: blobs under a session's id, one owner at a time, told apart by epochs."""

from typing import NamedTuple, Protocol

LEASE_SECS = 1.5
"""How long an owner may be silent before its session is anybody's: a lost machine's calls are
elsewhere within 2.5 s."""

BEAT_SECS = 0.4
"""Between two beats of an owner: three may be lost."""

CLAIMED_SECS = 3600.0
"""How long a record stays that was claimed and never saved."""


class StoreError(RuntimeError):
    """The store cannot do what was asked."""


class StaleOwner(StoreError):
    """The session has another owner by now, or is no more: nothing was written."""

    def __init__(self, sid: str):
        """Say whose session it is not."""
        super().__init__(
            f"Session {sid} belongs to another owner by now, or was deleted; nothing was written. "
            "End this copy of it, or claim the session again."
        )


class StoreDown(StoreError):
    """The store did not answer within its bounded retries."""


class Stored(NamedTuple):
    """What a store holds of a session.

    Parameters:
        state: The last blob saved; None before the first.
        epoch: Of its newest owner; 0 when there is no such session.
    """

    state: bytes | None
    epoch: int


class SessionStore(Protocol):
    """Keeps sessions across processes and machines.

    Every claim gives a higher epoch, never given before, and every write names the epoch it was
    claimed under: a write under an older one is refused. What a method has returned from survives
    ``kill -9`` of the writer, and of the store's own process. Each raises :class:`StoreDown` when
    the store is out of reach; a write that raised it may or may not have been done, and may be
    repeated: an event then stands twice.
    """

    async def load(self, sid: str) -> Stored:
        """The last state of a session, and its epoch."""
        ...

    async def save(self, sid: str, epoch: int, state: bytes, *, keep_s: float) -> None:
        """Replace the state.

        Args:
            sid: The session.
            epoch: Under which it was claimed.
            state: The whole state.
            keep_s: Seconds until the session is forgotten, state and events.

        Raises:
            StaleOwner: Somebody claimed it since, or it was deleted.
        """
        ...

    async def claim(
        self, sid: str, owner: str, *, lease_s: float = LEASE_SECS, force: bool = False
    ) -> int | None:
        """Become the owner of a session, known or new.

        Args:
            sid: The session.
            owner: Who claims: unique to a process.
            lease_s: Seconds the claim holds without a beat; 0 for an epoch to write under and no
                more: the session is nobody's, and never among the :meth:`expired`.
            force: Take it from a living owner too, as a caller may who comes back.

        Returns:
            The epoch to write under; None while another owner lives.
        """
        ...

    async def beat(self, owner: str, sids: list[str], *, lease_s: float = LEASE_SECS) -> list[str]:
        """Say that an owner lives; returns those of the sessions that are not its own any more."""
        ...

    async def release(self, sid: str, epoch: int, *, over: bool) -> None:
        """Let go of a session, unless another has it; its record stays for its time.

        Args:
            sid: The session.
            epoch: Under which it was claimed.
            over: Whether it has ended; else it is at once among the :meth:`expired`.
        """
        ...

    async def expired(self, limit: int, *, prefix: str = "") -> list[str]:
        """Sessions whose owner fell silent before they were over, the longest silent first.

        Args:
            limit: Most of them.
            prefix: How their ids begin.
        """
        ...

    async def append(self, sid: str, epoch: int, event: bytes) -> None:
        """Add an event behind the others.

        Raises:
            StaleOwner: Somebody claimed it since, or it was deleted.
        """
        ...

    async def events(self, sid: str, *, since: int = 0) -> list[tuple[int, bytes]]:
        """Events in their order, each with its number; those after ``since`` only."""
        ...

    async def delete(self, sid: str) -> None:
        """Forget a session, state and events; harmless when there is none."""
        ...

    async def scan(self, prefix: str) -> list[str]:
        """The ids of the sessions that begin so."""
        ...

    async def close(self) -> None:
        """Let go of files and sockets."""
        ...

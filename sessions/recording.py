"""Whether a session leaves a tape: its policy, the caller's consent and a key decide."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loguru import logger
from pipecat.runner.types import RunnerArguments
from pipecat.utils.file_storage import FileStorage

from sessions.evidence import Evidence
from sessions.policy import MEMORY
from sessions.tape import expire, key_from_env, local_key
from sessions.tape.recorder import Recorder, record
from sessions.tape.uploads import TapingStorage

if TYPE_CHECKING:
    from sessions.session import Session


def tapes() -> Path:
    """The folder of the tapes: ``VIVACE_TAPES``, or ``tapes`` beside the runner."""
    return Path(os.environ.get("VIVACE_TAPES") or Path(__file__).parents[1] / "tapes")


class Recording:
    """One session's tape, from the caller's consent to its end.

    It is opened with the session, before anything is cast, so that every exchange with the
    outside is on it; and held in memory until the cast is known, because a sealed tape needs a
    key of the operator's as soon as one part is live.
    """

    def __init__(self, session: "Session", runner_args: RunnerArguments):
        """Begin the recording, if there may be one."""
        self._session = session
        self._local = self.replayed = False
        self.recorder: Recorder | None = None
        # Events that a replay tells again, when they were, to who takes them: by name.
        self.retold: dict[str, Callable[..., object]] = {}
        if begin := getattr(runner_args, "begin_tape", None):
            self.recorder, self.replayed = begin(session), True
        elif session.policy.record and session.policy.consent - {MEMORY} <= session.consent:
            self.recorder = self._hold()

    @property
    def path(self) -> Path | None:
        """Where the tape lies, if there is one."""
        return self.recorder.writer.path if self.recorder else None

    def event(self, name: str, **detail: Any) -> None:
        """Put an event of the session on the tape, if there is one."""
        if self.recorder:
            self.recorder.event(name, **detail)

    def own_pictures(self) -> None:
        """Tape the pictures of :meth:`picture` from now on, and no raw frames of the door."""
        if self.recorder:
            self.recorder.raw_pictures = False

    def own_tracks(self) -> None:
        """Tape every participant's sound in its own time, marked with whose it is."""
        if self.recorder:
            self.recorder.own_tracks = True

    def picture(self, evidence: Evidence, *, size: tuple[int, int], why: str) -> None:
        """Put a picture on the tape as models are shown it, if there is one."""
        if self.recorder:
            self.recorder.picture(evidence, size=size, why=why)

    def taping(self, storage: FileStorage | None) -> FileStorage | None:
        """The same storage; while there is a tape, what is loaded from it goes there too."""
        return storage and TapingStorage(storage, self.event)

    async def start(self) -> None:
        """Make the file, now that it is known who has been cast."""
        if not self.recorder:
            return
        if self._local and self._session.live:
            self.recorder.discard()
            self.recorder = None
            text = (
                f"This call is not recorded: {self._session.policy.name} wants tapes sealed, "
                "and VIVACE_TAPE_KEY is not set."
            )
            logger.warning(text)
            await self._session.notify("notice", text=text)
            return
        policy = self._session.policy
        if not self.replayed:
            await asyncio.to_thread(expire, tapes(), policy.retention_days, sealed=policy.sealed)
        self.recorder.release()

    async def withdraw(self) -> None:
        """Stop, and delete what there is if the policy says so: the caller has withdrawn consent."""
        if not self.recorder:
            return
        recorder, self.recorder = self.recorder, None
        if self._session.policy.withdrawal_deletes:
            await asyncio.to_thread(recorder.discard)
        else:
            recorder.event("consent.withdrawn")
            await asyncio.to_thread(recorder.close)

    async def close(self) -> None:
        """Finish the tape."""
        if self.recorder:
            await asyncio.to_thread(self.recorder.close)

    def _hold(self) -> Recorder:
        key = key_from_env()
        if key is None and self._session.policy.sealed:
            key, self._local = local_key(tapes() / "local.key"), True
        recorder = record(self._session, tapes(), key=key, hold=True)
        recorder.event("consent.given", to=sorted(self._session.consent))
        return recorder

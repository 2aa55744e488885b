"""A caller who was cut off is back in the same conversation, in whatever process answers."""

import asyncio
import contextlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from loguru import logger
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregator
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.runner.types import RunnerArguments

from sessions import tokens
from sessions.phi.vault import Vault, VaultExpired
from sessions.policy import Policy
from sessions.recording import tapes
from sessions.store import StoreError, shared_store, stored_here
from sessions.store.box import Box, BoxError
from sessions.store.keeper import Keeper, new_owner
from sessions.store.restore import restore
from sessions.store.state import Kept
from sessions.tape import key_from_env, local_key

if TYPE_CHECKING:
    from sessions.session import Session

PURPOSE = "resume"

LOOK_SECS = 0.5
"""A call waits so long for the store to say whether it is a new one."""

TICKET_SECS = 12 * 3600.0
"""No call is longer; after a cut the session itself is stored for an hour."""

# Said in the place of the disclosure to a caller who has heard it.
CUT_OFF = "We were cut off. You are speaking with the same AI assistant, and I remember our call."


class ResumeError(RuntimeError):
    """A session cannot be resumed. The message says what the caller can do."""


@dataclass(frozen=True)
class Resumed:
    """A session that goes on, as it was stored.

    Parameters:
        id: Its id.
        epoch: Under which this process owns it.
        owner: As whom.
        kept: Its state.
        events: What was noted of it: turns, and calls with side effects.
        vault: Its vault; None where nothing is redacted.
    """

    id: str
    epoch: int
    owner: str
    kept: Kept
    events: list[dict[str, Any]]
    vault: Vault | None

    def facts(self) -> dict[str, Any]:
        """As JSON data, for the tape: what a replay of this part begins with."""
        vault = None if self.vault is None else [asdict(entry) for entry in self.vault]
        return {"kept": asdict(self.kept) | {"vault": ""}, "events": self.events, "vault": vault}


def ticket(session_id: str, bot: str, *, ttl: float = TICKET_SECS) -> str | None:
    """What a caller brings back to be in the same session again: ``/start {"resume": ticket}``.

    It is good while the session is stored, and for ``ttl`` seconds at most. Whoever holds it is
    the caller: give it to nobody else in the room.

    Returns:
        None where sessions are not stored.
    """
    if not stored_here():
        return None
    return tokens.sign({"session": session_id, "bot": bot}, ttl, purpose=PURPOSE)


def read_ticket(text: Any) -> tuple[str, str]:
    """The session and the bot that a ticket is for.

    Raises:
        ResumeError: It is forged or expired.
    """
    try:
        payload = tokens.verify(str(text), purpose=PURPOSE)
    except tokens.TokenError as error:
        raise ResumeError(str(error)) from error
    return payload["session"], payload["bot"]


async def still_kept(session_id: str) -> bool:
    """Whether there may be something to come back to; only the session itself knows for sure."""
    store = shared_store()
    try:
        return store is not None and (await store.load(session_id)).state is not None
    except StoreError:
        return True


async def take_up(runner_args: RunnerArguments, *, policy: Policy) -> Resumed | None:
    """Take over the session that a caller comes back to; None for a new one.

    The runner arguments then carry the old session's id and body: who called and what they agreed
    to is not asked again, and not what the new request says. A session whose process died goes on
    in the next that is given its id; ids are the server's to give, and new ones are stored nowhere.

    Args:
        runner_args: With the ticket in ``body["resume"]``, or the session's id.
        policy: The bot's.

    Raises:
        ResumeError: There is a ticket, and it is no good; or the session is over or forgotten, or
            ran under another policy.
    """
    if taped := getattr(runner_args, "resumed", None):
        vault = Vault.of(taped["vault"]) if taped["vault"] is not None else None
        kept, sid = Kept.of(taped["kept"]), runner_args.session_id or ""
        return Resumed(sid, 0, "", kept, taped["events"], vault)
    if hasattr(runner_args, "begin_tape"):
        return None  # a replay of a first part: the session itself may be stored still
    body = runner_args.body if isinstance(runner_args.body, dict) else {}
    if body.get(PURPOSE):
        sid, _ = read_ticket(body[PURPOSE])
        resumed = await _take(sid, policy=policy)
    elif runner_args.session_id:
        try:
            async with asyncio.timeout(LOOK_SECS):
                resumed = await _take(runner_args.session_id, policy=policy)
        except (ResumeError, TimeoutError):
            return None
    else:
        return None
    runner_args.session_id, runner_args.body = resumed.id, resumed.kept.body
    return resumed


async def _take(sid: str, *, policy: Policy) -> Resumed:
    store = shared_store()
    if store is None:
        raise ResumeError("This server keeps no sessions (VIVACE_STORE). Start a new session.")
    gone = ResumeError("This conversation is over or was too long ago. Start a new session.")
    owner = new_owner()
    try:
        if (await store.load(sid)).state is None:
            raise gone
        box = box_for(policy, live=False)
        assert box, "a rehearsal has a key"
        epoch = await store.claim(sid, owner, force=True)
        stored, events = await store.load(sid), await store.events(sid)
        if stored.state is None or epoch is None:
            raise gone
        kept = Kept.from_bytes(box.open(stored.state, sid=sid))
        told = [json.loads(box.open(event, sid=sid)) for _, event in events]
        vault = box.open_vault(kept.vault) if kept.vault else None
    except (StoreError, BoxError, VaultExpired) as error:
        logger.error(f"Session {sid} cannot be resumed: {error}")
        raise ResumeError(
            "This conversation cannot be found at the moment. Try again, or start a new session."
        ) from error
    if kept.over:
        await store.release(sid, epoch, over=True)
        raise gone
    if kept.policy != policy.name:
        raise ResumeError(f"This conversation ran under {kept.policy}. Start a new session.")
    return Resumed(sid, epoch, owner, kept, told, vault)


def keep(session: "Session", pipeline: FrameProcessor) -> Keeper | None:
    """Keep a session from here on; put back first what is stored of one that was resumed.

    Args:
        session: Its cast is known: a key of the operator's is needed once one part is live.
        pipeline: Holds the aggregators whose contexts are kept.

    Returns:
        What keeps it; None where there is no store, or nothing to seal with.
    """
    contexts = contexts_of(pipeline)
    if session.resumed:
        session.recording.event("session.resumed", **session.resumed.facts())
        restore(session, contexts)
    store = None if session.recording.replayed else shared_store()
    if store is None:
        return None
    box = box_for(session.policy, live=bool(session.live))
    if box is None:
        logger.warning(
            f"Session {session.id} cannot be resumed: {session.policy.name} stores sealed data "
            "only, and VIVACE_TAPE_KEY is not set."
        )
        return None
    held = (
        {"epoch": session.resumed.epoch, "owner": session.resumed.owner} if session.resumed else {}
    )
    session.client.on("forget", lambda _data: forget(session))
    session.once.journal = keeper = Keeper(session, store, box, contexts=contexts, **held)
    return keeper


async def forget(session: "Session") -> None:
    """Delete what is stored of a session, and what is remembered of its caller, on their request.

    The call goes on; it cannot be resumed any more.
    """
    if session.keeper:
        await session.keeper.forget()
    with contextlib.suppress(RuntimeError):  # nobody knows who they are, or the store is down
        await session.memory.forget()
    await session.notify("notice", text="What was stored of you is deleted.")


def box_for(policy: Policy, *, live: bool) -> Box | None:
    """What a session under this policy is stored in.

    Args:
        policy: One that redacts or seals is stored sealed, or not at all.
        live: Whether any vendor is live: rehearsals have a key of their own.
    """
    key = key_from_env()
    if key is None and (policy.redact or policy.sealed):
        return None if live else Box(local_key(tapes() / "local.key"))
    return Box(key)


def contexts_of(pipeline: FrameProcessor) -> list[LLMContext]:
    """What the models of a pipeline read."""
    found: list[LLMContext] = []

    def look(part: FrameProcessor) -> None:
        if isinstance(part, LLMContextAggregator) and part.context not in found:
            found.append(part.context)
        for inner in part.processors:
            look(inner)

    look(pipeline)
    return found

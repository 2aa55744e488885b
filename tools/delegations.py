"""Work that one agent leaves for another in the session store; the message carries only its key."""

import base64
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

from sessions import tokens
from sessions.evidence import Evidence
from sessions.phi.vault import STRICT_SURROGATE, Vault, VaultExpired
from sessions.resume import box_for
from sessions.store import StoreError, shared_store
from sessions.store.box import BoxError

if TYPE_CHECKING:
    from sessions.session import Session

KEEP_SECS = 900.0
PURPOSE, TOKEN_SECS = "agent", 60.0
NAMED = "delegation"
WITHHELD = "(withheld)"


class DelegationError(RuntimeError):
    """Work cannot be handed over. The message holds nothing of it."""


@dataclass(kw_only=True)
class Delegation:
    """What a peer needs to know, with surrogates in the place of identifiers.

    Parameters:
        task: What it is to do, in the words of the model that hands it over.
        bot: Which bot that is.
        session: Of its session.
        tainted: Whether that model had been shown what nobody vouches for: then its task opens no
            tool that needs a caller's word.
        facts: What is pinned in its context.
        handoff: What it leaves for whoever takes over; JSON.
        picture: The newest picture its model is shown, JPEG in base64; empty if there is none, or it
            redacts and the picture has not been cleared.
        vault: What the surrogates stand for, sealed; empty where nothing is redacted.
    """

    task: str
    bot: str
    session: str
    tainted: bool = True
    facts: dict[str, str] = field(default_factory=dict)
    handoff: dict = field(default_factory=dict)
    picture: str = ""
    vault: str = ""

    def text(self) -> str:
        """The task, with what is known."""
        known = [*self.facts.values()]
        if self.handoff:
            known.append(json.dumps(self.handoff, ensure_ascii=False, default=str))
        return "\n".join([self.task, *(f"(Known: {fact})" for fact in known)])


async def leave(session: "Session", task: str) -> str:
    """Leave work in the store; returns its key.

    Raises:
        DelegationError: There is no store, or nothing to seal with.
    """
    store, box = shared_store(), box_for(session.policy, live=bool(session.live))
    if store is None or box is None:
        raise DelegationError("Nothing can be handed over here. Say so, and go on without it.")
    key = f"{NAMED}-{session.random.getrandbits(128):032x}"
    left = Delegation(
        task=task,
        bot=session.bot,
        session=session.id,
        tainted=session.gate.tainted,
        facts=dict(session.budget.facts),
        handoff=dict(session.handoff),
        picture=_newest_picture(session),
        vault=box.close_vault(session.phi.vault, keep_s=KEEP_SECS) if session.phi else "",
    )
    blob = box.close(json.dumps(asdict(left), default=str).encode(), sid=key)
    try:
        epoch = await store.claim(key, f"{session.id}/{uuid4().hex[:8]}", lease_s=0)
        await store.save(key, epoch or 0, blob, keep_s=KEEP_SECS)
    except StoreError as error:
        raise DelegationError("The work could not be handed over. Say so, and go on.") from error
    return key


async def take(session: "Session", key: str) -> Delegation:
    """Take up what was left under a key; this session then knows what its surrogates stand for.

    Args:
        session: Of the one who takes it up; nothing has been redacted in it yet.
        key: From the message.

    Raises:
        DelegationError: There is nothing, or it cannot be opened here.
    """
    store, box = shared_store(), box_for(session.policy, live=bool(session.live))
    if store is None or box is None or not key.startswith(f"{NAMED}-"):
        raise DelegationError("There is nothing under this key here.")
    try:
        blob = (await store.load(key)).state
        if blob is None:
            raise DelegationError("There is nothing under this key any more.")
        left = Delegation(**json.loads(box.open(blob, sid=key)))
        if left.vault:
            if session.phi is None:
                raise DelegationError(
                    f"{session.bot} does not redact, and takes nothing from one that does."
                )
            _adopt(session.phi.vault, box.open_vault(left.vault))
        if left.picture:
            _show(session, base64.b64decode(left.picture), sender=left.bot)
        return left
    except (StoreError, BoxError, VaultExpired) as error:
        raise DelegationError("What is under this key cannot be opened here.") from error


def for_another(text: str, left: Delegation, *, known: frozenset[str]) -> str:
    """An answer as the one who left the work can read it: surrogates it has not given are nothing.

    Args:
        text: The answer.
        left: The work.
        known: The surrogates that came with it.
    """
    return STRICT_SURROGATE.sub(lambda s: s[0] if left.vault and s[0] in known else WITHHELD, text)


def _newest_picture(session: "Session") -> str:
    may_go = (
        piece
        for piece in session.evidence.at(session.clock.now_ns())
        if piece.image and (piece.cleared or not session.policy.redact)
    )
    newest = max(may_go, key=lambda piece: piece.at_ns, default=None)
    return base64.b64encode(newest.image or b"").decode() if newest else ""


def _show(session: "Session", picture: bytes, *, sender: str) -> None:
    shown = Evidence(
        f"{sender}-picture",
        "camera",
        session.clock.now_ns(),
        image=picture,
        cleared=True,
        max_age=KEEP_SECS,
    )
    session.evidence.add(lambda _now_ns: [shown])


def _adopt(own: Vault, theirs: Vault) -> None:
    vars(own).update(vars(theirs))


def sign(to: str) -> str:
    """A token with which one agent of the house asks another, good for a minute.

    Args:
        to: The name of the bot that is asked.
    """
    return tokens.sign({"to": to}, TOKEN_SECS, purpose=PURPOSE)


def is_signed(token: str, *, to: str) -> bool:
    """Whether a token is one of the house's, for this bot, and fresh."""
    try:
        return tokens.verify(token, purpose=PURPOSE).get("to") == to
    except tokens.TokenError:
        return False

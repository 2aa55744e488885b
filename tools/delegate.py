"""Hand work to another agent over A2A, and talk on.

``session.tools(delegate(peers))`` offers the model one tool, ``delegate``. It returns at once: the
turn goes on, and what the peer reports comes back as notes, or as speech, and its answer as the
tool's result, which the model then tells. Like every tool's result it crosses the session's
boundary: redacted, marked as data, and nothing in it opens a privileged tool.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from a2a.client import A2ACardResolver, Client, ClientConfig, ClientFactory
from a2a.helpers import get_message_text, get_text_parts, new_data_message
from a2a.types import CancelTaskRequest, Role, SendMessageRequest, StreamResponse, TaskState
from loguru import logger
from pipecat.adapters.llm.schemas.direct_function import tool_options
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.frames.frames import FunctionCallResultProperties
from pipecat.services.llm_service import FunctionCallParams

from sessions.tool_boundary import side_effects
from sessions.untrusted import unprivileged
from tools.delegations import DelegationError, leave, sign

DELEGATE_SECS = 120.0
CONNECT_SECS = 5.0
CANCEL_SECS = 2.0
ANSWER_LIMIT = 8_000
OVER = {
    TaskState.TASK_STATE_COMPLETED,
    TaskState.TASK_STATE_FAILED,
    TaskState.TASK_STATE_CANCELED,
    TaskState.TASK_STATE_REJECTED,
    TaskState.TASK_STATE_INPUT_REQUIRED,
    TaskState.TASK_STATE_AUTH_REQUIRED,
}
GONE = "{name} is out of reach. Say so, and go on without it."


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Another agent.

    Parameters:
        url: Where its card is found, under ``/.well-known/agent-card.json``.
        about: What it is good for, in words for the model.
        token: Sent as ``Authorization: Bearer``; empty for one of the house, whose requests are
            signed with ``VIVACE_SECRET``.
        reads: Whether all it does is look things up: then any call may be handed to it.
    """

    url: str
    about: str
    token: str = ""
    reads: bool = False


def delegate(peers: Mapping[str, Peer], *, speak_updates: bool = False) -> FunctionSchema:
    """The tool that hands work to one of these agents.

    Args:
        peers: By name; one of the house by the name of its bot.
        speak_updates: Whether the bot tells the caller what a peer reports on its way; else it
            only takes note.
    """
    lines = {name: Line(name, peer) for name, peer in peers.items()}

    @side_effects
    @tool_options(cancel_on_interruption=False, cancellable_by_llm=True, timeout_secs=DELEGATE_SECS)
    async def run(params: FunctionCallParams):
        session, line = params.app_resources, lines[params.arguments["to"]]
        began = session.clock.now()
        noted = FunctionCallResultProperties(is_final=False, run_llm=speak_updates)
        answer, state = "", "away"
        try:
            key = await leave(session, params.arguments["task"])
            async for update in line.ask(key):
                answer, state = update.answer or answer, update.state
                if update.note:
                    note = {"from": line.name, "so_far": update.note}
                    await params.result_callback(note, properties=noted)
        except DelegationError as error:
            await params.result_callback({"error": str(error)})
            return
        finally:
            took_ms = round((session.clock.now() - began) * 1000)
            session.recording.event("delegated", to=line.name, state=state, ms=took_ms)
        if state == "done":
            await params.result_callback({"from": line.name, "answer": answer[:ANSWER_LIMIT]})
        elif state == "asks":
            await params.result_callback({"from": line.name, "asks": answer[:ANSWER_LIMIT]})
        else:
            await params.result_callback({"error": f"{line.name} could not do it. Say so."})

    who = " ".join(f"{name}: {peer.about}" for name, peer in peers.items())
    return FunctionSchema(
        "delegate",
        "Hand work to another agent and go on talking: say that you have asked, and what it "
        f"finds comes later. {who}",
        {
            "to": {"type": "string", "enum": [*peers], "description": "Which agent."},
            "task": {"type": "string", "description": "All it needs to know, in a few sentences."},
        },
        ["to", "task"],
        unprivileged(run) if all(peer.reads for peer in peers.values()) else run,
    )


@dataclass(frozen=True)
class Update:
    """What a peer has said.

    Parameters:
        state: ``working``, ``done``, ``asks`` (it needs something), or ``failed``.
        note: What it reports on its way.
        answer: All of its answer so far.
    """

    state: str
    note: str = ""
    answer: str = ""


class _Signed(httpx.Auth):
    """Each request carries a fresh token."""

    def __init__(self, name: str, peer: Peer):
        self._name, self._peer = name, peer

    def auth_flow(self, request):
        request.headers["Authorization"] = f"Bearer {self._peer.token or sign(self._name)}"
        yield request


class Line:
    """The way to one peer. Its card is read when it is first asked."""

    def __init__(self, name: str, peer: Peer):
        """Know a peer; nothing is sent yet."""
        self.name = name
        self._peer = peer

    @contextlib.asynccontextmanager
    async def _client(self) -> AsyncIterator[Client]:
        # A redirect could carry the token to somebody else.
        async with httpx.AsyncClient(
            auth=_Signed(self.name, self._peer),
            timeout=httpx.Timeout(DELEGATE_SECS, connect=CONNECT_SECS),
            follow_redirects=False,
        ) as http:
            card = await A2ACardResolver(http, self._peer.url).get_agent_card()
            for interface in card.supported_interfaces:
                if _origin(interface.url) != _origin(self._peer.url):
                    raise DelegationError(
                        f"The card of {self.name} points to another host. Say that it is out of "
                        "reach, and go on without it."
                    )
            config = ClientConfig(
                httpx_client=http, supported_protocol_bindings=["JSONRPC", "HTTP+JSON"]
            )
            yield ClientFactory(config).create(card)

    async def ask(self, key: str) -> AsyncIterator[Update]:
        """Hand over what is in the store under this key; the peer's task is cancelled with this.

        Raises:
            DelegationError: The peer is out of reach or speaks another protocol.
        """
        request = SendMessageRequest(
            message=new_data_message({"delegation": key}, role=Role.ROLE_USER)
        )
        task, over, answer = "", False, ""
        try:
            async with self._client() as client:
                try:
                    async for event in client.send_message(request):
                        task = _task(event) or task
                        state, note, answer = _read(event, answer)
                        over = state in OVER or event.HasField("message")
                        yield Update(_word(state, event), note, answer)
                        if over:
                            return
                finally:
                    if task and not over:
                        await asyncio.shield(self._cancel(client, task))
        except DelegationError:
            raise
        except Exception as error:
            logger.warning(f"Agent {self.name!r} failed: {type(error).__name__}")
            raise DelegationError(GONE.format(name=self.name)) from None

    async def _cancel(self, client: Client, task: str) -> None:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CANCEL_SECS):
                await client.cancel_task(CancelTaskRequest(id=task))


def _origin(url: str) -> tuple:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _task(event: StreamResponse) -> str:
    if event.HasField("task"):
        return event.task.id
    if event.HasField("status_update"):
        return event.status_update.task_id
    return event.artifact_update.task_id if event.HasField("artifact_update") else ""


def _read(event: StreamResponse, answer: str) -> tuple[Any, str, str]:
    """The task's state if it is told, what is reported on the way, and the answer so far."""
    if event.HasField("message"):
        return None, "", get_message_text(event.message)
    if event.HasField("artifact_update"):
        piece = "".join(get_text_parts(event.artifact_update.artifact.parts))
        return None, "", answer + piece if event.artifact_update.append else piece
    if event.HasField("task"):
        pieces = [p for a in event.task.artifacts for p in get_text_parts(a.parts)]
        return event.task.status.state, "", "".join(pieces) or answer
    status = event.status_update.status
    said = get_message_text(status.message) if status.HasField("message") else ""
    if status.state == TaskState.TASK_STATE_WORKING:
        return status.state, said, answer
    return status.state, "", answer or said


def _word(state: Any, event: StreamResponse) -> str:
    if state == TaskState.TASK_STATE_COMPLETED or event.HasField("message"):
        return "done"
    if state == TaskState.TASK_STATE_INPUT_REQUIRED:
        return "asks"
    return "failed" if state in OVER else "working"

"""The caller's page or app: what it is told of the session, and what it may ask for."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from loguru import logger
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frameworks.rtvi import RTVIObserverParams

from sessions.dialout import dial, number_to_dial
from sessions.doors import end_on_join_failure, is_empty
from sessions.measured import audit
from sessions.rights import Rights

if TYPE_CHECKING:
    from sessions.session import Session

OnMessage = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Takes the data of one client message."""


class Client:
    """The other end of the session's data channel, as RTVI has it.

    It is told ``server-message`` s of the form ``{"type": ..., ...}``, and asks with
    ``client-message`` s, for each type of which the session may have one handler.
    """

    def __init__(self, session: "Session"):
        """Speak for one session; nobody listens before :meth:`attach`."""
        self._session = session
        self._worker: PipelineWorker | None = None
        self.rights = Rights()
        self._handlers: dict[str, OnMessage] = {"consent": self._consent}

    def on(self, type: str, handler: OnMessage) -> None:
        """Answer the client messages of one type.

        Args:
            type: The ``t`` of the client message.
            handler: Given its data, a mapping. Data that are none reach nobody.
        """
        self._handlers[type] = handler

    async def notify(self, type: str, **data: Any) -> None:
        """Tell the client something about the session. See :meth:`Session.notify`."""
        logger.debug(f"Session {self._session.id}: {type}")
        if self._worker:
            await self._worker.rtvi.send_server_message({"type": type, **data})

    def notify_soon(self, type: str, **data: Any) -> None:
        """The same for those who cannot wait."""
        self.soon(self.notify(type, **data))

    def soon(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside the call, and no longer than it lasts."""
        if self._worker:
            self._worker.create_task(work)
        else:
            work.close()

    def observer_params(self, *, evaluated: bool) -> RTVIObserverParams:
        """What of the model's text the client is shown.

        The model's text is not what the caller hears where originals are restored, and the
        user's aggregated text repeats the transcript: under redaction neither has a reader.

        Args:
            evaluated: An eval on this machine reads both.
        """
        redacts = self._session.policy.redact
        return RTVIObserverParams(
            bot_llm_enabled=evaluated or not redacts, user_llm_enabled=not redacts
        )

    def attach(self, worker: PipelineWorker, *, greet: bool) -> None:
        """Listen at the door and to the client, from now on.

        Args:
            worker: The worker that runs the session's pipeline.
            greet: Whether the bot goes on speaking after the disclosure.
        """
        session, self._worker = self._session, worker
        self.rights.watch(session.transport)
        self.rights.guard(worker.rtvi)  # before the gate reads whose words they are
        session.gate.read(worker.rtvi)
        end_on_join_failure(session.transport, session.end)

        if number := number_to_dial(session):
            dial(session, number, answered=lambda: session.greet(greet=greet))
        else:

            @session.transport.event_handler("on_client_connected")
            async def on_client_connected(_transport, _client):
                await session.greet(greet=greet)

        @session.transport.event_handler("on_client_disconnected")
        async def on_client_disconnected(transport, _client):
            session.recording.event("client.disconnected")
            if is_empty(transport):
                session.hang_up("the caller hung up")

        @worker.rtvi.event_handler("on_client_ready")
        async def on_client_ready(_rtvi):
            await self.notify(
                "session",
                id=session.id,
                bot=session.bot,
                policy=session.policy.name,
                disclosure=session.disclosure,
                rehearsal=sorted(session.rehearsal),
                consent=sorted(session.consent),
                recorded=session.recording.path is not None,
            )

        @worker.rtvi.event_handler("on_client_message")
        async def on_client_message(_rtvi, message):
            handler = self._handlers.get(message.type)
            if handler and isinstance(message.data, Mapping):
                await handler(message.data)

    async def _consent(self, data: Mapping[str, Any]) -> None:
        for name, agreed in data.items():
            if agreed is False:
                self._session.withdraw(name)
                audit(self._session, "consent.withdrawn", to=name)
        if data.get("recording") is False:
            await self._session.recording.withdraw()
            await self.notify("consent", recorded=False)
            await self.notify("notice", text="The recording has stopped.")

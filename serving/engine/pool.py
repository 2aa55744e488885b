"""A switchboard whose sessions run in processes forked from a warm one.

One session a process (``lines=1``) isolates: a crash, a busy loop or a leak ends one call, and
callers share no memory. Several a process are denser: a further one costs 3 MB instead of 50, and
1.7 times as many fit on a core.

A session whose process dies keeps its id, its body and its documents for the time a caller has to
connect: the caller offers, or opens the socket, in the same session again, and a bot in a room
rejoins it at once. What was said before is the store's to bring back.
"""

import asyncio
import contextlib
import dataclasses
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from fastapi import HTTPException
from loguru import logger
from pipecat.runner.types import RunnerArguments, WebSocketRunnerArguments
from pipecat.transports.smallwebrtc.request_handler import (
    SmallWebRTCPatchRequest,
    SmallWebRTCRequest,
)
from pipecat.utils.file_storage import FileStorage

from serving.engine.channel import Channel, ChannelClosed
from serving.engine.far_sockets import RESTARTED, NearSocket, packed_scope
from serving.engine.link import Crashed, Link
from serving.engine.load import Limits, MachineGauge
from serving.engine.metrics import (
    CPU,
    LAG,
    RESTARTS,
    SESSIONS,
    exposition,
    merged,
    only_counted,
)
from serving.engine.zygote import Spec, Zygote, ZygoteError
from serving.switchboard import Call, Switchboard
from sessions.doors import DoorError
from sessions.person import whither
from sessions.tokens import VARIABLE as SECRET
from sessions.tokens import secret

STUCK_SECS = 5.0
MOST_CRASHES = 3
GOODBYE_SECS = 2.5
BOOKS_SECS = 2.0
LONGEST_SECS = 2 * 3600.0
SPARE_SECS = 0.4
"""A spare is forked when whoever took the last one has begun: a start takes a tenth of a second."""
NO_PROCESS = "No session can be started here now. Call again in a moment."


@dataclasses.dataclass(frozen=True)
class FarLine:
    """The line of a WebRTC caller, whose connection the session's process holds and ends."""

    pc_id: str

    async def tell(self, fault: str) -> None:
        """Say nothing: the session's process has said it."""

    async def hang_up(self) -> None:
        """Do nothing: the session's process has."""


class Pool(Switchboard):
    """Admits sessions here and runs them in forked processes.

    Args:
        spec: What the processes have in common.
        storage: Where callers' documents lie, on a disk that the processes share.
        spares: Processes kept ready without a session.
        limit: Most sessions at a time, however idle they are.
        limits: How busy the machine may be and still take a caller; ``None`` for any.
        longest_secs: Longest session.
        environ: What of the environment may have changed since the start, asked at each fork.
        resume: Told the id of a session whose process died, before it goes on in another.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        storage: FileStorage,
        spares: int = 1,
        limit: int = 64,
        limits: Limits | None = None,
        longest_secs: float = LONGEST_SECS,
        environ: Callable[[], dict[str, str]] = dict,
        resume: Callable[[str], Awaitable[None]] | None = None,
    ):
        super().__init__(
            _never, storage=storage, limit=limit, limits=limits, patience=spec.patience
        )
        self._spec = spec
        self._zygote = Zygote(spec, on_exit=self._exited)
        self._spares = spares
        self._longest_secs = longest_secs
        self._environ = environ
        self._resume = resume
        self._links: set[Link] = set()
        self._seats: dict[str, asyncio.Task[Link]] = {}
        self._past = []
        self._machine = MachineGauge()
        self._tasks: set[asyncio.Task] = set()

    async def open(self) -> None:
        """Start the warm process and the spares.

        Raises:
            ZygoteError: It does not come up.
        """
        await super().open()
        await self._zygote.start()
        await asyncio.gather(*(self._fork() for _ in range(self._spares)))
        self._start(self._watch(), name="watch over session processes")

    def admit(
        self, body: dict[str, Any], *, session_id: str | None = None, returning: bool = False
    ) -> Call:
        """Take a caller in and find them a process.

        Raises:
            HTTPException: As the base class.
        """
        call = super().admit(body, session_id=session_id, returning=returning)
        self._place(call)
        return call

    async def offer(self, request: SmallWebRTCRequest, call: Call | None) -> dict[str, str]:
        """Have a session's process answer an offer.

        Raises:
            HTTPException: As the base class; 503 when the process dies meanwhile.
        """
        if request.pc_id:
            call = self.on_connection(request.pc_id)
        assert call, "an offer without a pc_id belongs to a call"
        answer = await self._ask(
            call, "offer", session=call.id, body=call.body, **dataclasses.asdict(request)
        )
        if not request.pc_id:
            self.connect(call, RunnerArguments(), FarLine(answer["pc_id"]))
        return answer

    async def candidates(self, patch: SmallWebRTCPatchRequest) -> None:
        """Hand ICE candidates on.

        Raises:
            HTTPException: As the base class.
        """
        call = self.on_connection(patch.pc_id)
        found = [dataclasses.asdict(one) for one in patch.candidates]
        await self._ask(call, "candidates", pc_id=patch.pc_id, found=found)

    async def push_readings(self, call: Call, pushed: Any, *, source: str) -> int:
        """Hand readings on.

        Raises:
            HTTPException: As the base class.
        """
        answer = await self._ask(call, "readings", session=call.id, pushed=pushed, source=source)
        return answer["taken"]

    async def desk(self, call: Call, what: str) -> dict[str, Any]:
        """Ask the session's process.

        Raises:
            HTTPException: As the base class.
        """
        return await self._ask(call, "desk", session=call.id, what=what)

    async def books(self) -> list[dict[str, Any]]:
        """Ask the processes that have sessions; one that does not answer at once is left out."""
        asked = [link.channel.ask("books") for link in self._links if link.calls]
        answers = await asyncio.gather(
            *(asyncio.wait_for(one, BOOKS_SECS) for one in asked), return_exceptions=True
        )
        told = [answer for answer in answers if isinstance(answer, dict)]
        return [books for answer in told for books in answer["books"]]

    async def close(self, *, within: float = 3.0) -> int:
        """As the base class; then the processes end."""
        left = await super().close(within=within)
        for task in self._tasks:
            task.cancel()
        for link in self._links:
            link.channel.close()
        await self._zygote.stop()
        return left

    def metrics(self) -> bytes:
        """The text for Prometheus, of all processes."""
        SESSIONS.set(len(self))
        CPU.set(self._machine.cpu)
        LAG.labels("front").set(self.gauge.lag_ms / 1000)
        LAG.labels("sessions").set(self._sessions_lag_ms() / 1000)
        return exposition([self._past, *(link.figures for link in self._links)])

    # Processes

    async def _fork(self) -> Link:
        if not self._zygote.running and not self._closed:
            RESTARTS.labels("warm process").inc()
            await self._zygote.start()
        pid, ours = await self._zygote.fork()
        link = Link(pid, on_over=self._over)
        link.channel = await Channel.over(ours, link.handlers())
        self._start(self._hear(link), name=f"session process {pid}")
        environ = {SECRET: secret(), **self._environ()}
        await link.channel.ask("begin", environ=environ)
        self._links.add(link)
        return link

    def _start(self, work, *, name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _hear(self, link: Link) -> None:
        await link.channel.listen()
        self._links.discard(link)
        link.lost()
        self._past = merged([self._past, only_counted(link.figures)])

    def _exited(self, pid: int, code: int) -> None:
        if code:
            logger.warning(f"Session process {pid} ended with {code}")

    def _has_room(self, link: Link) -> bool:
        return len(link.calls) < self._spec.lines and not (self._spec.lines == 1 and link.used)

    def _top_up(self) -> None:
        idle = sum(self._has_room(link) and not link.calls for link in self._links)
        if idle < self._spares and not self._closed:
            self._start(self._spare(), name="spare")

    async def _spare(self) -> None:
        await asyncio.sleep(SPARE_SECS)
        try:
            await self._fork()
        except (ZygoteError, ChannelClosed) as error:
            logger.error(str(error))

    def _over(self, link: Link, late: list[str]) -> None:
        self._leave(link)
        self._learn(late)

    def _learn(self, modules: list[str]) -> None:
        """Have the next processes import what a session had to."""
        if self._zygote.learn(modules):  # and spares that have not are replaced
            for spare in [s for s in self._links if not s.used]:
                self._links.discard(spare)
                spare.channel.close()
            self._top_up()

    def _leave(self, link: Link) -> None:
        for session in [s for s, over in link.calls.items() if over.done()]:
            del link.calls[session]
        if not link.calls and not self._has_room(link):
            link.channel.close()

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            asleep = loop.time()
            await asyncio.sleep(1)
            self._machine.mark()
            if loop.time() - asleep > 2:
                continue  # this process was held up itself: it has not heard the others yet
            for link in list(self._links):
                if loop.time() - link.beat_at > STUCK_SECS:
                    link.kill(f"its event loop is stuck for {STUCK_SECS:g} s")
                elif link.grown_mb > self._spec.memory_mb * self._spec.lines:
                    link.kill(f"it took {link.grown_mb:.0f} MB")

    def _load(self) -> dict[str, float]:
        lag = max(self.gauge.lag_ms, self._sessions_lag_ms())
        return {"lag_ms": lag, "cpu": self._machine.cpu}

    def _sessions_lag_ms(self) -> float:
        # The median: where most are late the machine is busy, and one alone has itself to blame.
        lags = [link.lag_ms for link in self._links if link.calls]
        return statistics.median(lags) if lags else 0.0

    # Sessions

    def _place(self, call: Call) -> None:
        self._seats[call.id] = asyncio.create_task(self._find_seat(call.id, call.body))

    async def _find_seat(self, session: str, body: dict[str, Any]) -> Link:
        with contextlib.suppress(DoorError, KeyError):  # who joins a call goes to where it is
            link = await asyncio.shield(self._seats[whither(body)])
            link.seat(session)
            return link
        roomy = [link for link in self._links if self._has_room(link)]
        link = max(roomy, key=lambda link: len(link.calls)) if roomy else await self._fork()
        link.seat(session)
        self._top_up()
        return link

    async def _seat(self, call: Call) -> Link:
        try:
            return await asyncio.shield(self._seats[call.id])
        except (ZygoteError, ChannelClosed) as error:
            logger.error(f"{call}: {error}")
            raise HTTPException(503, NO_PROCESS, headers={"Retry-After": "5"}) from error

    async def _ask(self, call: Call, question: str, **fields: Any) -> dict[str, Any]:
        link = await self._seat(call)
        try:
            return await link.channel.ask(question, **fields)
        except ChannelClosed as error:
            raise HTTPException(503, NO_PROCESS, headers={"Retry-After": "1"}) from error

    async def _run(self, call: Call) -> None:
        try:
            await super()._run(call)
        finally:
            seat = self._seats.pop(call.id)
            if seat.done() and not seat.cancelled() and not seat.exception():
                link = seat.result()
                if (over := link.calls.get(call.id)) and not over.done():
                    over.set_result(None)  # the caller never came
                self._leave(link)
            seat.cancel()

    async def _converse(self, call: Call, runner_args: RunnerArguments) -> None:
        deadline = time.monotonic() + self._longest_secs
        for _ in range(MOST_CRASHES):
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    return await self._put_through(call, runner_args)
            except TimeoutError:
                logger.warning(f"{call} has lasted {self._longest_secs:g} s and is ended")
                return
            except Crashed as crash:
                logger.error(f"{call}: its process {crash}. The caller may come back to it")
                RESTARTS.labels("crash").inc()
            self._place(call)
            if self._resume:
                await self._resume(call.id)
            if type(runner_args) in (RunnerArguments, WebSocketRunnerArguments):
                call.arrival, call.line = asyncio.get_running_loop().create_future(), None
                await asyncio.wait({call.arrival}, timeout=self._patience)
                if not call.arrival.done():
                    logger.info(f"{call}: the caller did not come back")
                    return
                runner_args = call.arrival.result()
        raise RuntimeError(f"Its process died {MOST_CRASHES} times")

    async def _put_through(self, call: Call, runner_args: RunnerArguments) -> None:
        link = await self._seat(call)
        over = link.calls[call.id]
        who = {"session": call.id, "body": call.body}
        async with contextlib.AsyncExitStack() as relaying:
            try:
                if isinstance(runner_args, WebSocketRunnerArguments):
                    await relaying.enter_async_context(self._relay(link, runner_args, who))
                elif type(runner_args) is not RunnerArguments:
                    own = own_fields(runner_args)
                    kind = type(runner_args).__name__
                    await link.channel.ask("room", **who, kind=kind, arguments=own)
                await asyncio.wait({over})
                over.result()
            except ChannelClosed as gone:
                raise Crashed(str(gone)) from gone
            except asyncio.CancelledError:
                await self._say_goodbye(call, link, over)
                raise

    @contextlib.asynccontextmanager
    async def _relay(
        self, link: Link, runner_args: WebSocketRunnerArguments, who: dict[str, Any]
    ) -> AsyncIterator[None]:
        websocket, session = runner_args.websocket, who["session"]
        near = link.sockets[session] = NearSocket(websocket, link.channel, session)
        relay = asyncio.create_task(near.relay())
        try:
            await link.channel.ask(
                "socket",
                **who,
                scope=packed_scope(websocket.scope),
                transport_type=runner_args.transport_type,
            )
            yield
        except (Crashed, ChannelClosed):
            await near.close(RESTARTED)
            raise
        finally:
            relay.cancel()
            del link.sockets[session]

    async def _say_goodbye(self, call: Call, link: Link, over: asyncio.Future[None]) -> None:
        try:
            link.channel.tell("drop", session=call.id)
        except ChannelClosed:
            return
        await asyncio.wait({over}, timeout=GOODBYE_SECS)
        if not over.done() and self._spec.lines == 1:
            link.kill(f"{call} would not end")


async def _never(_runner_args: RunnerArguments) -> None:
    raise NotImplementedError("a pool runs no bot in this process")


def own_fields(runner_args: RunnerArguments) -> dict[str, Any]:
    """What the arguments of one transport have besides those of all."""
    common = {field.name for field in dataclasses.fields(RunnerArguments)}
    own = (field.name for field in dataclasses.fields(runner_args))
    return {name: getattr(runner_args, name) for name in own if name not in common}

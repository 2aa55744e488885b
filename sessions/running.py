"""One call from its first frame to its last: a bot's pipeline with what every session adds to it."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from loguru import logger
from pipecat.frames.frames import EndFrame
from pipecat.observers.base_observer import BaseObserver
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker, ProcessorUnusablePolicy
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.tts_service import TTSService
from pipecat.workers.base_worker import BaseWorker
from pipecat.workers.runner import WorkerRunner

from sessions.doors import sound_of
from sessions.ending import CANCEL_SECS
from sessions.guards import PromptWatcher
from sessions.keypad import Keypad
from sessions.measured import close_books, costs, open_books, watch_store
from sessions.media_stop import stop_media
from sessions.metrics.otel import tracing
from sessions.policy import PolicyError
from sessions.resume import keep
from sessions.silence import Silence
from sessions.sinks.bus import guard_bus
from sessions.sinks.clients import guard_client, guard_door
from sessions.sinks.frames import guard_pushes
from sessions.watching import tell_only_whom_it_concerns

if TYPE_CHECKING:
    from sessions.session import Session


async def run(
    session: "Session",
    pipeline: Pipeline,
    *helpers: BaseWorker,
    greet: bool,
    **worker_options: Any,
) -> None:
    """Run a bot's pipeline until the call is over. See :meth:`Session.run`."""
    arguments = session.runner_args
    if without_call := getattr(arguments, "without_call", None):
        await without_call(session, pipeline)  # another agent asks, and nobody is there to talk to
        return
    if not any(isinstance(part, TTSService) for part in parts_of(pipeline)):
        raise PolicyError(
            "Nothing in this pipeline can say the disclosure word for word. Put a "
            "tts(session, ...) into its list; behind a realtime core it says only that."
        )
    for core in session.cores:
        core.greets = greet
    await _begin_record(session)
    if session.turns:
        session.turns.attach(session.transport.output())
    stop_media([*parts_of(pipeline)], deaf=session.minds)
    observers = _observers(session, pipeline)
    worker = session.worker = PipelineWorker(
        Pipeline([session.front_desk, session.opening, pipeline, session.opening.echo]),
        app_resources=session,
        cancel_timeout_secs=CANCEL_SECS,
        conversation_id=session.id,
        idle_timeout_secs=arguments.pipeline_idle_timeout_secs,
        observers=observers,
        params=PipelineParams(
            enable_metrics=True, enable_usage_metrics=True, **sound_of(session.cost.door)
        ),
        processor_unusable_policy=ProcessorUnusablePolicy.CONTINUE,
        rtvi_observer_params=session.client.observer_params(
            evaluated=getattr(arguments, "transport_type", None) == "eval"
        ),
        **{"enable_tracing": tracing(), **worker_options},
    )
    tell_only_whom_it_concerns(worker)
    runner = WorkerRunner(handle_sigint=arguments.handle_sigint)
    _guard_sinks(session, worker, runner)
    await runner.add_workers(worker, *helpers)
    session.client.attach(worker, greet=greet)
    connection = None if session.tracks else getattr(arguments, "webrtc_connection", None)
    session.line.attach(worker, connection)  # a room of several does not wait for one of them
    keypad = Keypad(session)
    keypad.attach(worker, parts_of(pipeline))
    session.transfer.attach(worker, pipeline)  # after the keypad: a person's caller keys nothing in
    logger.info(f"Session {session.id}: {session.bot} under {session.policy.name}")
    if session.keeper:
        session.keeper.start()

    async def say_goodbye() -> None:
        session.cost.on_the_line(session.clock.now())
        await session.notify("cost", **costs(session.cost))
        await session.notify("ended", reason=session.watchdog.reason)
        await worker.queue_frame(EndFrame(reason=session.watchdog.reason))

    async def close() -> None:
        for end in (session.transport.input(), session.transport.output()):
            await end.cleanup()

    lost = True
    try:
        await session.watchdog.watch(runner, ask=say_goodbye, close=close)
        lost = False
    finally:
        keypad.close()
        await _settle(session, lost=lost)


async def _begin_record(session: "Session") -> None:
    await session.recording.start()
    policy = session.policy
    session.recording.event(
        "session.cast",
        live=sorted(session.live),
        rehearsed=sorted(session.rehearsal),
        castings=session.cost.castings,
        door=session.cost.door,
        sealed=policy.sealed,
        redacts=policy.redact,
        retention_days=policy.retention_days,
        consent_needed=sorted(policy.consent),
    )
    open_books(session)


def _observers(session: "Session", pipeline: Pipeline) -> list[BaseObserver]:
    """Everybody who watches, in the order in which they are told."""
    watching = [*session.observers, session.waterfall, session.meter, session.cost]
    silence = Silence(say=session.say, transcribed=bool(session.ears))
    watching += [session.watchdog, silence, session.transfer.make_hold()]
    if session.phi:
        watching.append(PromptWatcher(session.phi))
    if session.recording.recorder:
        watching.append(session.recording.recorder)
    if keeper := keep(session, pipeline):
        session.keeper = keeper
        session.opening.on_heard.append(keeper.touch)
        watching.append(keeper)
        watch_store(session)
    return watching


def _guard_sinks(session: "Session", worker: PipelineWorker, runner: WorkerRunner) -> None:
    if not (phi := session.phi):
        return
    for part in parts_of(worker.pipeline):
        guard_pushes(part, phi=phi, policy=session.policy, ledger=session.ledger)
    guard_client(worker.rtvi, phi=phi, ledger=session.ledger)
    guard_door(session.transport.output(), phi=phi)
    guard_bus(runner.bus, phi=phi)


async def _settle(session: "Session", *, lost: bool) -> None:
    """Write down what is left to be written, and let go of everything."""
    if session.keeper:
        await session.keeper.close(over=not lost and not session.watchdog.hung_up, lost=lost)
    if session.phi:
        # On the sealed tape only: an open copy is made with the same surrogates.
        session.recording.event("phi.vault", entries=[asdict(e) for e in session.phi.vault])
    if session.guesses.made:
        session.recording.event(
            "speculation", answers=session.guesses.summary(), tools=session.prefetch.summary()
        )
    close_books(session)
    session.line.close()
    await session.transfer.close()
    session.front_desk.clear()
    await session.recording.close()
    logger.info(f"Session {session.id}: over ({session.watchdog.reason or 'it ended itself'})")


def parts_of(processor: FrameProcessor) -> Iterator[FrameProcessor]:
    """A processor and all that are in it, in their order."""
    yield processor
    for part in processor.processors:
        yield from parts_of(part)

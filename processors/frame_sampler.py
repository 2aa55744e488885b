"""Look at the right moment."""

import asyncio
import re
from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from loguru import logger
from pipecat.frames.frames import (
    Frame,
    FunctionCallResultFrame,
    FunctionCallsStartedFrame,
    InputImageRawFrame,
    InterimTranscriptionFrame,
    MetricsFrame,
    StartFrame,
    TranscriptionFrame,
    UserImageRawFrame,
    UserImageRequestFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.metrics.metrics import MetricsData
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from sessions import Session
from sessions.evidence import Evidence
from sessions.fusion import tell_seen
from sessions.vision.budget import Budget
from sessions.vision.develop import Developed, develop
from sessions.vision.eye import SCREEN_VIDEO, Exposure, Eye, Sample
from sessions.vision.ocr import available, prepare
from sessions.vision.pace import Pace, Rates
from sessions.vision.picture import LONGEST, QUALITY, gray_of, gray_of_jpeg, luma_of, rgb_of
from sessions.vision.pool import vision_pool
from sessions.vision.privacy import picture_rules, require_image_privacy

REFERRING = (
    "look,see,show,showing,here,this,that,these,those,watch,camera,screen,picture,holding,color,"
    "colour,behind,wearing,reading,schau,sieh,hier,das,dies,mira,esto,esta,aquí,regarde,ici,ceci"
).split(",")
"""Words of a caller who speaks of what is to be seen."""

MAX_AGE = 3.0
"""Seconds. A picture is renewed when the caller stops speaking and when a tool is called."""
FRESH_NS = 700_000_000
"""A younger picture is not taken anew because the caller has spoken or a tool was called."""
AGED_NS = 1_500_000_000
"""An inference waits for a picture that is newer than this, if its source still shows something."""
LOOK_SECS = 2.0
WATCH_STILL, WATCH_MOVING = 5, 15
"""Frames a second asked of a transport that converts what it passes on; 5 see a change in 0.2 s."""
STEADY_NS = 2_000_000_000
WRONG_NS, UNSURE_SECS = 20_000_000, 0.05
"""A picture whose time turns out wrong by more is let go; what may be wrong counts as its age."""
UNCOLLECTED = 8
ROUTINE = ("still", "moving", "talking")


class VisionEncodeMetricsData(MetricsData):
    """What it took to make a picture.

    Parameters:
        vision_encode_ms: From the frame to the picture: waiting, resizing, privacy, encoding.
        source: ``"camera"``, ``"screen"``.
        size: Bytes of the JPEG.
    """

    vision_encode_ms: float
    source: str
    size: int


class FrameSampler(FrameProcessor):
    """Takes video out of the stream and keeps the few pictures that are worth a model's look.

    A picture is taken when something changes, while something moves (2.5 a second), when the caller
    refers to what is seen or stops speaking, when a tool is called, on request, and of a still scene
    every 5 s. Models are shown the newest one of each source with every inference (see
    :mod:`sessions.fusion`), never one older than ``max_age``. Stands behind the ears, so that it
    hears the words.

    Frame input/output::

        UserImageRawFrame (30 a second) -> nothing; with early fusion UserImageRawFrame (JPEG)
        everything else                 -> as it is

    Event handlers available:

    - on_sampled(sampler, sample): a :class:`sessions.vision.eye.Sample` was taken; the same ones,
      at the same time, in a replay.
    """

    def __init__(
        self,
        session: Session,
        *,
        rates: Rates | None = None,
        budget: Budget | None = None,
        early: bool | None = None,
        max_age: float = MAX_AGE,
        longest: int = LONGEST,
        quality: int = QUALITY,
        referring: Iterable[str] = REFERRING,
        **kwargs,
    ):
        """Initialize the sampler.

        Args:
            session: Whose pictures they are.
            rates: How often each source is looked at.
            budget: What pictures may cost; of all sources together.
            early: Whether pictures are handed on as they come (early fusion), for a realtime core
                that takes them; by default if one was cast.
            max_age: Seconds after which a picture is no longer shown.
            longest: Pixels of the longer side of a picture.
            quality: Of its JPEG, 1 to 100.
            referring: Words on which to look at once.
            **kwargs: Additional arguments passed to the parent FrameProcessor.

        Raises:
            PolicyError: The policy hides what is seen, and the means are not installed.
        """
        super().__init__(**kwargs)
        require_image_privacy(session.policy)
        self.budget = budget or Budget()
        session.cost.savers.append(("fewer pictures are looked at", self.budget.save))
        self._session, self._clock = session, session.clock
        self._rates = rates or Rates()
        self._early = session.realtime if early is None else early
        self._max_age, self._longest, self._quality = max_age, longest, quality
        words = "|".join(map(re.escape, referring))
        self._referring = re.compile(rf"\b({words})\b", re.IGNORECASE) if words else None
        self._eyes: dict[tuple[str, str], Eye] = {}
        self._gated = False
        # Frames the door was told to pass on: their eye, stamp and reason, by source and pts.
        self._chosen: OrderedDict[tuple[str, Any], tuple[Eye, int, int, str]] = OrderedDict()
        self._taken = 0
        self._unread: set[str | None] = set()
        self._register_event_handler("on_sampled")
        session.recording.own_pictures()
        session.evidence.add(self._now_seen, freshen=self._freshen)
        session.evidence.watchers.append(self._count)

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        """Take pictures out of the stream; see and hear what the rest says of the moment."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputImageRawFrame):
            if not getattr(frame, "request", None):
                self._came(frame)
                return
            if picture_rules(self._session):
                logger.warning("A picture asked for with UserImageRequestFrame is withheld")
                return
        await self.push_frame(frame, direction)
        if isinstance(frame, StartFrame):
            self.create_task(self._begin())
        elif isinstance(frame, VADUserStartedSpeakingFrame):
            self._speaks(True)
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            self._speaks(False)
        elif isinstance(frame, (TranscriptionFrame, InterimTranscriptionFrame)):
            if self._referring and self._referring.search(frame.text):
                self._renew()
        elif isinstance(
            frame, (UserStoppedSpeakingFrame, FunctionCallsStartedFrame, FunctionCallResultFrame)
        ):
            self._renew()
        elif isinstance(frame, UserImageRequestFrame):  # answered with the next frame that comes
            for eye in self._eyes.values():
                eye.pace.asked = True

    async def look(self, source: str = "camera", *, within: float = LOOK_SECS) -> Evidence | None:
        """Take a picture now.

        Args:
            source: ``"camera"`` or ``"screen"``.
            within: Seconds to wait for it.

        Returns:
            The picture; None if the source shows nothing.
        """
        eye = next((eye for eye in self._eyes.values() if eye.name == source), None)
        if eye is None:
            return None
        try:
            return (await asyncio.wait_for(eye.next(), within)).evidence
        except TimeoutError:
            return None

    async def cleanup(self):
        """Let go of the door."""
        await super().cleanup()
        if self._gated:
            self._session.gate_pictures(None)

    async def _begin(self) -> None:
        self._gated = self._session.gate_pictures(self._wants)
        if self._gated:
            for source in self._session.sees:
                # The gate chooses; what it lets through must not be thinned out again.
                await self._drive("", source, None)
        await vision_pool().warm()
        replayed = self._session.recording.replayed
        if self._session.policy.redact and available() and not replayed:
            await vision_pool().run(prepare)

    def _eye(self, user_id: str, source: str, name: str = "") -> Eye:
        eye = self._eyes.get((user_id, source))
        if eye is None:
            kind = "screen" if source == SCREEN_VIDEO else source
            same = sum(1 for known in self._eyes.values() if known.source == source)
            name = name or (f"{kind} {same + 1}" if same else kind)
            eye = self._eyes[user_id, source] = Eye(name, user_id, source, Pace(self._rates))
        return eye

    def _wants(self, source: str, frame: Any) -> bool:
        """Whether the door should convert a decoded ``av.VideoFrame`` and pass it on."""
        eye = self._eye("", source)
        now_ns = self._clock.now_ns()
        sent_ns = None if frame.time is None else int(frame.time * 1e9)
        at_ns = eye.stamps.of(now_ns, sent_ns)
        if eye.newest and eye.stamps.mended_ns - eye.mended_ns > WRONG_NS:
            self._forget(eye)
        if now_ns - at_ns > self._max_age * 1e9 or not eye.pace.due(now_ns):
            return False
        why = self._decide(eye, luma_of(frame), now_ns)
        if why:
            self._chosen[source, frame.pts] = (eye, at_ns, eye.stamps.mended_ns, why)
            while len(self._chosen) > UNCOLLECTED:
                self._chosen.popitem(last=False)
        return bool(why)

    def _came(self, frame: InputImageRawFrame) -> None:
        source, now_ns = frame.transport_source or "camera", self._clock.now_ns()
        if taped := frame.metadata.get("picture"):
            eye = self._eye(taped["eye"], source, taped["eye"])
            if not frame.image:
                self._forget(eye)
                return
            exposure = Exposure(frame.image, frame.size, taped["at_ns"], taped["why"], taped["id"])
            self._expose(eye, replace(exposure, cleared=taped["cleared"]))
        elif self._gated:
            if chosen := self._chosen.pop((source, frame.pts), None):
                eye, at_ns, mended_ns, why = chosen
                exposure = Exposure(frame.image, frame.size, at_ns, why, mended_ns=mended_ns)
                self._expose(eye, exposure)
        elif frame.format != "RGB":
            if frame.format not in self._unread:
                logger.warning(f"Pictures in the form {frame.format} are not looked at; RGB is")
            self._unread.add(frame.format)
        else:
            eye = self._eye(getattr(frame, "user_id", ""), source)
            if not eye.pace.due(now_ns):
                return
            why = self._decide(eye, gray_of(rgb_of(frame.image, frame.size)), now_ns)
            if why:
                self._expose(eye, Exposure(frame.image, frame.size, now_ns, why))
            self._set_rate(eye, now_ns)

    def _forget(self, eye: Eye) -> None:
        """The last picture is older than it was believed to be."""
        eye.newest = None
        self._session.recording.event("picture.forgotten", source=eye.name)

    def _decide(self, eye: Eye, gray, now_ns: int) -> str:
        why = eye.pace.look(gray, now_ns)
        if not why or not self.budget.take(now_ns, routine=why in ROUTINE):
            return ""
        eye.pace.kept(now_ns, why)
        return why

    def _expose(self, eye: Eye, exposure: Exposure) -> None:
        eye.exposed = exposure
        if not eye.developing:
            eye.developing = True
            self.create_task(self._develop(eye), f"{self.name}::{eye.name}")

    async def _develop(self, eye: Eye) -> None:
        try:
            while (exposed := eye.exposed) is not None:
                eye.exposed = None
                began_ns = self._clock.now_ns()
                try:
                    picture = await self._picture(eye, exposed)
                except Exception as error:  # fail closed: what could not be cleared is not shown
                    logger.error(f"A picture of the {eye.name} is withheld: {type(error).__name__}")
                    self._session.recording.event("picture.withheld", source=eye.name)
                    continue
                await self._show(eye, exposed, picture, (self._clock.now_ns() - began_ns) / 1e6)
        finally:
            eye.developing = False

    async def _picture(self, eye: Eye, exposed: Exposure) -> Developed:
        if exposed.id:  # it was developed before it was taped
            gray = await vision_pool().run(gray_of_jpeg, exposed.image)
            return Developed(exposed.image, exposed.size, exposed.cleared, Counter(), None, gray)
        rules = picture_rules(self._session)
        if rules is None or exposed.size != eye.size:
            eye.memory = None
        picture = await vision_pool().run(
            develop,
            exposed.image,
            exposed.size,
            self._longest,
            self._quality,
            rules,
            eye.memory,
            exposed.at_ns,
        )
        eye.size, eye.memory = exposed.size, picture.memory
        return picture

    async def _show(self, eye: Eye, exposed: Exposure, picture: Developed, took_ms: float) -> None:
        self._taken += 1
        mended_ns = eye.stamps.mended_ns - exposed.mended_ns
        evidence = Evidence(
            id=exposed.id or f"{eye.name.replace(' ', '')}-{self._taken}",
            source=eye.name,
            at_ns=exposed.at_ns - mended_ns,
            image=picture.jpeg,
            cleared=picture.cleared,
            max_age=self._max_age - UNSURE_SECS,
        )
        hides = picture.memory is not None and picture.memory.screen is not None
        raw = None if exposed.id or hides else (exposed.image, exposed.size)
        sample = Sample(
            evidence, picture.size, exposed.why, picture.gray, picture.memory, raw, eye.user_id
        )
        if picture.counts:
            self._session.ledger.note("picture", picture.counts)
        self._session.recording.picture(evidence, size=picture.size, why=exposed.why)
        eye.took(sample)
        await self._call_event_handler("on_sampled", sample)
        if self._early:
            await self._hand_on(eye, sample)
        metrics = VisionEncodeMetricsData(
            processor=self.name,
            vision_encode_ms=round(took_ms, 2),
            source=eye.name,
            size=len(picture.jpeg),
        )
        await self.push_frame(MetricsFrame(data=[metrics]))

    async def _hand_on(self, eye: Eye, sample: Sample) -> None:
        evidence = sample.evidence
        now_ns = self._clock.now_ns()
        if not evidence.image or now_ns - evidence.at_ns > self._max_age * 1e9:
            return
        if self.budget.affordable == 0:
            return
        frame = UserImageRawFrame(
            image=evidence.image, size=sample.size, format="JPEG", user_id=eye.user_id
        )
        frame.transport_source = eye.source
        self._session.evidence.shown(evidence)
        tell_seen(self._session, [evidence], now_ns)
        await self.push_frame(frame)

    def _speaks(self, begins: bool) -> None:
        for eye in self._eyes.values():
            eye.pace.talking = begins
        self._renew()

    def _renew(self) -> None:
        now_ns = self._clock.now_ns()
        for eye in self._eyes.values():
            if eye.age_ns(now_ns) > FRESH_NS:
                eye.pace.asked = True

    def _now_seen(self, now_ns: int) -> list[Evidence]:
        newest = [eye.newest.evidence for eye in self._eyes.values() if eye.newest]
        return newest[: self.budget.affordable] if not self._early else []

    async def _freshen(self, now_ns: int) -> None:
        """Wait for the eyes whose last picture has aged, but not again for one that has closed."""
        if self._early:
            return
        old = [eye for eye in self._eyes.values() if eye.age_ns(now_ns) > AGED_NS]
        old = [eye for eye in old if not eye.silent]
        for eye in old:
            eye.silent = True  # until a picture comes
        if old:
            await asyncio.gather(*(eye.next() for eye in old))

    def _count(self, piece: Evidence) -> None:
        if piece.image:
            self.budget.shown()

    def _set_rate(self, eye: Eye, now_ns: int) -> None:
        wanted = WATCH_MOVING if eye.pace.moving else WATCH_STILL
        rate, since_ns = eye.rate
        if wanted != rate and (not rate or now_ns - since_ns > STEADY_NS):
            eye.rate = (wanted, now_ns)
            self.create_task(self._drive(eye.user_id, eye.source, wanted))

    async def _drive(self, user_id: str, source: str, framerate: int | None) -> None:
        capture = getattr(self._session.transport, "capture_participant_video", None)
        if capture:
            await capture(user_id, framerate=framerate, video_source=source)

"""Structured data, the fourth stream: what a device measures, beside voice, video and screen.

Readings come from the operator's devices (HTTP or WebSocket, see ``serving/readings.py``), from
the caller's own page or app (client message ``readings``), and from the session's own observers.
The model is shown the newest of each name with every inference, with its unit and age: those of an
authorised sender as ground truth, a client's as data.
"""

import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from loguru import logger
from pydantic import (
    AllowInfNan,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    TypeAdapter,
    ValidationError,
)

from sessions.evidence import Evidence

if TYPE_CHECKING:
    from sessions.session import Session

# A vital-signs monitor sends some five values a second; ten times that is a fault or an attack.
PER_SECOND = 50
BURST = 200
MOST_AT_ONCE = 100
MOST_NAMES = 64
HISTORY = 256  # of each name
# Taken as they are; another unit is read as text, and may be somebody's name.
UNITS = frozenset(
    "/min bpm % mmHg cmH2O °C °F C F K mg/dl mmol/l kg g mg ml l mm cm m km s ms min h Hz kHz rpm "
    "V mV A mA W kW Pa hPa kPa bar psi dB lx ppm m/s km/h words/s".split()
)
# Older than this, a reading says nothing about the moment.
STALE_SECS = 120.0

Number = Annotated[StrictFloat, AllowInfNan(False)]


class ReadingIn(BaseModel):
    """A reading as it is sent.

    Parameters:
        reading: What is measured, such as ``"heart rate"``.
        value: A number, a state or a switch.
        unit: Of the value, such as ``"/min"``.
        sent: The sender's own time, kept as it is: their clock is not the session's.
        confidence: 0 to 1.
    """

    model_config = ConfigDict(extra="forbid")

    reading: str = Field(min_length=1, max_length=40, pattern=r"^[\w][\w .,()/%-]*$")
    value: StrictBool | Number | Annotated[str, Field(max_length=80)]
    unit: str = Field("", max_length=16)
    sent: Annotated[str, Field(max_length=40)] | Number | None = None
    confidence: float = Field(1.0, ge=0, le=1)


BATCH = TypeAdapter(list[ReadingIn])


@dataclass(frozen=True, slots=True)
class Reading:
    """One value at one time.

    Parameters:
        name: What is measured.
        value: A number, a state or a switch.
        unit: Of the value.
        at_ns: When it reached the process, on the session's clock.
        source: Who says so: ``"monitor"``, ``"client"``, ``"voice"``, ``"face"``.
        confidence: 0 to 1.
        trusted: Whether it came from an authorised sender.
        sent: The sender's own time, as sent.
    """

    name: str
    value: float | bool | str
    unit: str
    at_ns: int
    source: str
    confidence: float = 1.0
    trusted: bool = False
    sent: str | float | None = None

    def words(self, now_ns: int) -> str:
        """What the model reads: value, unit, age, source, and the doubt if there is any."""
        value = f"{self.value:g}" if type(self.value) in (int, float) else str(self.value)
        age = f"{max(0, now_ns - self.at_ns) / 1e9:.1f} s ago"
        doubt = "" if self.confidence >= 1 else f", confidence {self.confidence:.2f}"
        return f"{self.name}: {value}{self.unit and ' ' + self.unit} ({age}, {self.source}{doubt})"


OnReading = Callable[[Reading], object]

_sessions: weakref.WeakValueDictionary[str, "Readings"] = weakref.WeakValueDictionary()


def readings_of(session_id: str) -> "Readings | None":
    """The readings of a session that runs in this process."""
    return _sessions.get(session_id)


class Readings:
    """The readings of one session."""

    def __init__(self, session: "Session"):
        """Take readings from now on, and show them to every model.

        Args:
            session: Its clock stamps them, its tape keeps what was pushed.
        """
        self._session = session
        self._now_ns = session.clock.now_ns
        self._latest: dict[str, Reading] = {}
        self._history: dict[str, deque[Reading]] = {}
        self._tokens, self._refilled_ns = float(BURST), 0
        self.watchers: list[OnReading] = []
        self.refused = 0
        session.evidence.add(self._evidence)
        session.client.on("readings", self._from_client)
        _sessions[session.id] = self

    def latest(self, name: str) -> Reading | None:
        """The newest reading of a name."""
        return self._latest.get(name)

    def history(self, name: str) -> list[Reading]:
        """The last readings of a name, oldest first."""
        return list(self._history.get(name, ()))

    def push(self, batch: Any, *, source: str, at_ns: int | None = None) -> int:
        """Take readings from an authorised sender.

        Args:
            batch: JSON: one reading or a list, see :class:`ReadingIn`.
            source: The sender, as the model is told.
            at_ns: When they came; now, except in a replay.

        Returns:
            How many were taken; the rest came too fast or under too many names.

        Raises:
            ValueError: What is wrong with which of them, without their values.
        """
        sent = checked(batch)
        at_ns = self._now_ns() if at_ns is None else at_ns
        self._session.recording.event("readings.pushed", source=source, at_ns=at_ns, batch=batch)
        return self._take(sent, at_ns, source=source, trusted=True)

    def add(self, reading: Reading) -> None:
        """Take a reading that was made in this process."""
        self._latest[reading.name] = reading
        self._history.setdefault(reading.name, deque(maxlen=HISTORY)).append(reading)
        for tell in self.watchers:
            tell(reading)

    def _take(self, sent: Iterable[ReadingIn], now_ns: int, *, source: str, trusted: bool) -> int:
        taken = 0
        for one in sent:
            name, value = self._clean(one.reading), self._clean(one.value)
            unit = one.unit if one.unit in UNITS else self._clean(one.unit)
            if not self._may(name, now_ns):
                self.refused += 1
                continue
            taken += 1
            known = self._latest.get(name)
            if known and known.trusted and not trusted:
                name = f"{name} ({source})"  # ground truth is not overwritten by a client
            self.add(Reading(name, value, unit, now_ns, source, one.confidence, trusted, one.sent))
        return taken

    def _clean(self, value: Any) -> Any:
        phi = self._session.phi
        return phi.scrub(phi.redact(value).text) if phi and isinstance(value, str) else value

    def _may(self, name: str, now_ns: int) -> bool:
        self._tokens += max(0, now_ns - self._refilled_ns) / 1e9 * PER_SECOND
        self._tokens, self._refilled_ns = min(self._tokens, BURST), now_ns
        if self._tokens < 1 or (name not in self._latest and len(self._latest) >= MOST_NAMES):
            return False
        self._tokens -= 1
        return True

    async def _from_client(self, data: Mapping[str, Any]) -> None:
        try:
            sent = checked(data.get("readings"))
            self._take(sent, self._now_ns(), source="client", trusted=False)
        except ValueError as error:
            logger.warning(f"A client's readings were refused: {error}")

    def _evidence(self, now_ns: int) -> list[Evidence]:
        fresh = [r for r in self._latest.values() if now_ns - r.at_ns <= STALE_SECS * 1e9]
        out = []
        for trusted, source in ((True, "readings"), (False, "unverified readings")):
            those = [r for r in fresh if r.trusted is trusted]
            if those:
                newest = max(r.at_ns for r in those)
                text = "\n".join(r.words(now_ns) for r in those)
                out.append(
                    Evidence(f"readings-{newest}", source, newest, text=text, trusted=trusted)
                )
        return out


def checked(batch: Any) -> list[ReadingIn]:
    """The readings of a JSON value.

    Raises:
        ValueError: It holds something else; the message names fields and never values.
    """
    many = batch if isinstance(batch, list) else [batch]
    if len(many) > MOST_AT_ONCE:
        raise ValueError(f"{MOST_AT_ONCE} readings at a time are taken. Send the rest after them.")
    try:
        return BATCH.validate_python(many)
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in wrong["loc"])
        raise ValueError(
            f"Reading {where} is wrong: {wrong['msg']}. Send "
            '{"reading": "heart rate", "value": 72, "unit": "/min"}.'
        ) from None

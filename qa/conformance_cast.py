"""What the conformance kit plays: every processor, tool and service of the house, and how each is built."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from pipecat.processors.frame_processor import FrameProcessor

import processors
import tools
from processors.event_trigger import EventTrigger
from processors.frame_sampler import FrameSampler
from processors.interpreting import Interpreter, Tongue
from processors.language_switch import LanguageSwitch
from processors.meeting.agenda import Agenda, agenda_of
from processors.meeting.secretary import Secretary
from processors.meeting.tracks import Tracks
from processors.moderation import Moderation
from processors.screen_reader import ScreenReader
from processors.watches import Motion
from services import llm, stt

EARS, MIND, VOICE = (
    "deepgram/nova-3",
    "anthropic/claude-sonnet-4-6",
    "71a7ad14-091c-4e8e-a314-022ece01c121",
)
SERVICES = (
    f"stt:{EARS}",
    "stt:deepgram/flux-general-en",
    f"llm:{MIND}",
    f"tts:cartesia/{VOICE}",
    "tts:elevenlabs/21m00Tcm4TlvDq8ikWAM",
)


def _eyed(session: Any) -> list:
    eyes = FrameSampler(session)
    return [eyes, EventTrigger(session, [Motion(name="something has moved")], eyes=eyes)]


def _reader(session: Any) -> list:
    eyes = FrameSampler(session)
    return [eyes, ScreenReader(session, eyes=eyes)]


def _tracks(session: Any) -> Tracks:
    return Tracks(session, lambda: stt(session, EARS))


def _interpreter(session: Any) -> Interpreter:
    return Interpreter(session, {"en": Tongue("English", VOICE), "de": Tongue("German", VOICE)})


def _secretary(session: Any) -> Secretary:
    agenda = Agenda(session, agenda_of({}))
    return Secretary(session, llm(session, MIND), _tracks(session), agenda)


def _look(session: Any) -> Any:
    from tools.look import look

    return look(FrameSampler(session))


def _alert(session: Any) -> Any:
    from tools.alerts import Alerts

    session.rehearsal.add("deepgram")  # it alerts nobody then
    return Alerts(session).tool()


def _minutes(session: Any) -> Any:
    from tools.minutes import minutes_by

    return minutes_by(_secretary(session).take)


def _delegate(session: Any) -> Any:
    from tools.delegate import Peer, delegate

    return delegate({"retrieval": Peer(url="http://127.0.0.1:9/retrieval", about="looks up.")})


def _served(server: str) -> Callable[[Any], Any]:
    async def tools_of(_session: Any) -> list:
        from tools.mcp_client import served_by

        return await served_by(server)

    return tools_of


RECIPES: dict[str, Callable[[Any], Any]] = {
    "processors.event_trigger:EventTrigger": _eyed,
    "processors.interpreting:Interpreter": _interpreter,
    "processors.language_switch:LanguageSwitch": lambda _session: LanguageSwitch(
        {"en": VOICE, "de": VOICE}, first="en"
    ),
    "processors.meeting.agenda:Agenda": lambda session: Agenda(session, agenda_of({})),
    "processors.meeting.secretary:Secretary": _secretary,
    "processors.meeting.tracks:Tracks": _tracks,
    "processors.moderation:Moderation": lambda session: Moderation(session, _tracks(session)),
    "processors.rendering:Heard": lambda session: _interpreter(session).heard,
    "processors.rendering:Terms": lambda session: _interpreter(session).terms,
    "processors.screen_reader:ScreenReader": _reader,
    "tools.alerts:Alerts": _alert,
    "tools.delegate:delegate": _delegate,
    "tools.look:look": _look,
    "tools.minutes:minutes_by": _minutes,
    **{f"tools.servers.{name}:server": _served(name) for name in ("catalog", "records", "sensors")},
    **{f"tools.servers.{name}:server": _served(name) for name in ("appointments", "tickets")},
}


def house_targets() -> list[str]:
    """Every processor, tool and service there is."""
    return [*house_processors(), *house_tools(), *SERVICES]


def house_processors() -> list[str]:
    """Every processor class in ``processors``."""
    return [
        f"{module.__name__}:{name}"
        for module in _modules(processors)
        for name, what in vars(module).items()
        if inspect.isclass(what)
        and issubclass(what, FrameProcessor)
        and what.__module__ == module.__name__
    ]


def house_tools() -> list[str]:
    """Every direct function in ``tools``, and what makes the others."""
    direct = [
        f"{module.__name__}:{name}"
        for module in _modules(tools)
        for name, what in vars(module).items()
        if inspect.iscoroutinefunction(what)
        and what.__module__ == module.__name__
        and next(iter(inspect.signature(what).parameters), "") == "params"
    ]
    return [*direct, *(target for target in RECIPES if target.startswith("tools."))]


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if ".servers" not in module.name:
            yield importlib.import_module(module.name)

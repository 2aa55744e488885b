r"""Cast a session's ears, mind and mouth from one string each.

A casting is written in one of two ways::

    vendor/model                          deepgram/nova-3-medical
    protocol+http://host:port/path#model  openai+http://gpu-box:8000/v1#Qwen/Qwen3-VL-8B-Instruct

The second reaches any server that speaks ``openai`` or ``anthropic``: vLLM, llama.cpp, Ollama,
a gateway. A server in the house counts as ``on-prem`` and needs no agreement; its key, if it
wants one, is ``ON_PREM_API_KEY``. A public host goes by its own name: ``OPENROUTER_AI_API_KEY``.

===========  ====================================================================================
``stt``      ``deepgram/<model>``, ``deepgram/flux-...``, ``openai/<model>``, ``openai+http://...``
``llm``      ``anthropic/<model>``, ``openai/<model>``, ``google/<model>``, ``openai+http://...``,
             ``anthropic+http://...``
``tts``      ``cartesia/<voice>``, ``elevenlabs/<voice>``
``speech``   ``openai/<model>``, ``google/<model>``: realtime cores
===========  ====================================================================================
"""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from pipecat.metrics.metrics import MetricsData
from pipecat.services.ai_service import AIService
from pipecat.services.llm_service import LLMService

from services.addresses import Address, CastingError, is_rehearsed, resolve
from services.spare import Duty, Relay
from sessions.metrics import otel

REHEARSAL = "rehearsal"

_FORMS = {
    "stt": ("deepgram/<model>", "openai/<model>", "openai+http://host:port/v1#<model>"),
    "llm": (
        "anthropic/<model>",
        "openai/<model>",
        "google/<model>",
        "openai+http://host:port/v1#<model>",
        "anthropic+http://host:port#<model>",
    ),
    "tts": ("cartesia/<voice-id>", "elevenlabs/<voice-id>"),
    "speech": ("openai/<model>", "google/<model>"),
}

# Each is imported when it is cast, so that a vendor's SDK costs only those who cast it.
_MODULES = {
    ("stt", "deepgram"): "services.ears_deepgram",
    ("stt", "openai"): "services.ears_whisper",
    ("llm", "anthropic"): "services.mind_anthropic",
    ("llm", "openai"): "services.mind_openai",
    ("llm", "google"): "services.mind_google",
    ("tts", "cartesia"): "services.mouth_cartesia",
    ("tts", "elevenlabs"): "services.mouth_elevenlabs",
    ("speech", "openai"): "services.core_openai",
    ("speech", "google"): "services.core_google",
}


def stt(session, name: str, *, eager: bool = False, spare: str = "", **settings) -> Any:
    """The ears: speech to text.

    Args:
        session: The session that will be heard.
        name: A casting; ``deepgram/flux-general-en`` takes turns by itself.
        eager: Whether Flux may report a predicted end of turn, answered ahead of the real one.
        spare: The casting of ears that hear what these do not: any that take whole utterances,
            ``openai/<model>`` or ``openai+http://...``. The two are then one
            :class:`services.spare.Relay`.
        **settings: Fields of the service's ``Settings``, such as ``keyterm=["lisinopril"]``.

    Raises:
        CastingError: When there is no such casting, or no way to reach it.
        PolicyError: When the session's policy does not allow it.
    """
    casting, address = _cast(session, name, stage="stt")
    if casting.is_flux:
        settings["eager"] = eager
    if spare and (casting.is_flux or parse(spare, stage="stt").protocol != "openai"):
        raise CastingError(
            f"{spare!r} cannot stand in for {name!r}. A spare of the ears hears whole utterances "
            "(openai/<model>, openai+http://...), and Flux, which takes turns itself, has none."
        )
    service = _module(casting, stage="stt").build(session, address, casting.model, **settings)
    _join(session, service, address, stage="stt", model=casting.model)
    if not spare:
        return service
    behind = stt(session, spare)
    behind.duty = Duty(service)
    return Relay(service, behind, behind.duty)


def llm(
    session,
    name: str,
    *,
    instruction: str | None = None,
    aloud: bool = True,
    spare: str = "",
    hedge_secs: float | None = None,
    **settings,
) -> Any:
    """The mind: a language model, with or without eyes, that streams text and calls tools.

    Args:
        session: The session it will think for.
        name: A casting.
        instruction: The system instruction.
        aloud: Whether the caller hears of it when an answer is late or fails. Not for a mind
            that works in the background.
        spare: The casting that takes the turns this one fails, and those of the next half
            minute. The two are then one :class:`services.spare.Relay`.
        hedge_secs: Seconds without a first token after which the same request is sent once more
            and the quicker answer taken; 0 sends two at once. It costs what it doubles.
        **settings: Fields of the service's ``Settings``, such as ``max_tokens=300``.

    Raises:
        CastingError: When there is no such casting, or no way to reach it.
        PolicyError: When the session's policy does not allow it.
    """
    casting, address = _cast(session, name, stage="llm")
    settings = {"model": casting.model, "system_instruction": instruction, **settings}
    service = _module(casting, stage="llm").build(session, address, **settings)
    service.aloud, service.hedge_secs = aloud, hedge_secs
    _join(session, service, address, stage="llm", model=casting.model)
    if not spare:
        return service
    behind = llm(session, spare, instruction=instruction, aloud=aloud)
    service.duty, behind.is_spare = Duty(service), True
    if session.cost.is_cheaper(behind.name, than=service.name):
        session.cost.savers.append(("a cheaper model answers", service.duty.stand_down))
    return Relay(service, behind, service.duty)


def tts(session, name: str, *, spare: str = "", **settings) -> Any:
    """The mouth: text to speech.

    Args:
        session: The session it will speak in.
        name: A casting; what follows the slash is the voice.
        spare: The casting of the voice that says what this one does not, and all there is to say
            while it rests. The two are then one :class:`services.spare.Relay`.
        **settings: Fields of the service's ``Settings``, such as ``model="sonic-3.6"``.

    Raises:
        CastingError: When there is no such casting, or no way to reach it.
        PolicyError: When the session's policy does not allow it.
    """
    casting, address = _cast(session, name, stage="tts")
    service = _module(casting, stage="tts").build(session, address, casting.model, **settings)
    _join(session, service, address, stage="tts", model=casting.model)
    if not spare:
        return service
    behind = tts(session, spare)
    service.spare, service.duty = behind, Duty(service)
    behind.duty = service.duty
    return Relay(service, behind, service.duty)


def speech(session, name: str, *, instruction: str | None = None, **settings) -> LLMService[Any]:
    """The realtime core: one model that hears and speaks, with no transcript in between.

    Args:
        session: The session it will talk in.
        name: A casting.
        instruction: The system instruction.
        **settings: Fields of the service's ``Settings``.

    Raises:
        CastingError: When there is no such casting, or no way to reach it.
        PolicyError: When the session's policy does not allow it; one that redacts never does.
    """
    session.policy.require_cascade(name)
    casting, address = _cast(session, name, stage="speech")
    settings = {"model": casting.model, "system_instruction": instruction, **settings}
    service = _module(casting, stage="speech").build(session, address, **settings)
    _join(session, service, address, stage="speech", model=casting.model)
    return service


@dataclass(frozen=True)
class Casting:
    """A casting string, taken apart.

    Parameters:
        protocol: The vendor whose protocol is spoken.
        model: The model or voice.
        url: The endpoint it names, or empty for the vendor's own.
    """

    protocol: str
    model: str
    url: str = ""

    @property
    def is_flux(self) -> bool:
        """Whether it is Deepgram's model that takes turns by itself, on a wire of its own."""
        return self.protocol == "deepgram" and self.model.startswith("flux")


def parse(name: str, *, stage: str) -> Casting:
    """Take a casting string apart.

    Args:
        name: ``vendor/model`` or ``protocol+http://host:port/path#model``.
        stage: ``"stt"``, ``"llm"``, ``"tts"`` or ``"speech"``.

    Raises:
        CastingError: When no such form exists for the stage; the message lists those that do.
    """
    forms = _FORMS[stage]
    if "://" in name:
        protocol, _, url = name.partition("+")
        url, _, model = url.partition("#")
        casting, form = Casting(protocol, model, url), f"{protocol}+http"
    else:
        protocol, _, model = name.partition("/")
        casting, form = Casting(protocol, model), f"{protocol}/"
    if casting.protocol and casting.model and any(known.startswith(form) for known in forms):
        return casting
    raise CastingError(f"There is no {stage} {name!r}. There is {', '.join(forms)}.")


def rehearsed_vendors(castings: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The vendors of these castings that would be rehearsed, as the environment is now.

    Args:
        castings: Pairs of a stage and a casting string.
    """
    vendors = set()
    for stage, name in castings:
        casting = parse(name, stage=stage)
        if not casting.url and is_rehearsed(casting.protocol, stage=stage):
            vendors.add(casting.protocol)
    return tuple(sorted(vendors))


def preload(castings: Iterable[tuple[str, str]]) -> None:
    """Import what these castings need, so that the first caller does not wait for it.

    Args:
        castings: Pairs of a stage and a casting string.
    """
    for stage, name in castings:
        _module(parse(name, stage=stage), stage=stage)


def _module(casting: Casting, *, stage: str) -> ModuleType:
    flux = stage == "stt" and casting.is_flux
    return import_module("services.ears_flux" if flux else _MODULES[(stage, casting.protocol)])


def _join(session, service: AIService, address: Address, *, stage: str, model: str) -> None:
    session.cost.castings[service.name] = f"{stage}/{address.vendor}/{model}"
    otel.cast(service, address.vendor, model)
    if address.rehearsed:  # its figures measure a script, and must not be read as the model's
        service.set_core_metrics_data(MetricsData(processor=service.name, model=REHEARSAL))
    session.adopt(service, stage=stage)


def _cast(session, name: str, *, stage: str) -> tuple[Casting, Address]:
    casting = parse(name, stage=stage)
    address = resolve(casting.protocol, session=session, stage=stage, url=casting.url)
    if not address.rehearsed:
        session.live.add(address.vendor)
    return casting, address

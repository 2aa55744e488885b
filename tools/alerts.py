"""Tell somebody who is not on the call: by webhook or e-mail, with the picture."""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import json
import os
import smtplib
import socket
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from loguru import logger
from pipecat.services.llm_service import FunctionCallParams

from sessions import Session
from sessions.evidence import Evidence
from sessions.fusion import stale
from sessions.tool_boundary import side_effects
from sessions.untrusted import unprivileged

Severity = Literal["info", "warning", "critical"]

TRIES = 3
TIMEOUT_SECS = 5.0
BACKOFF_SECS = 0.5  # doubled each time
# A model that is deceived, or an event that repeats, fills nobody's inbox.
MOST_A_MINUTE = 6
WORTH_ANOTHER_TRY = (408, 425, 429)


class AlertError(ValueError):
    """Alerts cannot be sent as set. The message says what to change."""


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where alerts go.

    Parameters:
        webhook: An ``https`` URL of a public host, or any URL of a host in ``hosts``.
        secret: Signs what is posted, as Standard Webhooks has it: the headers ``webhook-id``,
            ``webhook-timestamp`` and ``webhook-signature`` (``v1,`` and the base64 of the
            HMAC-SHA256 of id, timestamp and body, with dots between).
        hosts: Hosts that may be reached without TLS or on a private address.
        email: Who gets an e-mail; empty for none.
        smtp: ``smtp://user:password@host:port`` (STARTTLS where the server has it), or ``smtps://``.
        sender: The e-mail's sender.
    """

    webhook: str = ""
    secret: str = field(default="", repr=False)
    hosts: frozenset[str] = frozenset()
    email: str = ""
    smtp: str = field(default="", repr=False)
    sender: str = "vivace@localhost"

    def __post_init__(self):
        if not self.webhook and not self.email:
            raise AlertError("Alerts have nowhere to go: set VIVACE_ALERT_WEBHOOK or _EMAIL.")
        if self.webhook:
            url = urlsplit(self.webhook)
            if url.hostname not in self.hosts and url.scheme != "https":
                raise AlertError(
                    f"Alerts go to https addresses. Use one, or name {url.hostname!r} in "
                    "VIVACE_ALERT_HOSTS."
                )
            if url.hostname not in self.hosts and _is_private(url.hostname or ""):
                raise AlertError(
                    f"{url.hostname!r} is no public address. Name it in VIVACE_ALERT_HOSTS if it "
                    "is yours."
                )
            if not self.secret:
                raise AlertError("Alerts are signed: set VIVACE_ALERT_SECRET for both ends.")
        if self.email and not self.smtp:
            raise AlertError("An e-mail needs a server: set VIVACE_SMTP_URL.")

    @classmethod
    def from_env(cls) -> "Destination":
        """What ``VIVACE_ALERT_*`` and ``VIVACE_SMTP_URL`` say."""
        env = os.environ.get
        return cls(
            webhook=env("VIVACE_ALERT_WEBHOOK", ""),
            secret=env("VIVACE_ALERT_SECRET", ""),
            hosts=frozenset(env("VIVACE_ALERT_HOSTS", "").replace(",", " ").split()),
            email=env("VIVACE_ALERT_EMAIL", ""),
            smtp=env("VIVACE_SMTP_URL", ""),
            sender=env("VIVACE_ALERT_SENDER", "vivace@localhost"),
        )


class Alerts:
    """Sends the alerts of one session."""

    def __init__(self, session: Session, *, to: Destination | None = None):
        """Initialize.

        Args:
            session: Its policy says what may leave.
            to: Where they go; from the environment when None. A rehearsal for which nothing is set
                there alerts nobody: the client is told, and the tape.

        Raises:
            AlertError: They have nowhere to go, or somewhere they may not.
        """
        self._session = session
        is_set = any(
            os.environ.get(name) for name in ("VIVACE_ALERT_WEBHOOK", "VIVACE_ALERT_EMAIL")
        )
        self._to = to
        if to is None and (is_set or not session.rehearsal):
            self._to = Destination.from_env()
        self._sent_at: deque[float] = deque(maxlen=MOST_A_MINUTE)
        self._count = 0

    async def send(
        self, text: str, *, severity: Severity = "warning", evidence: Evidence | None = None
    ) -> bool:
        """Send an alert, and try again if it does not get through.

        Args:
            text: What has happened; redacted if the policy says so.
            severity: How bad it is.
            evidence: Whose picture goes with it. Under a policy that hides what is seen, only a
                picture that went through image privacy does.

        Returns:
            Whether everyone it was meant for has it.
        """
        now = self._session.clock.now()
        if len(self._sent_at) == MOST_A_MINUTE and now - self._sent_at[0] < 60:
            logger.warning(f"More than {MOST_A_MINUTE} alerts a minute: this one is not sent")
            return False
        self._sent_at.append(now)
        self._count += 1
        alert = self._alert(text, severity, evidence)
        ways = []
        if self._to and self._to.webhook:
            ways.append(self._post(alert, self._to))
        if self._to and self._to.email:
            ways.append(self._mail(alert, self._to))
        arrived = all(await asyncio.gather(*ways))
        told = {"severity": severity, "sent": arrived and bool(ways), "rehearsed": not ways}
        self._session.recording.event("alert", id=alert["id"], frame=bool(alert["frame"]), **told)
        await self._session.notify("alert", **told)
        return arrived

    def tool(self) -> Callable:
        """The tool by which a model sends an alert. Its destination is not the model's choice."""

        @side_effects
        @unprivileged
        async def send_alert(params: FunctionCallParams, text: str, severity: Severity = "warning"):
            """Alert the people in charge about something that has been seen or measured.

            Args:
                text: What has happened, in one sentence.
                severity: info, warning or critical.
            """
            now_ns = self._session.clock.now_ns()
            seen = self._session.evidence.at(now_ns)
            picture = next((p for p in seen if p.image and not stale(p, now_ns)), None)
            arrived = await self.send(text, severity=severity, evidence=picture)
            status = "sent" if self._to else "rehearsed"
            result = {"status": status} if arrived else {"error": "The alert did not get through."}
            await params.result_callback(result)

        return send_alert

    def _alert(self, text: str, severity: str, evidence: Evidence | None) -> dict[str, Any]:
        session, phi = self._session, self._session.phi
        at_ns = evidence.at_ns if evidence else session.clock.now_ns()
        hides = session.policy.redact or session.policy.blur_faces
        shown = bool(evidence and evidence.image and (evidence.cleared or not hides))
        return {
            "id": f"{session.id}-{self._count}",
            "session": session.id,
            "bot": session.bot,
            "severity": severity,
            "text": phi.scrub(phi.redact(text).text) if phi else text,
            "at": (session.clock.started_at + timedelta(microseconds=at_ns // 1000)).isoformat(),
            "source": evidence.source if evidence else None,
            "frame": base64.b64encode(evidence.image).decode() if shown else None,  # type: ignore
        }

    async def _post(self, alert: dict[str, Any], to: Destination) -> bool:
        body = json.dumps(alert).encode()
        sent_at = self._session.clock.started_at.timestamp() + self._session.clock.now()
        stamp = str(int(sent_at))
        signed = b".".join((alert["id"].encode(), stamp.encode(), body))
        digest = hmac.new(to.secret.encode(), signed, hashlib.sha256).digest()
        headers = {
            "content-type": "application/json",
            "webhook-id": alert["id"],
            "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        }
        connector = aiohttp.TCPConnector(resolver=PublicResolver(allowed=to.hosts))
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECS)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
            for attempt in range(TRIES):
                if attempt:
                    await asyncio.sleep(BACKOFF_SECS * 2 ** (attempt - 1))
                try:
                    async with http.post(
                        to.webhook, data=body, headers=headers, allow_redirects=False
                    ) as answer:
                        if answer.status < 300:
                            return True
                        why = f"it answered {answer.status}"
                        if answer.status < 500 and answer.status not in WORTH_ANOTHER_TRY:
                            break
                except (aiohttp.ClientError, OSError, TimeoutError) as error:
                    why = type(error).__name__
        logger.error(f"An alert did not reach its webhook: {why}")
        return False

    async def _mail(self, alert: dict[str, Any], to: Destination) -> bool:
        if self._session.recording.replayed:
            return True  # what happened before is not told again
        message = EmailMessage()
        message["Subject"] = f"[{alert['severity']}] {alert['bot']}"
        message["From"], message["To"] = to.sender, to.email
        message["Message-ID"] = f"<{alert['id']}@vivace>"
        message.set_content(f"{alert['text']}\n\n{alert['at']}, session {alert['session']}\n")
        if alert["frame"]:
            picture = base64.b64decode(alert["frame"])
            message.add_attachment(picture, "image", "jpeg", filename="frame.jpg")
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(BACKOFF_SECS * 2 ** (attempt - 1))
            try:
                await asyncio.to_thread(_deliver, to.smtp, message)
                return True
            except (OSError, smtplib.SMTPException) as error:
                why = type(error).__name__
                if isinstance(error, smtplib.SMTPResponseException) and error.smtp_code >= 500:
                    break
        logger.error(f"An alert did not reach its mail server: {why}")
        return False


class PublicResolver(AbstractResolver):
    """Resolves names to public addresses only, and is asked at each connection: no rebinding."""

    def __init__(self, *, allowed: Collection[str] = ()):
        """Resolve.

        Args:
            allowed: Hosts that may lie on a private address.
        """
        self._resolver = ThreadedResolver()
        self._allowed = allowed

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host.

        Raises:
            OSError: One of them is not public.
        """
        found = await self._resolver.resolve(host, port, family)
        if host not in self._allowed and any(_is_private(entry["host"]) for entry in found):
            raise OSError(f"{host} leads to a private address")
        return found

    async def close(self) -> None:
        """Let go."""
        await self._resolver.close()


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))


def _deliver(url: str, message: EmailMessage) -> None:
    at = urlsplit(url)
    secure = at.scheme == "smtps"
    kind = smtplib.SMTP_SSL if secure else smtplib.SMTP
    with kind(at.hostname or "localhost", at.port or 0, timeout=TIMEOUT_SECS) as server:
        if not secure and server.has_extn("starttls"):
            server.starttls()
        if at.username:
            server.login(unquote(at.username), unquote(at.password or ""))
        server.send_message(message)

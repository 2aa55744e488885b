"""The vault: what was said, under which surrogate. One a session, in memory.

One person is one surrogate in any form (case, possessive, spelled, first name alone after the full
name), and a number is one surrogate said or written. Only canonical values and the first spoken
form are kept; ``seal`` encrypts them when a session store must carry them.
"""

import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sessions.phi.canonical import canonical, key_of

SURROGATE = re.compile(
    r"\[?\b(NAME|GEO|DATE|AGE|PHONE|FAX|EMAIL|SSN|MRN|HEALTHPLAN|ACCOUNT|LICENSE|VEHICLE|DEVICE|URL|IP|ID)"
    r"[ _\-]?(\d{1,4})\b\]?",
    re.IGNORECASE,
)
STRICT_SURROGATE = re.compile(r"\[([A-Z]+)_(\d+)\]")


class UnknownSurrogate(LookupError):
    """A surrogate that this session's vault does not hold."""


class VaultExpired(LookupError):
    """A sealed vault past its time to live."""


@dataclass(slots=True)
class Entry:
    """One identifier of the session."""

    surrogate: str
    label: str
    key: str
    said: str  # the form that is spoken back to the caller
    forms: list[str] = field(default_factory=list)  # every form seen, for the last-line scrub


class Vault:
    """Values by surrogate and surrogates by value."""

    def __init__(self):
        self._entries: dict[str, Entry] = {}
        self._by_key: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}
        self.version = 0  # changes when a form is added, so that scrubbers know

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def counts(self) -> dict[str, int]:
        """How many identifiers of each kind: all that an audit may know."""
        return dict(self._counts)

    def put(self, value: str, label: str) -> str:
        """The surrogate of a value, the same for every form of it.

        Args:
            value: The words as said or written.
            label: Its kind, e.g. "NAME".
        """
        key = key_of(value, label)
        surrogate = self._by_key.get((label, key))
        if surrogate is None and label == "NAME":
            surrogate = self._person(key)
        if surrogate is None:
            number = self._counts.get(label, 0) + 1
            self._counts[label] = number
            surrogate = f"[{label}_{number}]"
            self._entries[surrogate] = Entry(surrogate, label, key, value)
        entry = self._entries[surrogate]
        self._by_key.setdefault((label, key), surrogate)
        if value not in entry.forms:
            entry.forms.append(value)
            self.version += 1
        if label == "NAME" and len(key.split()) > len(entry.key.split()):
            entry.key, entry.said = key, value  # "john", later "john smith"
        return surrogate

    def _person(self, key: str) -> str | None:
        """The newest person whose name holds these parts, or is a part of them."""
        parts = set(key.split())
        for entry in reversed(list(self._entries.values())):
            if entry.label == "NAME":
                known = set(entry.key.split())
                if parts and known and (parts <= known or known <= parts):
                    return entry.surrogate
        return None

    def get(self, surrogate: str) -> Entry:
        """The entry of a surrogate in any way a model writes it: "NAME_1", "[name 1]", "Name 1's".

        Raises:
            UnknownSurrogate: The vault holds none of that number.
        """
        match = SURROGATE.search(surrogate)
        name = f"[{match[1].upper()}_{int(match[2])}]" if match else surrogate
        if name not in self._entries:
            raise UnknownSurrogate(
                f"{name} stands for nothing in this session. Use one of the surrogates in the "
                "conversation exactly as written, or ask the caller for the value again."
            )
        return self._entries[name]

    def names(self) -> frozenset[str]:
        """Parts of the names heard, lower case."""
        return frozenset(
            part
            for entry in self
            if entry.label == "NAME"
            for part in entry.key.split()
            if len(part) > 2
        )

    def seal(self, key: bytes, *, ttl_s: float = 3600.0) -> bytes:
        """Encrypt the vault (AES-256-GCM) for a session store.

        Args:
            key: 32 bytes.
            ttl_s: Seconds after which ``unseal`` refuses it.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        expires = int(time.time() + ttl_s).to_bytes(8, "big")
        nonce = os.urandom(12)
        body = json.dumps([asdict(entry) for entry in self]).encode()
        return expires + nonce + AESGCM(key).encrypt(nonce, body, expires)

    @classmethod
    def unseal(cls, sealed: bytes, key: bytes) -> "Vault":
        """Open what ``seal`` made.

        Raises:
            VaultExpired: Its time to live is over.
            cryptography.exceptions.InvalidTag: Wrong key, or the bytes were changed.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        expires, nonce, body = sealed[:8], sealed[8:20], sealed[20:]
        rows = json.loads(AESGCM(key).decrypt(nonce, body, expires))
        if time.time() > int.from_bytes(expires, "big"):
            raise VaultExpired("The sealed vault is past its time to live. Start a new session.")
        return cls.of(rows)

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]]) -> "Vault":
        """The vault of these entries, each as ``dataclasses.asdict`` gives it."""
        vault = cls()
        for row in rows:
            entry = Entry(**row)
            vault._entries[entry.surrogate] = entry
            number = int(entry.surrogate.rstrip("]").rsplit("_", 1)[1])
            vault._counts[entry.label] = max(number, vault._counts.get(entry.label, 0))
            for form in entry.forms:
                vault._by_key.setdefault((entry.label, key_of(form, entry.label)), entry.surrogate)
        vault.version = 1
        return vault

    def canonical(self, surrogate: str) -> str:
        """The value for a tool: +15551234567, 1982-03-03, JANE DOE as "jane doe"."""
        entry = self.get(surrogate)
        value = entry.said
        if entry.label == "NAME":
            value = entry.key
        return canonical(value, entry.label)

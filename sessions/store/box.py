"""What a store holds is sealed: whoever reads the store's disk reads nothing."""

import base64
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sessions.phi.vault import Vault
from sessions.tape.seal import KEY_VARIABLE

SEALED, OPEN = b"S1", b"P1"
NONCE_BYTES = 12


class BoxError(ValueError):
    """A blob cannot be opened: no key, another key, or not what was put in."""


class Box:
    """Seals blobs with the key that seals tapes (AES-256-GCM, a key of its own by HKDF).

    Each is bound to the id it is stored under, so that none can be passed off as another's.
    """

    def __init__(self, key: bytes | None):
        """Seal with ``key``.

        Args:
            key: 32 bytes, as ``sessions.tape.key_from_env`` gives; None leaves blobs open.
        """
        self.sealing = key is not None
        self._key = key and HKDF(hashes.SHA256(), 32, None, b"vivace session store").derive(key)

    def close(self, plain: bytes, *, sid: str) -> bytes:
        """Put a blob in."""
        if not self._key:
            return OPEN + plain
        nonce = os.urandom(NONCE_BYTES)
        return SEALED + nonce + AESGCM(self._key).encrypt(nonce, plain, sid.encode())

    def open(self, blob: bytes, *, sid: str) -> bytes:
        """Take it out.

        Raises:
            BoxError: It is another key's, another session's, or damaged.
        """
        kind, rest = blob[:2], blob[2:]
        if kind == OPEN and not self._key:
            return rest
        if kind == SEALED and self._key:
            nonce, body = rest[:NONCE_BYTES], rest[NONCE_BYTES:]
            try:
                return AESGCM(self._key).decrypt(nonce, body, sid.encode())
            except InvalidTag:
                pass
        raise BoxError(
            f"What is stored of {sid} cannot be opened. Set {KEY_VARIABLE} to the key that it was "
            "stored under."
        )

    def close_vault(self, vault: Vault, *, keep_s: float) -> str:
        """A vault as text, sealed by itself: it can be opened for so many seconds.

        Raises:
            BoxError: There is no key.
        """
        if not self._key:
            raise BoxError(f"A vault is stored sealed only. Set {KEY_VARIABLE}.")
        return base64.b64encode(vault.seal(self._key, ttl_s=keep_s)).decode()

    def open_vault(self, text: str) -> Vault:
        """The vault that :meth:`close_vault` sealed.

        Raises:
            BoxError: There is no key, or it is another one.
            VaultExpired: Its time is over.
        """
        try:
            return Vault.unseal(base64.b64decode(text), self._key or b"")
        except (InvalidTag, ValueError):
            raise BoxError(f"A stored vault cannot be opened. Set {KEY_VARIABLE}.") from None

    def name(self, who: str) -> str:
        """A name to store something under that does not tell whose it is."""
        return hmac.new(self._key or b"", who.encode(), hashlib.sha256).hexdigest()[:32]

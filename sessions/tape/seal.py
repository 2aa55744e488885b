"""Encryption at rest: a tape sealed in frames, so that a cut file still opens up to the cut.

A sealed file is ``MAGIC | key id (8) | salt (16)`` and then frames of
``length (4, big endian; top bit: last frame) | AES-256-GCM ciphertext and tag``. Every file
has its own key (HKDF-SHA256 of the tape key and the salt), so that the frame number can be
the nonce; header, number and last-flag are authenticated with each frame, so frames cannot be
moved, dropped from the middle or carried to another file.
"""

import base64
import binascii
import hashlib
import io
import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from loguru import logger

from sessions.tape.errors import TapeCorrupted, TapeError, TapeKeyError

MAGIC = b"VIVACE-SEALED-1\n"
HEADER_BYTES = len(MAGIC) + 8 + 16
KEY_BYTES = 32
KEY_VARIABLE = "VIVACE_TAPE_KEY"
_LAST = 1 << 31


def key_from_env(environ: Mapping[str, str] = os.environ) -> bytes | None:
    """The tape key of this machine: base64 of 32 bytes in ``VIVACE_TAPE_KEY``; None when unset.

    Raises:
        TapeError: The variable is set and is no such key.
    """
    text = environ.get(KEY_VARIABLE)
    return decode_key(text) if text else None


def decode_key(text: str) -> bytes:
    """Decode a base64 tape key.

    Raises:
        TapeError: The text is not base64 of 32 bytes.
    """
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise TapeError(
            f"{KEY_VARIABLE} is not base64 of {KEY_BYTES} bytes. Make one with: "
            "python -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())'"
        )
    return key


def local_key(path: str | Path) -> bytes:
    """The key in a local file, made (mode 0600) when there is none: for rehearsals, and says so.

    Args:
        path: Where the key lives, such as ``tapes/local.key``.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return decode_key(path.read_text())
    key = os.urandom(KEY_BYTES)
    with os.fdopen(handle, "w") as file:
        file.write(base64.b64encode(key).decode() + "\n")
    logger.warning(
        f"{KEY_VARIABLE} is not set: made a local tape key for rehearsals in {path}. "
        "Real calls need a key of yours, kept apart from the tapes."
    )
    return key


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"vivace tape key id" + key).digest()[:8]


def _file_key(key: bytes, salt: bytes) -> AESGCM:
    derive = HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=salt, info=b"vivace tape")
    return AESGCM(derive.derive(key))


def _authenticated(header: bytes, number: int, last: bool) -> tuple[bytes, bytes]:
    nonce = struct.pack(">IQ", 0, number)
    return nonce, header + nonce + (b"\1" if last else b"\0")


class SealedWriter(io.BufferedIOBase):
    """A write-only stream that seals what was written since the last :meth:`flush` as one frame."""

    def __init__(self, file: BinaryIO, key: bytes):
        """Write the header.

        Args:
            file: An open binary file; closed with this stream.
            key: 32 bytes.
        """
        self._file = file
        salt = os.urandom(16)
        self._header = MAGIC + _key_id(key) + salt
        self._cipher = _file_key(key, salt)
        self._plain = bytearray()
        self._written = 0
        self._number = 0
        file.write(self._header)

    def writable(self) -> bool:
        """Always true."""
        return True

    def write(self, data) -> int:
        """Take bytes for the frame being filled."""
        self._plain += data
        self._written += len(data)
        return len(data)

    def tell(self) -> int:
        """Plain bytes written so far."""
        return self._written

    def flush(self) -> None:
        """Seal what was written since the last flush and hand it to the system."""
        if self._plain and not self._file.closed:
            self._seal(last=False)

    def close(self) -> None:
        """Seal the rest, mark the end and close the file."""
        if not self.closed:
            self._seal(last=True)
            self._file.close()
            super().close()

    def _seal(self, *, last: bool) -> None:
        nonce, authenticated = _authenticated(self._header, self._number, last)
        sealed = self._cipher.encrypt(nonce, bytes(self._plain), authenticated)
        self._file.write(struct.pack(">I", len(sealed) | (_LAST if last else 0)) + sealed)
        self._file.flush()
        self._plain.clear()
        self._number += 1


def unseal(file: BinaryIO, key: bytes | None) -> Iterator[bytes]:
    """Yield the plain frames of a sealed file, up to its end or its cut.

    Args:
        file: A sealed file, open at its start.
        key: The 32 bytes it was sealed with.

    Raises:
        TapeKeyError: The key is missing or another one.
        TapeCorrupted: A whole frame does not carry its seal.
    """
    header = file.read(HEADER_BYTES)
    if key is None:
        raise TapeKeyError(
            f"the tape is sealed and no key was given. Set {KEY_VARIABLE} to the key it was "
            "recorded with (a rehearsal's key is in local.key beside its tapes)"
        )
    if len(header) < HEADER_BYTES:
        return
    if header[len(MAGIC) : len(MAGIC) + 8] != _key_id(key):
        raise TapeKeyError(
            f"the tape is sealed with another key. Set {KEY_VARIABLE} to the key it was "
            "recorded with"
        )
    cipher = _file_key(key, header[-16:])
    number = 0
    last = False
    while not last:
        prefix = file.read(4)
        if len(prefix) < 4:
            return
        length = struct.unpack(">I", prefix)[0]
        last, length = bool(length & _LAST), length & ~_LAST
        sealed = file.read(length)
        if len(sealed) < length:
            return
        try:
            nonce, authenticated = _authenticated(header, number, last)
            yield cipher.decrypt(nonce, sealed, authenticated)
        except InvalidTag as e:
            raise TapeCorrupted(f"frame {number} of the sealed tape is damaged") from e
        number += 1

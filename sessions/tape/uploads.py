"""Documents on the tape: what a caller uploaded, so that a replay can hand it over again."""

import base64
from collections.abc import Callable, Iterable

from loguru import logger
from pipecat.utils.file_storage import FileStorage

from sessions.tape.reader import TapeMessage

UPLOAD = "document.loaded"


class TapingStorage(FileStorage):
    """Loads from another storage, and tapes what was loaded."""

    def __init__(self, storage: FileStorage, event: Callable[..., None]):
        """Load from ``storage``; tape with ``event``, a recording's."""
        self._storage = storage
        self._event = event
        self.delete_after_load = storage.delete_after_load

    async def save(self, filename: str, contents: bytes) -> str:
        """Store a file; see Pipecat's ``FileStorage``."""
        return await self._storage.save(filename, contents)

    async def load(self, file_url: str) -> bytes:
        """Load a file, and tape it."""
        contents = await self._storage.load(file_url)
        self._event(UPLOAD, url=file_url, contents=contents)
        return contents

    async def delete(self, file_url: str) -> None:
        """Delete a file."""
        await self._storage.delete(file_url)


class TapedStorage(FileStorage):
    """Holds the documents of a tape."""

    def __init__(self, events: Iterable[TapeMessage]):
        """Take the documents out of a tape's ``/events``."""
        details = [m.data["detail"] for m in events if m.data["name"] == UPLOAD]
        self._files = {d["url"]: base64.b64decode(d["contents"]) for d in details}

    async def save(self, filename: str, contents: bytes) -> str:
        """Keep a file in memory."""
        url = f"pipecat:{len(self._files)}"
        self._files[url] = contents
        return url

    async def load(self, file_url: str) -> bytes:
        """The document of then; empty if only its address is on the tape.

        What tools made of it is on the tape all the same.
        """
        if file_url not in self._files:
            logger.warning(f"The contents of {file_url} are not on the tape")
        return self._files.get(file_url, b"")

    async def delete(self, file_url: str) -> None:
        """Forget a document."""
        self._files.pop(file_url, None)

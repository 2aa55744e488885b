"""What a client hands in besides speech and text: documents are taken, tool results are not."""

import asyncio
import base64
import shutil
from pathlib import Path

from loguru import logger
from pipecat.frames.frames import (
    Frame,
    FunctionCallResultFrame,
    LLMMessagesAppendFrame,
    UserFileRawFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContextMessage
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.utils.file_storage import FileStorage

# Characters of a document that a client sends inline; uploads have the route's own limit.
LONGEST_FILE = 14 * 2**20

NOTE = "(The caller has uploaded a document. A tool that reads documents finds it.)"


class FrontDesk(FrameProcessor):
    """Lays a caller's documents where tools read them, and tells the model that they are there.

    Pipecat's clients send them as ``send-file``; they never go into the model's context as they
    are. A client's ``llm-function-call-result`` is dropped: results come from tools.

    Frame input/output::

        UserFileRawFrame        -> LLMMessagesAppendFrame(a note)
        FunctionCallResultFrame -> nothing
    """

    def __init__(self, *, folder: Path, storage: FileStorage | None, **kwargs):
        """Initialize the desk.

        Args:
            folder: Where documents are laid; made for the first one, for this user only.
            storage: Resolves the URLs of uploads; ``None`` where the door has no upload route.
            **kwargs: Additional arguments passed to the parent FrameProcessor.
        """
        super().__init__(**kwargs)
        self.folder = folder
        self._storage = storage

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        """Take documents out of the stream; pass everything else through."""
        await super().process_frame(frame, direction)
        if isinstance(frame, UserFileRawFrame):
            self.create_task(self._take(frame))
        elif isinstance(frame, FunctionCallResultFrame) and direction == FrameDirection.DOWNSTREAM:
            logger.warning(f"A client sent a result of {frame.function_name!r}; it was dropped")
        else:
            await self.push_frame(frame, direction)

    def clear(self) -> None:
        """Delete the session's copies."""
        shutil.rmtree(self.folder, ignore_errors=True)

    async def _take(self, frame: UserFileRawFrame):
        try:
            contents = await self._contents(frame)
        except (FileNotFoundError, ValueError) as error:
            logger.error(f"A caller's document could not be taken: {type(error).__name__}")
            await self.push_error("The document did not arrive. Upload it once more.")
            return
        name = Path(frame.filename or "").name.strip(".") or "document.txt"
        await asyncio.to_thread(self._lay, name, contents)
        note: LLMContextMessage = {"role": "developer", "content": NOTE}
        await self.push_frame(LLMMessagesAppendFrame([note], run_llm=bool(frame.run_llm)))

    def _lay(self, name: str, contents: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.folder / name).write_bytes(contents)

    async def _contents(self, frame: UserFileRawFrame) -> bytes:
        if len(frame.file) > LONGEST_FILE:
            raise ValueError("it is too large")
        if frame.type == "bytes":
            return base64.b64decode(frame.file.partition("base64,")[2])
        if self._storage is None:
            raise ValueError("this door takes no uploads")
        return await self._storage.load(frame.file)

"""Let the model look again when it wants to."""

from collections.abc import Callable
from typing import Any

from pipecat.services.llm_service import FunctionCallParams

from sessions.tool_boundary import side_effect_free


def look(eyes: Any) -> Callable:
    """A tool that takes a picture now; the model sees it with the tool's result.

    Args:
        eyes: The session's ``FrameSampler``.
    """

    @side_effect_free
    async def look(params: FunctionCallParams, source: str = "camera"):
        """Take a fresh picture of what the caller shows.

        Args:
            source: "camera" or "screen".
        """
        seen = await eyes.look(source)
        if seen is None:
            result = {"error": f"The {source} shows nothing. Ask the caller to turn it on."}
        else:
            result = {"picture": seen.id}
        await params.result_callback(result)

    return look

"""How many tokens a context costs: text by its length, images by the vendor's formula."""

import base64
import io
import json
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

# English prose and JSON at Claude's tokenizer; calibrated by exact counts where a vendor gives them.
CHARACTERS_PER_TOKEN = 3.6
MESSAGE_TOKENS = 4  # of a message's own frame


def anthropic_image(width: int, height: int) -> int:
    """Tokens of an image at Claude: width times height over 750, long edges scaled to 1568."""
    scale = min(1.0, 1568 / max(width, height))
    return math.ceil(width * height * scale * scale / 750)


def openai_image(width: int, height: int) -> int:
    """Tokens of an image at GPT in high detail: 85, and 170 for each tile of 512 pixels.

    The image is scaled into 2048 by 2048 and its short edge to 768 first.
    """
    scale = min(1.0, 2048 / max(width, height))
    scale = min(scale, 768 / min(width, height))
    return 85 + 170 * math.ceil(width * scale / 512) * math.ceil(height * scale / 512)


def google_image(width: int, height: int) -> int:
    """Tokens of an image at Gemini: 258 up to 384 pixels, and else 258 for each tile of 768."""
    if max(width, height) <= 384:
        return 258
    return 258 * math.ceil(width / 768) * math.ceil(height / 768)


def formula_of(mind: object) -> Callable[[int, int], int]:
    """The image formula of a language-model service; Claude's where the vendor has none of ours."""
    name = " ".join(kind.__module__ for kind in type(mind).__mro__)
    formulas = {"pipecat.services.openai": openai_image, "pipecat.services.google": google_image}
    return next((f for where, f in formulas.items() if where in name), anthropic_image)


def images_of(message: Any) -> list[dict]:
    """The image parts of a message in OpenAI's form."""
    content = message.get("content") if isinstance(message, dict) else None
    parts = content if isinstance(content, list) else []
    return [part for part in parts if isinstance(part, dict) and part.get("type") == "image_url"]


def text_tokens(message: Any) -> float:
    """Tokens of all of a message but its images, before calibration."""
    if not isinstance(message, dict):
        return len(str(message)) / CHARACTERS_PER_TOKEN + MESSAGE_TOKENS
    images = {id(part) for part in images_of(message)}
    content = message.get("content")
    if isinstance(content, list):
        content = [part for part in content if id(part) not in images]
    said = content if isinstance(content, str) else json.dumps(content or "", default=str)
    calls = json.dumps(message["tool_calls"]) if message.get("tool_calls") else ""
    return (len(said) + len(calls)) / CHARACTERS_PER_TOKEN + MESSAGE_TOKENS


def image_tokens(part: dict, formula: Callable[[int, int], int]) -> int:
    """Tokens of an image part."""
    return formula(*_size(part["image_url"]["url"]))


@lru_cache(maxsize=64)
def _size(url: str) -> tuple[int, int]:
    from PIL import Image

    try:
        return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).size
    except (OSError, ValueError):
        return 1568, 1568  # an address of an image, or none: the most that one costs

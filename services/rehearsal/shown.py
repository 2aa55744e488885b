"""What a request shows the mind besides words: pictures by source, screen text, readings.

A session puts them into one user message: a heading, and before each piece its label, such as
``[camera-3: camera, 0.4 s ago]``.
"""

import base64
import re

from services.rehearsal.look import Look

HEADING = "(Shown by the devices"
UNTRUSTED = "<untrusted"
LABEL = re.compile(r"[(\[][\w-]+: (\w+)[^()\[\]]*, [\d.]+ s ago(, ground truth)?[)\]]")
SOURCES = ("camera", "screen")


class Shown:
    """Gathers what is shown, block by block.

    Attributes:
        texts: Screen texts and readings, oldest first.
        blind: No image was shown, not even one that cannot be decoded.
    """

    def __init__(self):
        self.texts: list[str] = []
        self._images: dict[str, list[str]] = {}
        self._label: re.Match[str] | None = None
        self._early: list[str] = []  # an adapter may put a lone picture before its label

    @property
    def blind(self) -> bool:
        """See :class:`Shown`."""
        return not self._images

    def takes(self, text: str) -> bool:
        """Take a text; False if somebody has said it."""
        label, self._label = self._label, LABEL.fullmatch(text)
        if self._label:
            if self._label[1] in SOURCES and self._early:
                self._keep(self._label[1], self._early.pop(0))
            return True
        if text.startswith(HEADING):
            return True
        if text.startswith(UNTRUSTED) or (label and label[2]):
            self.texts.append(text)
            return True
        return False

    def image(self, data: str) -> None:
        """Take a base64 image."""
        label, self._label = self._label, None
        self._keep("image", data)
        if label:
            self._keep(label[1], data)
        else:
            self._early.append(data)

    def pictures(self) -> dict[str, Look]:
        """The newest picture of each source, and of all as ``image``; none that is broken."""
        found = {name: _newest(images) for name, images in self._images.items()}
        return {name: look for name, look in found.items() if look}

    def _keep(self, source: str, data: str) -> None:
        self._images.setdefault(source, []).append(data)


def _newest(images: list[str]) -> Look | None:
    """The last of some images, which knows the one before it."""
    look = None
    for image in images[-2:]:
        try:
            look = Look(base64.b64decode(image), before=look)
        except ValueError:
            look = None
    return look

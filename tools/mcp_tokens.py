"""The tokens of one MCP server: in the memory of the process, or in a file that only its owner reads."""

import json
import os
from functools import cache
from pathlib import Path
from tempfile import mkstemp

from loguru import logger
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken


@cache
def tokens_at(path: str, *of: str) -> "Tokens":
    """The tokens in a file, or without one, those in this process.

    Args:
        path: The file; in memory, if empty.
        *of: Whose they are: of the same server and client, they are the same.
    """
    return Tokens(Path(path) if path else None)


class Tokens:
    """Where the SDK's providers keep tokens, and for whom they were issued."""

    def __init__(self, path: Path | None = None):
        """Look for what was kept.

        Args:
            path: The file; in memory, if None.
        """
        self._path = path
        self._kept: dict = {}

    @property
    def client(self) -> OAuthClientInformationFull | None:
        """Whom a person has let in, if one did.

        Raises:
            PermissionError: Others can read the file.
        """
        client = self._read().get("client")
        return OAuthClientInformationFull.model_validate(client) if client else None

    @property
    def refresh_token(self) -> str | None:
        """The newest of them."""
        return self._read().get("tokens", {}).get("refresh_token")

    async def get_tokens(self) -> OAuthToken | None:
        """What was kept last."""
        tokens = self._read().get("tokens")
        return OAuthToken.model_validate(tokens) if tokens else None

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """Keep tokens; a refresh token stays until there is another."""
        new = tokens.model_dump(exclude_none=True)
        if old := self.refresh_token:
            new.setdefault("refresh_token", old)
        self._write({**self._read(), "tokens": new})

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        """Whom the tokens were issued to."""
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """Keep whom the tokens are issued to."""
        client = client_info.model_dump(mode="json", exclude_none=True)
        self._write({**self._read(), "client": client})

    def _read(self) -> dict:
        if self._path is None or not self._path.exists():
            return self._kept
        if self._path.stat().st_mode & 0o077:
            raise PermissionError(
                f"Others can read the tokens in {self._path}. Run chmod 600 {self._path}."
            )
        return json.loads(self._path.read_text())

    def _write(self, kept: dict) -> None:
        self._kept = kept
        if self._path is None:
            return
        try:
            # mkstemp makes it readable for its owner only, before there is anything in it.
            file, name = mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
            with os.fdopen(file, "w") as out:
                json.dump(kept, out)
            os.replace(name, self._path)
        except OSError as error:
            logger.warning(
                f"The tokens in {self._path} cannot be replaced ({error.strerror}): new ones are "
                "forgotten with this process. Put them where it may write."
            )
            self._path = None

"""Signing in to MCP servers that want OAuth, with what the environment holds for each.

Of a server called ``crm``, ``VIVACE_MCP_CRM_ISSUER`` names the one authorization server that is shown
any of the rest: ``_CLIENT_ID``, and with it ``_CLIENT_SECRET`` or ``_PRIVATE_KEY`` (PEM, or the path
of one) for a client of its own, or ``_REFRESH_TOKEN`` for a person who agreed before. Tokens stay in
the memory of the process, or in the file ``VIVACE_MCP_CRM_TOKENS``, which nobody else may read.
"""

import logging
import os
import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from mcp.client.auth import OAuthClientProvider, OAuthFlowError
from mcp.client.auth.extensions.client_credentials import (
    ClientCredentialsOAuthProvider,
    PrivateKeyJWTOAuthProvider,
    SignedJWTParameters,
)
from mcp.client.auth.utils import issuers_match
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from tools.mcp_http import is_private
from tools.mcp_tokens import Tokens, tokens_at

# The SDK logs its failures with what an authorization server has answered, tokens and all.
logging.getLogger("mcp.client.auth").setLevel(logging.CRITICAL + 1)

CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
CURES = {
    "invalid_client": "It does not know these credentials: check {id}, and what goes with it.",
    "invalid_grant": "The refresh token is used up or withdrawn: {again}.",
    "unauthorized_client": "It does not let this client do so: allow the grant there.",
    "unsupported_grant_type": "It does not know this grant: use another kind of credentials.",
    "invalid_scope": "It does not grant this client what the server asks for: allow the scope there.",
    "invalid_target": "It issues no tokens for this server: add the server there.",
}
"""What to do about the errors of RFC 6749 and RFC 8707 that an authorization server answers."""


class SignInError(ConnectionError):
    """A server did not let us in. The message says what to do and holds no secret."""


class Settings:
    """What the environment holds for one server."""

    def __init__(self, name: str, url: str):
        """Look at the environment.

        Args:
            name: What the server is called here.
            url: Its address.
        """
        self.name, self.url = name, url
        self._prefix = f"VIVACE_MCP_{re.sub(r'[^A-Z0-9]+', '_', name.upper())}"
        self.again = (
            f"sign in again with python -m tools.mcp_login {name} {url}, or replace "
            f"{self.variable('REFRESH_TOKEN')}"
        )

    def variable(self, of: str) -> str:
        """What a setting is called, such as ``CLIENT_ID``."""
        return f"{self._prefix}_{of}"

    def get(self, of: str) -> str:
        """A setting, or nothing."""
        return os.environ.get(self.variable(of), "")

    def tokens(self) -> Tokens:
        """The server's tokens, which all sessions of this process share."""
        return tokens_at(self.get("TOKENS"), self.name, self.url, self.get("CLIENT_ID"))

    def missing(self, what: str) -> SignInError:
        """That something is not set, and how it can be."""
        names = ", ".join(map(self.variable, ("CLIENT_SECRET", "PRIVATE_KEY", "REFRESH_TOKEN")))
        return SignInError(
            f"The MCP server {self.name!r} wants OAuth, and {what} is not set. Set "
            f"{self.variable('ISSUER')}, {self.variable('CLIENT_ID')} and one of {names}; or set "
            f"{self.variable('TOKENS')} and sign in once with python -m tools.mcp_login "
            f"{self.name} {self.url}."
        )


def signing(name: str, url: str) -> "Signing":
    """How a server's requests are signed, without anybody at a browser.

    Args:
        name: What the server is called here.
        url: Its address.

    Raises:
        SignInError: The environment holds no credentials for it, or some that cannot be used.
    """
    settings = Settings(name, url)
    tokens = settings.tokens()
    signed_in = tokens.client
    client_id = settings.get("CLIENT_ID") or (signed_in.client_id if signed_in else None)
    if not client_id:
        raise settings.missing(settings.variable("CLIENT_ID"))
    issuer = settings.get("ISSUER") or (signed_in.issuer if signed_in else None)
    if not issuer:
        raise settings.missing(settings.variable("ISSUER"))
    if not is_private(issuer):
        raise SignInError(f"{settings.variable('ISSUER')} must be an https:// address.")
    known: dict[str, Any] = {"server_url": url, "storage": tokens, "issuer": issuer}
    secret, refresh = settings.get("CLIENT_SECRET"), settings.get("REFRESH_TOKEN")
    if signed_in or refresh:
        client = signed_in or OAuthClientInformationFull(
            redirect_uris=None,
            client_id=client_id,
            client_secret=secret or None,
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
        )
        return Signing(RefreshTokenProvider(**known, client=client, seed=refresh), settings)
    known["client_id"] = client_id
    if key := settings.get("PRIVATE_KEY"):
        pem, algorithm = _private_key(key, settings)
        claims = SignedJWTParameters(
            issuer=client_id, subject=client_id, signing_key=pem, signing_algorithm=algorithm
        )
        assertion = claims.create_assertion_provider()
        return Signing(PrivateKeyJWTOAuthProvider(**known, assertion_provider=assertion), settings)
    if not secret:
        raise settings.missing(settings.variable("CLIENT_SECRET"))
    return Signing(ClientCredentialsOAuthProvider(**known, client_secret=secret), settings)


def _private_key(key: str, settings: Settings) -> tuple[str, str]:
    """A key in PEM, and the algorithm it signs with."""
    try:
        pem = key if "-----BEGIN" in key else Path(key).read_text()
        loaded = load_pem_private_key(pem.encode(), password=None)
    except (OSError, ValueError, TypeError):
        raise SignInError(
            f"{settings.variable('PRIVATE_KEY')} is no key that could be read. Set it to a private "
            "key in PEM without a password, or to the path of one."
        ) from None
    if isinstance(loaded, ec.EllipticCurvePrivateKey):
        return pem, CURVES.get(loaded.curve.name, "ES256")
    return pem, "EdDSA" if isinstance(loaded, ed25519.Ed25519PrivateKey) else "RS256"


class RefreshTokenProvider(OAuthClientProvider):
    """The SDK's provider, where a person agreed before: it refreshes, and asks nobody."""

    def __init__(
        self,
        *,
        server_url: str,
        storage: Tokens,
        issuer: str,
        client: OAuthClientInformationFull,
        seed: str,
    ):
        """Initialize the provider.

        Args:
            server_url: The server's address.
            storage: Has the newest refresh token, if ``seed`` was used before.
            issuer: The authorization server that issued it, the only one to be shown it.
            client: Whom it was issued to.
            seed: The refresh token to begin with.
        """
        metadata = OAuthClientMetadata(redirect_uris=None, grant_types=["refresh_token"])
        super().__init__(server_url, metadata, storage)
        self._tokens, self._issuer, self._client, self._seed = storage, issuer, client, seed

    async def _initialize(self) -> None:
        self.context.current_tokens = await self._tokens.get_tokens()
        self.context.client_info = self._client
        self._initialized = True

    def _select_authorization_server(self, advertised: list[str]) -> str:
        return next((s for s in advertised if issuers_match(s, self._issuer)), advertised[0])

    async def _perform_authorization(self) -> httpx2.Request:
        metadata = self.context.oauth_metadata
        if metadata is None or not issuers_match(str(metadata.issuer), self._issuer):
            self.context.oauth_metadata = None
            raise OAuthFlowError(f"The server does not lead to the issuer {self._issuer}")
        self.context.current_tokens = OAuthToken(
            access_token="", refresh_token=self._tokens.refresh_token or self._seed
        )
        return await self._refresh_token()


class Signing(httpx2.Auth):
    """Signs requests as an SDK's provider does, and says of its failures what to do."""

    def __init__(self, provider: OAuthClientProvider, settings: Settings):
        """Initialize the signing.

        Args:
            provider: Gets the tokens.
            settings: Whose names are named in errors.
        """
        self.provider, self._settings = provider, settings
        self.failure = ""
        """Why the server did not let us in, the last time it was asked; or nothing."""

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Sign one request, with as many others before it as that takes."""
        flow = self.provider.async_auth_flow(request)
        try:
            outgoing = await anext(flow)
            while True:
                if outgoing is not request:
                    self._fail(f"{outgoing.url.host} did not answer. Look whether it is up.")
                response = yield outgoing
                self.failure = ""
                if outgoing is request and response.status_code in (401, 403):
                    self._fail(
                        f"It answers {response.status_code} to the token it was given. Allow the "
                        "client there what its tools need."
                    )
                outgoing = await flow.asend(response)
        except StopAsyncIteration:
            return
        except (OAuthFlowError, ValueError) as error:
            self._fail(_why(error, self._settings))
            raise SignInError(self.failure) from None
        finally:
            await flow.aclose()

    def _fail(self, why: str) -> None:
        self.failure = f"The MCP server {self._settings.name!r} did not let us in. {why}"


def _why(error: Exception, settings: Settings) -> str:
    """What went wrong and what to do, with nothing of what the authorization server has said."""
    said = re.search(r'"error"\s*:\s*"(\w+)"', str(error))
    if said and (cure := CURES.get(said[1])):
        told = cure.format(id=settings.variable("CLIENT_ID"), again=settings.again)
        return f"The authorization server answers {said[1]}. {told}"
    if type(error) is OAuthFlowError:
        return f"{error}. Check {settings.variable('ISSUER')}, and what the server publishes."
    status = re.match(r"[\w ]+?(?: \(|: )(\d{3})\b", str(error))
    return (
        f"The authorization server answers {status[1] if status else 'what is no token'}. Check "
        f"{settings.variable('ISSUER')} and {settings.variable('CLIENT_ID')}."
    )

"""Whose tokens are good: the house's own, and those an authorization server signed for a server."""

import asyncio
import threading

import httpx2
import jwt
from loguru import logger
from mcp.client.auth.utils import (
    build_oauth_authorization_server_metadata_discovery_urls,
    issuers_match,
)
from mcp.server.auth.provider import AccessToken

from tools.bearer import one_of
from tools.servers._http import Access

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
"""Signatures whose key can be public."""

TIMEOUT_SECS = 5.0
LONGEST = 16_384
HOUSE = "house"


class Verifier:
    """The SDK's ``TokenVerifier``: tokens are JWTs, checked with their issuer's published keys.

    What cannot be checked is no good. A token says for whom it was issued (``aud``): for another
    server it is no good here.
    """

    def __init__(self, access: Access):
        """Initialize the verifier; the issuer's keys are fetched with the first token.

        Args:
            access: With an ``issuer`` and a ``url``.
        """
        self._access = access
        self._of_house = one_of(access.token or "")
        self._keys: jwt.PyJWKClient | None = None
        self._one_at_a_time = threading.Lock()

    async def verify_token(self, token: str) -> AccessToken | None:
        """Who sends a token and what it allows, or None if it is no good."""
        access = self._access
        if self._of_house(token):
            return AccessToken(
                token=token, client_id=HOUSE, scopes=[*access.scopes], resource=access.url
            )
        if len(token) > LONGEST:
            return None
        try:
            claims = await asyncio.to_thread(self._claims, token)
        except (jwt.PyJWKClientConnectionError, httpx2.HTTPError, LookupError, TypeError) as error:
            logger.warning(f"No keys from {access.issuer}: {type(error).__name__}")
            return None
        except (jwt.PyJWTError, ValueError):
            return None
        scopes = claims.get("scope", claims.get("scp", ""))
        return AccessToken(
            token=token,
            client_id=str(claims.get("client_id") or claims.get("azp") or claims["sub"]),
            scopes=scopes.split() if isinstance(scopes, str) else [*map(str, scopes)],
            expires_at=int(claims["exp"]),
            resource=access.url,
            subject=str(claims["sub"]),
            claims={"iss": claims["iss"]},
        )

    def _claims(self, token: str) -> dict:
        if jwt.get_unverified_header(token).get("alg") not in ALGORITHMS:
            raise jwt.InvalidAlgorithmError
        with self._one_at_a_time:
            if self._keys is None:
                self._keys = jwt.PyJWKClient(self._keys_at(), timeout=TIMEOUT_SECS)
            key = self._keys.get_signing_key_from_jwt(token)
        return jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=self._access.url,
            issuer=self._access.issuer,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )

    def _keys_at(self) -> str:
        """Where the issuer publishes its keys, as its metadata says (RFC 8414)."""
        issuer = self._access.issuer or ""
        with httpx2.Client(timeout=TIMEOUT_SECS) as http:
            for url in build_oauth_authorization_server_metadata_discovery_urls(issuer, issuer):
                answer = http.get(url)
                if answer.status_code == 200:
                    said = answer.json()
                    if issuers_match(said["issuer"], issuer):
                        return said["jwks_uri"]
        raise LookupError(issuer)

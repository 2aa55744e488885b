"""An authorization server: clients with secrets, keys and refresh tokens get signed access tokens."""

import base64
import json
import time
from urllib.parse import unquote
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from jwt.algorithms import ECAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

CLIENT, SECRET = "vivace-bots", "s3cret-of-the-house"
LIVES_SECS = 300


def new_key() -> tuple[ec.EllipticCurvePrivateKey, str]:
    """A private key, and the same in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key, pem.decode()


class Authority:
    """Knows one client, by its secret or its key, and one refresh token at a time."""

    def __init__(self, url: str):
        self.url = url
        self._signs, _ = new_key()
        self.client_key, self.client_pem = new_key()
        self.refresh = "refresh-1"
        self.scope = "tools"
        self.issued: list[str] = []
        self.app = Starlette(
            routes=[
                Route("/.well-known/oauth-authorization-server", self._metadata),
                Route("/keys", self._keys),
                Route("/token", self._token, methods=["POST"]),
            ]
        )

    def sign(self, audience: str, **claims) -> str:
        """A token as this authority issues it."""
        said = {"iss": self.url, "sub": CLIENT, "aud": audience, "scope": self.scope}
        said |= {"exp": int(time.time()) + LIVES_SECS, "jti": uuid4().hex, **claims}
        return jwt.encode(said, self._signs, "ES256", headers={"kid": "one"})

    async def _metadata(self, _request: Request) -> JSONResponse:
        methods = ["client_secret_basic", "private_key_jwt"]
        return JSONResponse(
            {
                "issuer": self.url,
                "token_endpoint": f"{self.url}/token",
                "authorization_endpoint": f"{self.url}/authorize",
                "jwks_uri": f"{self.url}/keys",
                "response_types_supported": ["code"],
                "token_endpoint_auth_methods_supported": methods,
            }
        )

    async def _keys(self, _request: Request) -> JSONResponse:
        public = json.loads(ECAlgorithm.to_jwk(self._signs.public_key()))
        return JSONResponse({"keys": [{**public, "kid": "one", "use": "sig", "alg": "ES256"}]})

    async def _token(self, request: Request) -> JSONResponse:
        form = dict(await request.form())
        more = {}
        if form["grant_type"] == "refresh_token":
            if form["refresh_token"] != self.refresh:
                return JSONResponse({"error": "invalid_grant", "is": self.refresh}, 400)
            self.refresh = more["refresh_token"] = f"refresh-{uuid4().hex}"
        elif not self._knows(request, form):
            # As careless as some are: it repeats what it was sent.
            return JSONResponse({"error": "invalid_client", "error_description": str(form)}, 401)
        token = self.sign(str(form["resource"]))
        self.issued.append(token)
        return JSONResponse(
            {
                "access_token": token,
                "token_type": "Bearer",
                "expires_in": LIVES_SECS,
                **more,
            }
        )

    def _knows(self, request: Request, form: dict) -> bool:
        if assertion := form.get("client_assertion"):
            key = self.client_key.public_key()
            jwt.decode(assertion, key, algorithms=["ES256"], audience=self.url, issuer=CLIENT)
            return True
        _, _, both = request.headers.get("authorization", "").partition(" ")
        return unquote(base64.b64decode(both).decode()) == f"{CLIENT}:{SECRET}"

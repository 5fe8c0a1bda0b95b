"""A small OpenID Connect provider on this machine, with a key of its own; tests make it lie."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "lantian-duty", "client secret"


class Provider:
    """Knows one person; `claims` and `key` are what the next ID token is made of."""

    def __init__(self) -> None:
        self.key = self.published = RSAKey.generate_key(2048, {"kid": "k1"})
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "k1"}
        self.claims: dict[str, Any] = {}
        self.asked: dict[str, dict[str, str]] = {}  # by code
        self.issuer_said: str | None = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/.well-known/openid-configuration":
                    self.answer(200, {
                        "issuer": outer.issuer_said or outer.issuer,
                        "authorization_endpoint": f"{outer.issuer}/authorize",
                        "token_endpoint": f"{outer.issuer}/token",
                        "jwks_uri": f"{outer.issuer}/jwks",
                    })  # fmt: skip
                elif self.path == "/jwks":
                    self.answer(200, {"keys": [outer.published.as_dict(private=False)]})
                else:
                    self.answer(404, {})

            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                form = {k: v[0] for k, v in parse_qs(self.rfile.read(size).decode()).items()}
                asked = outer.asked.pop(form.get("code", ""), None)
                login = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
                challenge = base64.urlsafe_b64encode(
                    hashlib.sha256(form.get("code_verifier", "").encode()).digest()
                )
                good = (
                    asked is not None
                    and self.headers.get("Authorization") == f"Basic {login}"
                    and challenge.decode().rstrip("=") == asked["code_challenge"]
                )
                if not good or asked is None:
                    self.answer(400, {"error": "invalid_grant"})
                    return
                token = outer.token(asked["nonce"])
                self.answer(200, {"access_token": "a", "token_type": "Bearer", "id_token": token})

            def answer(self, status: int, content: dict[str, Any]) -> None:
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *given: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def environment(self, roles: str = "duty=officer,heads=leader") -> dict[str, str]:
        names = {
            "ISSUER": self.issuer, "CLIENT_ID": CLIENT, "CLIENT_SECRET": SECRET, "ROLES": roles,
            "REDIRECT": "http://127.0.0.1/login/oidc/callback",
        }  # fmt: skip
        return {f"LANTIAN_OIDC_{k}": v for k, v in names.items()}

    def token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "sub": "u-17", "exp": now + 300, "iat": now,
            "nonce": nonce, "preferred_username": "Wang.Wei", "name": "王伟", "groups": ["duty"],
            **self.claims,
        }  # fmt: skip
        return str(jwt.encode(self.header, claims, self.key, algorithms=[self.header["alg"]]))

    def log_in(self, url: str) -> dict[str, str]:
        """A person agrees; the query that his browser takes back."""
        parts = urlsplit(url)
        assert parts.path == "/authorize"
        asked = {k: v[0] for k, v in parse_qs(parts.query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self.asked[code] = asked
        return {"code": code, "state": asked["state"]}

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.close()

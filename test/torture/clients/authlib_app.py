"""A web application around Authlib's client for requests, as its documentation has it. The application refreshes."""
import json
import os
import secrets
import sys
import threading
import time
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode, urlsplit

import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey, jwt
from authlib.oidc.core import CodeIDToken

issuer = os.environ["ISSUER"]
origin = "http://127.0.0.1:" + os.environ["PORT"]
sessions = {}


def client_of(session, metadata, token=None):
    return OAuth2Session(
        os.environ["CLIENT_ID"],
        os.environ["CLIENT_SECRET"],
        scope="openid offline_access",
        redirect_uri=origin + "/callback",
        code_challenge_method="S256",
        state=session.get("state"),
        token=token,
        token_endpoint=metadata["token_endpoint"],
    )


def discover():
    metadata = requests.get(issuer + "/.well-known/openid-configuration", timeout=30).json()
    # Authlib's client for requests leaves the metadata to the application.
    if metadata["issuer"] != issuer:
        raise ValueError("metadata of another issuer")
    return metadata


def claims_of(id_token, metadata, nonce=None):
    keys = JsonWebKey.import_key_set(requests.get(metadata["jwks_uri"], timeout=30).json())
    options = {"iss": {"values": [issuer]}, "aud": {"values": [os.environ["CLIENT_ID"]]}}
    claims = jwt.decode(id_token, keys, claims_cls=CodeIDToken, claims_options=options, claims_params={"nonce": nonce})
    claims.validate(leeway=0)
    return claims


def login(session, _):
    metadata = session["metadata"] = discover()
    session["verifier"] = generate_token(48)
    session["nonce"] = generate_token()
    url, session["state"] = client_of(session, metadata).create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=session["verifier"], nonce=session["nonce"]
    )
    return 302, url


def callback(session, path):
    verifier = session.pop("verifier")
    metadata = session["metadata"]
    token = client_of(session, metadata).fetch_token(
        metadata["token_endpoint"], authorization_response=origin + path, code_verifier=verifier
    )
    session["subject"] = claims_of(token["id_token"], metadata, session["nonce"])["sub"]
    session["token"] = token
    return 302, origin + "/"


def me(session, _):
    with session["lock"]:
        token = session.get("token")
        if token is None:
            return 401, None
        # Authlib has no expiry where the answer has none.
        if token.get("expires_at", time.time() + 60) > time.time():
            return 200, None
        metadata = session["metadata"]
        try:
            fresh = client_of(session, metadata, token).refresh_token(metadata["token_endpoint"])
        except Exception as error:
            if "invalid_grant" in str(error):
                session["token"] = None
            raise
        if "id_token" in fresh and claims_of(fresh["id_token"], metadata)["sub"] != session["subject"]:
            return 401, None
        session["token"] = fresh
        return 200, None


def logout(session, _):
    token = session.pop("token", None)
    if token is None:
        return 302, origin + "/"
    query = urlencode({"id_token_hint": token["id_token"], "post_logout_redirect_uri": origin + "/"})
    return 302, session["metadata"]["end_session_endpoint"] + "?" + query


routes = {"/login": login, "/callback": callback, "/me": me, "/logout": logout, "/": lambda *_: (200, None)}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        cookie = SimpleCookie(self.headers.get("Cookie", "")).get("sid")
        sid = cookie.value if cookie else secrets.token_urlsafe(16)
        session = sessions.setdefault(sid, {"lock": threading.Lock()})
        try:
            status, location = routes[urlsplit(self.path).path](session, self.path)
        except Exception as error:
            print(repr(error), file=sys.stderr)
            status, location = 401, None
        self.send_response(status)
        self.send_header("Set-Cookie", "sid=%s; Path=/; HttpOnly" % sid)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
print(json.dumps({"origin": origin}), flush=True)
server.serve_forever()

"""Secrets issued by upstream are sent back to it: logins and signed URLs, recorded and replayed."""

from __future__ import annotations

import asyncio
import re
from html import unescape

import aiohttp
import httpx
import pytest
import requests
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session

from pytest_agentcache import use_cassette

from .authority import PASSWORD, Authority

CLIENT = {"client_id": "app", "client_secret": "of-the-client-77"}


def client_credentials(url):
    """A machine logs in."""
    oauth = OAuth2Session(client=BackendApplicationClient(client_id="app"))
    oauth.fetch_token(f"{url}/token", **CLIENT)
    return oauth.get(f"{url}/me").json()


def code_and_refresh(url):
    """A person logs in, by way of a redirect, and later once more."""
    oauth = OAuth2Session("app", redirect_uri="http://127.0.0.1:9/back", state="fixed")
    there, _ = oauth.authorization_url(f"{url}/authorize")
    back = requests.get(there, allow_redirects=False).headers["Location"]
    oauth.fetch_token(f"{url}/token", authorization_response=back, client_secret="of-the-client-77")
    before = oauth.get(f"{url}/me").json()
    oauth.refresh_token(f"{url}/token", **CLIENT)
    return before, oauth.get(f"{url}/me").json()


def device(url):
    """A television logs in."""
    with httpx.Client() as client:
        code = client.post(f"{url}/device", data={"client_id": "app"}).json()["device_code"]
        kind = "urn:ietf:params:oauth:grant-type:device_code"
        asked = {"grant_type": kind, "device_code": code, "client_id": "app"}
        token = client.post(f"{url}/token", data=asked).json()["access_token"]
        return client.get(f"{url}/me", params={"access_token": token}).json()


def two_people(url):
    """Two tokens at once, each used in turn."""
    tokens = []
    for name in ("ann", "bob"):
        asked = {"grant_type": "password", "username": name, "password": PASSWORD}
        tokens.append(requests.post(f"{url}/token", data=asked).json()["access_token"])
    headers = [{"Authorization": f"Bearer {tokens[at]}"} for at in (1, 0, 0, 1)]
    return [requests.get(f"{url}/me", headers=each).json()["who"] for each in headers]


def csrf_of(page):
    """The token in a form, as a browser reads it."""
    return unescape(re.search(r"name='authenticity_token' value='([^']+)'", page)[1])


def fields(page):
    """Return the fields of a login form."""
    return {"authenticity_token": csrf_of(page), "password": PASSWORD}


def cookies_of_requests(url):
    """In and out again."""
    with requests.Session() as client:
        form = fields(client.get(f"{url}/form").text)
        statuses = [client.post(f"{url}/login", data=form).status_code]
        client.post(f"{url}/logout")
        return [*statuses, client.get(f"{url}/home").status_code]


def cookies_of_httpx(url):
    """In and out again."""
    with httpx.Client(follow_redirects=True) as client:
        form = fields(client.get(f"{url}/form").text)
        statuses = [client.post(f"{url}/login", data=form).status_code]
        client.post(f"{url}/logout")
        return [*statuses, client.get(f"{url}/home").status_code]


def cookies_of_aiohttp(url):
    """In and out again."""

    async def visit():
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as client:

            async def ask(method, path, **more):
                async with client.request(method, f"{url}{path}", **more) as answer:
                    return answer.status, await answer.text()

            _, page = await ask("GET", "/form")
            statuses = [(await ask("POST", "/login", data=fields(page)))[0]]
            await ask("POST", "/logout")
            return [*statuses, (await ask("GET", "/home"))[0]]

    return asyncio.run(visit())


def signed_addresses(url):
    """Uploads to where a service says."""
    found = []
    for kind in ("s3", "gcs", "sas"):
        target = requests.get(f"{url}/sign", params={"by": kind}).json()["upload"]["href"]
        found += [requests.put(target, data=b"").json(), httpx.get(target).json()]
    return found


def webhook(url):
    """A secret that is shown once."""
    secret = requests.post(f"{url}/webhook").json()["signing_secret"]
    return requests.post(f"{url}/verify", data={"by": secret}).status_code


JOURNEYS = [
    client_credentials,
    code_and_refresh,
    device,
    two_people,
    cookies_of_requests,
    cookies_of_httpx,
    cookies_of_aiohttp,
    signed_addresses,
    webhook,
]


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda each: each.__name__)
def test_what_is_handed_out_comes_back(journey, cassette, monkeypatch):
    """None of it is written, recording twice writes the same, and it plays with no server."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    authority = Authority()
    written = []
    try:
        for mode in ("record", "rerecord"):
            with use_cassette(cassette, mode):
                live = journey(authority.url)
            written.append(cassette.read_text().partition("interactions:")[2])
    finally:
        authority.stop()

    assert "refused" not in written[0]
    assert [each for each in (*authority.given, PASSWORD) if each in written[0] + written[1]] == []
    assert written[0] == written[1]

    with use_cassette(cassette, "offline") as replayed:
        assert journey(authority.url) == live
    assert replayed.unused == ()

"""A secret is found in each place where its name is beside it."""

import html
import json
from urllib.parse import quote

import pytest

from pytest_agentcache.http.messages import Headers, Request
from pytest_agentcache.redaction import Redaction

SECRET = "S3cretPassw0rd" + "XY"
JSON, XML, EVENTS = "application/json", "text/xml", "text/event-stream"
URL = f"https://a.example/cb?x=1&token={SECRET}"
ONCE = f"/login?next=https%3A%2F%2Fa.example%2Fcb%3Ftoken%3D{SECRET}%26x%3D1"
TWICE = ONCE.replace("%", "%25")
HEADERS = {
    "URL": ("x-callback", URL),
    "userinfo": ("x-repo", f"https://bot:{SECRET}@git.example/x.git"),
    "encoded URL": ("x-next", ONCE),
    "URL encoded twice": ("x-next", quote(quote(URL, safe=""), safe="")),
    "JSON": ("x-context", json.dumps({"password": SECRET, "n": 1})),
    "JSON, encoded": ("x-context", quote(json.dumps({"password": SECRET}))),
    "a pair": ("x-context", json.dumps([{"name": "api_key", "value": SECRET}])),
    "parameters": ("x-user", f'user=bob, password="{SECRET}"'),
    "a form": ("x-form", f"user=bob&password={SECRET}"),
    "WebSocket protocols": ("sec-websocket-protocol", f"rt, openai-insecure-api-key.{SECRET}, b"),
}
BODIES = {
    "encoded once": (json.dumps({"next": ONCE}), JSON),
    "encoded twice": (json.dumps({"next": TWICE}), JSON),
    "escaped for HTML": (f'<a href="{URL.replace("&", "&amp;")}">', "text/html"),
    "element with attributes": (f'<w:Password Type="PasswordText">{SECRET}</w:Password>', XML),
    "CDATA": (f"<password><![CDATA[{SECRET}]]></password>", XML),
    "attribute in single quotes": (f"<db name='x' password='{SECRET}'/>", XML),
    "value before its name": (json.dumps({"env": [{"value": SECRET, "name": "API_KEY"}]}), JSON),
    "upper case": (json.dumps([{"Key": "DbPassword", "Value": SECRET}]), JSON),
    "upper case, reversed": (json.dumps([{"Value": SECRET, "Key": "DbPassword"}]), JSON),
    "others between": (json.dumps({"name": "API_KEY", "is_set": True, "value": SECRET}), JSON),
    "others between, reversed": (json.dumps({"value": SECRET, "n": {}, "key": "API_KEY"}), JSON),
    "a value in an object": (
        json.dumps({"key": "http.header.authorization", "value": {"stringValue": SECRET}}),
        JSON,
    ),
    "a list of pairs": (json.dumps([["accept", "*/*"], ["x-api-key", SECRET]]), JSON),
    "a column": (f"user,password,n\r\nbob,{SECRET},1\r\neve,x,2\r\n", "text/csv"),
    "elements of a name and a value": (f"<key>password</key>\n<string>{SECRET}</string>", XML),
    "attributes of a name and a value": (f"<add key='ApiKey' value='{SECRET}' />", XML),
    "an element in an element": (f"<password><value>{SECRET}</value></password>", XML),
    "escaped XML": (f"<x>&lt;password&gt;{SECRET}&lt;/password&gt;</x>", XML),
    "escaped JSON": (f'<p data-x="{html.escape(json.dumps({"password": SECRET}))}">', "text/html"),
    "JSON in lines of an event": (f'data: {{"password":\ndata: "{SECRET}"}}\n\n', EVENTS),
    "JSON in a string": (json.dumps({"a": json.dumps({"value": SECRET, "key": "jwt"})}), JSON),
}


@pytest.mark.parametrize("place", HEADERS)
def test_secret_in_a_header(place):
    """In any header; redacting twice changes nothing more."""
    redaction, (name, value) = Redaction(), HEADERS[place]

    safe = redaction.headers(Headers(((name, value),)))

    assert SECRET not in safe.get(name)
    assert safe.get(name)[:2] == value[:2]
    assert redaction.headers(safe) == safe
    assert (
        redaction.request(Request("GET", "https://h/", Headers(((name, value),)))).headers == safe
    )


@pytest.mark.parametrize("place", BODIES)
def test_secret_in_a_body(place):
    """JSON stays JSON; redacting twice changes nothing more."""
    redaction, (text, media) = Redaction(), BODIES[place]

    safe = redaction.body(text.encode(), media)

    assert SECRET.encode() not in safe
    assert redaction.body(safe, media) == safe
    if media == JSON:
        json.loads(safe)


# What a prompt may quote. `~` ends a line, `$` is the secret.
TEXTS = """
YAML      > db:~  password: $~  user: bob
YAML      > - name: API_KEY~  value: $
YAML      > - value: $~  name: API_KEY
YAML      > password: |~  $~
YAML      > {user: bob, password: $}
TOML      > [db]~password = '$'
INI       > [db]~password=$
dotenv    > DB_PASSWORD=$
shell     > export DB_PASSWORD='$'; env API_TOKEN=$ ./run
Docker    > ENV DB_PASSWORD $
Python    > {'user': 'bob', 'password': '$'}
Python    > connect(user='bob', password='$', n=1)
Python    > os.environ['API_KEY'] = '$'; os.environ.setdefault("API_KEY", "$")
Python    > api_key: str = '$'~password = b'$'~Settings(password=SecretStr('$'))
JavaScript> const apiKey = `$`; x = {password: '$'}; headers.set('x-api-key', '$')
Go, PHP   > password := "$"; ['password' => '$']
Terraform > variable "db_password" {~  default = "$"~}
HTTP      > GET /x HTTP/1.1~X-Auth-Token: $~Authorization: Bearer $~
cookies   > Cookie: a=1; sid=$~Set-Cookie: sid=$; Path=/
curl      > curl -H 'X-Api-Key: $' -u me:$ -b 'sid=$' -d 'user=x&password=$' -F password=$
commands  > gh --token $ x; mysql --password=$
npm       > //registry.example/:_authToken=$
netrc     > machine h login bob password $
SQL       > CREATE USER bob WITH PASSWORD '$'
sentence  > The password is $. API key: $
XML       > <password Type="PasswordText">$</password> <add key="ApiKey" value="$"/>
CSV       > user,password,n~bob,$,1
a table   > | user | password |~|---|---|~| bob | $ |
URLs      > https://h/a;jsessionid=$?x=1 https://h/a?ticket=$ https://h/#access_token=$
userinfo  > git+ssh://bob:$@h/x https://$@h/x
encoded   > https://h/?next=https%3A%2F%2Fbob%3A$%40h%2Fcb
encoded   > https://h/?s=%257B%2522password%2522%253A%2522$%2522%257D
"""


def test_secret_in_a_text():
    """In a prompt, in plain text and in JSON inside JSON; redacting twice changes nothing more."""
    redaction, found = Redaction(), []
    for line in TEXTS.strip().splitlines():
        text = line.partition("> ")[2].replace("~", "\n").replace("$", SECRET)
        prompt = json.dumps({"messages": [{"content": text}]})
        inner = json.dumps({"arguments": prompt})
        for raw, media in ((text, "text/plain"), (prompt, JSON), (inner, JSON)):
            safe = redaction.body(raw.encode(), media)
            if SECRET.encode() in safe or redaction.body(safe, media) != safe:
                found.append((media, safe))
            if media == JSON:
                json.loads(safe)

    assert found == []


# Code, prose and data with the names of secrets, and nothing secret. `~` ends a line.
HARMLESS = """
token = next(tokens2ids)~key = names[0]~api_key=settings.openai_api_key_v2,
password: str = None~password: Optional[str]~def login(user, password, token=TOKEN_2): ...
api_key=os.environ["OPENAI_API_KEY"], token=${TOKEN}, password=$PASSWORD1, secret={{ x1 }}
The token is valid until 2026-11-28. Tokens: 1024. The key is gpt-4o-mini.
{'token': 'ETH', 'key': 'sort_order', 'max_tokens': '4096x', 'api_keys': 2}
required: ['api_key', 'user_id_v2'], ["token", "password2"], ("token", "v1")
token,count~hello,12~world2,3
password | Enter a password2~cache-key: node-20.11-modules
<token>Paris is the capital2 of France</token> <password>your password1</password>
use <b>password</b> and <i>token</i>; see https://user@h/x and git@h:x/y.git
?token=ETH&x=1; /a;v=2/b?pass=true
"""


def test_harmless_text_stays():
    """Values of code, words with a number, and what describes a secret."""
    redaction = Redaction()
    for line in HARMLESS.strip().splitlines():
        text = line.replace("~", "\n")
        assert redaction.body(text.encode(), "text/plain").decode() == text
        raw = json.dumps({"messages": [{"content": text}]}).encode()
        assert redaction.body(raw, JSON) == raw


def test_parameters_in_the_path_of_a_url():
    """The text after them stays."""
    url = Redaction().url(f"https://h/a;jsessionid={SECRET};v=2/b;password={SECRET}?x=1")

    assert url == "https://h/a;jsessionid=<JSESSIONID>;v=2/b;password=<PASSWORD>?x=1"


@pytest.mark.parametrize(
    ("text", "media"),
    [
        (json.dumps({"next": "/a?u=https%3A%2F%2Fa.example%2F%3Fpage%3D2%26token%3DETH"}), JSON),
        (json.dumps([{"value": "S3cretary", "name": "title"}]), JSON),
        ("<Key class='a'>reports/2026.csv</Key>", XML),
        ('<td class="x">S3cretary99</td>', "text/html"),
    ],
)
def test_other_values_stay(text, media):
    """A coin under `token`, titles, and names of objects."""
    assert Redaction().body(text.encode(), media).decode() == text

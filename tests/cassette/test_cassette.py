import errno
import gzip
import hashlib
import json
import os
import re
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_agentcache.cassette import (
    Cassette,
    read,
    remove,
    render,
    sidecar_folder,
    write,
)
from pytest_agentcache.errors import CassetteError
from pytest_agentcache.files import locked
from pytest_agentcache.http.header_names import as_sent, recorded_names
from pytest_agentcache.http.messages import Headers, Interaction, Request, Response, standard_reason

from ..values import TEXT

INSTANT = datetime(2026, 11, 21, 18, 29, 15, tzinfo=UTC)
HEAD = "agentcache: 1\nrecorded_at: '2026-11-21T18:29:15Z'\n"
ITEM = """interactions:
- request: {method: GET, url: 'https://h/'}
  response:
    status: 200
"""


def interaction(body=b"ok", content_type="text/plain", status=200, **more):
    """A request and its answer."""
    headers = Headers((("content-type", content_type),))
    response = Response(status, headers, body, standard_reason(status))
    return Interaction(Request("GET", "https://h/p"), cassette_replace(response, more))


def cassette_replace(response, more):
    """`response` with other fields."""
    return replace(response, **more)


def kept(path, *interactions):
    """A cassette that was written to `path`."""
    written = Cassette(path, INSTANT, interactions)
    write(written)
    return written


def test_what_is_written_is_read(tmp_path):
    """A cassette comes back as it was."""
    path = tmp_path / "deep" / "folder" / "a.yaml"

    written = kept(path, interaction(), interaction(b'{"a":1.50}', "application/json", 429))

    assert read(path) == written


BODIES = st.binary(max_size=30) | st.sampled_from([b'{"a":[1,2]}', b"data: a\n\n", b"a=b", b""])
# A header is one line.
LINES = TEXT.filter(lambda text: not set(text) & set("\r\n\0"))
HEADERS = st.lists(
    st.tuples(st.sampled_from(["content-type", "x-a", "set-cookie"]), LINES), max_size=4
).map(lambda pairs: Headers(tuple(sorted(pairs, key=lambda pair: pair[0]))))


@settings(max_examples=60)
@given(st.lists(st.tuples(HEADERS, BODIES, HEADERS, BODIES, TEXT), max_size=3))
def test_any_cassette_is_canonical(tmp_path_factory, parts):
    """Writing what was read gives the same bytes, and safe_load reads them."""
    path = tmp_path_factory.mktemp("canonical") / "c.yaml"
    found = tuple(
        Interaction(Request("POST", "https://h/", sent, asked), Response(200, came, body, reason))
        for sent, asked, came, body, reason in parts
    )
    write(Cassette(path, INSTANT, found))
    raw = path.read_bytes()

    again = read(path)

    assert again.interactions == found
    assert write(again) is False
    path.unlink()
    assert write(again) is True
    assert path.read_bytes() == raw
    assert yaml.safe_load(raw)["agentcache"] == 1


def test_items_are_cut_by_their_lines(tmp_path):
    """Items start in column 0 with every kind of body."""
    path = tmp_path / "c.yaml"
    bodies = [b"- a\n- b\n", b"\n\n- x", b'["- ","\\n- y"]']
    kept(path, *(interaction(body) for body in bodies))

    head, *items = path.read_text("utf-8").split("\n- ")

    assert len(items) == 3
    assert [yaml.safe_load(f"- {item}")[0]["response"]["status"] for item in items] == [200] * 3
    assert head.endswith("# 1 · GET h/p → 200")


def test_nothing_there_is_an_empty_cassette(tmp_path):
    """A cassette that does not exist has no instant and no interactions."""
    assert read(tmp_path / "none.yaml") == Cassette(tmp_path / "none.yaml")


def test_empty_cassette_can_be_written(tmp_path):
    """No interactions is an empty list."""
    kept(tmp_path / "c.yaml")

    assert (tmp_path / "c.yaml").read_text().endswith("interactions: []\n")
    assert read(tmp_path / "c.yaml").interactions == ()


@pytest.mark.parametrize(
    ("media", "name"),
    [
        ("image/png", "image.png"),
        ("image/jpeg", "image.jpg"),
        ("image/x-odd", "image.bin"),
        ("audio/mpeg", "audio.mp3"),
        ("application/pdf", "pdf.pdf"),
        ("application/octet-stream", "octet-stream.bin"),
        ("application/vnd.amazon.eventstream", "vnd-amazon-eventstream.bin"),
        ("application/" + "x" * 300, "x" * 40 + ".bin"),
        ("", "body.bin"),
        ("text/é", "body.txt"),
    ],
)
def test_files_are_named_by_what_they_are(tmp_path, media, name):
    """A body in a file of its own has its kind, a digest and the usual ending in its name."""
    path = tmp_path / "c.yaml"
    content = b"\x00" * 2000

    stem, _, ending = name.rpartition(".")
    name = f"{stem}-{hashlib.sha256(content).hexdigest()[:10]}.{ending}"

    kept(path, interaction(content, media))

    assert [file.name for file in (tmp_path / "c").iterdir()] == [name]
    assert (tmp_path / "c" / name).read_bytes() == content
    assert f"file: {name}" in path.read_text("utf-8").replace("'", "")
    assert read(path).interactions[0].response.body == content


def test_stale_files_are_removed(tmp_path):
    """Only what the cassette names stays, and what a person put there."""
    path = tmp_path / "c.yaml"
    kept(path, interaction(b"\x00" * 2000), interaction(b"\x01" * 2000))
    (tmp_path / "c" / "notes.txt").write_text("mine")

    kept(path, interaction(b"\x01" * 2000))
    assert len(list((tmp_path / "c").iterdir())) == 2

    (tmp_path / "c" / "notes.txt").unlink()
    kept(path, interaction())
    assert not (tmp_path / "c").exists()


def test_remove_takes_the_files_along(tmp_path):
    """The files of a cassette are removed with it."""
    path = tmp_path / "c.yaml"
    kept(path, interaction(b"\x00" * 2000))

    remove(path)
    remove(path)

    assert list(tmp_path.iterdir()) == []


def test_unchanged_cassette_is_not_written(tmp_path):
    """An existing file is left alone, including its time stamp."""
    path = tmp_path / "c.yaml"
    written = kept(path, interaction(b"\x00" * 2000))
    before = [file.stat().st_mtime_ns for file in (path, *sidecar_folder(path).iterdir())]

    assert write(written) is False
    assert [f.stat().st_mtime_ns for f in (path, *sidecar_folder(path).iterdir())] == before


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_failing_in_the_middle_changes_nothing(tmp_path, monkeypatch, step):
    """A full disk leaves the old cassette and no temporary file."""
    path = tmp_path / "c.yaml"
    kept(path, interaction(b"old"))
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    if step == "write":

        class Full(type(path)):
            def open(self, *args, **kwargs):
                file = super().open(*args, **kwargs)
                file.close()
                return self

            def __enter__(self):
                return self

            def __exit__(self, *_):
                return None

            write = full

        monkeypatch.setattr(Path, "with_name", lambda self, name: Full(self.parent / name))
    else:
        target = {"fsync": (os, "fsync"), "replace": (Path, "replace")}[step]
        monkeypatch.setattr(*target, full)
    with pytest.raises(CassetteError, match="No space left") as caught:
        write(Cassette(path, INSTANT, (interaction(b"new"),)))
    monkeypatch.undo()

    assert caught.value.path == path
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["c.yaml"]


def test_interrupted_writer_leaves_nothing(tmp_path, monkeypatch):
    """Ctrl-C in the middle is no different."""
    path = tmp_path / "c.yaml"
    kept(path, interaction(b"old"))

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(Cassette(path, INSTANT, (interaction(b"new"),)))

    assert [file.name for file in tmp_path.iterdir()] == ["c.yaml"]
    assert read(path).interactions[0].response.body == b"old"


def test_folder_that_is_a_file_is_an_error(tmp_path):
    """If no folder can be created, nothing is written, and the error names the place."""
    (tmp_path / "f").write_text("")

    with pytest.raises(CassetteError, match="cannot be written"):
        kept(tmp_path / "f" / "c.yaml", interaction())


def test_what_yaml_cannot_hold_is_an_error(tmp_path):
    """A header with a name beyond all bounds does not end in a traceback of ours."""
    headers = Headers((("x" * 2000, "1"),))

    with pytest.raises(CassetteError, match="a key of 2000 characters"):
        kept(tmp_path / "c.yaml", Interaction(Request("GET", "https://h/", headers), Response(200)))


@pytest.mark.skipif(os.name == "nt", reason="rights are others there")
def test_rights_are_kept(tmp_path):
    """A new file gets the usual rights, a replaced one keeps its own."""
    path, usual = tmp_path / "c.yaml", tmp_path / "usual"
    usual.write_text("")

    kept(path, interaction())
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(usual.stat().st_mode)

    path.chmod(0o640)
    kept(path, interaction(b"new"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_link_stays_a_link(tmp_path):
    """Writing goes to what a link points at."""
    (tmp_path / "real").mkdir()
    kept(tmp_path / "real" / "c.yaml", interaction())
    link = tmp_path / "c.yaml"
    link.symlink_to(tmp_path / "real" / "c.yaml")

    kept(link, interaction(b"new"))

    assert link.is_symlink()
    assert read(tmp_path / "real" / "c.yaml").interactions[0].response.body == b"new"


def test_cassette_can_be_edited_by_hand(tmp_path):
    """Other quotes, order, layout, comments and line ends are all read."""
    path = tmp_path / "c.yaml"
    path.write_bytes(
        b"# mine\r\n"
        b'interactions:\r\n  - response:\r\n      json: {"b": [1,\r\n        2]}\r\n'
        b"      headers:\r\n        Content-Type: application/json\r\n      status: 200\r\n"
        b"    request:\r\n      url: https://h/\r\n      method: GET\r\n"
        b'recorded_at: "2026-11-21T18:29:15Z"\r\nagentcache: 1\r\n'
    )

    [found] = read(path).interactions

    assert found.response.body == b'{"b":[1,2]}'
    assert found.response.headers.pairs == (("content-type", "application/json"),)
    assert found.response.reason == "OK"


def test_repeated_headers_are_lists(tmp_path):
    """Fields of one name are a list, in order."""
    pairs = (("set-cookie", "a"), ("set-cookie", "b"), ("vary", "x"))
    written = kept(
        tmp_path / "c.yaml",
        Interaction(Request("GET", "https://h/"), Response(200, Headers(pairs))),
    )

    assert "set-cookie: [a, b]" in written.path.read_text("utf-8")
    assert read(written.path).interactions[0].response.headers.pairs == pairs


def test_boundary_of_a_body_is_that_of_its_header(tmp_path):
    """A multipart body comes back under the boundary that its content type names."""
    body = b"--mine\r\nA: b\r\n\r\nc\r\n--mine--\r\n"
    written = kept(tmp_path / "c.yaml", interaction(body, "multipart/mixed; boundary=mine"))

    assert "multipart:" in written.path.read_text("utf-8")
    assert read(written.path) == written


def nested(lines, **more):
    """An item with other lines in its response."""
    return HEAD + ITEM + "".join(f"    {line}\n" for line in lines)


BROKEN = {
    "": ("empty", 1),
    "  \n\n": ("empty", 1),
    "a: [": ("not a cassette", 1),
    "- a\n": ("must be a mapping", 1),
    "just text": ("must be a mapping", 1),
    "interactions: []\n": ("no `agentcache:` line", 1),
    "agentcache: 2\ninteractions: []\n": ("format 2", 1),
    "recorded_at: x\nagentcache: true\n": ("format True", 2),
    "agentcache: 1\n": ("`recorded_at`", 1),
    "agentcache: 1\nrecorded_at: yesterday\n": ("must be an instant", 2),
    "agentcache: 1\nrecorded_at: 2026-13-41T18:29:15Z\n": ("not a valid instant", 2),
    HEAD: ("`interactions` is missing", 1),
    HEAD + "interactions: {}\n": ("is not a list", 3),
    HEAD + "interactions: []\nextra: 1\n": ("unknown key 'extra'", 4),
    HEAD + "interactions:\n- 3\n": ("must be a mapping", 4),
    HEAD + "interactions:\n- request: {}\n": ("has no `response`", 4),
    HEAD + "interactions:\n- response: {}\n": ("has no `request`", 4),
    HEAD + ITEM.replace("method: GET", "method: 1"): ("`method`", 4),
    HEAD + ITEM.replace("https://h/", "http://[x"): ("`url` is not a URL", 4),
    HEAD + ITEM.replace("url", "uri"): ("unknown key 'uri'", 4),
    HEAD + ITEM.replace("200", "'200'"): ("not an HTTP status", 6),
    HEAD + ITEM.replace("200", "true"): ("not an HTTP status", 6),
    HEAD + ITEM.replace("200", "1000"): ("not an HTTP status", 6),
    nested(["reason: 3"]): ("`reason` must be text", 7),
    nested(["headers: [a]"]): ("`headers` must be a mapping", 7),
    nested(["headers:", "  age: 5"]): ("'age' is not text", 8),
    nested(["headers:", "  5: a"]): ("5 is not text", 7),
    nested(["body: x"]): ("unknown key 'body'", 7),
    nested(["text: a", "json: 1"]): ("two bodies", 7),
    nested(["text: 5"]): ("int, not text", 7),
    nested(["json: {}", "json_style: curly"]): ("unknown JSON style", 7),
    nested(["json_style: spaced"]): ("without the `json`", 7),
    nested(["charset: utf-8"]): ("without the `text`", 7),
    nested(["text: a", "text_style: wide"]): ("unknown text style", 8),
    nested(["text: a", "text_style: 3"]): ("must be text", 8),
    nested(["base64: '###'"]): ("no body", 7),
    nested(["file: gone.png"]): ("gone.png cannot be read", 7),
    nested(["file: ../secret.yaml"]): ("is outside", 7),
    nested(["file: /etc/passwd"]): ("is outside", 7),
    nested(["file: sub/x.png"]): ("is outside", 7),
    nested(["file: ''"]): ("is outside", 7),
    nested(["file: .."]): ("is outside", 7),
    nested(['file: "a\\0b"']): ("no body", 7),
    nested(["chunks: 3", "text: abc"]): ("must be a list of sizes", 7),
    nested(["chunks: [0, 3]", "text: abc"]): ("must be a list of sizes", 7),
    nested(["chunks: [true, 2]", "text: abc"]): ("must be a list of sizes", 7),
    nested(["chunks: [1, 1]", "text: abc"]): ("add up to 2 bytes, but the body has 3", 7),
    nested(["json: !!python/name:os.system x"]): ("python/name", 7),
    nested(["json: &a 1", "chunks: *a"]): ("alias", 8),
    nested(["text: a", "text: b"]): ("'text' twice", 8),
    HEAD + ITEM + "---\na: 1\n": ("another document", 7),
    HEAD + ITEM + '    sse: |\n      {"a":1}\n      ~ b=1\n': ("no event above '~ b=1' has b", 9),
    HEAD + ITEM + "    sse: ~ b=1\n": ("no event above '~ b=1' has b", 7),
    HEAD + ITEM + "\x01": ("U\\+0001", 7),
    HEAD + ITEM + "  respo": ("not a cassette", 7),
}


@pytest.mark.parametrize("text", BROKEN, ids=[f"{message} {at}" for message, at in BROKEN.values()])
def test_each_mistake_has_its_file_and_line(tmp_path, text):
    """The error says what is wrong, where, and what to do."""
    path = tmp_path / "c.yaml"
    path.write_text(text, "utf-8")
    problem, line = BROKEN[text]

    with pytest.raises(CassetteError, match=problem) as caught:
        read(path)

    assert caught.value.line == line
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert len(str(caught.value).splitlines()) == 2


def test_bytes_that_are_not_text_have_their_line(tmp_path):
    """A file in another encoding is not a cassette."""
    path = tmp_path / "c.yaml"
    path.write_bytes(HEAD.encode() + b"# caf\xe9\n")

    with pytest.raises(CassetteError, match="not UTF-8") as caught:
        read(path)
    assert caught.value.line == 3


def test_folder_in_place_of_a_cassette_is_an_error(tmp_path):
    """A file that cannot be opened is reported with the reason."""
    (tmp_path / "c.yaml").mkdir()

    with pytest.raises(CassetteError, match="cannot be read"):
        read(tmp_path / "c.yaml")


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_link_out_of_the_folder_is_refused(tmp_path):
    """A file beside the cassette may not be a way to another place."""
    secret = tmp_path / "secret"
    secret.write_text("s")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "x.png").symlink_to(secret)
    path = tmp_path / "c.yaml"
    path.write_text(nested(["file: x.png"]))

    with pytest.raises(CassetteError, match="is outside"):
        read(path)


def test_lock_lets_one_in_at_a_time(tmp_path):
    """Two that write one cassette do it one after the other."""
    import threading

    inside, most = [], []

    def enter():
        with locked(tmp_path / "c.yaml"):
            inside.append(1)
            most.append(len(inside))
            tmp_path.stat()
            inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == [1] * 8


def test_a_packed_file_has_an_ending_that_says_so(tmp_path):
    """JSON that was packed though no header says so can be looked into, and goes when stale."""
    content = gzip.compress(json.dumps(list(range(500))).encode(), mtime=0)
    path = tmp_path / "c.yaml"

    kept(path, interaction(content, "application/json"))

    (file,) = (tmp_path / "c").iterdir()
    assert file.name.startswith("json-")
    assert file.name.endswith(".json.gz")
    assert read(path).interactions[0].response.body == content
    kept(path, interaction(b"{}", "application/json"))
    assert not (tmp_path / "c").exists()


def test_a_request_needs_no_style(tmp_path):
    """However a client writes its JSON, the cassette is the same."""
    texts = set()
    for raw in (b'{"a": [1]}', b'{"a":[1]}', b'{\n "a": [1]\n}'):
        headers = Headers((("content-type", "application/json"),))
        asked = Request("POST", "https://h.example/", headers, raw)
        texts.add(
            render(Cassette(tmp_path / "c.yaml", INSTANT, (Interaction(asked, Response(200)),)), {})
        )

    assert len(texts) == 1
    assert "json_style" not in texts.pop()


@pytest.mark.parametrize(
    ("sent", "version"),
    [
        ([("Content-Type", "text/plain"), ("ETag", '"1"'), ("x-lower", "1")], ""),
        ([("content-type", "text/plain"), ("etag", '"1"')], ""),
        ([("content-type", "text/plain"), ("etag", '"1"')], "HTTP/2"),
        ([("Content-Type", "text/plain"), ("etag", '"1"'), ("X-RateLimit-Limit", "…")], ""),
    ],
    ids=["usual", "lower", "http2", "mixed"],
)
def test_names_come_back_in_the_case_in_which_they_were_sent(tmp_path, sent, version):
    """The file names only what is unusual, and reading it gives the same names."""
    headers = Headers.of(sent)
    names = recorded_names([name for name, _ in headers], headers.unusual)
    response = Response(200, headers, b"ok", "OK", names=names, http_version=version)
    path = tmp_path / "a.yaml"
    kept(path, Interaction(Request("GET", "https://h/"), response))

    found = read(path).interactions[0].response
    assert as_sent(found.headers, found.names) == sent
    assert render(read(path), None) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("header_names: upper", "`header_names` must be `lower` or a list"),
        ("header_names: [ETag]", "`header_names` must be `lower` or a list"),
        ("http_version: 2", "`http_version` must be a version like HTTP/2"),
        ("encoded: yes please", "`encoded` must be true"),
        ("encoded: true", "`encoded` without a header content-encoding"),
        ("headers: {x a: '1'}", "the header 'x a' is not a valid header line"),
        ('headers: {x-a: "1\\r\\nx-b: 2"}', "the header 'x-a' is not a valid header line"),
    ],
)
def test_wire_edited_wrongly_is_an_error(tmp_path, line, problem):
    """Each key that describes the wire is checked, and the error names its line."""
    path = tmp_path / "a.yaml"
    path.write_text(f"{HEAD}{ITEM}    {line}\n", encoding="utf-8")

    with pytest.raises(CassetteError, match=re.escape(problem)) as caught:
        read(path)
    assert caught.value.line == 7


def test_body_that_is_gzip_itself_is_not_taken_for_encoded(tmp_path):
    """A decoded body may look as if it were in the coding that its header names."""
    packed = gzip.compress(b"{}" * 200, mtime=0)
    headers = Headers((("content-encoding", "gzip"), ("content-type", "application/gzip")))
    path = tmp_path / "a.yaml"
    kept(path, Interaction(Request("GET", "https://h/"), Response(200, headers, packed, "OK")))

    found = read(path).interactions[0].response
    assert (found.encoded, found.body) == (False, packed)

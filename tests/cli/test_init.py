"""`agentcache init`: what it finds out, what it writes, and what it leaves alone."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

from pytest_agentcache.http.messages import Headers, Interaction, Request, Response

from .conftest import environment, get, snapshot, write

TESTS = ".github/workflows/agentcache.yml"
MAINTAINERS = ".github/workflows/agentcache-maintainers.yml"
NEW = {"pytest.ini", ".gitattributes", ".pre-commit-config.yaml", TESTS, MAINTAINERS}


def called(*words, env=None, **options):
    """Run a program and return what became of it."""
    found = env or environment()
    return subprocess.run(words, env=found, capture_output=True, text=True, check=False, **options)


def steps(folder, path, job):
    """Return the steps of a job."""
    return yaml.safe_load((folder / path).read_text())["jobs"][job]["steps"]


def test_new_project_is_set_up(folder, repository, run):
    """All files are there, and pytest, git and the doctor accept them."""
    (folder / "test_now.py").write_text("def test_now(agentcache): pass\n")
    done = run("init")

    assert set(snapshot(folder)) == NEW | {"test_now.py"}
    assert done.code == 0
    assert run("doctor").out == "nothing is wrong\n"
    words = ["check-attr", "diff", "text", "--", "tests/cassettes/test_now/test_now.yaml"]
    assert "diff: agentcache" in repository.git(*words)
    assert "text: unset" in repository.git(*words)
    repository.git("config", "diff.agentcache.textconv")


def test_dry_run_writes_nothing(folder, repository, run):
    """The changes are shown, and neither files nor git's configuration change."""
    (folder / ".gitattributes").write_text("*.png binary")
    before = snapshot(folder), (folder / ".git/config").read_text()

    out = run("init", "--dry-run").out

    assert (snapshot(folder), (folder / ".git/config").read_text()) == before
    assert "+agentcache_unused = fail" in out
    assert " *.png binary\n+# Cassettes in words" in out


def test_second_run_changes_nothing(folder, repository, run):
    """Files that are there stay as they are."""
    run("init")
    before = snapshot(folder)
    done = run("init", "--json").json

    assert snapshot(folder) == before
    assert (done["written"], done["git_config"]) == ({}, {})
    assert set(done["kept"]) == NEW


def test_git_undoes_it(folder, repository, run):
    """`git checkout` and `git clean` bring the project back."""
    (folder / "pyproject.toml").write_text('[project]\nname = "a"\n')
    repository.commit()
    before = snapshot(folder)
    run("init")
    assert snapshot(folder) != before

    repository.git("checkout", "-q", ".")
    repository.git("clean", "-fdq")
    assert snapshot(folder) == before


SETTINGS = "agentcache_unused = fail\nagentcache_stable_ids = answer call request\n"
TOML = 'agentcache_unused = "fail"\nagentcache_stable_ids = "answer call request"\n'
NATIVE = 'agentcache_unused = "fail"\nagentcache_stable_ids = ["answer", "call", "request"]\n'


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "pytest.ini",
            "[pytest]\naddopts = -q\n",
            f"[pytest]\n{SETTINGS}addopts = -q\n",
        ),
        (
            "tox.ini",
            "[tox]\n[pytest]",
            f"[tox]\n[pytest]\n{SETTINGS}",
        ),
        (
            "setup.cfg",
            "[metadata]\n[tool:pytest]\n",
            f"[metadata]\n[tool:pytest]\n{SETTINGS}",
        ),
        (
            "pyproject.toml",
            '[tool.pytest.ini_options]\naddopts = "-q"\n[tool.x]\n',
            f'[tool.pytest.ini_options]\n{TOML}addopts = "-q"\n[tool.x]\n',
        ),
        (
            "pyproject.toml",
            "[tool.x]",
            f"[tool.x]\n\n[tool.pytest.ini_options]\n{TOML}",
        ),
        (
            "pyproject.toml",
            '[tool.pytest]\naddopts = ["-q"]\n',
            f'[tool.pytest]\n{NATIVE}addopts = ["-q"]\n',
        ),
        (
            "pytest.toml",
            "[pytest]\n",
            f"[pytest]\n{NATIVE}",
        ),
    ],
)
def test_settings_are_added_to_the_file_that_pytest_reads(
    folder, repository, run, name, text, expected
):
    """Pytest's own file gets the setting, and everything else stays."""
    (folder / name).write_text(text)
    run("init")

    assert (folder / name).read_text() == expected
    assert name == "pytest.ini" or not (folder / "pytest.ini").exists()
    started = called(sys.executable, "-m", "pytest", "--strict-config", "--collect-only")
    assert started.returncode == 5, started.stderr


def test_settings_that_are_there_stay(folder, repository, run):
    """A file with settings of the plugin is not changed."""
    (folder / "pytest.ini").write_text("[pytest]\nagentcache_auto = true\n")
    out = run("init").out

    assert (folder / "pytest.ini").read_text() == "[pytest]\nagentcache_auto = true\n"
    assert "pytest.ini: left as it is, it has settings of the plugin already\n" in out


def test_suite_of_vcr_is_found(folder, repository, run):
    """Cassettes of VCR.py mean that the suite should run as it is."""
    path = folder / "tests/cassettes/test_a/test_b.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(
        "interactions:\n"
        "- request: {body: null, headers: {}, method: GET, uri: 'http://a.example/'}\n"
        "  response: {body: {string: x}, headers: {}, status: {code: 200, message: OK}}\n"
        "version: 1\n"
    )
    run("init")

    assert (folder / "pytest.ini").read_text() == "[pytest]\nagentcache_vcr = true\n"


@pytest.mark.parametrize(
    "text",
    [
        "repos:\n- repo: https://a.example/x\n  rev: v1\n  hooks:\n  - id: x\n",
        "repos:\n  - repo: https://a.example/x\n    rev: v1\n    hooks: [{id: x}]\nci: {}\n",
        "# Ours\nrepos:\n  - repo: https://a.example/x\n    rev: v1\n    hooks: [{id: x}]",
        "",
    ],
)
def test_hook_is_added_to_the_others(folder, repository, run, text):
    """The configuration of pre-commit keeps its hooks and its other keys."""
    path = folder / ".pre-commit-config.yaml"
    if text:
        path.write_text(text)
    before = yaml.safe_load(text) or {"repos": []}
    run("init")
    after = yaml.safe_load(path.read_text())

    *others, own = after.pop("repos")
    assert others == before.pop("repos")
    assert after == before
    assert own["hooks"][0]["entry"] == "agentcache check"


@pytest.mark.parametrize(
    ("files", "install"),
    [
        ({}, ["pip install pytest pytest-agentcache"]),
        ({"requirements-dev.txt": ""}, ["pip install -r requirements-dev.txt"]),
        ({"pyproject.toml": "[project]\nname = 'a'\n"}, ["pip install -e ."]),
        (
            {"pyproject.toml": "[project]\n[project.optional-dependencies]\ntest = []\n"},
            ["pip install -e '.[test]'"],
        ),
        ({"pyproject.toml": "[dependency-groups]\ndev = []\n"}, ["pip install --group dev"]),
        ({"uv.lock": ""}, ["uv sync --all-extras --all-groups"]),
        ({"poetry.lock": ""}, ["poetry run pip install pytest-agentcache"]),
    ],
)
def test_installation_is_found(folder, repository, run, files, install):
    """The workflow installs the project as its files say."""
    for name, text in files.items():
        (folder / name).write_text(text)
    run("init")
    script = next(s["run"] for s in steps(folder, TESTS, "tests") if s.get("name") == "Install")

    assert set(install) <= set(script.splitlines())
    assert "pytest-agentcache" in script


def test_workflow_is_complete(folder, repository, run):
    """Tests offline and the check for everyone, comment and recording for maintainers."""
    run("init")
    scripts = [step.get("run", "") for step in steps(folder, TESTS, "tests")]

    assert "pytest --agentcache-offline" in scripts
    assert "agentcache check" in scripts
    assert any("agentcache summary --markdown" in script for script in scripts)
    assert any("gh pr comment" in s.get("run", "") for s in steps(folder, MAINTAINERS, "comment"))
    assert any(
        "--agentcache-record" in s.get("run", "") for s in steps(folder, MAINTAINERS, "record")
    )


def test_forks_get_neither_secrets_nor_rights(folder, repository, run):
    """Code of a pull request runs without secrets; what has rights checks out no fork."""
    write(folder / "cassettes/t/a.yaml", keyed())
    run("init")
    tests, maintainers = ((folder / name).read_text() for name in (TESTS, MAINTAINERS))
    workflow = yaml.safe_load(maintainers)

    assert "secrets." not in tests
    assert yaml.safe_load(tests)["permissions"] == {"contents": "read"}
    # YAML 1.1 reads the key `on` as true.
    assert set(workflow[True]) == {"workflow_run", "issue_comment"}
    assert not any(
        "checkout" in step.get("uses", "") for step in workflow["jobs"]["comment"]["steps"]
    )
    assert "author_association" in workflow["jobs"]["record"]["if"]
    # Values that others choose reach the shell as variables only.
    scripts = [s.get("run", "") for job in workflow["jobs"].values() for s in job["steps"]]
    assert not any("${{" in script for script in scripts)


def keyed() -> Interaction:
    """An interaction with the placeholder of a key."""
    headers = Headers((("authorization", "Bearer <ACME_API_KEY>"),))
    return Interaction(Request("GET", "https://a.example/", headers), Response(200))


def test_recording_gets_the_keys_that_cassettes_name(folder, repository, run):
    """The job that records has a secret for each variable on the cassettes."""
    write(folder / "cassettes/t/a.yaml", keyed())
    run("init")
    record = next(s for s in steps(folder, MAINTAINERS, "record") if s.get("name") == "Record")

    assert record["env"] == {"ACME_API_KEY": "${{ secrets.ACME_API_KEY }}"}


def test_scripts_are_valid_shell(folder, repository, run):
    """bash accepts every script of the workflows."""
    run("init")
    jobs = [(TESTS, "tests"), (MAINTAINERS, "comment"), (MAINTAINERS, "record")]
    for script in [s["run"] for path, job in jobs for s in steps(folder, path, job) if "run" in s]:
        done = called("bash", "-n", input=script)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("origin", "code"), [("acme/a", 0), ("fork/a", 1)])
def test_recording_refuses_forks(folder, repository, run, tmp_path, origin, code):
    """The job ends before it checks out the branch of a fork."""
    run("init")
    script = steps(folder, MAINTAINERS, "record")[0]["run"]
    gh = folder / "bin/gh"
    gh.parent.mkdir()
    gh.write_text(f"#!/bin/sh\nprintf '{origin}\\tfeature/x\\n'\n")
    gh.chmod(0o755)
    found = environment() | {
        "PATH": f"{gh.parent}:{environment()['PATH']}",
        "GH_REPO": "acme/a",
        "NUMBER": "7",
        "GITHUB_OUTPUT": str(folder / "output"),
    }
    done = called("bash", "-e", "-c", script, env=found)

    assert done.returncode == code, done.stderr
    if code == 0:
        assert (folder / "output").read_text() == "branch=feature/x\n"
    else:
        assert "comes from a fork" in done.stderr


def test_summary_of_the_workflow_runs(folder, repository, run, spawn):
    """The command of the workflow writes the comment."""
    run("init")
    repository.commit()
    base = repository.git("rev-parse", "HEAD").strip()
    write(folder / "cassettes/t/a.yaml", get())
    repository.commit()

    out = spawn("summary", "--markdown", "--git", f"{base}...HEAD").out
    assert "1 added" in out


def test_outside_git_is_an_error(folder, run):
    """There is nothing that could be undone."""
    done = run("init")

    assert (done.code, snapshot(folder)) == (2, {})
    assert "is not in a git repository" in done.err


def test_json(folder, repository, run):
    """The document has the content of each file."""
    written = json.loads(run("init", "--dry-run", "--json").out)["written"]

    assert set(written) == NEW
    assert not (folder / "pytest.ini").exists()

"""The table of formats is compared with the rules of gitleaks, which are read and never copied.

AGENTCACHE_GITLEAKS=…/config/gitleaks.toml pytest tests/redaction/test_rule_sets.py
"""

from __future__ import annotations

import os
import re
import tomllib
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from pytest_agentcache.redaction import Redaction

RULES = os.environ.get("AGENTCACHE_GITLEAKS", "")
SHORTEST = 8
# Rules whose keys have no format: a name beside the key is needed, so they are found by name.
BY_NAME = re.compile(r"\[\\w\.-\]\{0,50\}\?")
# Rules without a format here, and why.
REASONS = {
    "aws-amazon-bedrock-api-key-short-lived": "the rule is the beginning of a key; keys are longer",
    "curl-auth-header": "found by the name of the header",
    "curl-auth-user": "a user and a password without a digit may be any two words",
    "flutterwave-public-key": "public by its name",
    "freemius-secret-key": "found by the name beside it",
    "gitlab-session-cookie": "cookies are found by name",
    "hashicorp-tf-password": "found by the name beside it",
    "jwt-base64": "base64 is decoded, and then it is a JWT; random text is not",
    "kubernetes-secret-yaml": "values of manifests are found by the name of the field",
    "nuget-config-password": "found by the name in the attribute",
    "facebook-access-token": "digits, a bar and letters are too common",
    "jwt": "random text is not one; its parts have to be JSON or long",
    "private-key": "random text is not one; the lines have to be those of a key",
    "slack-legacy-token": "random lengths; real ones are longer",
    "slack-legacy-workspace-token": "random lengths; real ones are longer",
    "slack-legacy-bot-token": "random lengths; real ones are longer",
    "slack-webhook-url": "a dot of the rule is any character; the host of Slack has dots",
    "sidekiq-sensitive-url": "the user and the password of a URL are found by place",
}


@pytest.mark.slow
@pytest.mark.skipif(not RULES, reason="AGENTCACHE_GITLEAKS names no file of rules")
def test_every_rule_is_here_or_has_a_reason(capsys):
    """A key made from each rule is found in a sentence, without a name."""
    redaction = Redaction()
    rules = [each for each in tomllib.loads(Path(RULES).read_text())["rules"] if "regex" in each]
    named = {each["id"] for each in rules if BY_NAME.search(each["regex"])}
    missing = [
        each["id"]
        for each in rules
        if each["id"] not in named | set(REASONS)
        and not any(_is_found(key, redaction) for key in _keys(each["regex"]))
    ]
    with capsys.disabled():
        print(
            f"\n  {len(rules)} rules: {len(rules) - len(named) - len(missing)} known by format or "
            f"with a reason, {len(named)} by name only, missing: {missing}"
        )

    assert missing == []


def _is_found(key: str, redaction: Redaction) -> bool:
    return key not in redaction.body(f"Use {key} now".encode(), "text/plain").decode()


def _keys(rule: str) -> list[str]:
    """Return a few keys that match a rule, which is written for Go."""
    source = rule.replace("[[:alnum:]]", "[A-Za-z0-9]").replace("[:alnum:]", "A-Za-z0-9")
    source = source.replace(r"\z", r"\Z").replace("(?i)", "").replace("(?i:", "(?:")
    source = source.replace("(?-i:", "(?:")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pattern = re.compile(source)
    found: list[str] = []

    @seed(7)
    @settings(
        max_examples=12,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.from_regex(pattern, alphabet=st.characters(min_codepoint=33, max_codepoint=126)))
    def collect(text: str) -> None:
        if match := pattern.search(text):
            key = match[match.lastindex or 0]
            # Some groups only repeat.
            found.append(key if key and len(key) >= SHORTEST else match[0])

    collect()
    return found

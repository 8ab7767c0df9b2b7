"""The workflows of GitHub: tests without secrets, and what needs the rights of maintainers."""

# ruff: noqa: E501 - shell and expressions of GitHub, which cannot be wrapped everywhere

from __future__ import annotations

import sys
from collections.abc import Iterable

TESTS = ".github/workflows/agentcache.yml"
MAINTAINERS = ".github/workflows/agentcache-maintainers.yml"

_TESTS = """\
# Written by `agentcache init`. It needs no secrets, so it also runs for forks.
name: agentcache
on:
  push:
    branches: [@BRANCH@]
  pull_request:
permissions:
  contents: read
jobs:
  tests:
    runs-on: ubuntu-latest
    steps:
    - uses: actions/checkout@v4
      with:
        fetch-depth: 0
    - uses: actions/setup-python@v5
      with:
        python-version: '@PYTHON@'
    - name: Install
      run: |
@INSTALL@
    - name: Tests without a network
      run: pytest --agentcache-offline
    - name: Check the cassettes
      run: agentcache check
    - name: Summarize what changed
      if: ${{ !cancelled() && github.event_name == 'pull_request' }}
      env:
        BASE: ${{ github.event.pull_request.base.sha }}
      run: agentcache summary --markdown --git "$BASE...HEAD" > agentcache-summary.md
    - uses: actions/upload-artifact@v4
      if: ${{ !cancelled() && github.event_name == 'pull_request' }}
      with:
        name: agentcache-summary
        path: agentcache-summary.md
"""
_MAINTAINERS = """\
# Written by `agentcache init`. These jobs have rights that a fork must not have: they run the
# version of this file on the default branch, and none of them runs code of a fork.
name: agentcache for maintainers
on:
  workflow_run:
    workflows: [agentcache]
    types: [completed]
  issue_comment:
    types: [created]
permissions: {}
jobs:
  comment:
    name: Comment on the pull request with the summary of its cassettes
    if: ${{ github.event_name == 'workflow_run' && github.event.workflow_run.event == 'pull_request' }}
    runs-on: ubuntu-latest
    permissions:
      actions: read
      pull-requests: write
    steps:
    - uses: actions/download-artifact@v4
      with:
        name: agentcache-summary
        path: summary
        run-id: ${{ github.event.workflow_run.id }}
        github-token: ${{ github.token }}
    - env:
        GH_TOKEN: ${{ github.token }}
        GH_REPO: ${{ github.repository }}
        OWNER: ${{ github.event.workflow_run.head_repository.owner.login }}
        BRANCH: ${{ github.event.workflow_run.head_branch }}
        SHA: ${{ github.event.workflow_run.head_sha }}
      run: |
        number=$(gh api --method GET "repos/$GH_REPO/pulls" -f state=open -f head="$OWNER:$BRANCH" \\
          --jq ".[] | select(.head.sha == \\"$SHA\\") | .number" | head -n 1)
        [ -n "$number" ] || exit 0
        { echo '<!-- agentcache -->'; cat summary/agentcache-summary.md; } > comment.md
        own='.[] | select(.user.type == "Bot" and (.body | startswith("<!-- agentcache -->"))) | .id'
        id=$(gh api --paginate "repos/$GH_REPO/issues/$number/comments" --jq "$own" | head -n 1)
        if [ -n "$id" ]; then
          gh api --method PATCH "repos/$GH_REPO/issues/comments/$id" -F body=@comment.md
        else
          gh pr comment "$number" --body-file comment.md
        fi
  record:
    name: Record what is missing, after a maintainer's comment /record
    if: >-
      ${{ github.event_name == 'issue_comment' && github.event.issue.pull_request
      && startsWith(github.event.comment.body, '/record')
      && contains(fromJSON('["OWNER", "MEMBER", "COLLABORATOR"]'), github.event.comment.author_association) }}
    runs-on: ubuntu-latest
    permissions:
      contents: write
      pull-requests: read
    steps:
    - id: pull
      env:
        GH_TOKEN: ${{ github.token }}
        GH_REPO: ${{ github.repository }}
        NUMBER: ${{ github.event.issue.number }}
      run: |
        pull=$(gh api "repos/$GH_REPO/pulls/$NUMBER" --jq '[.head.repo.full_name, .head.ref] | @tsv')
        if [ "${pull%%$'\\t'*}" != "$GH_REPO" ]; then
          echo "the pull request comes from a fork: record it on a branch of this repository" >&2
          exit 1
        fi
        echo "branch=${pull#*$'\\t'}" >> "$GITHUB_OUTPUT"
    - uses: actions/checkout@v4
      with:
        ref: ${{ steps.pull.outputs.branch }}
    - uses: actions/setup-python@v5
      with:
        python-version: '@PYTHON@'
    - name: Install
      run: |
@INSTALL@
    - name: Record
@KEYS@      run: pytest --agentcache-record
    - name: Push the cassettes
      env:
        BRANCH: ${{ steps.pull.outputs.branch }}
      run: |
        git add --all -- ':(glob)**/cassettes/**'
        git diff --cached --quiet && exit 0
        git -c user.name='github-actions[bot]' -c user.email='github-actions[bot]@users.noreply.github.com' \\
          commit --message 'Record cassettes'
        git push origin "HEAD:refs/heads/$BRANCH"
"""


def workflows(branch: str, install: Iterable[str], keys: Iterable[str]) -> dict[str, str]:
    """Return the workflows by their paths.

    Args:
        branch: The default branch.
        install: The shell commands that install the project.
        keys: The environment variables that recording needs; secrets of the same names hold them.
    """
    lines = [f"        {name}: ${{{{ secrets.{name} }}}}\n" for name in sorted(keys)]
    values = {
        "@BRANCH@": branch,
        "@PYTHON@": f"{sys.version_info.major}.{sys.version_info.minor}",
        "@INSTALL@": "\n".join(f"        {command}" for command in install),
        "@KEYS@": f"      env:\n{''.join(lines)}" if lines else "",
    }
    return {TESTS: _filled(_TESTS, values), MAINTAINERS: _filled(_MAINTAINERS, values)}


def _filled(text: str, values: dict[str, str]) -> str:
    for mark, value in values.items():
        text = text.replace(mark, value)
    return text

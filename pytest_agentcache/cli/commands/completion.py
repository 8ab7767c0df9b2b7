"""`agentcache completion`: the script that has a shell complete the words of the command."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..exit_codes import FINE
from ..terminal import Screen

HELP = "a script for completion in bash, zsh or fish"


@dataclass(frozen=True, slots=True)
class Word:
    """An option of a command.

    Attributes:
        flag: As it is written.
        help: What it does.
        choices: What may follow it; empty for anything.
        takes: Whether something follows it.
    """

    flag: str
    help: str
    choices: tuple[str, ...]
    takes: bool


def add(parser: argparse.ArgumentParser) -> None:
    """Declares its arguments."""
    parser.add_argument("shell", choices=tuple(_SHELLS), help="the shell")


def run(args: argparse.Namespace, screen: Screen) -> int:
    """Writes the script."""
    screen.out.write(_SHELLS[args.shell](args.parser))
    return FINE


def _commands(top: argparse.ArgumentParser) -> Iterator[tuple[str, str, list[Word], list[str]]]:
    """Name, help, options and the fixed words of each command."""
    found = next(each for each in top._actions if isinstance(each, argparse._SubParsersAction))
    helps = {each.dest: each.help or "" for each in found._choices_actions}
    for name, parser in found.choices.items():
        if name.startswith("git-") and name != "git-setup":
            continue
        words = [
            Word(
                flag,
                (action.help or "").replace("%%", "%"),
                tuple(map(str, action.choices or ())),
                action.nargs != 0,
            )
            for action in parser._actions
            for flag in action.option_strings
            if flag.startswith("--")
        ]
        fixed = [
            str(choice)
            for action in parser._actions
            if not action.option_strings and action.choices
            for choice in action.choices
        ]
        yield name, helps.get(name, ""), words, fixed


def _bash(top: argparse.ArgumentParser) -> str:
    names, cases = [], []
    for name, _, words, fixed in _commands(top):
        names.append(name)
        flags = shlex.quote(" ".join(word.flag for word in words))
        others = shlex.quote(" ".join(fixed))
        chosen = "".join(
            f"          {word.flag}) COMPREPLY=($(compgen -W {shlex.quote(' '.join(word.choices))}"
            ' -- "$word")); return;;\n'
            for word in words
            if word.choices
        )
        before = f"        case $before in\n{chosen}        esac\n" if chosen else ""
        cases.append(f"      {name})\n{before}        flags={flags} words={others};;\n")
    return f"""\
# bash completion for agentcache: eval "$(agentcache completion bash)"
_agentcache() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}
    local flags='' words='' file
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
      COMPREPLY=($(compgen -W {shlex.quote(" ".join([*names, "--help", "--version"]))} -- "$word"))
      return
    fi
    case ${{COMP_WORDS[1]}} in
{"".join(cases)}    esac
    case $word in
      -*) COMPREPLY=($(compgen -W "$flags" -- "$word"));;
      *)
        COMPREPLY=($(compgen -W "$words" -- "$word"))
        # Line by line, as blanks and brackets are common in names of cassettes.
        while IFS= read -r file; do COMPREPLY+=("$file"); done < <(compgen -f -- "$word");;
    esac
}}
complete -o filenames -F _agentcache agentcache
"""


def _zsh(top: argparse.ArgumentParser) -> str:
    names, cases = [], []
    for name, text, words, fixed in _commands(top):
        names.append(f"    {shlex.quote(f'{name}:{text}')}\n")
        options = []
        for word in words:
            told = word.help.replace("[", "(").replace("]", ")").replace(":", " -")
            after = f":value:({' '.join(word.choices)})" if word.choices else ":value:_files"
            options.append(shlex.quote(f"{word.flag}[{told}]{after if word.takes else ''}"))
        rest = f"'1:word:({' '.join(fixed)})'" if fixed else "'*:file:_files'"
        joined = " \\\n        ".join([*options, rest])
        cases.append(f"      {name}) _arguments \\\n        {joined};;\n")
    return f"""\
#compdef agentcache
# zsh completion for agentcache: eval "$(agentcache completion zsh)"
_agentcache() {{
  local -a commands
  commands=(
{"".join(names)}  )
  if (( CURRENT == 2 )); then
    _describe command commands
  else
    local command=$words[2]
    shift words
    (( CURRENT-- ))
    case $command in
{"".join(cases)}    esac
  fi
}}
compdef _agentcache agentcache
"""


def _fish(top: argparse.ArgumentParser) -> str:
    lines = ["# fish completion for agentcache: agentcache completion fish | source"]
    for name, text, words, fixed in _commands(top):
        lines.append(
            f"complete -c agentcache -n __fish_use_subcommand -f -a {name} -d {_fish_quoted(text)}"
        )
        inside = f"complete -c agentcache -n '__fish_seen_subcommand_from {name}'"
        for word in words:
            after = ""
            if word.choices:
                after = f" -x -a {_fish_quoted(' '.join(word.choices))}"
            elif word.takes:
                after = " -r"
            lines.append(f"{inside} -l {word.flag[2:]}{after} -d {_fish_quoted(word.help)}")
        if fixed:
            lines.append(f"{inside} -f -a {_fish_quoted(' '.join(fixed))}")
    return "\n".join(lines) + "\n"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


_SHELLS: dict[str, Callable[[argparse.ArgumentParser], str]] = {
    "bash": _bash,
    "zsh": _zsh,
    "fish": _fish,
}

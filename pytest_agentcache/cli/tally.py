"""What interactions cost: tokens, and money where an answer or a list of prices tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .. import canonical_yaml as cassette_yaml
from ..http.messages import Interaction
from ..llm.conversation import model_of
from ..llm.reading import read_output
from .exit_codes import CommandError


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of several answers.

    Attributes:
        tokens_in: Tokens of their prompts.
        tokens_out: Tokens of the answers.
        cost: US dollars, None where nothing tells them.
        told: How many answers told their tokens.
    """

    tokens_in: int = 0
    tokens_out: int = 0
    cost: float | None = None
    told: int = 0

    def __add__(self, other: Tally) -> Tally:
        costs = [each for each in (self.cost, other.cost) if each is not None]
        return Tally(
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            sum(costs) if costs else None,
            self.told + other.told,
        )

    @property
    def tokens(self) -> str:
        """`1.2k→85`, or nothing where no answer tells."""
        return f"{rounded(self.tokens_in)}→{rounded(self.tokens_out)}" if self.told else ""

    @property
    def money(self) -> str:
        """`$0.0123`, or nothing."""
        return "" if self.cost is None else dollars(self.cost)


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars for a million tokens in and out, by the name of the model or a part of it."""

    of: Mapping[str, tuple[float, float]]

    @classmethod
    def read(cls, path: Path) -> Prices:
        """The prices in a YAML file: `gpt-5-mini: {in: 0.25, out: 2}`.

        Raises:
            CommandError: If it is none.
        """
        try:
            found = cassette_yaml.load(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise CommandError(f"{path}: cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise CommandError(f"{path}: this is no UTF-8 text") from None
        except cassette_yaml.UnreadableError as error:
            raise CommandError(f"{path}:{error.line or 1}: {error.problem}") from None
        if not isinstance(found, dict) or not found:
            raise CommandError(f"{path}: holds no prices", _FORM)
        prices = {}
        for model, price in found.items():
            if not isinstance(price, dict) or {*price} != {"in", "out"}:
                raise CommandError(f"{path}: the price of {model} is none", _FORM)
            pair = price["in"], price["out"]
            if any(isinstance(each, bool) or not isinstance(each, (int, float)) for each in pair):
                raise CommandError(f"{path}: the price of {model} is no number", _FORM)
            prices[str(model)] = (float(pair[0]), float(pair[1]))
        return cls(prices)

    def cost(self, model: str, tokens_in: int, tokens_out: int) -> float | None:
        """What so many tokens of a model cost; None if it has no price."""
        names = [name for name in self.of if name == model] or sorted(
            (name for name in self.of if name in model), key=len, reverse=True
        )
        if not names:
            return None
        asked, answered = self.of[names[0]]
        return (tokens_in * asked + tokens_out * answered) / 1_000_000


_FORM = "Write one line a model, in dollars for a million tokens: gpt-5-mini: {in: 0.25, out: 2}"


def tally(interactions: Iterable[Interaction], prices: Prices | None = None) -> Tally:
    """What all of `interactions` used."""
    total = Tally()
    for each in interactions:
        total += tally_of(each, prices)
    return total


def tally_of(interaction: Interaction, prices: Prices | None = None) -> Tally:
    """What one interaction used."""
    usage = read_output(interaction.response).usage
    if usage.input_tokens is None and usage.output_tokens is None:
        return Tally()
    asked, answered = usage.input_tokens or 0, usage.output_tokens or 0
    cost = usage.cost
    if cost is None and prices:
        cost = prices.cost(model_of(interaction), asked, answered)
    return Tally(asked, answered, cost, 1)


def rounded(count: int) -> str:
    """`85`, `1.2k`, `3M`."""
    for size, unit in ((1_000_000, "M"), (1000, "k")):
        if count >= size:
            return f"{count / size:.1f}".removesuffix(".0") + unit
    return str(count)


def dollars(cost: float) -> str:
    """`$1.25`, `$0.50`, `$0.0123`, `$0.000045`."""
    if abs(cost) >= 1:
        return f"${cost:,.2f}"
    whole, _, rest = f"{cost:.6f}".rstrip("0").partition(".")
    return f"${whole}.{rest:0<2}"

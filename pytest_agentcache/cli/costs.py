"""The cost of interactions: tokens, and money if the response or a price list has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .. import canonical_yaml
from ..http.messages import Interaction
from ..llm.conversation import model_of
from ..llm.reading import read_output
from .exit_codes import CommandError


@dataclass(frozen=True, slots=True)
class Costs:
    """The cost of several responses.

    Attributes:
        tokens_in: The tokens of the prompts.
        tokens_out: The tokens of the responses.
        cost: The price in US dollars; None if unknown.
        counted: The number of responses that report their tokens.
    """

    tokens_in: int = 0
    tokens_out: int = 0
    cost: float | None = None
    counted: int = 0

    def __add__(self, other: Costs) -> Costs:
        costs = [each for each in (self.cost, other.cost) if each is not None]
        return Costs(
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            sum(costs) if costs else None,
            self.counted + other.counted,
        )

    @property
    def tokens(self) -> str:
        """Both counts, such as `1.2k→85`; empty if no response reports them."""
        return f"{rounded(self.tokens_in)}→{rounded(self.tokens_out)}" if self.counted else ""

    @property
    def money(self) -> str:
        """The price, such as `$0.0123`; empty if unknown."""
        return "" if self.cost is None else dollars(self.cost)


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of models.

    Attributes:
        by_model: US dollars for a million tokens in and out, by the model's name or a part of it.
    """

    by_model: Mapping[str, tuple[float, float]]

    @classmethod
    def read(cls, path: Path) -> Prices:
        """Read a YAML file with lines such as `gpt-5-mini: {in: 0.25, out: 2}`.

        Raises:
            CommandError: If the file cannot be read, or has another form.
        """
        try:
            found = canonical_yaml.load(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise CommandError(f"{path}: cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise CommandError(f"{path}: this is not UTF-8 text") from None
        except canonical_yaml.UnreadableError as error:
            raise CommandError(f"{path}:{error.line or 1}: {error.problem}") from None
        if not isinstance(found, dict) or not found:
            raise CommandError(f"{path}: contains no prices", _FORM)
        prices = {}
        for model, price in found.items():
            if not isinstance(price, dict) or {*price} != {"in", "out"}:
                raise CommandError(f"{path}: the price of {model} is not a pair", _FORM)
            pair = price["in"], price["out"]
            if any(isinstance(each, bool) or not isinstance(each, (int, float)) for each in pair):
                raise CommandError(f"{path}: the price of {model} is not a number", _FORM)
            prices[str(model)] = (float(pair[0]), float(pair[1]))
        return cls(prices)

    def cost(self, model: str, tokens_in: int, tokens_out: int) -> float | None:
        """Return the price of so many tokens; None if the model has no price."""
        names = [name for name in self.by_model if name == model] or sorted(
            (name for name in self.by_model if name in model), key=len, reverse=True
        )
        if not names:
            return None
        price_in, price_out = self.by_model[names[0]]
        return (tokens_in * price_in + tokens_out * price_out) / 1_000_000


_FORM = "Write one line per model, in dollars for a million tokens: gpt-5-mini: {in: 0.25, out: 2}"


def costs(interactions: Iterable[Interaction], prices: Prices | None = None) -> Costs:
    """Return the cost of all interactions."""
    total = Costs()
    for each in interactions:
        total += costs_of(each, prices)
    return total


def costs_of(interaction: Interaction, prices: Prices | None = None) -> Costs:
    """Return the cost of one interaction."""
    usage = read_output(interaction.response).usage
    if usage.input_tokens is None and usage.output_tokens is None:
        return Costs()
    tokens_in, tokens_out = usage.input_tokens or 0, usage.output_tokens or 0
    cost = usage.cost
    if cost is None and prices:
        cost = prices.cost(model_of(interaction), tokens_in, tokens_out)
    return Costs(tokens_in, tokens_out, cost, 1)


def rounded(count: int) -> str:
    """Return a short form of a count, such as `85`, `1.2k` or `3M`."""
    for size, unit in ((1_000_000, "M"), (1000, "k")):
        if count >= size:
            return f"{count / size:.1f}".removesuffix(".0") + unit
    return str(count)


def dollars(cost: float) -> str:
    """Return a price, such as `$1.25`, `$0.50`, `$0.0123` or `$0.000045`."""
    if abs(cost) >= 1:
        return f"${cost:,.2f}"
    whole, _, rest = f"{cost:.6f}".rstrip("0").partition(".")
    return f"${whole}.{rest:0<2}"

"""Redaction: secrets are replaced by placeholders, by name, by value and by shape.

Nothing secret is written. What was written matches again, even if the secret is another one today.

- by name: headers, query parameters, cookies and fields with the names of secrets;
- by value: secrets in the environment, and those that upstream issued while recording;
- by shape: the formats of keys and tokens.
"""

from .names import placeholder
from .redactor import Redaction
from .suspects import Doubt

__all__ = ["Doubt", "Redaction", "placeholder"]

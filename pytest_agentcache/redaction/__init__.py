"""Secrets out, placeholders in: by the name of what holds them, by value and by shape.

Nothing secret is written, and what was written matches again whatever the secret is today:

- by name: headers, query parameters, cookies and fields that are called like secrets;
- by value: what the environment holds, and what upstream handed out while recording;
- by shape: the formats of keys and tokens.
"""

from .names import placeholder
from .redactor import Redaction
from .suspects import Doubt

__all__ = ["Doubt", "Redaction", "placeholder"]

"""The table of providers. To add one, write its module and add it here.

The order matters where formats overlap: the first provider that reads a message or a part wins, and
OpenAI's chat, which reads any message, comes last.
"""

from ..counters import UsageFields
from .anthropic import Anthropic
from .bedrock import Bedrock
from .cohere import Cohere
from .gemini import Gemini
from .hugging_face import HuggingFace
from .ollama import Ollama
from .openai_chat import OpenAIChat
from .openai_responses import OpenAIResponses
from .protocol import Provider
from .services import Services

__all__ = ["PROVIDERS", "USAGE", "Provider"]

PROVIDERS: tuple[Provider, ...] = (
    OpenAIResponses(),
    Anthropic(),
    Gemini(),
    Bedrock(),
    Cohere(),
    Ollama(),
    HuggingFace(),
    OpenAIChat(),
    # Counts results only if none of them was read.
    Services(),
)
USAGE = UsageFields.merged(provider.usage for provider in PROVIDERS)

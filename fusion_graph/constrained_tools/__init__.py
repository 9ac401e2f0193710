"""Tool calls by schema-constrained output, for models and servers that have no native ones that work.

Before an answer the model is asked, under a JSON schema, which tool it wants next or whether it will answer.
A tool becomes a real tool call; anything else becomes an answer in free text.
"""

from fusion_graph.constrained_tools.chat_model import ConstrainedToolModel
from fusion_graph.constrained_tools.turns import plain_turns

__all__ = ["ConstrainedToolModel", "plain_turns"]

"""A user's own GGUF file as a seat, in process (extra `local`)."""

from fusion_graph.local.chat_model import LocalChatModel, local_model

__all__ = ["LocalChatModel", "local_model"]

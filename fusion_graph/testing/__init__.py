"""Test your own graphs against scripted models over real HTTP.

`ScriptedServer` speaks OpenAI's chat completions on a loopback port; it needs the extra `testing`.
"""

from fusion_graph.testing.calls import ReceivedCall, fingerprint
from fusion_graph.testing.clients import chat_model
from fusion_graph.testing.faults import Fault
from fusion_graph.testing.replies import Completion, Malformed, Reply, Text, ToolCall, ToolCalls, Usage
from fusion_graph.testing.researcher import Researcher
from fusion_graph.testing.script import Answer, Responder
from fusion_graph.testing.server import ScriptedServer

__all__ = [
    "Answer",
    "Completion",
    "Fault",
    "Malformed",
    "ReceivedCall",
    "Reply",
    "Researcher",
    "Responder",
    "ScriptedServer",
    "Text",
    "ToolCall",
    "ToolCalls",
    "Usage",
    "chat_model",
    "fingerprint",
]

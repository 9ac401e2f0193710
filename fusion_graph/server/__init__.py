"""The HTTP app: an OpenAI-compatible API over the graphs, alone or inside LangGraph Server."""

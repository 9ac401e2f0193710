"""Agent middleware for panelists, judge and calling model, on top of LangChain's own."""

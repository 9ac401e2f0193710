"""Between the messages of the three request shapes and LangChain's."""

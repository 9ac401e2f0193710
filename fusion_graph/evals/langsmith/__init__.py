"""Evaluations and LangSmith: upload what was measured, grade its runs, evaluate without sending anything."""

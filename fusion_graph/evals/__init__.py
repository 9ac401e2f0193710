"""Measure panels: datasets, configurations, staged runs, grading, statistics, reports, search."""

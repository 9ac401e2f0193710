"""The report's pictures, drawn by matplotlib without a display."""

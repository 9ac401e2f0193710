"""The exit codes of `fusion`."""

from __future__ import annotations

OK = 0
"""The result was printed; some seats may have failed, which the receipt says."""
FAILED = 1
"""The run ended without a result: every seat failed, or the calling model did."""
BAD_INPUT = 2
"""Nothing was asked of any model: an option, a file, a key or a package is wrong or missing."""
INTERRUPTED = 130
"""Ctrl-C; what had been spent is on standard error."""

EPILOG = (
    "Exit codes: 0 a result was printed (failed seats are on the receipt); 1 the run ended without one; "
    "2 an option, file, key or package is wrong or missing, and nothing was spent; 130 interrupted."
)

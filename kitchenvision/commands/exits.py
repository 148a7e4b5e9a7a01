"""Exit codes of the command line; docs/operations.md says when each comes."""

DONE, USAGE, PARTIAL, NOTHING, INTERRUPTED = 0, 2, 3, 4, 130

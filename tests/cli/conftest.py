"""Fixtures of the command line's tests."""

from command_line import run

__all__ = ["run"]

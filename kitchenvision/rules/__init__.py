"""VIOLATION: pure functions of looks and media time. No clock, no input or output.

A rule is one file here that defines `RULE` (see rule.py); registry.py finds it. Nothing else has to be edited.
"""

"""Finds cooks without a hat, without a mask or smoking on canteen cameras, with evidence to decide on."""

__version__ = "0.1.0"

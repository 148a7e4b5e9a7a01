"""Rendered canteens: cooks whose hats, masks and cigarettes are known exactly, seen from a camera's place."""

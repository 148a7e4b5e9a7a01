"""Starlette's test client, without its wish for another HTTP library than the one that delivery uses."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

__all__ = ["TestClient"]

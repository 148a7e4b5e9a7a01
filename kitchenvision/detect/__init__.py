"""DETECTION: the frame look finds persons, heads and cigarettes; the zoom look answers on each head."""

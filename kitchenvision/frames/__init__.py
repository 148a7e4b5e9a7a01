"""1 FRAME: where pictures come from. Import from the leaf modules; `open.open_source` is the front door."""

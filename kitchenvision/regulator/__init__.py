"""REGULATOR and DECISION: takes reports and their blobs for good, shows them, keeps what people decided."""

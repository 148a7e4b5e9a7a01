"""The edge service: many live cameras, watched for months without a hand on it."""

"""The driver of `make bench`: starts brokers, rivals and Triage, measures them, and writes the report."""

"""Terraform folders that know nothing of Stockroom, run on the local platform: read, judged, copied, led to it."""

"""Stockroom: a platform on AWS, on a laptop first, the same release on AWS later."""

__version__ = "0.1.0"

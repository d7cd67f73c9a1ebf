"""Stockroom: the AWS platform of a retail business, on a laptop first, the same release on AWS later."""

"""Promotions of a small stack, in accounts that an engine of their own plays: broken, killed and raced."""

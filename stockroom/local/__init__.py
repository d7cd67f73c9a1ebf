"""The local platform: bringing it up and down, and looking at it."""

"""MiniStack as the engine of Stockroom: patched when it starts, never forked.

__main__.py    patches and starts MiniStack
"""

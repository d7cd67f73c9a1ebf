"""What a function prints, kept within bounds: its first part and its last, which tells how it ended."""

from __future__ import annotations

FIRST_BYTES = 3 * 2**20
LAST_BYTES = 2**20


class Output:
    """What was printed since it was last drained, at most FIRST_BYTES and 2 * LAST_BYTES of it."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._first = bytearray()
        self._last = bytearray()
        self._left_out = 0

    def add(self, piece: bytes) -> None:
        """What was printed next."""
        room = FIRST_BYTES - len(self._first)
        self._first += piece[:room]
        self._last += piece[room:]
        # Not at each piece: what is at the front of a bytearray takes time to remove.
        if len(self._last) > 2 * LAST_BYTES:
            self._shorten()

    def drain(self) -> bytes:
        """All that was printed since the last call, with a line in place of what was too much."""
        self._shorten()
        text = bytes(self._first)
        if self._left_out:
            text += truncated_line(self._left_out)
        text += self._last
        self._begin()
        return text

    def _shorten(self) -> None:
        too_much = len(self._last) - LAST_BYTES
        if too_much > 0:
            del self._last[:too_much]
            self._left_out += too_much


def truncated_line(left_out: int) -> bytes:
    """The line that stands in place of so many bytes."""
    kept = (FIRST_BYTES + LAST_BYTES) // 2**20
    return (
        f"\n… truncated: {left_out} bytes are not kept. The local emulator keeps {kept} MB of what a call prints, "
        "the first and the last of it.\n"
    ).encode()

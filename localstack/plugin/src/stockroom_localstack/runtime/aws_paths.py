"""The paths of AWS in tracebacks: what a function's log and its errors say of this machine's folders."""

from __future__ import annotations

import json

from .environment import Places


class AwsPaths:
    """Where a function's files are here, and where they would be on AWS."""

    def __init__(self, places: Places, runtime: str) -> None:
        """runtime: python3.X."""
        lib = f"lib/{runtime}"
        folders = {
            places.task_root: "/var/task",
            **dict.fromkeys(places.layers, "/opt"),
            places.interpreter.parent.parent / lib: f"/var/lang/{lib}",
            places.interpreter.resolve().parent.parent / lib: f"/var/lang/{lib}",
        }
        forms = ('File "{}/', 'File \\"{}/')  # as text, and in JSON
        self._known = [
            (form.format(json.dumps(str(here))[1:-1]).encode(), form.format(there).encode())
            for here, there in folders.items()
            for form in forms
        ]

    def in_tracebacks(self, text: bytes) -> bytes:
        """The text with AWS's paths in place of this machine's, in lines that name a file."""
        if b"File " in text:
            for here, there in self._known:
                text = text.replace(here, there)
        return text

"""What every test begins with."""

from __future__ import annotations

import signal

# A shell that runs a command in the background lets it ignore Ctrl-C. Tests that send one need it to be heard, by
# themselves and by what they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

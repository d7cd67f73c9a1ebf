"""Starts MiniStack with everything patched: `python -m stockroom_ministack`."""

from ministack.app import main

from stockroom_ministack import lambda_runtimes

lambda_runtimes.patch()
main()

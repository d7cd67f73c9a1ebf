"""Proves that a state can be loaded: an emulator of its own loads it, as the next one will, and ends.

That one is started before the state is saved, so that the time in which it gets ready is not lost.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from stockroom.engines.emulator_state import copy_state
from stockroom.engines.localstack import LocalStackProof
from stockroom.errors import StockroomError
from stockroom.settings import Settings

Prove = Callable[[Path], Callable[[], None]]


@contextmanager
def proving(settings: Settings, folder: Path) -> Iterator[Prove]:
    """What proves a saved state, in a folder that is made and removed.

    Called with the state's folder it begins; what it returns waits for the end, and raises StockroomError when the
    state can't be loaded or that could not be found out.
    """
    shutil.rmtree(folder, ignore_errors=True)
    proof = LocalStackProof(settings.model_copy(update={"run_dir": folder}))
    given: Future[Path] = Future()

    def prove(state: Path) -> Callable[[], None]:
        copy_state(state, folder / "given")
        given.set_result(folder / "given")
        return wait

    def wait() -> None:
        try:
            started.result()
            proof.wait_until_loaded()
        except StockroomError as error:
            raise StockroomError(f"what was saved could not be loaded again: {error.message}") from error

    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(proof.start, state=given)
        try:
            yield prove
        finally:
            given.cancel()
            futures.wait([started])
            proof.stop()
            shutil.rmtree(folder, ignore_errors=True)

"""Break the functions on purpose, one edit at a time, and see that an end-to-end test fails each time.

    python -m tests.mutations                        all, on a platform of their own
    python -m tests.mutations --only restock         those of one function, or one by its name; may be repeated
    python -m tests.mutations --outputs FILE         on a platform that runs: the outputs of its stacks as JSON, and
                                                     AWS_ENDPOINT_URL in the environment, as for the tests

The chosen tests must pass on the functions as they are. Then each mutation is deployed by itself, its tests run until
one fails, the function is put back, and that test must pass again. STOCKROOM_E2E_PATIENCE is the most seconds that a
test waits (default: 30): less is quicker, and on a slow machine too little.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from stockroom.console import Steps, print_error
from stockroom.errors import StockroomError
from stockroom.explain import explain
from stockroom.settings import read_settings
from stockroom.testing.own_platform import own_folder, own_platform
from tests.mutations.catalogue import CATALOGUE
from tests.mutations.mutation import Mutation, chosen
from tests.mutations.run import Place, run_mutations

_INTERRUPTED = 130
_LOCAL_HOSTS = {"127.0.0.1", "::1", "localhost"}


def main() -> int:
    """Exit code: 0 when every mutation was caught."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutations", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="a mutation, or a function")
    parser.add_argument("--list", action="store_true", help="show the mutations and do nothing")
    parser.add_argument("--outputs", type=Path, metavar="FILE", help="use the running platform with these outputs")
    words = parser.parse_args()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        mutations = chosen(CATALOGUE, words.only)
        if words.list:
            print("\n".join(_line(mutation) for mutation in mutations))
            return 0
        steps = Steps()
        with _place(words.outputs, steps) as place:
            return 0 if run_mutations(mutations, place, steps) else 1
    except KeyboardInterrupt:
        print("\nstopped; the functions are as they were", file=sys.stderr)
        return _INTERRUPTED
    except Exception as error:
        if (explained := explain(error)) is None:
            raise
        print_error(explained)
        return 1


def _line(mutation: Mutation) -> str:
    return f"{mutation.name:<36} {mutation.what}"


@contextmanager
def _place(outputs: Path | None, steps: Steps) -> Iterator[Place]:
    """Where the mutations run. Raises StockroomError for a place that is not on this machine."""
    if outputs is None:
        with own_platform(read_settings(), "python -m tests.mutations", steps) as platform:
            platform.wait_until_up()
            environment = platform.test_environment()
            yield Place(Path(environment["STOCKROOM_E2E_OUTPUTS"]), environment, platform.folder)
        return
    if urlsplit(os.environ.get("AWS_ENDPOINT_URL", "")).hostname not in _LOCAL_HOSTS:
        raise StockroomError(
            "AWS_ENDPOINT_URL names no platform on this machine, and nobody's functions are to be broken elsewhere",
            'eval "$(invoke env)"',
        )
    with own_folder("python -m tests.mutations", steps) as folder:
        yield Place(outputs, {**os.environ, "STOCKROOM_E2E_OUTPUTS": str(outputs.absolute())}, folder)


if __name__ == "__main__":
    sys.exit(main())

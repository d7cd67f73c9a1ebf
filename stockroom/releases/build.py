"""Building all artifacts of stacks reproducibly: same source, same bytes, same SHA-256."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby

from stockroom.errors import StockroomError
from stockroom.releases.artifacts import Artifact, Artifacts
from stockroom.releases.bundles import build_bundle, function_names, function_packages
from stockroom.releases.code import Code
from stockroom.releases.layers import build_layer, layer_names

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: code and layers of a function, unzipped.
_UNZIPPED_LIMIT = 250 * 2**20


def build_artifacts(stacks: Iterable[str], code: Code) -> Artifacts:
    """Every function and layer of the stacks, built side by side; in the order of stacks, kinds and names.

    Raises StockroomError when a package can't be installed, or when a stack's functions are too big for Lambda.
    """
    pending: list[Future[Artifact]] = []
    with ThreadPoolExecutor() as pool:
        for stack in stacks:
            functions = function_names(stack, code)
            layers = [pool.submit(build_layer, stack, name, code) for name in layer_names(stack, code)]
            packages = function_packages(stack, code) if functions else None
            pending += [pool.submit(build_bundle, stack, name, packages, code) for name in functions]
            pending += layers
        artifacts = tuple(one.result() for one in pending)
    check_size(artifacts)
    return artifacts


def check_size(artifacts: Artifacts) -> None:
    """Raises StockroomError when a bundle with all layers of its stack passes what Lambda unzips for a function."""
    for _, found in groupby(artifacts, lambda one: one.stack):
        _check_stack(list(found))


def _check_stack(artifacts: list[Artifact]) -> None:
    # What is stored takes in a zip what it takes unzipped.
    sizes = {(one.kind, one.name): one.path.stat().st_size for one in artifacts}
    layers = [one for one in artifacts if one.kind == "layers"]
    layers_size = sum(sizes["layers", layer.name] for layer in layers)
    for bundle in (one for one in artifacts if one.kind == "bundles"):
        if (size := sizes["bundles", bundle.name] + layers_size) > _UNZIPPED_LIMIT:
            names = "".join(f" and layer {layer.name}" for layer in layers)
            raise StockroomError(
                f"function {bundle.name}{names} take {size / 2**20:.0f} MB unzipped, and Lambda allows 250 MB",
                "remove packages, or leave out parts that no function uses in stockroom/releases/packages.py",
            )

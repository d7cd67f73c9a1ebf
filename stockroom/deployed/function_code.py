"""What code AWS Lambda really runs, compared with what was tested."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stockroom.deployed.live_alias import ALIAS
from stockroom.deployed.outputs import Outputs, labels, published
from stockroom.deployed.terraform_state import Resource
from stockroom.errors import StockroomError
from stockroom.releases.artifact_bucket import hex_of
from stockroom.releases.artifacts import Hashes, Kind

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_lambda import LambdaClient


@dataclass(frozen=True)
class AllowedCode:
    """What a stack may run, as SHA-256 in hex: `bundles` by function, and any of `layers`."""

    bundles: Mapping[str, str]
    layers: Collection[str]


def allowed_code(hashes: Hashes, stack: str, needs: Iterable[str]) -> AllowedCode:
    """Of a stack its own functions, and its own layers and those of the stacks that it needs."""
    layers = {sha256 for one in (stack, *needs) for sha256 in hashes.get(one, {}).get("layers", {}).values()}
    return AllowedCode(hashes.get(stack, {}).get("bundles", {}), layers)


@dataclass(frozen=True)
class DeployedCode:
    """`what` names a function's version or a layer's in words; `artifact` is its bundle where the stack tells it."""

    kind: Kind
    what: str
    sha256: str
    artifact: str | None = None


def untested(found: Iterable[DeployedCode], allowed: AllowedCode) -> list[str]:
    """What of the deployed is not what was tested, in words."""
    return [one.what for one in found if one.sha256 not in _expected(one, allowed)]


def _expected(one: DeployedCode, allowed: AllowedCode) -> Collection[str]:
    if one.kind == "layers":
        return allowed.layers
    known = one.artifact and allowed.bundles.get(one.artifact)
    return {known} if known else set(allowed.bundles.values())


def check_code(
    session: boto3.Session, resources: Iterable[Resource], outputs: Mapping[str, Any], allowed: AllowedCode
) -> list[str]:
    """Compare every function's newest version, and every layer that it has, with what was tested; returns what was
    looked at. `resources` and `outputs` are what the state of a stack holds.

    Raises StockroomError that names everything else.
    """
    names = sorted({one.id for one in resources if one.type == "aws_lambda_function"})
    folders = {name: folder for folder, name in outputs.get("function_names", {}).items()}
    versions = outputs.get("function_versions", {})
    client = session.client("lambda")
    with ThreadPoolExecutor() as pool:

        def read(name: str) -> list[DeployedCode]:
            folder = folders.get(name)
            return _read(client, name, versions.get(folder, "$LATEST"), folder)

        found = [one for listed in pool.map(read, names) for one in listed]
    if wrong := untested(found, allowed):
        raise StockroomError(
            f"not the code that was tested: {', '.join(sorted(set(wrong)))}",
            "no event reaches it; find out who changed it or the artifact bucket, then commit a change and test that",
        )
    return sorted({one.what for one in found})


def _read(client: LambdaClient, name: str, version: str, folder: str | None) -> list[DeployedCode]:
    configuration = client.get_function_configuration(FunctionName=name, Qualifier=version)
    found = [DeployedCode("bundles", f"{name} version {version}", hex_of(configuration["CodeSha256"]), folder)]
    for layer in configuration.get("Layers", []):
        content = client.get_layer_version_by_arn(Arn=layer["Arn"])["Content"]
        found.append(DeployedCode("layers", f"layer {layer['Arn']}", hex_of(content["CodeSha256"])))
    return found


def check_aliases(session: boto3.Session, outputs: Outputs) -> None:
    """Raises StockroomError unless all events of every function reach its newest version, whose code was compared."""
    client, names = session.client("lambda"), published(outputs, "function_names")
    called = labels(names)
    wrong = []
    for function, version in published(outputs, "function_versions").items():
        alias = client.get_alias(FunctionName=names[function], Name=ALIAS)
        others = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        if alias["FunctionVersion"] != version or others:
            wrong.append(f"{called[function]} {', '.join([alias['FunctionVersion'], *others])} instead of {version}")
    if wrong:
        raise StockroomError(
            f"events reach other versions than were tested: {'; '.join(wrong)}",
            f"somebody moves the alias '{ALIAS}' at the same time; run the command again when that is over",
        )

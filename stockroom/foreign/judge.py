"""What of a foreign configuration would reach something that is not the platform: led to it, or refused. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from stockroom.errors import StockroomError
from stockroom.foreign.configuration import Block, Body, Module, expression, is_literal, many, nested
from stockroom.foreign.endpoints import is_emulator
from stockroom.settings import is_aws

AWS = "hashicorp/aws"

# What these do happens on this machine, or is asked for by name (http).
_AT_HOME = frozenset(
    f"hashicorp/{name}"
    for name in ("archive", "cloudinit", "external", "http", "local", "null", "random", "template", "time", "tls")
)
_BUILT_IN = "terraform.io/builtin/terraform"

_DUMMY_KEYS = frozenset(
    {"test", "mock", "fake", "dummy", "testing", "foobar", "localstack", "mock_access_key", "mock_secret_key"}
)

# Arguments of the provider that say who asks, whom, or on which way; they are taken out, some of them without a word.
CREDENTIALS = ("profile", "shared_credentials_file", "shared_credentials_files", "shared_config_files", "token")
ROLES = ("assume_role", "assume_role_with_web_identity")
ACCOUNTS = ("allowed_account_ids", "forbidden_account_ids")
WAYS = (
    "use_fips_endpoint",
    "use_dualstack_endpoint",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "ec2_metadata_service_endpoint",
    "ec2_metadata_service_endpoint_mode",
    "sts_region",
    "s3_us_east_1_regional_endpoint",
    "custom_ca_bundle",
    "insecure",
)


@dataclass
class Verdict:
    """Sentences about what is done differently here, and what makes it impossible to go on."""

    warnings: list[str] = field(default_factory=list)
    refusals: list[StockroomError] = field(default_factory=list)


def judge(modules: Sequence[Module], endpoint: str, allowed_providers: Collection[str] = ()) -> Verdict:
    """What becomes of the backend, the providers and their arguments; `modules` begin with the root."""
    verdict = Verdict()
    verdict.warnings += _backend_warnings(modules[0])
    for module in modules:
        where = "" if module is modules[0] else f"{module.folder.name}/"
        for block in aws_providers(module):
            verdict.warnings += [f"{where}{block.file}: {text}" for text in _provider_warnings(block, endpoint)]
        verdict.refusals += [_reaches_aws(f"{where}{block.file}", block) for block in _address_ranges(module)]
        for name, block in sorted(_strange_providers(module).items()):
            if name not in allowed_providers and name.rpartition("/")[2] not in allowed_providers:
                verdict.refusals.append(_strange(name, f"{where}{block.file}", block))
    return verdict


def _backend_warnings(root: Module) -> Iterator[str]:
    for kind, body, file in backends(root):
        if kind != "local":
            place = ", ".join(
                f"{key} {value}"
                for key, value in body.items()
                if key in {"bucket", "hostname", "organization"} and isinstance(value, str)
            )
            yield (
                f"{file}: the state is in the platform's own bucket, not in the backend {kind}"
                f"{f' ({place})' if place else ''}"
            )


def backends(root: Module) -> Iterator[tuple[str, Body, str]]:
    """The kind of every backend that the root module names, its arguments and its file; `cloud` is one."""
    for block in root.of("terraform"):
        for backend in many(block.body.get("backend")):
            for kind, body in backend.items():
                yield kind, next(iter(many(body)), {}), block.file
        for body in many(block.body.get("cloud")):
            yield "cloud", body, block.file


def provider_sources(module: Module) -> dict[str, str]:
    """The source of each provider that the module requires by name, such as aws: hashicorp/aws."""
    sources: dict[str, str] = {}
    for block in module.of("terraform"):
        for required in many(block.body.get("required_providers")):
            for name, wanted in required.items():
                source = wanted.get("source") if hasattr(wanted, "get") else None
                sources[name] = _short(source) if isinstance(source, str) else f"hashicorp/{name}"
    return sources


def _short(source: str) -> str:
    return source.lower().removeprefix("registry.terraform.io/").removeprefix("registry.opentofu.org/")


def _source(module: Module, name: str) -> str:
    return provider_sources(module).get(name, _BUILT_IN if name == "terraform" else f"hashicorp/{name}")


def aws_providers(module: Module) -> list[Block]:
    """The provider blocks of the AWS provider, whatever the module calls it."""
    return [block for block in module.of("provider") if _source(module, block.labels[0]) == AWS]


def aws_name(module: Module) -> str:
    """What the module calls the AWS provider."""
    return next((name for name, source in provider_sources(module).items() if source == AWS), "aws")


def _strange_providers(module: Module) -> dict[str, Block]:
    """Providers that are used and are neither AWS's nor at home, with the first block of each."""
    found: dict[str, Block] = {}
    for kind in ("resource", "data", "ephemeral"):
        for block in module.of(kind):
            named = block.body.get("provider")
            name = expression(named).partition(".")[0] if named else block.labels[0].partition("_")[0]
            source = _source(module, name)
            if source not in {AWS, _BUILT_IN} and source not in _AT_HOME:
                found.setdefault(source, block)
    return found


def _address_ranges(module: Module) -> Iterator[Block]:
    """The one data source of the AWS provider that no endpoint leads: it reads a page of AWS."""
    for block in module.of("data"):
        url = block.body.get("url", "")
        if block.labels[0] == "aws_ip_ranges" and (not url or not is_literal(url) or is_aws(str(url))):
            yield block


def _reaches_aws(where: str, block: Block) -> StockroomError:
    return StockroomError(
        f"{where}: {block.name} would be read from AWS itself", "name a copy of the page in its argument `url`"
    )


def _strange(source: str, where: str, block: Block) -> StockroomError:
    return StockroomError(
        f"{where}: {block.name} is of the provider {source}, which would reach something that is not this platform",
        f"leave it out, or let it: --allow-provider {source.rpartition('/')[2]}",
    )


def _provider_warnings(block: Block, endpoint: str) -> Iterator[str]:
    body = block.body
    alias = body.get("alias")
    name = f"{block.name} (alias {alias})" if alias else block.name
    credentials = [key for key in CREDENTIALS if body.get(key) is not None]
    credentials += [key for key in ("access_key", "secret_key") if _is_real_key(body.get(key))]
    if credentials:
        yield f"{name}: {_listed(credentials)} {_is(credentials)} not used: the platform has credentials of its own"
    roles = [key for key in ROLES if nested(body, key)]
    if roles:
        yield f"{name}: {_listed(roles)} {_is(roles)} left out: no role is assumed"
    accounts = [key for key in ACCOUNTS if body.get(key) is not None]
    if accounts:
        yield f"{name}: {_listed(accounts)} {_is(accounts)} left out: the platform's account is another"
    ways = [key for key in WAYS if body.get(key) not in (None, False, "false")]
    if ways:
        yield f"{name}: {_listed(ways)} {_is(ways)} left out"
    yield from (f"{name}: {text}" for text in _endpoint_warnings(nested(body, "endpoints"), endpoint))


def _is_real_key(value: Any) -> bool:
    return value is not None and not (isinstance(value, str) and (value.lower() in _DUMMY_KEYS or value.isdigit()))


def _endpoint_warnings(blocks: Iterable[Body], endpoint: str) -> Iterator[str]:
    """One sentence for those of an emulator, one for each other."""
    emulators: dict[str, None] = {}
    for block in blocks:
        for service, url in block.items():
            if url is None or url == endpoint:
                continue
            if is_literal(url) and is_emulator(str(url)):
                emulators[str(url)] = None
            else:
                yield f"the endpoint of {service} ({expression(url)}) is led to the platform"
    if emulators:
        yield f"endpoints of an emulator ({', '.join(emulators)}) are led to the platform"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"

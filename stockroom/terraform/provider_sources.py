"""Where the pinned provider comes from: a mirror, the network, or what `init` has installed already."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path

from stockroom.errors import StockroomError
from stockroom.project import HOME
from stockroom.settings import Settings

PROVIDER = ("hashicorp", "aws", "5.100.0")
_TYPE = re.compile(rf"\b{PROVIDER[1]}_\w+")


def find_mirror(settings: Settings, add_on_software: Path = Path("/opt")) -> Path | None:
    """A folder with our provider that Terraform does not look in by itself, or None.

    Terraform itself looks in its plugin directories; besides, any folder directly under /opt, which the
    Filesystem Hierarchy Standard gives to add-on software, may hold a provider tree.
    """
    if settings.provider_mirror:
        if _holds_provider(settings.provider_mirror):
            return settings.provider_mirror
        raise StockroomError(
            f"STOCKROOM_PROVIDER_MIRROR={settings.provider_mirror} does not hold {'/'.join(PROVIDER)}",
            "unset it to use the network, or fill it with `terraform providers mirror`",
        )
    folders = sorted(add_on_software.iterdir()) if add_on_software.is_dir() else []
    return next((folder for folder in folders if _holds_provider(folder)), None)


def _holds_provider(folder: Path) -> bool:
    namespace, name, version = PROVIDER
    tree = folder / "registry.terraform.io" / namespace / name
    unpacked = tree / version / target_platform()
    packed = tree / f"terraform-provider-{name}_{version}_{target_platform()}.zip"
    return unpacked.is_dir() or packed.is_file()


def target_platform() -> str:
    """This machine as Terraform names it, such as "linux_amd64"."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"{platform.system().lower()}_{machine}"


def user_cli_config(environment: Mapping[str, str]) -> Path | None:
    """The user's own Terraform CLI configuration, if there is one."""
    named = environment.get("TF_CLI_CONFIG_FILE")
    path = Path(named) if named else Path(environment.get("HOME", "~")).expanduser() / ".terraformrc"
    return path if path.is_file() else None


def write_cli_config(settings: Settings, environment: Mapping[str, str]) -> Path | None:
    """The CLI configuration to give to Terraform: the user's, unless it names no provider source and we know one."""
    users = user_cli_config(environment)
    if users and "provider_installation" in users.read_text(encoding="utf-8"):
        return users
    mirror = find_mirror(settings)
    if mirror is None:
        return users
    return _write_sources(
        settings.run_dir / "terraform" / "mirror.tfrc", mirror, 'exclude = ["registry.terraform.io/hashicorp/aws"]'
    )


def write_any_version_config(settings: Settings, environment: Mapping[str, str]) -> Path | None:
    """A CLI configuration that finds every version of every provider, in our mirror or on the network.

    None where write_cli_config names no mirror of ours, so that its own does that already.
    """
    users = user_cli_config(environment)
    mirror = find_mirror(settings)
    if mirror is None or (users and "provider_installation" in users.read_text(encoding="utf-8")):
        return None
    return _write_sources(settings.run_dir / "terraform" / "any_version.tfrc", mirror, "")


def _write_sources(path: Path, mirror: Path, direct: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "provider_installation {\n"
        f"  filesystem_mirror {{\n    path = {json.dumps(str(mirror))}\n  }}\n"
        f"  direct {{\n    {direct}\n  }}\n"
        "}\n"
    )
    return path


def process_variables(settings: Settings) -> dict[str, str]:
    """What every Terraform that we run has in its environment, on top of what it needs for AWS."""
    config = write_cli_config(settings, os.environ)
    named = {"TF_CLI_CONFIG_FILE": str(config)} if config else {}
    return {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", **named}


def provider_cache(settings: Settings) -> dict[str, str]:
    """The variable that lets a provider be downloaded once; none where a mirror has it. For one `init` at a time."""
    if find_mirror(settings):
        return {}
    cache = HOME / "terraform-providers"
    cache.mkdir(parents=True, exist_ok=True)
    return {"TF_PLUGIN_CACHE_DIR": str(cache)}


def installed_provider(folder: Path) -> Path | None:
    """The provider that `terraform init` put into a working directory, or None."""
    namespace, name, version = PROVIDER
    providers = folder / ".terraform" / "providers" / "registry.terraform.io"
    return next((providers / namespace / name / version / target_platform()).glob(f"terraform-provider-{name}_*"), None)


def named_types(folder: Path) -> frozenset[str]:
    """Every word of the modules and stacks in a folder that may be a type of resources or data sources."""
    return frozenset(word for path in folder.glob("*/*/*.tf") for word in _TYPE.findall(path.read_text()))

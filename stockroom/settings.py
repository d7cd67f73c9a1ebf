"""Settings: what a user may choose, from the environment and from `.env` (the environment wins)."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from stockroom.errors import StockroomError
from stockroom.project import HOME, ROOT

PREFIX = "STOCKROOM_"

DEFAULT_ENGINE: Final = "localstack"

# Engines that somebody else runs, at STOCKROOM_ENDPOINT.
_ELSEWHERE = frozenset({"external"})

_SHORTEST_KEY = 32

_ORIGIN = re.compile(r"https?://(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?")

_AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws")


def is_aws(url: str) -> bool:
    """Whether an endpoint's URL is one of AWS itself."""
    return (urlsplit(url).hostname or "").rstrip(".").endswith(_AWS_DOMAINS)


class Settings(BaseSettings):
    """Every setting; `.env.example` lists the same names with their meaning (a test compares the two)."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    engine: Literal["localstack", "ministack", "docker", "external"] = Field(
        default=DEFAULT_ENGINE, description="What answers AWS calls for the local environment."
    )
    port: int = Field(default=4566, ge=1024, le=65535, description="Port of the local AWS endpoint.")
    endpoint: str | None = Field(
        default=None, description="Endpoint of the engine `external`, such as http://127.0.0.1:4566."
    )
    run_dir: Path = Field(
        default=HOME / "run",
        description="Folder of one running platform: engine data, logs, Terraform working directories.",
    )
    docker_image: str = Field(default="localstack/localstack:4.14.0", description="Image of the engine `docker`.")
    start_timeout: int = Field(
        default=120, ge=5, le=3600, description="Seconds to wait for the engine to become ready."
    )
    log_level: Literal["warn", "info", "debug"] = Field(
        default="info", description="How much the emulator logs; info is a line per AWS call."
    )
    allowed_origins: tuple[str, ...] | None = Field(
        default=None, description="Web pages that may ask the emulator for everything, such as http://localhost:3000."
    )
    terraform: Path | None = Field(default=None, description="Terraform or OpenTofu binary; found on PATH when empty.")
    provider_mirror: Path | None = Field(
        default=None, description="Folder with a Terraform provider tree; looked for when empty."
    )
    stacks: tuple[str, ...] | None = Field(
        default=None, description="Stacks that `infra-up` deploys when none is named, such as one,two; all when empty."
    )
    seed_dataset: Path | None = Field(
        default=None, description="CSV file that `infra-up` and `seed` load instead of the sample."
    )
    snapshots: Literal["on", "off"] = Field(
        default="on", description="Whether `infra-up` saves the platform, and begins with what was saved."
    )
    snapshots_dir: Path = Field(default=HOME / "snapshots", description="Folder of the snapshots.")
    snapshots_kept: int = Field(
        default=5, ge=0, le=1000, description="How many snapshots are kept, besides those with a name."
    )
    snapshots_mb: int = Field(
        default=2048, ge=0, description="How many megabytes of snapshots are kept, besides those with a name."
    )
    snapshot_key: SecretStr | None = Field(
        default=None, description="Key that signs snapshots for several machines, such as those of a CI cache."
    )
    evidence_key: SecretStr | None = Field(
        default=None, description="Key that signs evidence, which promotions to most environments ask for."
    )

    localstack_auth_token: SecretStr | None = Field(
        default=None, description="Token of a LocalStack account, for the container of the engine `docker` alone."
    )

    @field_validator("endpoint")
    @classmethod
    def _endpoint_is_not_aws(cls, value: str | None) -> str | None:
        if value is None:
            return None
        url = urlsplit(value)
        if url.scheme not in {"http", "https"} or not url.hostname:
            raise ValueError("must be a URL such as http://127.0.0.1:4566")
        _ = url.port  # raises ValueError where it is none
        if is_aws(value):
            raise ValueError("is an endpoint of AWS; the local environment never talks to AWS")
        return value.rstrip("/")

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _origins_are_as_browsers_send_them(cls, value: str | None) -> tuple[str, ...] | None:
        if value is None:
            return None
        origins = tuple(origin.strip() for origin in value.split(",") if origin.strip())
        for origin in origins:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is no origin such as http://localhost:3000: small letters, no path, no *")
        return origins

    @field_validator("stacks", mode="before")
    @classmethod
    def _stacks_are_names(cls, value: str | None) -> tuple[str, ...] | None:
        return None if value is None else tuple(name.strip() for name in value.split(",") if name.strip())

    @field_validator("evidence_key", "snapshot_key")
    @classmethod
    def _key_is_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value and len(value.get_secret_value()) < _SHORTEST_KEY:
            raise ValueError(f"is shorter than {_SHORTEST_KEY} characters; `openssl rand -hex 32` makes one")
        return value

    @field_validator("run_dir", "terraform", "provider_mirror", "seed_dataset", "snapshots_dir")
    @classmethod
    def _paths_are_absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else (ROOT / value.expanduser()).resolve()

    @field_validator("run_dir")
    @classmethod
    def _run_dir_is_no_folder_of_the_users(cls, value: Path) -> Path:
        # infra-down ends every process in this folder and removes what a platform keeps there.
        for what, path in (("the project", ROOT), ("your home", Path.home().resolve())):
            if path.is_relative_to(value):
                raise ValueError(f"holds {what}; name a folder that a platform can have for itself")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # read_settings() merges .env and the environment itself, so that it can name unknown settings.
        return (init_settings,)

    @property
    def engine_dir(self) -> Path:
        return self.run_dir / "engine"

    @property
    def platform_lock(self) -> Path:
        """Held by the one command that changes the platform; beside its folder, which may go."""
        return self.run_dir.with_name(f"{self.run_dir.name}.lock")

    @property
    def local_endpoint(self) -> str:
        """URL of the local AWS endpoint, without a trailing slash."""
        if self.engine in _ELSEWHERE and self.endpoint:
            return self.endpoint
        return f"http://127.0.0.1:{self.port}"


def variable_name(field: str) -> str:
    """The name that a setting has in the environment: LocalStack's own for what is LocalStack's."""
    return field.upper() if field.startswith("localstack_") else f"{PREFIX}{field.upper()}"


_SECRETS = ("snapshot_key", "evidence_key", "localstack_auth_token")


def unknown_names(names: Iterable[str]) -> list[tuple[str, str | None]]:
    """The names that start with STOCKROOM_ but are no setting, each with the nearest real one (or None)."""
    known = {variable_name(field) for field in Settings.model_fields}
    strange = sorted(name for name in names if name.upper().startswith(PREFIX) and name not in known)
    return [(name, next(iter(difflib.get_close_matches(name.upper(), known, n=1)), None)) for name in strange]


def parse_settings(environment: Mapping[str, str], dotenv: Mapping[str, str | None]) -> Settings:
    """Settings from two sets of variables, of which the environment wins; an empty one means the default.

    Raises StockroomError that names the variable and where it stands.
    """
    for source, names in (("the environment", environment), (".env", dotenv)):
        for name, nearest in unknown_names(names):
            hint = f"did you mean {nearest}?" if nearest else ".env.example lists every setting"
            raise StockroomError(f"{name} in {source} is not a setting", hint)
    merged = {**dotenv, **environment}
    values = {
        field: merged[variable_name(field)] for field in Settings.model_fields if merged.get(variable_name(field))
    }
    try:
        settings = Settings(**values)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = variable_name(str(first["loc"][0]))
        source = "the environment" if name in environment else ".env"
        reason = first["msg"].removeprefix("Value error, ")
        value = "" if first["loc"][0] in _SECRETS else f"={first['input']}"  # which is never printed
        raise StockroomError(
            f"{name}{value} in {source}: {reason[:1].lower()}{reason[1:]}",
            ".env.example lists every setting with its meaning",
        ) from None
    if settings.engine in _ELSEWHERE and not settings.endpoint:
        raise StockroomError(
            f"STOCKROOM_ENGINE={settings.engine} needs STOCKROOM_ENDPOINT",
            "set it to the URL of the emulator, such as http://127.0.0.1:4566",
        )
    return settings


def read_settings() -> Settings:
    """Settings of this process. Raises StockroomError for an unknown name or a bad value.

    What is secret is then no longer in the process's environment: whatever it starts (Terraform and providers, pytest,
    pip, git, functions) runs code of others, and gets a key only where it is handed over by name.
    """
    settings = parse_settings(os.environ, read_dotenv(ROOT / ".env"))
    for field in _SECRETS:
        os.environ.pop(variable_name(field), None)
    return settings


def read_dotenv(file: Path) -> dict[str, str | None]:
    """The variables of a .env file; none if there is no such file. Raises StockroomError for one that is no text."""
    try:
        # "-sig" because a byte order mark would become part of the first name, which nothing would then know.
        return dotenv_values(file, encoding="utf-8-sig") if file.is_file() else {}
    except UnicodeDecodeError:
        raise StockroomError(f"{file} is not UTF-8 text", "save it as UTF-8") from None

from pathlib import Path

import pytest
from dotenv import dotenv_values

from stockroom.errors import StockroomError
from stockroom.project import ROOT
from stockroom.settings import Settings, parse_settings, read_dotenv, variable_name

EXAMPLE = dotenv_values(ROOT / ".env.example")


def test_the_example_lists_every_setting_and_nothing_else() -> None:
    assert set(EXAMPLE) == {variable_name(field) for field in Settings.model_fields}


@pytest.mark.parametrize("field", list(Settings.model_fields))
def test_the_example_shows_the_default(field: str) -> None:
    name = variable_name(field)
    default = getattr(Settings(), field)
    assert getattr(parse_settings({}, {name: EXAMPLE[name]}), field) == default
    assert bool(EXAMPLE[name]) == (default is not None)


def test_every_setting_says_what_it_is() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_the_environment_wins_over_the_file() -> None:
    settings = parse_settings({"STOCKROOM_PORT": "4901"}, {"STOCKROOM_PORT": "4902", "STOCKROOM_START_TIMEOUT": "60"})
    assert (settings.port, settings.start_timeout) == (4901, 60)


@pytest.mark.parametrize("field", list(Settings.model_fields))
def test_empty_means_unset(field: str) -> None:
    assert parse_settings({variable_name(field): ""}, {}) == Settings()
    assert parse_settings({}, {variable_name(field): None}) == Settings()


def test_other_variables_are_nobodys_business() -> None:
    assert parse_settings({"PATH": "/bin", "PORT": "1", "STOCK": "x"}, {"ENGINE": "docker"}) == Settings()


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("STOCKROOM_PROT", "did you mean STOCKROOM_PORT?"),
        ("STOCKROOM_ENGIN", "did you mean STOCKROOM_ENGINE?"),
        ("stockroom_run_dir", "did you mean STOCKROOM_RUN_DIR?"),
        ("STOCKROOM_QQQQQQQQQQQQQQQQQ", ".env.example lists every setting"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(name: str, nearest: str) -> None:
    for environment, dotenv, source in (({name: "1"}, {}, "the environment"), ({}, {name: "1"}, ".env")):
        with pytest.raises(StockroomError) as error:
            parse_settings(environment, dotenv)
        assert error.value.message == f"{name} in {source} is not a setting"
        assert error.value.hint == nearest


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("STOCKROOM_PORT", "http", "integer"),
        ("STOCKROOM_PORT", "80", "greater than or equal to 1024"),
        ("STOCKROOM_PORT", "70000", "less than or equal to 65535"),
        ("STOCKROOM_ENGINE", "moto", "'localstack', 'ministack', 'docker' or 'external'"),
        ("STOCKROOM_START_TIMEOUT", "1", "greater than or equal to 5"),
        ("STOCKROOM_ENDPOINT", "127.0.0.1:4566", "must be a URL such as"),
        ("STOCKROOM_ENDPOINT", "http://", "must be a URL such as"),
        ("STOCKROOM_ENDPOINT", "http://127.0.0.1:abc", "port could not be cast to integer value as 'abc'"),
        ("STOCKROOM_ENDPOINT", "http://127.0.0.1:65536", "port out of range"),
        ("STOCKROOM_ENDPOINT", "http://[::1", "Invalid IPv6 URL".lower()),
    ],
)
def test_a_bad_value_names_variable_value_place_and_reason(name: str, value: str, reason: str) -> None:
    for environment, dotenv, source in (({name: value}, {}, "the environment"), ({}, {name: value}, ".env")):
        with pytest.raises(StockroomError) as error:
            parse_settings(environment, dotenv)
        assert error.value.message.startswith(f"{name}={value} in {source}: ")
        assert reason in error.value.message.replace("Invalid", "invalid").replace("IPv6 URL", "ipv6 url")
        assert "\n" not in error.value.message


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://s3.amazonaws.com",
        "https://S3.AmazonAWS.com",
        "https://dynamodb.eu-central-1.amazonaws.com:443/",
        "https://s3.cn-north-1.amazonaws.com.cn",
        "https://s3.dualstack.us-east-1.api.aws",
        "https://s3.amazonaws.com.",
    ],
)
def test_an_endpoint_of_aws_is_refused(endpoint: str) -> None:
    with pytest.raises(StockroomError, match="never talks to AWS"):
        parse_settings({"STOCKROOM_ENGINE": "external", "STOCKROOM_ENDPOINT": endpoint}, {})


def test_origins_are_listed_with_commas() -> None:
    listed = parse_settings({"STOCKROOM_ALLOWED_ORIGINS": "http://localhost:3000, https://shop.example ,"}, {})
    assert listed.allowed_origins == ("http://localhost:3000", "https://shop.example")


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "localhost:3000",
        "http://",
        "file://",
        "http://localhost:3000/",
        "http://a@b",
        "HTTP://LOCALHOST",
        "http://*.example",
    ],
)
def test_what_no_browser_sends_as_an_origin_is_refused(origin: str) -> None:
    with pytest.raises(StockroomError) as error:
        parse_settings({"STOCKROOM_ALLOWED_ORIGINS": f"http://localhost:3000,{origin}"}, {})
    assert f"{origin!r} is no origin" in error.value.message


def test_the_engine_external_needs_an_endpoint() -> None:
    with pytest.raises(StockroomError, match="needs STOCKROOM_ENDPOINT"):
        parse_settings({"STOCKROOM_ENGINE": "external"}, {})


def test_the_local_endpoint_is_the_one_of_the_engine() -> None:
    endpoint = {"STOCKROOM_ENDPOINT": "http://emulator:4566/"}
    assert parse_settings(endpoint, {}).local_endpoint == "http://127.0.0.1:4566"
    assert parse_settings(endpoint | {"STOCKROOM_ENGINE": "external"}, {}).local_endpoint == "http://emulator:4566"


def test_paths_are_taken_from_the_repository_and_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = parse_settings({"STOCKROOM_RUN_DIR": "~/platform", "STOCKROOM_TERRAFORM": "bin/tofu"}, {})
    assert settings.run_dir == tmp_path.resolve() / "platform"
    assert settings.terraform == ROOT / "bin" / "tofu"


@pytest.mark.parametrize("folder", [".", "..", "/", "~", "~/..", ".stockroom/.."])
def test_a_folder_that_infra_down_must_never_remove_is_no_run_dir(folder: str) -> None:
    with pytest.raises(StockroomError, match="name a folder that a platform can have for itself"):
        parse_settings({"STOCKROOM_RUN_DIR": folder}, {})


def test_the_file_is_read_as_people_write_it(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    assert read_dotenv(file) == {}
    file.write_bytes("\ufeffSTOCKROOM_PORT=4901 # ours\r\nexport STOCKROOM_ENGINE='docker'\r\n".encode())
    assert read_dotenv(file) == {"STOCKROOM_PORT": "4901", "STOCKROOM_ENGINE": "docker"}


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / ".env"
    file.write_text("STOCKROOM_RUN_DIR=/tmp/läden\n", encoding=encoding)
    with pytest.raises(StockroomError, match=r"\.env is not UTF-8 text"):
        read_dotenv(file)

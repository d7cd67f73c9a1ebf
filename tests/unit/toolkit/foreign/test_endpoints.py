import pytest

from stockroom.foreign.endpoints import is_emulator, lead

HERE = "http://127.0.0.1:4600"


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:4566",
        "https://localhost:4566",
        "http://127.0.0.1:4566",
        "http://0.0.0.0:4566",
        "http://[::1]:4566",
        "http://172.17.0.1:4566",
        "http://host.docker.internal:4566",
        "http://localstack:4566",
        "http://localhost.localstack.cloud:4566",
        "https://localhost.localstack.cloud",
        "http://s3.localhost.localstack.cloud:4566",
        "http://my-bucket.s3.eu-west-1.localhost.localstack.cloud:4566",
        "http://localhost:4572",
        "http://localhost:4597",
        "HTTP://LOCALHOST:4566",
    ],
)
def test_an_emulators_address_is_led_to_the_platform(url: str) -> None:
    assert is_emulator(url)
    for around in ('s3 = "{}"', "aws --endpoint-url={} s3 ls", '"{}/000000000000/queue"', "<{}>"):
        assert lead(around.format(url), HERE) == (around.format(HERE), [url])


@pytest.mark.parametrize(
    "url",
    [
        HERE,
        "http://localhost:4600",
        "http://localhost:8080",
        "http://localhost:45660",
        "http://localhost:4566.example.com",
        "https://localhost.localstack.cloud.example.com",
        "https://sqs.us-east-1.amazonaws.com",
        "http://10.0.0.1:4566",
        "http://notlocalhost:4566",
        "localhost:4566",
    ],
)
def test_what_is_no_emulators_address_stays(url: str) -> None:
    assert lead(f'x = "{url}"', HERE) == (f'x = "{url}"', [])


def test_the_platforms_own_address_is_not_spoken_of() -> None:
    text = 'x = "http://localhost:4566"'
    assert lead(text, "http://127.0.0.1:4566") == (text, [])


def test_each_address_is_told_once() -> None:
    text = "http://localhost:4566 http://172.17.0.1:4566 http://localhost:4566"
    assert lead(text, HERE) == (f"{HERE} {HERE} {HERE}", ["http://localhost:4566", "http://172.17.0.1:4566"])

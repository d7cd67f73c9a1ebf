import errno

from botocore.exceptions import ClientError, EndpointConnectionError

from stockroom.errors import StockroomError
from stockroom.explain import explain


def _message(error: Exception) -> str:
    explained = explain(error)
    assert explained is not None
    return explained.message


def test_a_stockroom_error_is_itself() -> None:
    error = StockroomError("what", "next", "details")
    assert explain(error) is error


def test_a_message_is_one_line() -> None:
    assert StockroomError("STOCKROOM_PORT=1\n2 is wrong").message == "STOCKROOM_PORT=1 2 is wrong"


def test_what_the_system_says() -> None:
    assert _message(PermissionError(errno.EACCES, "Permission denied", "/x")) == "Permission denied: /x"
    assert _message(OSError(errno.ENOSPC, "No space left on device")) == "no space left on the disk"
    assert _message(OSError(errno.ENOSPC, "No space left on device", "/x")) == "no space left on the disk: /x"


def test_what_aws_says_is_one_line() -> None:
    refused = ClientError({"Error": {"Code": "AccessDenied", "Message": "not\nfor you"}}, "GetObject")
    gone = EndpointConnectionError(endpoint_url="http://127.0.0.1:1/")
    assert "AccessDenied" in _message(refused)
    assert "http://127.0.0.1:1/" in _message(gone)
    assert "\n" not in _message(refused) + _message(gone)


def test_a_bug_is_a_bug() -> None:
    for bug in (KeyError("x"), OSError("nothing known"), AssertionError(), ValueError("x")):
        assert explain(bug) is None

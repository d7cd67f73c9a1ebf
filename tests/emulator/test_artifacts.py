"""What is deployed from the artifact bucket is what was built and tested, whoever else may write to it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError

from stockroom.aws import new_session
from stockroom.deployed.function_code import AllowedCode, check_aliases, check_code
from stockroom.deployed.terraform_state import Resource
from stockroom.environments import local_aws_variables
from stockroom.errors import StockroomError
from stockroom.releases.artifact_bucket import base64_of, look, upload_artifacts
from stockroom.releases.artifacts import Artifact

from .functions import ROLE, zip_bytes

ACCOUNT = "000000000000"


@pytest.fixture
def session(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    for name, value in local_aws_variables(endpoint, "us-east-1").items():
        monkeypatch.setenv(name, value)
    return new_session("us-east-1", path_style=True, owner=ACCOUNT)


@pytest.fixture
def bucket(session: boto3.Session) -> Iterator[str]:
    s3, name = session.client("s3"), f"artifacts-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    yield name
    for version in s3.list_object_versions(Bucket=name).get("Versions", []):
        s3.delete_object(Bucket=name, Key=version["Key"], VersionId=version["VersionId"])
    s3.delete_bucket(Bucket=name)


def code(says: str) -> bytes:
    return zip_bytes({"app.py": f"def handler(event, context):\n    return {says!r}\n"})


def artifact(folder: Path, content: bytes, name: str = "greet") -> Artifact:
    path = folder / f"{uuid.uuid4().hex}.zip"
    path.write_bytes(content)
    return Artifact("bundles", "lake", name, hashlib.sha256(content).hexdigest(), path)


GOOD, EVIL, OTHER, LAYER = map(code, ("tested", "EVIL", "other", "layer"))
PUT: dict[str, dict[str, Any]] = {
    "without a checksum": {},
    "with a checksum of its own": {"ChecksumAlgorithm": "SHA256"},
    "with another checksum": {"ChecksumAlgorithm": "CRC32"},
    "with words that claim it": {
        "Metadata": {"sha256": hashlib.sha256(GOOD).hexdigest()},
        "ContentType": "application/zip",
    },
}


@pytest.mark.parametrize("how", PUT.values(), ids=PUT)
def test_other_content_under_the_name_is_replaced_and_told_of(
    session: boto3.Session, bucket: str, tmp_path: Path, how: dict[str, Any]
) -> None:
    s3, wanted = session.client("s3"), artifact(tmp_path, GOOD)
    s3.put_object(Bucket=bucket, Key=wanted.key, Body=EVIL, **how)
    assert look(s3, bucket, wanted) == "other"
    noted: list[str] = []
    assert upload_artifacts([wanted], session, bucket, noted.append) == [wanted.key]
    assert s3.get_object(Bucket=bucket, Key=wanted.key)["Body"].read() == GOOD
    assert len(noted) == 1
    assert f"replaced s3://{bucket}/{wanted.key}" in noted[0]
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 2
    assert upload_artifacts([wanted], session, bucket, noted.append) == []


def test_content_that_came_in_parts_is_read(session: boto3.Session, bucket: str, tmp_path: Path) -> None:
    s3 = session.client("s3")
    large = bytes(range(256)) * (6 * 2**12)  # 6 MB, and a part is 5 MB at the least
    wanted = artifact(tmp_path, large)
    for content, state in ((large, "there"), (large[::-1], "other")):
        upload: Any = s3.create_multipart_upload(Bucket=bucket, Key=wanted.key, ChecksumAlgorithm="SHA256")
        parts = []
        for number, part in enumerate((content[: 5 * 2**20], content[5 * 2**20 :]), start=1):
            named = {"Bucket": bucket, "Key": wanted.key, "UploadId": upload["UploadId"], "PartNumber": number}
            done: Any = s3.upload_part(**cast(Any, named), Body=part, ChecksumAlgorithm="SHA256")
            parts.append({"PartNumber": number, "ETag": done["ETag"], "ChecksumSHA256": done["ChecksumSHA256"]})
        s3.complete_multipart_upload(
            Bucket=bucket, Key=wanted.key, UploadId=upload["UploadId"], MultipartUpload=cast(Any, {"Parts": parts})
        )
        assert look(s3, bucket, wanted) == state


def test_what_is_uploaded_now_is_refused_unless_it_is_what_it_is_named_after(
    session: boto3.Session, bucket: str, tmp_path: Path
) -> None:
    wanted = artifact(tmp_path, GOOD)
    wanted.path.write_bytes(EVIL)
    with pytest.raises(ClientError):
        upload_artifacts([wanted], session, bucket)
    assert look(session.client("s3"), bucket, wanted) == "missing"


class Deployed:
    """A function with a layer, and what a state would tell of it."""

    def __init__(self, session: boto3.Session, content: bytes, layer: bytes) -> None:
        self.session, self.name = session, f"greet-{uuid.uuid4().hex[:8]}"
        self.client: Any = session.client("lambda")
        made = self.client.publish_layer_version(LayerName=f"{self.name}-layer", Content={"ZipFile": layer})
        self.layer: str = made["LayerVersionArn"]
        self.client.create_function(
            FunctionName=self.name, Runtime="python3.13", Handler="app.handler", Role=ROLE, Code={"ZipFile": content},
            Layers=[self.layer], Publish=True,
        )  # fmt: skip
        self.client.get_waiter("function_active_v2").wait(FunctionName=self.name, WaiterConfig={"Delay": 1})
        self.client.create_alias(FunctionName=self.name, Name="live", FunctionVersion="1")

    def publish(self, content: bytes) -> str:
        self.client.update_function_code(FunctionName=self.name, ZipFile=content)
        self.client.get_waiter("function_updated_v2").wait(FunctionName=self.name, WaiterConfig={"Delay": 1})
        return str(self.client.publish_version(FunctionName=self.name)["Version"])

    def outputs(self, version: str) -> dict[str, Any]:
        return {"function_names": {"greet": self.name}, "function_versions": {"greet": version}}

    def check(self, version: str, allowed: AllowedCode) -> list[str]:
        resources = [Resource("aws_lambda_function.greet", "aws_lambda_function", self.name)]
        return check_code(self.session, resources, self.outputs(version), allowed)


@pytest.fixture
def deployed(session: boto3.Session) -> Iterator[Deployed]:
    made = Deployed(session, GOOD, LAYER)
    yield made
    made.client.delete_function(FunctionName=made.name)


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


TESTED = AllowedCode({"greet": sha(GOOD), "other": sha(OTHER)}, {sha(LAYER)})


def test_code_that_was_tested_is_let_through(deployed: Deployed) -> None:
    assert deployed.check("1", TESTED) == sorted([f"{deployed.name} version 1", f"layer {deployed.layer}"])
    check_aliases(deployed.session, {"lake": deployed.outputs("1")})


@pytest.mark.parametrize("content", [EVIL, OTHER], ids=["that nobody tested", "of another function"])
def test_code_that_was_not_tested_is_refused_by_its_version(deployed: Deployed, content: bytes) -> None:
    version = deployed.publish(content)
    with pytest.raises(StockroomError, match=f"not the code that was tested: {deployed.name} version {version}"):
        deployed.check(version, TESTED)
    assert deployed.check("1", TESTED)


def test_a_layer_that_was_not_tested_is_refused(deployed: Deployed) -> None:
    with pytest.raises(StockroomError, match=f"not the code that was tested: layer {deployed.layer}"):
        deployed.check("1", replace(TESTED, layers={sha(EVIL)}))


def test_an_alias_that_leads_elsewhere_is_refused(deployed: Deployed) -> None:
    version = deployed.publish(EVIL)
    with pytest.raises(StockroomError, match=f"greet 1 instead of {version}"):
        check_aliases(deployed.session, {"lake": deployed.outputs(version)})
    weights = {"AdditionalVersionWeights": {version: 0.1}}
    deployed.client.delete_alias(FunctionName=deployed.name, Name="live")
    deployed.client.create_alias(FunctionName=deployed.name, Name="live", FunctionVersion="1", RoutingConfig=weights)
    with pytest.raises(StockroomError, match=f"greet 1, {version} instead of 1"):
        check_aliases(deployed.session, {"lake": deployed.outputs("1")})


def test_a_function_that_no_output_names_is_compared_too(deployed: Deployed) -> None:
    deployed.publish(EVIL)
    resources = [Resource("aws_lambda_function.greet", "aws_lambda_function", deployed.name)]
    with pytest.raises(StockroomError, match=r"version \$LATEST"):
        check_code(deployed.session, resources, {}, TESTED)


def test_sums_are_written_as_aws_does() -> None:
    assert base64_of(sha(b"")) == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

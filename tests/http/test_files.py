"""Files in and out: what is sent comes back byte for byte, to whom it may, until it expires."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from crmcore.kit.sql import Sql
from crmcore.platform.blobs import PIECE, BlobWriter, drop_pieces
from tests.fixtures import TestCrm, open_crm

LINKED = "query($id: ID!) { file(id: $id) { name size sha256 mediaType downloadUrl downloadUrlExpiresAt expiresAt } }"


async def send(crm: TestCrm, data: bytes, name: str = "data.bin", **headers: str):
    headers = {"content-type": "application/octet-stream", **{k.replace("_", "-"): v for k, v in headers.items()}}
    return await crm.client.post("/files", params={"name": name}, content=data, headers=headers)


@pytest.mark.parametrize("size", [0, 1, PIECE, 2 * PIECE + 17])
async def test_what_is_sent_comes_back(crm: TestCrm, size: int):
    data = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    sent = await send(crm, data, "Zahlen & Wörter.csv", content_type="text/csv")
    assert sent.status_code == 201
    told = sent.json()["file"]
    assert (told["size"], told["sha256"]) == (size, hashlib.sha256(data).hexdigest())
    by_token = await crm.client.get(f"/files/{told['id']}")
    assert (by_token.content, by_token.headers["content-type"]) == (data, "text/csv; charset=utf-8")
    assert by_token.headers["content-disposition"] == "attachment; filename*=UTF-8''Zahlen%20%26%20W%C3%B6rter.csv"
    file = (await crm.gql(LINKED, id=told["id"]))["file"]
    assert (file["name"], file["size"], file["mediaType"]) == ("Zahlen & Wörter.csv", size, "text/csv")
    by_link = await crm.client.get(file["downloadUrl"], headers={"authorization": ""})
    assert (by_link.status_code, by_link.content) == (200, data)
    head = await crm.client.head(file["downloadUrl"], headers={"authorization": ""})
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(size), b"")


async def test_what_is_refused_keeps_nothing(database_url: str):
    async with open_crm(database_url, max_file_bytes=2000) as crm:
        refused = [
            (await send(crm, b"x", authorization=""), 401, "UNAUTHENTICATED"),
            (await send(crm, b"x" * 2001), 413, "PAYLOAD_TOO_LARGE"),
            (await send(crm, b"x", content_type="multipart/form-data; boundary=x"), 415, "UNSUPPORTED_MEDIA_TYPE"),
            (await send(crm, b"x", "../x"), 400, "BAD_REQUEST"),
            (await send(crm, b"x", "x" * 256), 400, "BAD_REQUEST"),
        ]
        for response, status, code in refused:
            assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (status, code)

        async def pieces():
            for _ in range(3):
                yield b"x" * 1000

        streamed = await crm.client.post("/files", content=pieces())
        assert streamed.status_code == 413
        assert (await crm.gql("{ files { totalCount } }"))["files"]["totalCount"] == 0


async def test_links_are_of_one_file_and_end(database_url: str):
    now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    async with open_crm(database_url) as crm:
        crm.crm.clock = lambda: now
        first, second = [(await send(crm, data)).json()["file"]["id"] for data in (b"one", b"two")]
        link = (await crm.gql(LINKED, id=first))["file"]["downloadUrl"]
        anybody = {"authorization": ""}
        assert (await crm.client.get(link, headers=anybody)).content == b"one"
        other = link.replace(first.removeprefix("file_"), second.removeprefix("file_"))
        later = link.replace("expires=", "expires=1")
        for forged in (
            other,
            later,
            link[:-1] + ("0" if link[-1] != "0" else "1"),
            link.replace("tenant=", "tenant=0"),
        ):
            assert (await crm.client.get(forged, headers=anybody)).status_code == 403
        for nothing in ("/files/x", f"/files/file_{crm.tenant}"):
            assert (await crm.client.get(nothing)).status_code == 404
        now += timedelta(hours=2)
        assert (await crm.client.get(link, headers=anybody)).status_code == 403
        assert (await crm.client.get(f"/files/{first}")).content == b"one"
        now += timedelta(days=8)
        assert (await crm.client.get(f"/files/{first}")).status_code == 404


async def test_a_deleted_file_is_not_sent_and_leaves_no_bytes(crm: TestCrm):
    keep, gone = [(await send(crm, data)).json()["file"]["id"] for data in (b"one", b"two")]
    await BlobWriter(crm.context, 10).write(b"broken")
    deleted = await crm.gql("mutation($id: ID!) { fileDelete(id: $id) { errors { message } } }", id=gone)
    assert deleted["fileDelete"]["errors"] == []
    assert (await crm.client.get(f"/files/{gone}")).status_code == 404
    assert await drop_pieces(crm.context, crm.context.clock() + timedelta(seconds=1)) == 1
    [left] = await crm.crm.db.fetch(Sql("SELECT count(*) AS n FROM file_piece"))
    assert left["n"] == 1
    assert (await crm.client.get(f"/files/{keep}")).content == b"one"


async def test_files_that_have_expired_go_by_night(crm: TestCrm):
    now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    crm.crm.clock = lambda: now
    await crm.crm.run_jobs()
    old = (await send(crm, b"old")).json()["file"]["id"]
    now += timedelta(days=5)
    new = (await send(crm, b"new")).json()["file"]["id"]
    now += timedelta(days=3)
    await crm.crm.run_jobs()
    left = (await crm.gql("{ files { nodes { id } } }"))["files"]["nodes"]
    assert [file["id"] for file in left] == [new]
    [pieces] = await crm.crm.db.fetch(Sql("SELECT count(*) AS n FROM file_piece"))
    assert pieces["n"] == 1
    assert (await crm.client.get(f"/files/{old}")).status_code == 404

"""Plain requests: images and rows, compared with the classifiers of the same runs."""

import asyncio
import csv
import io
import json
import time

import numpy as np
import pytest
from http_clients import ask, connect, form
from PIL import Image
from support import noise

import hardmax
from hardmax.serving import plain
from hardmax.serving.images import pixels_of_file
from hardmax.serving.limits import Limits
from hardmax.serving.models import Models

JSON, CSV = "application/json", "text/csv"


def png(pixels, kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def rows_of(table):
    with table.open(encoding="utf-8") as file:
        return [*csv.DictReader(file)]


def check(answer, probabilities, classes):
    """Compare an answer with the probabilities (examples, classes) of a classifier."""
    assert answer.status == 200
    predictions = answer.json["predictions"]
    found = [[one["probabilities"][name] for name in classes] for one in predictions]
    np.testing.assert_allclose(found, probabilities, atol=1e-6)
    best = probabilities.argmax(1)
    assert [one["label"] for one in predictions] == [classes[place] for place in best]
    for one in predictions:
        assert one["probability"] == max(one["probabilities"].values())
        assert "decision" not in one


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Image files of several sizes, channels and formats."""
    folder = tmp_path_factory.mktemp("images")
    shapes = {"a.png": (6, 5, 3), "b.jpg": (40, 31, 3), "größer.png": (9, 9), "d.webp": (12, 7, 4)}
    for seed, (name, shape) in enumerate(shapes.items()):
        Image.fromarray(noise(*shape, seed=seed)).save(folder / name)
    return [folder / name for name in shapes]


def test_images_in_a_form_or_alone(server, image_run, images):
    classifier = hardmax.load(image_run)
    expected = classifier.predict_proba([str(path) for path in images])
    body, kind = form([(path.name, path.read_bytes()) for path in images])
    answer = ask(server, "/predict?model=clothes", body, kind)
    check(answer, expected, classifier.classes_)
    assert answer.json["model"] == "clothes"
    assert [one["file"] for one in answer.json["predictions"]] == [path.name for path in images]
    for path, row in zip(images, expected, strict=True):
        for kind in ("image/png", "application/octet-stream"):  # what it is, decides the content
            alone = ask(server, "/predict?model=clothes", path.read_bytes(), kind)
            check(alone, row[None], classifier.classes_)
            assert alone.json["predictions"][0]["file"] is None


@pytest.mark.parametrize("charset", ["utf-7", "idna", "undefined", "unicode_escape"])
def test_names_of_files_are_utf_8_whatever_a_form_says(server, charset):
    body, kind = form([(name := "größer\\ud800+2AA-.png", png(noise(6, 5, 3)))])
    answer = ask(server, "/predict?model=clothes", body, f"{kind}; charset={charset}")
    assert answer.json["predictions"][0]["file"] == name


def test_more_images_than_a_batch_has(server, image_run, tmp_path):
    pixels = noise(150, 6, 5, 3)
    body, kind = form([(f"{number}.png", png(one)) for number, one in enumerate(pixels)])
    expected = hardmax.load(image_run).predict_proba(pixels)
    check(ask(server, "/predict?model=clothes", body, kind), expected, ("shirt", "<b>&", "größer"))


def test_rows_as_json_and_csv(server, table, table_run):
    classifier = hardmax.load(table_run)
    expected = classifier.predict_proba(str(table))
    rows = rows_of(table)
    path = "/predict?model=visits"
    answer = ask(server, path, json.dumps(rows).encode(), JSON)
    check(answer, expected, classifier.classes_)
    numbers = [one["row"] for one in answer.json["predictions"]]
    assert numbers == [*range(1, len(rows) + 1)]
    check(ask(server, path, table.read_bytes(), CSV), expected, classifier.classes_)
    check(ask(server, path, *form([("t.csv", table.read_bytes())])), expected, classifier.classes_)
    connection = connect(server)
    for row, probabilities in zip(rows[:5], expected[:5], strict=True):
        body = json.dumps(row).encode()
        one = ask(server, path, body, f"{JSON}; charset=utf-8", connection=connection)
        check(one, probabilities[None], classifier.classes_)
    connection.close()


BAD_IMAGES = {
    "no image": (b"x", "image/png", 400, "not a readable image"),
    "cut off": (png(noise(64, 64, 3))[:-100], "image/png", 400, "the image"),
    "nothing": (b"", "image/png", 400, "empty"),
    "no type": (png(noise(4, 4)), None, 415, "no Content-Type"),
    "rows": (b"{}", JSON, 415, "classifies images"),
    "no boundary": (b"x", "multipart/form-data", 400, "boundary"),
    "no form": (b"x", "multipart/form-data; boundary=b", 400, "form"),
    "a form of a field": (
        b'--b\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\n',
        "multipart/form-data; boundary=b",
        400,
        "no file",
    ),
    "a bad one of two": (*form([("a.png", png(noise(4, 4))), ("b.png", b"x")]), 400, "b.png"),
    "compressed": (b"x", "image/png", 415, "Content-Encoding"),
}


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_bad_images(server, name):
    body, kind, status, words = BAD_IMAGES[name]
    headers = {"content_encoding": "gzip"} if name == "compressed" else {}
    answer = ask(server, "/predict?model=clothes", body, kind, method="POST", **headers)
    assert answer.status == status
    assert words in answer.error


WHOLE = {"months": 3, "plan": "basic", "contract": True, "since": None, "note": "glad"}
BAD_ROWS = {
    "no JSON": (b"{", JSON, 400, "not JSON"),
    "no UTF-8": (b'{"months": "\xff"}', JSON, 400, "UTF-8"),
    "NaN": (b'{"months": NaN}', JSON, 400, "NaN"),
    "a surrogate": (rb'{"months": "\ud800"}', JSON, 400, "UTF-8"),
    "deep": (b"[" * 100_000, JSON, 400, "nested"),
    "a long number": (b"[" + b"1" * 10_000 + b"]", JSON, 400, "too many digits"),
    "no object": (b"[1]", JSON, 400, "row"),
    "a number": (b"1", JSON, 400, "object"),
    "no rows": (b"[]", JSON, 400, "no rows"),
    "a missing column": (b'{"months": 3}', JSON, 400, "'plan'"),
    "a text as a number": (json.dumps({**WHOLE, "months": "x"}).encode(), JSON, 400, "'months'"),
    "an array as a cell": (json.dumps({**WHOLE, "note": []}).encode(), JSON, 400, "'note'"),
    "too many rows": (json.dumps([WHOLE] * 10_001).encode(), JSON, 413, "10000"),
    "CSV without a column": (b"months\n1\n", CSV, 400, "plan"),
    "CSV without rows": (b"months,plan,contract,since,note\n", CSV, 400, "no rows"),
    "two files": (*form([("a", b""), ("b", b"")]), 400, "one CSV file"),
    "an image": (b"x", "image/png", 415, "rows"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_bad_rows(server, name):
    body, kind, status, words = BAD_ROWS[name]
    answer = ask(server, "/predict?model=visits", body, kind)
    assert answer.status == status
    assert words in answer.error


def test_of_several_models_one_is_named(server):
    for query, status in {"": 400, "?model=": 404, "?model=other": 404}.items():
        answer = ask(server, f"/predict{query}", b"{}", JSON)
        assert answer.status == status
        assert "visits" in answer.error
        assert "clothes" in answer.error


def test_images_of_a_client_that_left_are_not_decoded(image_run, monkeypatch):
    decoded = []

    def decode(content, *arguments):
        decoded.append(content)
        time.sleep(0.05)
        return pixels_of_file(content, *arguments)

    async def main():
        models = Models.open([image_run], Limits())
        asking = asyncio.create_task(plain.predict(models.get(), *form(files), Limits()))
        while not decoded:
            await asyncio.sleep(0.001)
        asking.cancel()
        await asyncio.sleep(0.3)
        await models.close()

    files = [(str(number), png(noise(6, 5, 3))) for number in range(20)]
    monkeypatch.setattr(plain, "pixels_of_file", decode)
    asyncio.run(main())
    assert len(decoded) == 1

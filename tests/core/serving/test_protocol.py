"""The Open Inference Protocol: an independent client, and requests that do not keep to it."""

import csv
import json

import numpy as np
import pytest
from http_clients import ask
from PIL import Image
from servers import serving
from support import noise

import hardmax

client = pytest.importorskip("tritonclient.http")

CLASSES = ("shirt", "<b>&", "größer")


@pytest.fixture(scope="module")
def triton(server):
    connected = client.InferenceServerClient(server.address.removeprefix("http://").rstrip("/"))
    yield connected
    connected.close()


def tensor(name, values, kind, is_binary):
    given = client.InferInput(name, [*values.shape], kind)
    given.set_data_from_numpy(values, binary_data=is_binary)
    return given


def wanted(name, is_binary):
    return client.InferRequestedOutput(name, binary_data=is_binary)


def test_health_and_metadata(triton):
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready("clothes")
    assert not triton.is_model_ready("other")
    server = triton.get_server_metadata()
    assert (server["name"], server["version"]) == ("hardmax", hardmax.__version__)
    assert server["extensions"] == ["binary_tensor_data"]
    assert triton.get_model_metadata("clothes") == {
        "name": "clothes",
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "images", "datatype": "UINT8", "shape": [-1, -1, -1, -1]}],
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]},
            {"name": "scores", "datatype": "FP32", "shape": [-1, 3]},
        ],
    }
    inputs = triton.get_model_metadata("visits")["inputs"]
    assert [(one["name"], one["datatype"]) for one in inputs] == [
        ("months", "FP64"),
        ("plan", "BYTES"),
        ("contract", "BYTES"),
        ("since", "BYTES"),
        ("note", "BYTES"),
    ]


@pytest.mark.parametrize("is_binary", [True, False])
@pytest.mark.parametrize("shape", [(1, 6, 5, 3), (130, 6, 5, 3), (3, 17, 4, 1), (2, 8, 8, 4)])
def test_images(triton, image_run, tmp_path, shape, is_binary):
    images = noise(*shape)
    files = [tmp_path / f"{number}.png" for number in range(len(images))]
    for file, image in zip(files, images, strict=True):
        Image.fromarray(image.squeeze()).save(file)
    expected = hardmax.load(image_run).predict_proba([*map(str, files)])
    outputs = [wanted(name, is_binary) for name in ("probabilities", "label")]
    given = [tensor("images", images, "UINT8", is_binary)]
    result = triton.infer("clothes", given, outputs=outputs, request_id="7")
    np.testing.assert_allclose(result.as_numpy("probabilities"), expected, atol=1e-6)
    labels = result.as_numpy("label").tolist()
    texts = [label.decode() if is_binary else label for label in labels]
    assert texts == [CLASSES[place] for place in expected.argmax(1)]
    response = result.get_response()
    assert (response["model_name"], response["id"]) == ("clothes", "7")
    assert [one["name"] for one in response["outputs"]] == ["probabilities", "label"]


@pytest.mark.parametrize("is_binary", [True, False])
@pytest.mark.parametrize("is_column", [True, False])
def test_rows(triton, table, table_run, is_binary, is_column):
    with table.open(encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    expected = hardmax.load(table_run).predict_proba(str(table))
    inputs = []
    for name in ("note", "months", "plan", "contract", "since"):  # in any order
        cells = np.array([row[name] for row in rows], object)
        if name == "months":
            cells = np.array([float(cell or "nan") for cell in cells])
        kind = "FP64" if name == "months" else "BYTES"
        if name == "months" and not is_binary:  # the client would write NaN, which is not JSON
            given = client.InferInput(name, [len(rows)], kind)
            given._data = [None if np.isnan(cell) else cell for cell in cells]
            given._parameters.pop("binary_data_size", None)
        else:
            given = tensor(name, cells[:, None] if is_column else cells, kind, is_binary)
        inputs.append(given)
    result = triton.infer("visits", inputs)
    np.testing.assert_allclose(result.as_numpy("probabilities"), expected, atol=1e-6)
    assert result.as_numpy("scores").shape == (len(rows), 2)


IMAGE = {"name": "images", "datatype": "UINT8", "shape": [1, 2, 2, 1], "data": [1, 2, 3, 4]}


def infer(server, request, **headers):
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    return ask(server, "/v2/models/clothes/infer", body, "application/json", **headers)


def test_nested_and_flat_data_are_the_same(server):
    flat = infer(server, {"inputs": [IMAGE]})
    nested = infer(server, {"inputs": [{**IMAGE, "data": [[[[1], [2]], [[3], [4]]]]}]})
    floats = infer(server, {"inputs": [{**IMAGE, "data": [1.0, 2.0, 3.0, 4.0]}]})
    assert flat.json == nested.json == floats.json
    assert [one["name"] for one in flat.json["outputs"]] == ["label", "probabilities", "scores"]


def test_outputs_are_all_binary_by_one_parameter(server):
    request = {"inputs": [IMAGE], "parameters": {"binary_data_output": True}}
    answer = infer(server, request)
    size = int(answer.headers["inference-header-content-length"])
    head = json.loads(answer.content[:size])
    sizes = [one["parameters"]["binary_data_size"] for one in head["outputs"]]
    assert sizes[1:] == [12, 12]
    assert len(answer.content) == size + sum(sizes)
    plain = {one["name"]: one["data"] for one in infer(server, {"inputs": [IMAGE]}).json["outputs"]}
    label, probabilities = np.split(np.frombuffer(answer.content[size:], np.uint8), [sizes[0]])
    assert label[4:].tobytes().decode() == plain["label"][0]
    assert probabilities.view("<f4")[:3].tolist() == plain["probabilities"]


def with_image(**changes):
    return {"inputs": [{**IMAGE, **changes}]}


BAD = {
    "no JSON": (b"x", "not JSON"),
    "no object": ([1], "a JSON object"),
    "no inputs": ({}, "inputs"),
    "empty inputs": ({"inputs": []}, "inputs"),
    "an unknown input": (with_image(name="x"), "'x'"),
    "a name that is none": (with_image(name=[1]), "no input"),
    "twice": ({"inputs": [IMAGE, IMAGE]}, "twice"),
    "another type": (with_image(datatype="FP32"), "UINT8"),
    "no shape": (with_image(shape=None), "shape"),
    "too few dimensions": (with_image(shape=[2, 2]), "shape"),
    "a negative size": (with_image(shape=[-1, -2, 2, 1]), "shape"),
    "a huge size": (with_image(shape=[10**30, 2, 2, 1]), "shape"),
    "sizes whose product has too many digits": (with_image(shape=[10**2000] * 4), "shape"),
    "two channels": (with_image(shape=[1, 2, 1, 2]), "channels"),
    "no data": ({"inputs": [{k: v for k, v in IMAGE.items() if k != "data"}]}, "no data"),
    "too few data": (with_image(data=[1]), "4 values"),
    "too large": (with_image(data=[1, 2, 3, 256]), "0 to 255"),
    "a fraction": (with_image(data=[1, 2, 3, 0.5]), "0 to 255"),
    "infinite": (b'{"inputs": [' + json.dumps(IMAGE).encode().replace(b"4]", b"1e999]") + b"]}",
                 "0 to 255"),
    "a boolean": (with_image(data=[1, 2, 3, True]), "0 to 255"),
    "null": (with_image(data=[1, 2, 3, None]), "0 to 255"),
    "uneven": (with_image(data=[[[[1], [2]], [[3]]]]), "nested"),
    "other nesting": (with_image(data=[[1, 2], [3, 4]]), "nested"),
    "shared memory": (with_image(parameters={"shared_memory_region": "x"}), "shared_memory_region"),
    "binary beyond the end": (with_image(parameters={"binary_data_size": 4}), "binary_data_size"),
    "an id that is no text": ({"inputs": [IMAGE], "id": 1}, "id"),
    "an unknown output": ({"inputs": [IMAGE], "outputs": [{"name": "x"}]}, "'x'"),
    "classification": (
        {"inputs": [IMAGE], "outputs": [{"name": "label", "parameters": {"classification": 1}}]},
        "classification",
    ),
    "a flag that is none": (
        {"inputs": [IMAGE], "parameters": {"binary_data_output": 1}},
        "binary_data_output",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_requests(server, name):
    request, words = BAD[name]
    answer = infer(server, request)
    assert answer.status == 400
    assert words in answer.error


def binary(name, values, size, tail, datatype="BYTES"):
    head = {
        "name": name,
        "datatype": datatype,
        "shape": [values],
        "parameters": {"binary_data_size": size},
    }
    others = [
        {"name": other, "datatype": "BYTES", "shape": [values], "data": [""] * values}
        for other in ("plan", "contract", "since", "note")
        if other != name
    ]
    number = {"name": "months", "datatype": "FP64", "shape": [values], "data": [None] * values}
    entries = [head, *others, *([number] if name != "months" else [])]
    content = json.dumps({"inputs": entries}).encode()
    return content + tail, len(content)


BAD_BINARY = {
    "a text beyond the end": (("note", 1, 6, b"\x05\0\0\0ab"), "texts"),
    "no UTF-8": (("note", 1, 5, b"\x01\0\0\0\xff"), "UTF-8"),
    "too few texts": (("note", 2, 4, b"\0\0\0\0"), "2 texts"),
    "too many bytes": (("note", 1, 8, b"\0\0\0\0" * 2), "1 texts"),
    "half a length": (("note", 1, 2, b"\0\0"), "texts"),
    "bytes that nothing takes": (("note", 1, 4, b"\0\0\0\0x"), "1 bytes follow"),
    "too few bytes": (("months", 1, 4, b"\0\0\0\0", "FP64"), "8 bytes"),
}


@pytest.mark.parametrize("name", BAD_BINARY)
def test_bad_binary_tensors(server, name):
    arguments, words = BAD_BINARY[name]
    body, size = binary(*arguments)
    headers = {"inference_header_content_length": str(size)}
    answer = ask(server, "/v2/models/visits/infer", body, **headers)
    assert answer.status == 400
    assert words in answer.error
    for wrong in ("-1", "x", "9" * 30, str(len(body) + 1), "²"):
        headers["inference_header_content_length"] = wrong.encode("latin-1")
        assert ask(server, "/v2/models/visits/infer", body, **headers).status == 400


def test_sizes_of_inputs_must_agree(server):
    body, size = binary("note", 1, 4, b"\0\0\0\0")
    body = body.replace(b'[1], "data": [null]', b'[2], "data": [null, null]')
    size += len(b", null")
    answer = ask(server, "/v2/models/visits/infer", body, inference_header_content_length=str(size))
    assert answer.status == 400
    assert "same number of examples" in answer.error
    assert "plan" in infer_rows_without(server, "plan").error


def infer_rows_without(server, name):
    kinds = {"months": "FP64", "plan": "BYTES", "contract": "BYTES", "since": "BYTES"}
    inputs = [
        {"name": one, "datatype": kind, "shape": [1], "data": [None if kind == "FP64" else ""]}
        for one, kind in {**kinds, "note": "BYTES"}.items()
        if one != name
    ]
    body = json.dumps({"inputs": inputs}).encode()
    return ask(server, "/v2/models/visits/infer", body)


def test_decisions_and_limits(table_run, tmp_path):
    with serving(tmp_path, table_run, "--abstain-below", "1", "--max-rows", "2") as server:
        outputs = ask(server, "/v2/models/visits").json["outputs"]
        assert outputs[-1] == {"name": "decision", "datatype": "BYTES", "shape": [-1]}
        body, size = binary("note", 2, 8, b"\0\0\0\0" * 2)
        path, name = "/v2/models/visits/infer", "inference_header_content_length"
        found = ask(server, path, body, **{name: str(size)}).json["outputs"]
        assert found[-1]["data"] == ["", ""]
        body, size = binary("note", 3, 12, b"\0\0\0\0" * 3)
        answer = ask(server, path, body, **{name: str(size)})
        assert (answer.status, "at most 2" in answer.error) == (413, True)
        row = json.dumps(dict.fromkeys(["months", "plan", "contract", "since", "note"])).encode()
        predictions = ask(server, "/predict", row, "application/json").json["predictions"]
        assert [one["decision"] for one in predictions] == [None]

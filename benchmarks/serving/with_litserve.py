"""LitServe, with the same ONNX file and the same bodies of requests."""

import json
import sys

import litserve
import numpy as np
import onnxruntime


class OnnxAPI(litserve.LitAPI):
    """Answers the label and the probabilities of a row, or of an image."""

    def __init__(self, model: str, batch: int):
        super().__init__(max_batch_size=batch, batch_timeout=0.002 if batch > 1 else 0.0)
        self.path = model

    def setup(self, device: str) -> None:
        self.session = onnxruntime.InferenceSession(self.path, providers=["CPUExecutionProvider"])
        metadata = self.session.get_modelmeta().custom_metadata_map
        self.classes = json.loads(metadata["classes"])

    def decode_request(self, request: dict) -> dict[str, np.ndarray]:
        if "inputs" not in request:
            return {name: np.array([value]) for name, value in request.items()}
        (tensor,) = request["inputs"]
        return {"images": np.array(tensor["data"], np.uint8).reshape(tensor["shape"])}

    def batch(self, inputs: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        return {name: np.concatenate([one[name] for one in inputs]) for name in inputs[0]}

    def predict(self, x: dict[str, np.ndarray]) -> list[tuple[str, np.ndarray]]:
        label, probabilities = self.session.run(["label", "probabilities"], x)
        return [*zip(label, probabilities, strict=True)]

    def unbatch(self, output: list[tuple[str, np.ndarray]]) -> list[tuple[str, np.ndarray]]:
        return output

    def encode_response(self, output) -> dict:
        if isinstance(output, list):  # not batched
            (output,) = output
        label, probabilities = output
        by_class = dict(zip(self.classes, probabilities.tolist(), strict=True))
        return {"label": label, "probabilities": by_class}


if __name__ == "__main__":
    model, port, batch = sys.argv[1:]
    server = litserve.LitServer(OnnxAPI(model, int(batch)), accelerator="cpu")
    server.run(host="127.0.0.1", port=int(port), generate_client_file=False, log_level="error")

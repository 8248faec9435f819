"""A model that says what it was asked, and requests to it."""

import asyncio
import threading

import numpy as np

from hardmax.serving.batching import Batcher
from hardmax.serving.limits import Limits


class Model:
    """A model whose output is its input. Unless it ``may_go``, it waits; negative numbers fail."""

    name = "echo"

    def __init__(self, largest_batch=1000):
        self.largest_batch = largest_batch
        self.sizes = []
        self.may_go = threading.Event()
        self.may_go.set()

    def compute(self, feeds):
        self.sizes.append(len(feeds["x"]))
        assert self.may_go.wait(10)
        if (feeds["x"] < 0).any():
            raise ValueError("negative")
        return {"y": feeds["x"].copy(), "text": feeds["x"].astype(str).astype(object)}


def run(main, model=None, on_batch=None, **limits):
    """Run a function of a model and its batcher in an event loop, and close the batcher."""
    model = model or Model()

    async def whole():
        batcher = Batcher(model, Limits(**{"wait": 5.0, **limits}), on_batch)
        try:
            await asyncio.wait_for(main(model, batcher), 20)
        finally:
            model.may_go.set()
            await asyncio.wait_for(batcher.close(), 20)

    asyncio.run(whole())
    return model


async def ask(batcher, *numbers):
    """Check the outputs for numbers."""
    x = np.array(numbers, float)
    outputs = await batcher.compute({"x": x})
    np.testing.assert_array_equal(outputs["y"], x)
    assert outputs["text"].tolist() == [str(number) for number in x]


async def until(condition):
    while not condition():
        await asyncio.sleep(0.001)


async def held(model, batcher):
    """Let a batch be computed until the model may go; return its task."""
    model.may_go.clear()
    first = asyncio.create_task(ask(batcher, 0))
    await until(lambda: model.sizes)
    return first

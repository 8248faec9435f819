"""The runs of a server: their names, and runs that are replaced while it answers."""

import asyncio
import functools
import logging
import shutil

import numpy as np
import pytest
from run_folders import write
from support import noise

import hardmax
from hardmax.errors import ArgumentError, RunError
from hardmax.export.images import IMAGES
from hardmax.export.outputs import PROBABILITIES
from hardmax.runs.run import Run
from hardmax.serving import models as module
from hardmax.serving.errors import RequestError
from hardmax.serving.limits import Limits
from hardmax.serving.models import Models

LIMITS = Limits()
X = noise(1, 6, 5, 3)


@pytest.fixture(autouse=True)
def pause(monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0.02)


@pytest.fixture
def run(tmp_path, image_run):
    """The folder of a run that may be changed."""
    return shutil.copytree(image_run, tmp_path / "clothes")


@pytest.fixture(scope="module")
def other_run(image_run, tmp_path_factory):
    """A run of the same kind with other weights."""
    run = Run.open(image_run)
    weights = {name: weight[::-1].copy() for name, weight in run.weights.items()}
    other = Run(run.record, run.network, run.input_shape, run.classes, weights)
    return write(tmp_path_factory.mktemp("other") / "clothes", other)


async def answer(models):
    batcher = models.get()
    outputs = await batcher.compute({IMAGES: X})
    return outputs[PROBABILITIES]


@functools.cache
def expected(run):
    return hardmax.load(run).predict_proba(X)


def is_of(run, probabilities):
    return np.allclose(probabilities, expected(run), rtol=0, atol=1e-6)


async def until_of(run, models):
    for _ in range(500):
        if is_of(run, await answer(models)):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the run was not taken up")


def served(run, main):
    """Run a function of the models while they are watched."""

    async def whole():
        models = Models.open([str(run)], LIMITS)
        watching = asyncio.create_task(models.watch())
        try:
            await main(models)
            assert not watching.done()
        finally:
            watching.cancel()
            await models.close()

    asyncio.run(whole())


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_models_go_by_the_names_of_their_folders(image_run, table_run, tmp_path, refused):
    async def main():
        link = tmp_path / "current"
        link.symlink_to(image_run)
        models = Models.open([f"{image_run}/", str(table_run), str(link)], LIMITS)
        names = [batcher.model.name for batcher in models]
        assert names == ["clothes", "visits", "current"]
        assert models.get("visits").model.kind == "table"
        with pytest.raises(RequestError, match="NAME: clothes, visits, current") as caught:
            models.get()
        assert caught.value.status == 400
        with pytest.raises(RequestError, match=r"no model '\.\./clothes'.*visits") as caught:
            models.get("../clothes")
        assert caught.value.status == 404
        await models.close()

    asyncio.run(main())
    with refused(ArgumentError, "'clothes'", image_run, "rename"):
        Models.open([str(image_run), f"{image_run}/../clothes"], LIMITS)
    with pytest.raises(RunError):
        Models.open([str(tmp_path)], LIMITS)


def test_a_replaced_run_is_taken_up_without_a_lost_request(run, other_run, tmp_path, image_run):
    async def main(models):
        is_over = False

        async def client():
            found = []
            while not is_over:
                found.append(await answer(models))
            return found

        clients = [asyncio.create_task(client()) for _ in range(8)]
        await asyncio.sleep(0.05)
        shutil.copytree(other_run, tmp_path / "new")
        run.rename(tmp_path / "old")
        (tmp_path / "new").rename(run)
        await until_of(other_run, models)
        is_over = True
        answers = [one for found in await asyncio.gather(*clients) for one in found]
        first, second = (sum(is_of(one, found) for found in answers) for one in runs)
        assert first > 0
        assert second > 0
        assert first + second == len(answers)

    runs = image_run, other_run
    served(run, main)


def test_a_run_that_is_copied_over_another_is_taken_up_when_it_is_whole(
    run, other_run, image_run, caplog
):
    async def main(models):
        old = models.get()
        shutil.copy(other_run / "run.json", run)
        await asyncio.sleep(0.3)
        assert models.get() is old
        assert is_of(image_run, await answer(models))
        assert len(warnings(caplog)) == 1
        shutil.copy(other_run / "metrics.jsonl", run)
        await asyncio.sleep(0.3)
        assert len(warnings(caplog)) == 1
        shutil.copy(other_run / "model.safetensors", run)
        shutil.copy(other_run / "report.html", run)
        await until_of(other_run, models)

    served(run, main)
    assert "clothes stays in service as it was" in warnings(caplog)[0]


def test_a_folder_that_is_away_changes_nothing(run, tmp_path, image_run, caplog):
    async def main(models):
        old = models.get()
        run.rename(tmp_path / "away")
        await asyncio.sleep(0.3)
        assert is_of(image_run, await answer(models))
        (tmp_path / "away").rename(run)
        await asyncio.sleep(0.3)
        assert models.get() is old

    served(run, main)
    assert len(warnings(caplog)) == 1


def test_a_run_that_could_not_be_opened_is_tried_again(run, other_run, monkeypatch, caplog):
    opened, failures = module.ServedModel.open, iter([MemoryError("too little memory")])

    def fail_once(*arguments):
        for failure in failures:
            raise failure
        return opened(*arguments)

    async def main(models):
        monkeypatch.setattr(module.ServedModel, "open", fail_once)
        shutil.copytree(other_run, run, dirs_exist_ok=True)
        await until_of(other_run, models)

    monkeypatch.setattr(module, "RETRY", 0.05)
    served(run, main)
    assert any("too little memory" in warning for warning in warnings(caplog))


def test_an_unchanged_run_is_not_opened_again(run, monkeypatch):
    async def main(models):
        monkeypatch.setattr(module.ServedModel, "open", None)
        await asyncio.sleep(0.3)

    served(run, main)

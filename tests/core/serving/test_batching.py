"""Requests that are computed together."""

import asyncio
from time import perf_counter

import numpy as np
import pytest
from echoing import Model, ask, held, run, until

from hardmax.serving.batching import CHARACTERS, MAX_TEXT, Batcher
from hardmax.serving.errors import RequestError
from hardmax.serving.limits import Limits


def test_a_lone_request_never_waits():
    async def main(model, batcher):
        start = perf_counter()
        for number in range(20):
            with batcher.arriving():
                await asyncio.sleep(0)
            await ask(batcher, number)
        assert perf_counter() - start < 2.5  # half of what a single one may wait

    assert run(main).sizes == [1] * 20


def test_requests_that_came_while_a_batch_was_computed_are_one_batch():
    async def main(model, batcher):
        tasks = [await held(model, batcher)]
        tasks += [asyncio.create_task(ask(batcher, n, n + 0.5)) for n in range(10)]
        await asyncio.sleep(0.01)
        model.may_go.set()
        await asyncio.gather(*tasks)

    assert run(main).sizes == [1, 20]


@pytest.mark.parametrize(("batch", "largest"), [(8, 1000), (1000, 8)])
def test_no_batch_is_larger_than_allowed(batch, largest):
    async def main(model, batcher):
        tasks = [await held(model, batcher)]
        tasks += [asyncio.create_task(ask(batcher, *range(n, n + 5))) for n in range(4)]
        tasks.append(asyncio.create_task(ask(batcher, *range(100))))
        await asyncio.sleep(0.01)
        model.may_go.set()
        await asyncio.gather(*tasks)

    assert run(main, Model(largest), batch=batch).sizes == [1, *[8] * 15]


def test_a_large_request_takes_turns_with_the_others():
    async def main(model, batcher):
        first = await held(model, batcher)
        large = asyncio.create_task(ask(batcher, *range(1000)))
        await asyncio.sleep(0.01)
        small = asyncio.create_task(ask(batcher, 1))
        await asyncio.sleep(0.01)
        model.may_go.set()
        await asyncio.gather(first, small)
        assert len(model.sizes) < 20
        assert not large.done()
        await large

    run(main, batch=10)


def test_a_batch_waits_for_a_request_on_its_way():
    async def main(model, batcher):
        async def slow():
            with batcher.arriving():
                await asyncio.sleep(0.05)
            await ask(batcher, 2)

        await asyncio.gather(slow(), ask(batcher, 1))

    assert run(main).sizes == [2]


def test_a_batch_waits_no_longer_than_allowed():
    async def main(model, batcher):
        with batcher.arriving():
            start = perf_counter()
            await ask(batcher, 1)  # while another request is on its way
            assert 0.1 <= perf_counter() - start < 2.5

    assert run(main, wait=0.1).sizes == [1]


def test_a_full_batch_does_not_wait():
    async def main(model, batcher):
        async def never():
            with batcher.arriving():
                await asyncio.sleep(10)

        other = asyncio.create_task(never())
        await asyncio.sleep(0)
        start = perf_counter()
        await asyncio.gather(ask(batcher, 1, 2), ask(batcher, 3, 4))
        assert perf_counter() - start < 2.5
        other.cancel()

    assert run(main, batch=4).sizes == [4]


def test_a_request_that_fails_on_its_way_is_not_waited_for():
    async def main(model, batcher):
        async def broken():
            with batcher.arriving():
                await asyncio.sleep(0.05)

        start = perf_counter()
        await asyncio.gather(broken(), ask(batcher, 1))
        assert 0.05 <= perf_counter() - start < 2.5

    run(main)


def test_a_cancelled_request_is_dropped_from_the_queue():
    async def main(model, batcher):
        first = await held(model, batcher)
        tasks = [asyncio.create_task(ask(batcher, n)) for n in range(3)]
        await asyncio.sleep(0.01)
        tasks[1].cancel()
        await asyncio.sleep(0.01)
        model.may_go.set()
        await asyncio.gather(first, tasks[0], tasks[2])
        assert tasks[1].cancelled()

    assert run(main).sizes == [1, 2]


def test_a_large_request_is_dropped_when_it_is_cancelled():
    async def main(model, batcher):
        model.may_go.clear()
        task = asyncio.create_task(ask(batcher, *range(100)))
        await until(lambda: model.sizes)
        task.cancel()
        await asyncio.sleep(0.01)
        model.may_go.set()
        await ask(batcher, 1)

    assert run(main, batch=10).sizes == [10, 1]


def test_an_error_reaches_only_its_request():
    async def main(model, batcher):
        first = await held(model, batcher)
        numbers = (1, -2, 3)
        tasks = [asyncio.create_task(ask(batcher, number)) for number in numbers]
        await asyncio.sleep(0.01)
        model.may_go.set()
        results = await asyncio.gather(first, *tasks, return_exceptions=True)
        assert [*map(type, results)] == [type(None), type(None), ValueError, type(None)]
        await ask(batcher, 4)

    assert run(main).sizes == [1, 3, 1, 1, 1, 1]


def test_examples_with_long_texts_count_as_several():
    async def main(model, batcher):
        tasks = [await held(model, batcher)]
        texts = np.array(
            ["a" * length for length in (0, 10, 3 * CHARACTERS, MAX_TEXT, 5, 5)], object
        )
        feeds = {"x": np.arange(6.0), "words": texts}
        long = asyncio.create_task(batcher.compute(feeds))
        tasks += [asyncio.create_task(batcher.compute({**feeds, "words": texts[[0] * 6]}))]
        await asyncio.sleep(0.01)
        model.may_go.set()
        await asyncio.gather(*tasks)
        np.testing.assert_array_equal((await long)["y"], feeds["x"])

    # The first two rows with three others, the long one with another, the longest one alone.
    assert run(main, batch=5).sizes == [1, 5, 2, 1, 4]


def test_a_text_that_is_too_long_is_too_large():
    async def main(model, batcher):
        texts = np.array(["a", "b" * (MAX_TEXT + 1)], object)
        with pytest.raises(RequestError, match=r"'words', row 2.*131073 characters") as caught:
            await batcher.compute({"x": np.arange(2.0), "words": texts})
        assert caught.value.status == 413

    assert run(main).sizes == []


def test_no_examples_are_refused(refused):
    async def main(model, batcher):
        with refused(RequestError, "no examples"):
            await batcher.compute({"x": np.array([])})

    assert run(main).sizes == []


def test_closing_finishes_what_is_queued_and_what_is_on_its_way():
    async def main(model, batcher):
        async def slow():
            with batcher.arriving():
                await asyncio.sleep(0.05)
            await ask(batcher, 7)

        tasks = [await held(model, batcher), asyncio.create_task(slow())]
        tasks += [asyncio.create_task(ask(batcher, n)) for n in range(3)]
        await asyncio.sleep(0.01)
        closing = asyncio.create_task(batcher.close())
        await asyncio.sleep(0.01)
        assert not closing.done()
        model.may_go.set()
        await closing
        await asyncio.wait_for(asyncio.gather(*tasks), 1)

    model = Model()

    async def whole():
        await main(model, Batcher(model, Limits(wait=0.001)))

    asyncio.run(whole())


def test_closing_waits_for_the_other_parts_of_a_request():
    async def whole():
        async def client():
            for number in range(5):
                with batcher.arriving():
                    await asyncio.sleep(0.01)
                await ask(batcher, number)

        batcher = Batcher(Model(), Limits())
        task = asyncio.create_task(client())
        await asyncio.sleep(0.005)
        await asyncio.wait_for(batcher.close(), 10)
        assert task.done()
        await task

    asyncio.run(whole())


def test_each_batch_is_reported():
    reports = []

    async def main(model, batcher):
        await ask(batcher, 1, 2, 3)
        with pytest.raises(ValueError, match="negative"):
            await ask(batcher, -1)

    run(main, on_batch=lambda *report: reports.append(report))
    assert [report[:2] for report in reports] == [("echo", 3), ("echo", 1)]
    assert all(0 <= seconds < 5 for _, _, seconds in reports)


def test_answers_are_right_under_load():
    async def main(model, batcher):
        async def client(seed):
            generator = np.random.default_rng(seed)
            for _ in range(20):
                with batcher.arriving():
                    await asyncio.sleep(generator.random() / 1000)
                await ask(batcher, *generator.random(generator.integers(1, 12)))

        await asyncio.gather(*map(client, range(64)))

    model = run(main, wait=0.001, batch=16)
    assert max(model.sizes) == 16
    assert len(model.sizes) < 64 * 20

"""Batches, Fashion-MNIST and the book's visualization of it."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from hardmax.data.datasets import Images
from hardmax.data.sampling import balanced_order

NAMES = "t-shirt trouser pullover dress coat sandal shirt sneaker bag".split()


def test_an_epoch_has_every_example_exactly_once(fw, make_data, train_images):
    loader = make_data(16).train_dataloader()
    assert len(loader) == 13
    for _ in range(2):
        batches = [(fw.numpy(X), fw.numpy(y)) for X, y in loader]
        assert [len(y) for _, y in batches] == [16] * 12 + [11]
        pixels = np.concatenate([X.reshape(len(X), -1) for X, _ in batches])
        labels = np.concatenate([y for _, y in batches])
        batched = sorted(map(tuple, np.column_stack([labels, np.rint(pixels * 255)]).astype(int)))
        whole = train_images.images.reshape(203, -1)
        assert batched == sorted(map(tuple, np.column_stack([train_images.labels, whole])))


def test_a_balanced_epoch_follows_the_balanced_order(fw, train_images, val_images):
    labels = np.repeat(np.arange(4), [150, 40, 10, 3])
    skewed = Images(train_images.images, labels)
    loader = fw.data.ImageData(skewed, val_images, 16, balanced=True).train_dataloader()
    loader.seed = 5
    for epoch in range(2):
        batches = [(fw.numpy(X), fw.numpy(y)) for X, y in loader]
        rows = balanced_order(labels, 5, epoch)
        assert np.array_equal(np.concatenate([y for _, y in batches]), labels[rows])
        pixels = np.concatenate([X.reshape(len(X), -1) for X, _ in batches])
        expected = train_images.images[rows].reshape(203, -1)
        np.testing.assert_allclose(pixels * 255, expected, rtol=1e-6)


def test_validation_batches_keep_their_order(fw, make_data, val_images):
    labels = np.concatenate([fw.numpy(y) for _, y in make_data(16).val_dataloader()])
    np.testing.assert_array_equal(labels, val_images.labels)


def test_pixels_are_float32_from_0_to_1(fw, make_data, val_images):
    X = np.concatenate([fw.numpy(X) for X, _ in make_data(7).val_dataloader()])
    assert X.dtype == np.float32
    np.testing.assert_allclose(
        X.reshape(58, -1) * 255, val_images.images.reshape(58, -1), rtol=1e-6
    )


def test_the_callers_images_are_not_changed(fw, make_model, train_images, val_images):
    before = train_images.images.copy(), val_images.images.copy()
    fw.Trainer(2, seed=0).fit(make_model(), fw.data.ImageData(train_images, val_images, 16))
    np.testing.assert_array_equal(train_images.images, before[0])
    np.testing.assert_array_equal(val_images.images, before[1])


def test_tensorloader_uses_the_given_rows_and_shuffles_only_for_training(fw):
    class Data(fw.DataModule):
        def __init__(self):
            super().__init__()
            self.batch_size = 4

        def get_dataloader(self, train):
            rows = slice(0, 30) if train else slice(30, None)
            return self.get_tensorloader([fw.arange(40), fw.arange(40)], train, rows)

    data = Data()
    train = [int(v) for X, _ in data.train_dataloader() for v in fw.numpy(X)]
    val = [int(v) for X, _ in data.val_dataloader() for v in fw.numpy(X)]
    assert sorted(train) == list(range(30))
    assert train != list(range(30))
    assert val == list(range(30, 40))


def test_fashion_mnist(fw, data_root, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    data = fw.FashionMNIST(batch_size=256)
    # In the book these are data sets in some frameworks and pairs of arrays in others.
    parts = [part[0] if isinstance(part, tuple) else part for part in (data.train, data.val)]
    assert [len(part) for part in parts] == [60_000, 10_000]
    assert (len(data.train_dataloader()), len(data.val_dataloader())) == (235, 40)
    X, y = next(iter(data.val_dataloader()))
    assert sorted(X.shape) == [1, 28, 28, 256]
    assert fw.numpy(y)[:3].tolist() == [9, 2, 1]
    assert data.text_labels(y)[:2] == ["ankle boot", "pullover"]
    assert data.text_labels(range(10)) == [*NAMES, "ankle boot"]
    data.visualize((X, y))
    axes = plt.gcf().axes
    assert len(axes) == 8
    assert axes[0].get_title() == "ankle boot"
    np.testing.assert_allclose(np.asarray(axes[0].images[0].get_array()), fw.numpy(X)[0].squeeze())
    plt.close("all")


def test_fashion_mnist_in_another_size(fw, data_root, monkeypatch):
    from hardmax.data.images import fashion_mnist

    few = fashion_mnist.load_fashion_mnist()
    small = type(few)(few.name, few.train.take(np.arange(20)), few.test, few.classes)
    monkeypatch.setattr(fashion_mnist, "_read", lambda folder: small)
    data = fw.FashionMNIST(batch_size=8, resize=(32, 24))
    X, _ = next(iter(data.train_dataloader()))
    assert sorted(X.shape) == [1, 8, 24, 32]


def test_invalid_batch_sizes_are_rejected(fw, make_data):
    for size in (0, -1, 2.5):
        with pytest.raises(ValueError, match="batch size"):
            make_data(size).train_dataloader()

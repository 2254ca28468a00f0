"""Archives of arrays: what comes back, and what is compressed."""

from __future__ import annotations

import io
import zipfile

import numpy as np

from grainlight.maps.io.shared.npz import write_npz


def test_arrays_come_back_and_noise_is_stored_as_it_is():
    rng = np.random.default_rng(0)
    arrays = {
        "noise": rng.integers(0, 256, (700, 400), dtype=np.uint8),
        "flat": np.repeat(rng.random(500), 600).reshape(500, 600),
        "small": rng.random(5),
        "number": np.float64(0.5),
        "text": np.array("record"),
        "turned": rng.random((300, 200)).T,
    }
    stream = io.BytesIO()
    write_npz(stream, ((name, array) for name, array in arrays.items()))
    stream.seek(0)
    with np.load(stream) as found:
        assert found.files == list(arrays)
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array)
            assert found[name].dtype == np.asarray(array).dtype
    stream.seek(0)
    kinds = {entry.filename: entry.compress_type for entry in zipfile.ZipFile(stream).infolist()}
    assert kinds["noise.npy"] == zipfile.ZIP_STORED
    assert kinds["flat.npy"] == zipfile.ZIP_DEFLATED


def test_pieces_narrowed_on_the_way_are_the_whole_narrowed(monkeypatch):
    """Also where one row of the first axis is more than a piece, and where the numbers lie in another order."""
    from grainlight.maps.io.shared import npz

    monkeypatch.setattr(npz, "_PIECE", 1000)
    rng = np.random.default_rng(1)
    arrays = {"layers": rng.random((3, 40, 50)), "turned": rng.random((60, 70)).T, "empty": np.zeros((0, 4))}
    stream = io.BytesIO()
    write_npz(stream, arrays, {"layers": np.float16, "empty": np.float32})
    stream.seek(0)
    with np.load(stream) as found:
        np.testing.assert_array_equal(found["layers"], arrays["layers"].astype(np.float16))
        np.testing.assert_array_equal(found["turned"], arrays["turned"])
        assert found["layers"].dtype == np.float16
        assert (found["empty"].dtype, found["empty"].shape) == (np.float32, (0, 4))

"""The .npz of a restoration, whole and broken in every way: read, or refused with `InputError` before it takes memory.

``python tests/restore/test_saved.py 5000`` breaks that many.
"""

from __future__ import annotations

import copy
import json
import sys
import tempfile
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import grainlight as gl
from grainlight.constants import WEIGHTS, constants
from grainlight.crystal.frames import SampleFrame
from grainlight.errors import InputError
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase
from grainlight.report.html import report_page
from grainlight.restore.result import Result
from grainlight.restore.saved import load_result, load_saved

SHAPE = (12, 16)
JUNK: list[Any] = [None, True, -1, 0, 7, 1e300, 2.5, "", "text", "9" * 400, [], {}, [1], [None, "a"], {"a": {}}, [[[]]]]


def made() -> Result:
    rng = np.random.default_rng(2)
    q = np.zeros((*SHAPE, 4))
    q[:, :8, 0], q[:, 8:, 2] = 1.0, 1.0
    phases = (Phase(1, "Titanium", "6/mmm", 2.95, 2.95, 4.686, 90, 90, 120), Phase(2, "β", "m-3m", 3.3, 3.3, 3.3))
    phase_id = np.ones(SHAPE, np.int16)
    phase_id[:2] = 2
    ebsd = OrientationMap.from_quaternions(
        q, (0.5, 0.5), phases, phase_id=phase_id, sample_frame=SampleFrame.EDAX1, fields={"iq": rng.random(SHAPE)}
    ).replace(origin=(3.0, -2.5))
    source = np.full(SHAPE, 3, np.uint8)
    source[:2] = 0
    measured = np.zeros(SHAPE, bool)
    measured[::4, ::4] = True
    bound = np.where(source > 0, rng.uniform(0.2, 20.0, SHAPE), np.nan).astype(np.float32)
    record = {
        "version": "0.1.0",
        "weights": constants().weights[WEIGHTS],
        "constants": {"weights": {WEIGHTS: constants().weights[WEIGHTS]}, "of_other_weights": []},
        "settings": {"scale": 4, "quality": "balanced", "steps": 3, "samples": 2, "seed": 0},
        "device": "cpu",
        "noise_deg": 0.5,
        "ebsd": {"step_um": [2.0, 2.0], "origin_um": [3.0, -2.5], "phases": {"1": "Titanium", "2": "β"}},
        "light_input": {"angles_deg": [0.0, 60.0, None], "step_um": 0.5, "origin_um": [0, 0], "rotates": "sample"},
        "frames": {"sample": "edax1", "crystal": "a"},
        "inputs": [{"file": "coarse.ang", "sha256": "89abcdef01234567"}, {"file": "gone.tif", "sha256": None}],
        "light": {"used": True, "share_contradiction": 0.1, "share_inconsistent": None},
        "registration": {"method": "affine", "residual_px": 0.3, "moved_px": 4.2, "trusted": True},
        "warnings": ["the frame is doubtful"],
        "seconds": 1.5,
    }
    noise = rng.normal(0, 0.01, (2, *SHAPE, 4))
    return Result(
        map=ebsd,
        uncertainty=bound,
        boundary=rng.random(SHAPE).astype(np.float32),
        source=source,
        light=rng.random((5, *SHAPE)).astype(np.float32),
        measured=measured,
        measured_points=q[measured],
        correction=np.where(measured, 0.3, np.nan).astype(np.float32),
        record=record,
        samples=(q + noise).astype(np.float16),
        other_grain=rng.random(SHAPE).astype(np.float32),
        contradiction=bound,
        light_flags=np.zeros(SHAPE, np.uint16),
    )


def arrays_of(file: Path) -> dict[str, np.ndarray[Any, Any]]:
    with np.load(file) as data:
        return {name: data[name] for name in data.files}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    made().save(tmp_path_factory.mktemp("saved") / "fine.ang")
    return tmp_path_factory.getbasetemp() / "saved0" / "fine.npz"


def test_a_result_comes_back_whole(whole, tmp_path):
    before, after = made(), gl.load_result(whole)
    assert after.record == json.loads(json.dumps(before.record))
    assert (after.map.phases, after.map.origin, after.map.step) == (before.map.phases, (3.0, -2.5), (0.5, 0.5))
    assert after.map.sample_frame is SampleFrame.EDAX1
    assert after.map.notes == ()
    for name in ("uncertainty", "boundary", "source", "measured", "samples", "correction", "light_flags"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    np.testing.assert_allclose(after.light, before.light, atol=1e-3)
    # and written again it is the same
    after.save(tmp_path / "again.ang")
    assert (tmp_path / "again.ang").read_bytes() == whole.with_suffix(".ang").read_bytes()
    first, second = arrays_of(whole), arrays_of(tmp_path / "again.npz")
    assert first.keys() == second.keys()
    for name in first:
        assert first[name].dtype == second[name].dtype
        assert np.array_equal(first[name], second[name], equal_nan=first[name].dtype.kind == "f")


def test_shares_that_were_rounded_beyond_one(tmp_path):
    """Archives written by earlier versions hold such; what is more than rounding is refused."""
    for name, most in (("rounded", np.nextafter(np.float32(1), np.float32(2))), ("wrong", np.float32(1.01))):
        result = made()
        result.boundary[3, 4] = most
        result.save(tmp_path / f"{name}.ang")
    assert gl.load_result(tmp_path / "rounded.npz").boundary[3, 4] == 1.0
    with pytest.raises(gl.InputError, match="boundary"):
        gl.load_result(tmp_path / "wrong.npz")


def test_it_is_a_map_with_its_doubts(whole):
    ebsd, result = gl.load_ebsd(whole), made()
    assert set(ebsd.fields) == {"iq", "uncertainty", "boundary", "source"}
    assert ebsd.fields["uncertainty"][:2].min() == pytest.approx(93.84)
    np.testing.assert_array_equal(ebsd.fields["uncertainty"][2:], result.uncertainty[2:])
    assert gl.load_ebsd(whole, "oxford", "a*").sample_frame is SampleFrame.OXFORD


def test_numbers_that_json_does_not_have_and_older_archives(whole, tmp_path):
    held = arrays_of(whole)
    kept = {name: held[name] for name in ("quaternions", "phase_id", "step", "source", "samples", "uncertainty")}
    record = json.loads(str(held["record"])) | {"noise_deg": None}
    np.savez(tmp_path / "old.npz", **kept, boundary=held["boundary"], record=json.dumps(record))
    ebsd = gl.load_ebsd(tmp_path / "old.npz")
    assert ebsd.phases[0].laue_group == "6/mmm"
    assert "names of phases only" in ebsd.notes[0]
    np.testing.assert_array_equal(ebsd.fields["mad"][2:], held["uncertainty"][2:])
    assert load_saved(tmp_path / "old.npz").record["noise_deg"] is None


def refused(file: Path, reader: Callable[[Path], Any] = load_result) -> str:
    with pytest.raises(InputError) as error:
        reader(file)
    assert file.name in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("name", ["quaternions", "phase_id", "step", "record", "source", "uncertainty", "measured"])
def test_a_missing_array_is_named(whole, tmp_path, name):
    held = arrays_of(whole)
    del held[name]
    np.savez(tmp_path / "a.npz", **held)
    assert f"array {name}" in refused(tmp_path / "a.npz")


def test_arrays_of_another_shape_or_type_are_named(whole, tmp_path):
    held = arrays_of(whole)
    for name in held:
        if name == "step":
            others: tuple[Any, ...] = ("half", np.zeros(3), np.nan, -1.0)
        elif name in ("record", "phases"):
            others = (3, "[1, 2", "[]", "3", np.array(["a", "b"]))
        else:
            others = (held[name][..., :-1], held[name][None], np.full(held[name].shape, "word"), held[name] * 1j)
        for other in others:
            np.savez(tmp_path / "a.npz", **(held | {name: np.asarray(other)}))
            # the shape of phase_id is that of the map, against which the next array does not stand
            told = "array quaternions" if name == "phase_id" and np.shape(other)[1:] == (15,) else f"array {name}"
            assert told in refused(tmp_path / "a.npz"), (name, other)


def with_member(file: Path, name: str, content: bytes, kind: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(file, "a", kind) as archive:
        archive.writestr(f"{name}.npy", content)


def header(shape: str, descr: str = "'<f8'") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    "content",
    [
        header("(1000000000000000000,)"),
        header("(10, -10)"),
        header("(" + "9" * 3000 + ",)"),
        header("[[[[[[[[[["),
        header("(" * 5000),
        header("(2,)", "'|O'"),
        header("(2,)", "'<f99'"),
        header("(2,)", "[('a', '<f4')]") + bytes(8),
        header("(1.5,)"),
        header("3"),
        b"\x93NUMPY\7\0",
        b"",
    ],
)
@pytest.mark.parametrize("reader", [load_result, load_saved, gl.load_ebsd])
def test_headers_that_promise_what_is_not_there(whole, tmp_path, content, reader):
    file = tmp_path / "a.npz"
    held = arrays_of(whole)
    del held["uncertainty"]
    np.savez(file, **held)
    with_member(file, "uncertainty", content)
    assert "array uncertainty" in refused(file, reader)


@pytest.mark.parametrize("consistent", [False, True])
def test_a_bomb_costs_no_memory(tmp_path, consistent):
    """600 MB of zeros in 600 kB, with a header that tells them as they are."""
    file, side = tmp_path / "a.npz", 6000
    shape = f"({side}, {side}, 4)" if consistent else f"({side * side * 4},)"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("quaternions.npy", "w") as member:
        member.write(header(shape, "'<f4'"))
        for _ in range(4 * side * side * 4 >> 20):
            member.write(bytes(1 << 20))
        member.write(bytes(4 * side * side * 4 & (1 << 20) - 1))
    assert file.stat().st_size < 1 << 20
    tracemalloc.start()
    for reader in (load_result, load_saved, gl.load_ebsd):
        assert "unpacked" in refused(file, reader)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 << 20


def break_archive(arrays: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Change some arrays, or the record somewhere within."""
    broken = dict(arrays)
    for _ in range(rng.integers(1, 3)):
        name = list(arrays)[rng.integers(len(arrays))]
        kind = rng.integers(8)
        value = np.asarray(arrays[name])
        if name in ("record", "phases") or kind == 0:
            name = "record" if name != "phases" else name
            held = json.loads(str(arrays[name]))
            _break_json(held, rng)
            broken[name] = np.array(json.dumps(held))
        elif kind == 1:
            broken.pop(name, None)
        elif kind == 2:
            plain = value if value.dtype.kind in "Ub" else np.nan_to_num(value).clip(0, 100)
            broken[name] = plain.astype(["f8", "i1", "U3", "u8", "c8", "?"][rng.integers(6)], casting="unsafe")
        elif kind == 3:
            broken[name] = value[..., :-1] if value.ndim and value.shape[-1] else value[None]
        elif kind == 4 and value.size and value.dtype.kind in "fiub":
            flat = value.astype(value.dtype, copy=True).ravel()
            pool = [np.nan, np.inf, -1.0, 1e30, 0.0, 60000.0] if value.dtype.kind == "f" else [-1, 0, 1, 9, 120]
            at = rng.integers(flat.size, size=int(rng.integers(1, 20)))
            with np.errstate(all="ignore"):
                flat[at] = np.array(pool)[rng.integers(len(pool), size=at.size)].astype(value.dtype)
            broken[name] = flat.reshape(value.shape)
        elif kind == 5:
            broken[name] = np.zeros((0,) * value.ndim, value.dtype) if value.ndim else np.zeros(0)
        elif kind == 6:
            broken[name] = np.asfortranarray(value).astype(value.dtype.newbyteorder(">"))
        else:
            broken[name] = value.reshape(-1)
    return broken


def _break_json(held: Any, rng: np.random.Generator) -> None:
    """Put junk somewhere into a JSON value, or take something out of it."""
    while True:
        keys = list(held) if isinstance(held, dict) else list(range(len(held)))
        if not keys:
            return
        key = keys[rng.integers(len(keys))]
        if isinstance(held[key], (dict, list)) and held[key] and rng.integers(3):
            held = held[key]
            continue
        if rng.integers(4) == 0:
            del held[key]
        else:
            held[key] = copy.deepcopy(JUNK[rng.integers(len(JUNK))])
        return


def try_all(file: Path) -> str:
    """Read a file in every way that it is read; return "read" or "refused"."""
    outcome = "refused"
    for reader in (load_saved, gl.load_ebsd):
        try:
            reader(file)
        except InputError as error:
            assert file.name in str(error)  # noqa: PT017 - either outcome is right
    try:
        result = load_result(file)
        report_page(result)
        outcome = "read"
    except InputError as error:
        assert file.name in str(error)  # noqa: PT017
    return outcome


def attack(folder: Path, count: int, seed: int) -> dict[str, int]:
    rng, outcomes = np.random.default_rng(seed), {"read": 0, "refused": 0}
    made().save(folder / "fine.ang")
    arrays, content = arrays_of(folder / "fine.npz"), (folder / "fine.npz").read_bytes()
    file = folder / "broken.npz"
    for number in range(count):
        if rng.integers(4):
            np.savez(file, **break_archive(arrays, rng))
        else:
            broken = bytearray(content)
            at = int(rng.integers(len(broken)))
            broken[at : at + int(rng.integers(0, 30))] = rng.bytes(int(rng.integers(0, 30)))
            file.write_bytes(broken)
        try:
            outcomes[try_all(file)] += 1
        except Exception as error:
            (folder / f"fault_{number}.npz").write_bytes(file.read_bytes())
            raise AssertionError(f"{folder}/fault_{number}.npz: {type(error).__name__}: {error}") from error
    return outcomes


def test_only_input_errors_come_out_of_broken_archives(tmp_path):
    outcomes = attack(tmp_path, 120, 5)
    assert min(outcomes.values()) > 10


if __name__ == "__main__":
    warnings.simplefilter("error")
    print(attack(Path(tempfile.mkdtemp()), int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1))

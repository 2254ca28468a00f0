"""`grainlight report` and `enhance --report`: the same page, from the result or from the file that it left."""

from __future__ import annotations

import re

import numpy as np
import pytest
import tifffile
from unpacking import look_of, unpacked

from grainlight.cli.main import main
from grainlight.report.html import report_page
from grainlight.restore.saved import load_result


@pytest.fixture(scope="module")
def stored(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored")
    made.result.save(folder / "fine.ang")
    tifffile.imwrite(folder / "light.tif", made.stack.images.astype(np.uint16), photometric="minisblack")
    return folder


def without_images(text: str) -> str:
    text = re.sub(r"data:image/[^\"]*", "", text)
    return re.sub(r'("(?:euler\d|bound|boundary|correction|other_grain|residual|grains)":")[^"]*', r"\1", text)


def test_a_stored_result_comes_back(made, stored):
    back = load_result(stored / "fine.npz")
    assert back.map.notes == ()
    assert back.map.phases == made.result.map.phases
    assert back.map.fields.keys() == made.result.map.fields.keys()
    assert back.map.sample_frame is made.result.map.sample_frame
    assert np.abs(np.sum(back.map.quaternions * made.result.map.quaternions, axis=-1)).min() > 1 - 1e-6
    for name in ("uncertainty", "boundary", "source", "measured", "light_flags", "samples"):
        assert np.array_equal(getattr(back, name), getattr(made.result, name)), name
    at = made.result.measured
    assert np.allclose(back.measured_quaternions[at], made.result.measured_quaternions[at], atol=1e-6)
    assert back.record["settings"] == made.result.record["settings"]


def test_page_of_the_file_says_what_the_page_of_the_result_says(made, stored, capsys):
    out = stored / "page.html"
    words = ["report", stored / "fine.npz", "--pl", stored / "light.tif", "--output", out]
    assert main([str(word) for word in words]) == 0
    told = capsys.readouterr()
    assert f"wrote {out}" in told.out
    assert "light.tif is not one of the files" in told.err
    page = report_page(made.result, light=made.stack)
    text = out.read_text(encoding="utf-8")
    assert without_images(text) == without_images(page)
    # the archive rounds: values of pixels are the same but for that
    there, here = (look_of(one)["values"] for one in (text, page))
    assert there["units"] == here["units"]
    for name, packed in here["arrays"].items():
        off = np.abs(unpacked(there["arrays"][name]) - unpacked(packed))
        # angles begin anew at 360 degrees
        off = np.minimum(off, 36_000 - off) if name.startswith("euler") else off
        assert np.quantile(off, 0.99) <= 1, name


def test_refusals(stored, tmp_path, capsys):
    assert main(["report", str(stored / "fine.npz"), "--output", str(tmp_path / "page.pdf")]) == 2
    assert "ending '.pdf'" in capsys.readouterr().err
    (tmp_path / "page.html").write_text("mine", encoding="utf-8")
    assert main(["report", str(stored / "fine.npz"), "--output", str(tmp_path / "page.html")]) == 2
    assert "exists already" in capsys.readouterr().err
    assert main(["report", str(stored / "fine.ang"), "--output", str(tmp_path / "other.html")]) == 2
    assert "no .npz of a restored map" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]


def test_enhance_writes_the_page(tmp_path, capsys):
    coarse = tmp_path / "made" / "section_000002_coarse.ang"
    size = ["--size", "33,33", "--scale", "2", "--grain-size", "12", "--seed", "2"]
    assert main(["synthesize", *size, "--output", str(tmp_path / "made")]) == 0
    page = tmp_path / "page.html"
    words = ["enhance", str(coarse), "--quality", "fast", "--device", "cpu", "--output", str(tmp_path / "fine.ang")]
    assert main([*words, "--report", str(page)]) == 0
    assert f"wrote {page}" in capsys.readouterr().out
    text = page.read_text(encoding="utf-8")
    assert "section_000002_coarse.ang" in text
    assert "No polarized light was used" in text

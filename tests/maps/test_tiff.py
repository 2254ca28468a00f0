"""TIFF files of every usual make give the counts that were written."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from grainlight.errors import InputError
from grainlight.maps.images.camera_counts import saturation
from grainlight.maps.io import load_light
from grainlight.maps.io.readers.images import read_image

ANGLES = np.arange(0, 180, 30.0)


def counts(dtype=np.uint16, high=4000, shape=(6, 14, 18)):
    return np.random.default_rng(0).integers(0, high, shape).astype(dtype)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "raw"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_compressions(tmp_path, compression, dtype):
    images = counts(dtype, 250)
    pages = [Image.fromarray(image) for image in images]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:], compression=compression)
    pages[2].save(tmp_path / "one.tif", compression=compression)
    np.testing.assert_array_equal(load_light(tmp_path / "a.tif", ANGLES, 0.3).images, images)
    np.testing.assert_array_equal(read_image(tmp_path / "one.tif").data, images[2])


def test_jpeg_in_tiff(tmp_path):
    smooth = (np.add.outer(np.arange(40), np.arange(50)) * 2).astype(np.uint8)
    pages = [Image.fromarray(smooth + k) for k in range(6)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:], compression="jpeg", quality=95)
    images = load_light(tmp_path / "a.tif", ANGLES, 0.3).images.astype(float)
    np.testing.assert_allclose(images, np.stack([np.asarray(page) for page in pages]), atol=6)


def test_lzw_colour(tmp_path):
    colour = counts(np.uint8, 256, (14, 18, 3))
    Image.fromarray(colour).save(tmp_path / "a.tif", compression="tiff_lzw")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").data, colour)


@pytest.mark.parametrize("thumbnail", [None, 1, 0])
def test_pages_one_by_one(tmp_path, thumbnail):
    images = counts()
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        if thumbnail is not None:
            file.write(images[0, ::2, ::2], subfiletype=thumbnail)
        for image in images:
            file.write(image)
    stack = load_light(tmp_path / "a.tif", ANGLES, 0.3)
    np.testing.assert_array_equal(stack.images, images)
    assert len(stack.notes) == (thumbnail == 0)


def test_appended_files(tmp_path):
    images = counts()
    for k in range(0, 6, 2):
        tifffile.imwrite(tmp_path / "a.tif", images[k : k + 2], append=k > 0)
    np.testing.assert_array_equal(load_light(tmp_path / "a.tif", ANGLES, 0.3).images, images)


def test_a_thumbnail_beside_one_image(tmp_path):
    image = counts()[0]
    for compression in ("raw", "tiff_lzw"):
        small = Image.fromarray(image[::2, ::2])
        Image.fromarray(image).save(tmp_path / "a.tif", save_all=True, append_images=[small], compression=compression)
        np.testing.assert_array_equal(read_image(tmp_path / "a.tif").data, image)


def test_images_of_several_sizes(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for image in [*counts()[:2], *counts(shape=(2, 18, 14))]:
            file.write(image)
    with pytest.raises(InputError, match="several sizes"):
        load_light(tmp_path / "a.tif", ANGLES[:4], 0.3)


def test_planar_colour(tmp_path):
    colour = counts(np.uint8, 256, (14, 18, 3))
    tifffile.imwrite(tmp_path / "a.tif", colour.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").data, colour)


@pytest.mark.parametrize("planes", ["contig", "separate"])
def test_grey_with_alpha(tmp_path, planes):
    grey = counts(np.uint8, 256)[0]
    both = np.stack((grey, np.full_like(grey, 255)), -1 if planes == "contig" else 0)
    options = {"photometric": "minisblack", "planarconfig": planes, "extrasamples": ["unassalpha"]}
    tifffile.imwrite(tmp_path / "a.tif", both, **options)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").data, grey)
    Image.fromarray(grey).convert("LA").save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").data, grey)


@pytest.mark.parametrize(("dtype", "full"), [(np.uint8, 255), (np.uint16, 4095)])
def test_zero_is_white(tmp_path, dtype, full):
    images = counts(dtype, full)
    images[3] //= 8  # a bright one
    images[0, 0, 0] = 0
    tifffile.imwrite(tmp_path / "a.tif", images, photometric="miniswhite")
    for k, image in enumerate(images):
        tifffile.imwrite(tmp_path / f"{k}.tif", image, photometric="miniswhite")
    for paths in (tmp_path / "a.tif", [tmp_path / f"{k}.tif" for k in range(6)]):
        stack = load_light(paths, ANGLES, 0.3)
        np.testing.assert_array_equal(stack.images, full - images)
        assert stack.saturation == full


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_counts_in_the_upper_bits(tmp_path, bits):
    images = counts(high=2**bits)
    images[0, 0, 0] = 2**bits - 1
    top = (2**bits - 1) << (16 - bits)
    tifffile.imwrite(tmp_path / "a.tif", images << (16 - bits))
    assert load_light(tmp_path / "a.tif", ANGLES, 0.3).saturation == top
    images = np.minimum(images, 2**bits - 3)
    tifffile.imwrite(tmp_path / "a.tif", images << (16 - bits))
    assert load_light(tmp_path / "a.tif", ANGLES, 0.3).saturation == top
    colour = np.repeat(images[..., None] << (16 - bits), 3, axis=-1)
    colour[0, 0, 0] = top
    tifffile.imwrite(tmp_path / "a.tif", colour, photometric="rgb")
    assert load_light(tmp_path / "a.tif", ANGLES, 0.3).saturation == pytest.approx(top)


def test_flat_images_have_a_full_scale():
    assert saturation(128.0, np.dtype(np.uint8)) == 255
    assert saturation(0.0, np.dtype(np.uint16), 8) == 65280
    assert saturation(float("inf"), np.dtype(np.float32)) is None


def lzw(data: bytes) -> bytes:
    """LZW after TIFF 6.0, its table emptied before it grows: 9 bits a code throughout."""
    codes = [code for k, byte in enumerate(data) for code in ((256, byte) if k % 250 == 0 else (byte,))]
    bits = "".join(f"{code:09b}" for code in [*codes, 257])
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def packed(data: bytes) -> bytes:
    """PackBits without a run."""
    parts = [data[k : k + 128] for k in range(0, len(data), 128)]
    return b"".join(bytes([len(part) - 1]) + part for part in parts)


def compress(path, number, code):
    """Compress the strips or tiles of an uncompressed file in place."""
    with tifffile.TiffFile(path, mode="r+") as tiff:
        stream = tiff.filehandle
        for page in [page.aspage() for page in tiff.pages]:
            offsets, sizes = [], []
            for start, size in zip(page.dataoffsets, page.databytecounts, strict=True):
                stream.seek(start)
                data = code(stream.read(size))
                offsets.append(stream.seek(0, 2))
                sizes.append(stream.write(data))
            kind = "Tile" if page.is_tiled else "Strip"
            page.tags[f"{kind}Offsets"].overwrite(offsets)
            page.tags[f"{kind}ByteCounts"].overwrite(sizes)
            page.tags["Compression"].overwrite(number)


@pytest.mark.parametrize(("number", "code"), [(5, lzw), (32773, packed)])
@pytest.mark.parametrize("layout", [{}, {"rowsperstrip": 5}, {"tile": (16, 16)}, {"byteorder": ">"}])
@pytest.mark.parametrize("pages", [1, 3])
def test_compressed_colour_of_16_bits(tmp_path, number, code, layout, pages):
    colour = counts(high=65535, shape=(pages, 24, 18, 3)) if pages > 1 else counts(high=65535, shape=(24, 18, 3))
    tifffile.imwrite(tmp_path / "a.tif", colour, photometric="rgb", **layout)
    compress(tmp_path / "a.tif", number, code)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").data, colour)


def test_damaged_lzw_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", counts(high=65535, shape=(24, 18, 3)), photometric="rgb")
    compress(tmp_path / "a.tif", 5, lambda data: lzw(data)[:40])
    with pytest.raises(InputError, match="cannot be read"):
        read_image(tmp_path / "a.tif")


def test_false_colours_are_counts_and_palettes_colours(tmp_path):
    grey = counts(np.uint8, 256)[0]
    ramp = np.stack([np.arange(256) * 257, np.maximum(np.arange(256) - 128, 0) * 500, np.zeros(256)]).astype(np.uint16)
    mixed = np.random.default_rng(2).integers(0, 65535, (3, 256)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", grey, photometric="palette", colormap=ramp)
    tifffile.imwrite(tmp_path / "b.tif", grey, photometric="palette", colormap=mixed)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").data, grey)
    np.testing.assert_array_equal(read_image(tmp_path / "b.tif").data, (mixed.T >> 8)[grey])

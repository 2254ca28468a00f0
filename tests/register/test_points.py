"""Pairs of points are read as their titles say, with points or commas in their numbers."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.errors import InputError
from grainlight.register.points import load_points

MAP = np.array([[0, 1], [20.5, 2], [3, 20]])
IMAGE = np.array([[5, 6], [80, 7.25], [8, 80]])
ORDERS = {
    "ebsd_column,ebsd_row,image_column,image_row": (0, 1, 2, 3),
    "image_column,image_row,ebsd_column,ebsd_row": (2, 3, 0, 1),
    "ebsd_row,ebsd_column,image_row,image_column": (1, 0, 3, 2),
    "Light X,EBSD x,light y,ebsd Y": (2, 0, 3, 1),
    "imgX,imgY,mapX,mapY": (2, 3, 0, 1),
    "row,column,row,column": (1, 0, 3, 2),
    "x1,y1,x2,y2": (0, 1, 2, 3),
}


@pytest.mark.parametrize("titles", ORDERS)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_titles_are_followed(tmp_path, titles, separator):
    table = np.concatenate((MAP, IMAGE), 1)[:, ORDERS[titles]]
    lines = [titles, *(",".join(f"{value:g}" for value in row) for row in table)]
    text = "\n".join(line.replace(",", separator) for line in lines)
    (tmp_path / "p.csv").write_text(text if separator == "," else text.replace(".", ","))
    points, pixels = load_points(tmp_path / "p.csv")
    np.testing.assert_array_equal(points, MAP)
    np.testing.assert_array_equal(pixels, IMAGE)


def test_further_columns_beside_titles(tmp_path):
    (tmp_path / "p.csv").write_text("name,image_column,image_row,ebsd_column,ebsd_row\nfirst,5,6,0,1\n")
    points, pixels = load_points(tmp_path / "p.csv")
    np.testing.assert_array_equal((points[0], pixels[0]), (MAP[0], IMAGE[0]))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("image_column,image_row,x,y\n1,2,3,4\n", "four columns"),
        ("ebsd_column,ebsd_column,image_column,image_row\n1,2,3,4\n", "four columns"),
        ("moving_x,moving_y,fixed_x,fixed_y\n1,2,3,4\n", "four columns"),
        ("ebsd_x_um,ebsd_y_um,image_x,image_y\n1,2,3,4\n", "not in pixels"),
        ("ebsd_column,ebsd_row,image_column,image_row\n1,2,3\n", "no pair"),
        ("1,2,3,4\na,b,c,d\n", "no pair"),
        ("1,2,3,nan\n", "no pair"),
        ("ebsd_column,ebsd_row,image_column,image_row\n", "no points"),
    ],
)
def test_what_is_refused(tmp_path, text, reason):
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(InputError, match=reason):
        load_points(tmp_path / "p.csv")

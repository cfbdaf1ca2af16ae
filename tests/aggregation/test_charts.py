"""Charts say in words what they draw, escape what they are given, and start from an honest zero."""

from xml.etree import ElementTree

import pytest

from aggregation.charts import Bar, Estimate, Point, bars, curve, forest
from aggregation.charts.belief_path import belief_path
from aggregation.charts.drawing import ticks

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '<script>alert("x")</script> & co'


def drawn(svg: str) -> ElementTree.Element:
    """The chart as XML; fails if it isn't well-formed or carries script or inline style."""
    root = ElementTree.fromstring(svg)
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in {
            "svg",
            "title",
            "desc",
            "line",
            "text",
            "circle",
            "rect",
            "polyline",
        }
        assert not {name for name in element.attrib if name == "style" or name.startswith("on")}
    return root


def texts(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def test_a_forest_plot_describes_every_estimate() -> None:
    root = drawn(
        forest(
            "f",
            [Estimate("amber", 0.5, 0.1, 0.9, "rank 1"), Estimate(HOSTILE, -0.5)],
            title="Scores",
            unit="log-odds",
        )
    )
    desc = root.findtext(f"{SVG}desc") or ""
    assert root.findtext(f"{SVG}title") == "Scores"
    assert "amber: 0.5 [0.1, 0.9]" in desc
    assert HOSTILE in desc
    assert root.attrib["aria-labelledby"] == "f-title f-desc"
    assert "rank 1" in texts(root)


def test_marks_lie_inside_their_interval_and_in_order() -> None:
    root = drawn(
        forest("f", [Estimate("a", 2.0, 1.0, 3.0), Estimate("b", -1.0)], title="t", unit="u")
    )
    first, second = (float(c.attrib["cx"]) for c in root.iter(f"{SVG}circle"))
    interval = next(
        line for line in root.iter(f"{SVG}line") if line.attrib["class"] == "chart-interval"
    )
    assert float(interval.attrib["x1"]) < first < float(interval.attrib["x2"])
    assert second < first


@pytest.mark.parametrize("scores", [[0.0], [1e-9, 1e9], [5.0, 5.0, 5.0], [-1e300, 1e300]])
def test_odd_ranges_still_draw(scores: list[float]) -> None:
    root = drawn(
        forest("f", [Estimate(str(s), s) for s in scores], title="t", unit="u", reference=0)
    )
    for circle in root.iter(f"{SVG}circle"):
        assert 0 <= float(circle.attrib["cx"]) <= 760


def test_no_estimates_no_chart() -> None:
    assert forest("f", [], title="t", unit="u") == bars("b", [], title="t") == ""


def test_bars_are_as_long_as_their_numbers_from_zero() -> None:
    root = drawn(
        bars("b", [Bar("a", 50, "50"), Bar("b", 100, "100", chosen=True)], title="t", most=200)
    )
    half, whole = (float(rect.attrib["width"]) for rect in root.iter(f"{SVG}rect"))
    assert half * 2 == pytest.approx(whole, abs=0.2)
    assert [rect.attrib["class"] for rect in root.iter(f"{SVG}rect")] == [
        "chart-bar",
        "chart-bar chart-chosen",
    ]
    assert root.findtext(f"{SVG}desc") == "a: 50; b: 100."


def test_nothing_has_a_negative_length() -> None:
    with pytest.raises(ValueError, match="can't be negative"):
        bars("b", [Bar("a", -1, "-1")], title="t")


def test_ticks_are_round_and_inside() -> None:
    assert ticks(-0.6, 0.9) == [-0.5, 0.0, 0.5]
    assert ticks(0, 100) == [0, 20, 40, 60, 80, 100]
    assert ticks(3, 3) == [3]


def test_a_curve_rises_from_zero_and_says_its_ends() -> None:
    points = [Point(0, 0.2), Point(10, 0.5), Point(40, 0.8), Point(640, 1.0)]
    root = drawn(curve("c", points, title="Chance", x_unit="more", y_unit="chance", top=1.0))
    line = next(root.iter(f"{SVG}polyline")).attrib["points"]
    heights = [float(pair.split(",")[1]) for pair in line.split()]
    assert heights == sorted(heights, reverse=True)
    assert "640: 1" in (root.findtext(f"{SVG}desc") or "")
    assert "640" in texts(root)
    assert curve("c", points[:1], title="", x_unit="", y_unit="") == ""
    with pytest.raises(ValueError, match="rising"):
        curve("c", points[::-1], title="", x_unit="", y_unit="")


def test_a_path_of_beliefs_has_a_line_per_group_and_says_its_ends() -> None:
    path = [[0.5, 0.3, 0.2], [0.2, 0.7, 0.1], [0.02, 0.97, 0.01]]
    root = drawn_with_marks(belief_path("p", path, ["one", HOSTILE, "3"], title="T", x_unit="x"))
    assert len(list(root.iter(f"{SVG}polyline"))) == 3
    desc = root.find(f"{SVG}desc")
    assert desc is not None
    assert "one: 50 % → 2 %" in (desc.text or "")
    assert any("script" in said for said in texts(root))
    assert belief_path("p", path[:1], ["one", "2", "3"], title="T", x_unit="x") == ""
    with pytest.raises(ValueError, match="sum to one"):
        belief_path("p", [[0.5, 0.2], [0.5, 0.5]], ["one", "2"], title="T", x_unit="x")


def test_a_long_path_of_beliefs_keeps_few_marks_and_both_ends() -> None:
    path = [[0.5, 0.5]] * 300
    root = drawn_with_marks(belief_path("p", path, ["one", "2"], title="T", x_unit="answers"))
    marks = [each for each in root.iter() if "mark" in each.get("class", "")]
    assert len(marks) <= 2 * 26
    said = texts(root)
    assert "0" in said
    assert "299" in said


def drawn_with_marks(svg: str) -> ElementTree.Element:
    root = ElementTree.fromstring(svg)
    assert not [e for e in root.iter() if "style" in e.attrib or e.tag == f"{SVG}script"]
    return root

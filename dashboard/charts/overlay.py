"""Two exams over each other, each stretch from the onset of its movement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analysis.model import FloatArray
from dashboard.charts.movement import points
from dashboard.charts.palette import QUIET

__all__ = ["OverlayCurve", "overlay_chart"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OverlayCurve:
    """One curve of an overlay, with the point of the catch where there is one."""

    name: str
    colour: str
    x: FloatArray
    y: FloatArray
    catch: tuple[float, float] | None
    dashed: bool = False


def overlay_chart(curves: Sequence[OverlayCurve], *, x_name: str, y_name: str) -> dict[str, Any]:
    """Draw the curves on common axes; the catch is a diamond in the curve's colour."""
    return {
        "animation": False,
        "grid": {"left": 34, "right": 16, "top": 34, "bottom": 34},
        "legend": {"top": 0, "left": 34, "itemHeight": 9, "itemWidth": 18},
        "tooltip": {"trigger": "axis", "valueFormatter": "%.1f"},
        "xAxis": {
            "type": "value",
            "name": x_name,
            "nameLocation": "middle",
            "nameGap": 28,
            "nameTextStyle": {"color": QUIET},
            "splitLine": {"show": False},
        },
        "yAxis": {
            "type": "value",
            "name": y_name,
            "nameLocation": "middle",
            "nameGap": 42,
            "nameTextStyle": {"color": QUIET},
            "splitNumber": 4,
        },
        "series": [_line(curve) for curve in curves],
    }


def _line(curve: OverlayCurve) -> dict[str, Any]:
    line: dict[str, Any] = {
        "name": curve.name,
        "type": "line",
        "showSymbol": False,
        "lineStyle": {"color": curve.colour, "width": 2, "type": "dashed" if curve.dashed else "solid"},
        "itemStyle": {"color": curve.colour},
        "data": points(curve.x, curve.y),
    }
    if curve.catch is not None:
        line["markPoint"] = {
            "symbol": "diamond",
            "symbolSize": 14,
            "itemStyle": {"color": curve.colour, "borderColor": "#FFFFFF", "borderWidth": 1.5},
            "label": {"show": False},
            "silent": True,
            "data": [{"coord": [round(curve.catch[0], 4), round(curve.catch[1], 3)]}],
        }
    return line

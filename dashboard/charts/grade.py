"""The grade as bars of probabilities, with the set that holds 90 %."""

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.finding import GRADES
from dashboard.charts.palette import ANGLE, QUIET, pale

__all__ = ["grade_chart"]

_HEADROOM = 110


def grade_chart(graded: Sequence[tuple[str, Mapping[str, Any], str]]) -> dict[str, Any]:
    """Draw the probability of each grade; the grades of the 90 % set are in full colour, the others pale.

    Parameters
    ----------
    graded
        Name, ``mas`` of the finding and colour of one exam, or of several beside each other.
    """
    return {
        "animation": False,
        "grid": {"left": 6, "right": 6, "top": 30 if len(graded) > 1 else 8, "bottom": 28},
        "legend": {"show": len(graded) > 1, "top": 0, "left": 6, "itemHeight": 9, "itemWidth": 18},
        "xAxis": {
            "type": "category",
            "data": list(GRADES),
            "name": "modified Ashworth grade",
            "nameLocation": "middle",
            "nameGap": 26,
            "nameTextStyle": {"color": QUIET},
            "axisTick": {"show": False},
        },
        "yAxis": {"type": "value", "min": 0, "max": _HEADROOM, "show": False},
        "tooltip": {"trigger": "item", "formatter": "grade {b}: {c} %"},
        "series": [_bars(name, mas, colour) for name, mas, colour in graded],
    }


def _bars(name: str, mas: Mapping[str, Any], colour: str = ANGLE) -> dict[str, Any]:
    return {
        "name": name,
        "type": "bar",
        "barCategoryGap": "22%",
        "itemStyle": {"color": colour},
        "data": [
            {
                "value": round(100 * mas["probabilities"][label]),
                "itemStyle": {"color": colour if label in mas["set90"] else pale(colour), "borderRadius": [3, 3, 0, 0]},
            }
            for label in GRADES
        ],
        "label": {"show": True, "position": "top", "formatter": "{c} %", "color": QUIET, "fontSize": 11},
    }

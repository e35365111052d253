"""The bill of materials as CSV and Markdown."""

import csv
import io
from typing import Any

from electronics.netlist import Netlist

__all__ = ["render_csv", "render_markdown", "total_eur"]

COLUMNS = ("refs", "quantity", "description", "mpn", "manufacturer", "supplier", "unit_price_eur", "alternates")


def _lines(netlist: Netlist) -> list[dict[str, Any]]:
    lines = [
        {
            "refs": " ".join(line["refs"]),
            "quantity": len(line["refs"]),
            "description": _described(netlist, line["refs"][0]),
            "mpn": line["mpn"],
            "manufacturer": line["manufacturer"],
            "supplier": line["supplier"],
            "unit_price_eur": float(line["price"]),
            "alternates": line["alternates"],
        }
        for line in netlist.said["bill"]
    ]
    return lines + [
        {
            "refs": "",
            "quantity": extra["quantity"],
            "description": extra["description"],
            "mpn": extra["mpn"],
            "manufacturer": "",
            "supplier": extra["supplier"],
            "unit_price_eur": float(extra["price"]),
            "alternates": "",
        }
        for extra in netlist.said["extras"]
    ]


def _described(netlist: Netlist, ref: str) -> str:
    own = netlist.parts[ref].own
    if own["type"] != "two_pin":
        return str(netlist.parts[ref].kind["description"])
    value = f"{own['ohm'] / 1000:g} kohm" if "ohm" in own else own["value"]
    return f"{own['kind']}, {value}"


def total_eur(netlist: Netlist) -> float:
    """Price of one goniometer with two nodes and the force handle."""
    return float(sum(line["quantity"] * line["unit_price_eur"] for line in _lines(netlist)))


def render_csv(netlist: Netlist) -> str:
    """Return the bill as CSV, a line a part that is bought."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for line in _lines(netlist):
        writer.writerow(line | {"unit_price_eur": f"{line['unit_price_eur']:.2f}"})
    return text.getvalue()


def render_markdown(netlist: Netlist) -> str:
    """Return the bill as a Markdown table with its total."""
    rows = [
        f"| {line['refs']} | {line['quantity']} | {line['description']} | {line['mpn']} | {line['supplier']} "
        f"| {line['unit_price_eur']:.2f} | {line['quantity'] * line['unit_price_eur']:.2f} | {line['alternates']} |"
        for line in _lines(netlist)
    ]
    return "\n".join(
        [
            "# Bill of materials",
            "",
            "Generated from `nets.yaml` by `python hardware/generate.py`; do not edit.",
            f"Prices: {netlist.said['prices']}.",
            "",
            "| refs | pieces | what | part number | supplier | EUR each | EUR | alternates |",
            "|---|---|---|---|---|---|---|---|",
            *rows,
            f"| | | **total** | | | | **{total_eur(netlist):.2f}** | |",
            "",
        ]
    )

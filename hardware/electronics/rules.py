"""The electrical rule check: what must hold of the netlist before anybody solders it."""

from collections import Counter
from collections.abc import Callable, Iterator

from electronics.netlist import Netlist, parallel_ohm

__all__ = ["RISE_FACTOR", "addresses", "broken_rules", "bus_pull_up_ohm", "bus_rise_ns"]

RISE_FACTOR = 0.8473
"""ln(0.7 / 0.3): rise from 30 % to 70 % of an RC circuit, UM10204 section 7.1."""

OUTPUT_LOW_V = 0.4
DIVIDER_TOLERANCE = 0.02
STRAP_LOW_V = 0.8


def broken_rules(netlist: Netlist) -> list[str]:
    """Name every rule that the circuit breaks; an empty list is a clean check."""
    unknown = list(_pins_exist_once(netlist))  # the other rules look every pin up
    return unknown or [said for rule in _RULES for said in rule(netlist)]


def _pins_exist_once(netlist: Netlist) -> Iterator[str]:
    uses = Counter(pin for pins in netlist.nets.values() for pin in pins)
    for (ref, pin), times in uses.items():
        if ref not in netlist.parts:
            yield f"{ref}.{pin}: there is no part {ref}"
        elif pin not in netlist.parts[ref].pins and pin not in netlist.parts[ref].supply:
            yield f"{ref}.{pin}: a {netlist.parts[ref].own['type']} has no such pin"
        if times > 1:
            yield f"{ref}.{pin}: stands in {times} nets"


def _nothing_hangs(netlist: Netlist) -> Iterator[str]:
    for name, pins in netlist.nets.items():
        if len(pins) < 2:
            yield f"net {name}: joins only {len(pins)} pin"
    board = netlist.said["firmware"]["board"]
    for part in netlist.parts.values():
        for pin in (*part.pins, *part.supply):
            spare = part.ref == board and pin in part.pins
            if (part.ref, pin) not in netlist.net_of and not spare:
                yield f"{part.ref}.{pin}: is connected to nothing"


def _supplies_match(netlist: Netlist) -> Iterator[str]:
    for name, pins in netlist.nets.items():
        jobs = [(ref, pin, netlist.parts[ref].supply.get(pin)) for ref, pin in pins if ref in netlist.parts]
        sources = [(ref, pin) for ref, pin, job in jobs if job == "out"]
        drains = [ref for ref, _, job in jobs if job == "in"]
        if drains and len(sources) != 1:
            yield f"net {name}: supplies {', '.join(drains)} from {len(sources)} outputs"
        for ref, pin in sources:
            limit = netlist.parts[ref].kind["supply_max_mA"][pin]
            wanted = sum(netlist.parts[one].kind.get("supply_mA", 0) for one in drains)
            if wanted > limit:
                yield f"net {name}: {wanted:g} mA are drawn from {ref}.{pin}, which gives {limit:g} mA"
        if any(job == "ground" for *_, job in jobs) and netlist.volts(name) != 0:
            yield f"net {name}: joins a ground pin and is not at 0 V"
        if netlist.volts(name) == 0 and any(job in {"in", "out", "in_or_out"} for *_, job in jobs):
            yield f"net {name}: joins a supply pin and ground"


def _volts_are_borne(netlist: Netlist) -> Iterator[str]:
    firmware = netlist.said["firmware"]["pins"]
    for name, pins in netlist.nets.items():
        volts = netlist.volts(name)
        for ref, pin in pins:
            part = netlist.parts.get(ref)
            if part is None or volts is None or pin not in part.pins or "logic_V" not in part.kind:
                continue
            if volts > part.kind["logic_V"]:
                yield f"net {name}: {volts:g} V at {ref}.{pin}, which bears {part.kind['logic_V']:g} V"
            elif firmware.get(name) == "adc" and volts > part.kind["adc_max_V"]:
                yield f"net {name}: {volts:g} V, but {ref}.{pin} measures up to {part.kind['adc_max_V']:g} V"


def _pins_can(netlist: Netlist) -> Iterator[str]:
    firmware, bus = netlist.said["firmware"], netlist.said["bus"]
    for net, job in firmware["pins"].items():
        mine = [pin for ref, pin in netlist.nets.get(net, ()) if ref == firmware["board"]]
        if len(mine) != 1:
            yield f"net {net}: the firmware wants one pin of {firmware['board']} in it; there are {len(mine)}"
        for pin in mine:
            if job not in netlist.parts[firmware["board"]].pins[pin]["can"]:
                yield f"{firmware['board']}.{pin}: cannot be {job}, as net {net} needs"
    for job in ("sda", "scl"):
        for ref, pin in netlist.nets[bus[job]]:
            can = netlist.parts[ref].pins.get(pin, {}).get("can", ["passive"])
            if job not in can and "passive" not in can:
                yield f"{ref}.{pin}: cannot be {job}, as net {bus[job]} needs"


def _straps_boot(netlist: Netlist) -> Iterator[str]:
    board = netlist.parts[netlist.said["firmware"]["board"]]
    for pin, facts in board.pins.items():
        net = netlist.net_of.get((board.ref, pin))
        volts = None if net is None else netlist.volts(net)
        if facts.get("strap") == "high" and volts is not None and volts < STRAP_LOW_V:
            yield f"{board.ref}.{pin}: is held low at reset, and the board would not start"


def addresses(netlist: Netlist) -> dict[str, int]:
    """I²C address of each part on the bus, by the level that its address pin is wired to."""
    found = {}
    for part in netlist.parts.values():
        facts = part.kind.get("address")
        if facts is None:
            continue
        net = netlist.net_of.get((part.ref, facts.get("pin", "")))
        volts = None if net is None else netlist.volts(net)
        level = facts["default"] if volts is None else ("high" if volts > 0 else "low")
        found[part.ref] = int(facts[level])
    return found


def _addresses_differ(netlist: Netlist) -> Iterator[str]:
    found = addresses(netlist)
    for address, times in Counter(found.values()).items():
        if times > 1:
            yield f"I2C address 0x{address:02X} is answered by {', '.join(r for r, a in found.items() if a == address)}"
    for ref, address in found.items():
        wanted = netlist.parts[ref].own.get("address")
        if wanted is not None and address != netlist.parts[ref].kind["address"][wanted]:
            yield f"{ref}: is to answer at its {wanted} address and is wired for 0x{address:02X}"


def bus_pull_up_ohm(netlist: Netlist, line: str) -> float:
    """Resistance from a bus line to its supply: resistors of the netlist beside those on the breakouts."""
    net = netlist.said["bus"][line]
    on_boards = [
        float(netlist.parts[ref].kind["pull_up_ohm"])
        for ref, _ in netlist.nets[net]
        if "pull_up_ohm" in netlist.parts[ref].kind
    ]
    own = [
        float(netlist.parts[ref].own["ohm"])
        for ref, _ in netlist.nets[net]
        if netlist.parts[ref].own.get("kind") == "resistor" and netlist.other_end(ref, net) == "3V3"
    ]
    return parallel_ohm(on_boards + own)


def bus_rise_ns(netlist: Netlist, line: str) -> float:
    """Rise time of a bus line (ns) from its pull-ups and the capacitance of boards, cables and chips."""
    bus = netlist.said["bus"]
    parts = [netlist.parts[ref] for ref, _ in netlist.nets[bus[line]]]
    picofarad = bus["board_pF"] + sum(
        part.kind.get("capacitance_pF", 0) + part.own.get("cable_m", 0) * bus["cable_pF_per_m"] for part in parts
    )
    return RISE_FACTOR * bus_pull_up_ohm(netlist, line) * picofarad * 1e-3


def _bus_rises(netlist: Netlist) -> Iterator[str]:
    bus = netlist.said["bus"]
    for line in ("sda", "scl"):
        pull_up = bus_pull_up_ohm(netlist, line)
        if pull_up == float("inf"):
            yield f"{bus[line]}: has no pull-up"
            continue
        sunk_mA = 1e3 * (3.3 - OUTPUT_LOW_V) / pull_up
        if sunk_mA > bus["sink_max_mA"]:
            yield f"{bus[line]}: pull-ups of {pull_up:.0f} ohm need {sunk_mA:.1f} mA, allowed: {bus['sink_max_mA']} mA"
        rise = bus_rise_ns(netlist, line)
        if rise > bus["rise_max_ns"]:
            yield f"{bus[line]}: rises in {rise:.0f} ns, {bus['rise_max_ns']} ns are allowed; shorten the cables"


def _dividers_hold(netlist: Netlist) -> Iterator[str]:
    for net, (top, bottom) in netlist.said["firmware"]["dividers"].items():
        above = netlist.other_end(top, net)
        if above is None or netlist.volts(above) is None or netlist.other_end(bottom, net) != "GND":
            yield f"net {net}: {top} and {bottom} do not divide a fixed voltage"
            continue
        ohm = [float(netlist.parts[ref].own["ohm"]) for ref in (top, bottom)]
        volts = (netlist.volts(above) or 0.0) * ohm[1] / sum(ohm)
        if abs(volts - (netlist.volts(net) or 0.0)) > DIVIDER_TOLERANCE * volts:
            yield f"net {net}: the divider gives {volts:.2f} V, the netlist says {netlist.volts(net)} V"


def _cell_is_fused(netlist: Netlist) -> Iterator[str]:
    for part in netlist.parts.values():
        if part.own["type"] != "cell":
            continue
        neighbours = [ref for ref, _ in netlist.nets[netlist.net_of[part.ref, "B+"]] if ref != part.ref]
        if [netlist.parts[ref].own.get("kind") for ref in neighbours] != ["fuse"]:
            yield f"{part.ref}.B+: must lead to a fuse and to nothing else"


def _bill_is_complete(netlist: Netlist) -> Iterator[str]:
    bought = Counter(ref for line in netlist.said["bill"] for ref in line["refs"])
    for ref in netlist.parts.keys() - bought.keys():
        yield f"{ref}: is in no line of the bill"
    for ref, times in bought.items():
        if ref not in netlist.parts:
            yield f"{ref}: is in the bill and nowhere else"
        elif times > 1:
            yield f"{ref}: is bought {times} times"


_RULES: tuple[Callable[[Netlist], Iterator[str]], ...] = (
    _nothing_hangs,
    _supplies_match,
    _volts_are_borne,
    _pins_can,
    _straps_boot,
    _addresses_differ,
    _bus_rises,
    _dividers_hold,
    _cell_is_fused,
    _bill_is_complete,
)

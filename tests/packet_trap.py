"""Run a command in a network namespace of its own and print how many packets it tried to send off the machine.

    unshare --user --map-root-user --net python packet_trap.py COMMAND…

The only way out is one end of a virtual cable; this program listens at the other. Exits with the command's own code.
"""

import contextlib
import socket
import subprocess
import sys

ALL_PROTOCOLS = 0x0003  # ETH_P_ALL of linux/if_ether.h
PLUMBING = (
    "ip link set lo up",
    "ip link add out type veth peer name trap",
    "ip link set out addrgenmode none",
    "ip link set trap addrgenmode none",
    "ip addr add 10.255.0.1/24 dev out",
    "ip link set out up",
    "ip link set trap up",
    "ip neigh add 10.255.0.2 lladdr 02:00:00:00:00:02 dev out",
    "ip route add default via 10.255.0.2",
)


def main(command: list[str]) -> int:
    for line in PLUMBING:
        subprocess.run(line.split(), check=True)
    packets = 0
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS)) as trap:
        trap.bind(("trap", 0))
        code = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
        trap.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            while trap.recv(65536):
                packets += 1
    sys.stdout.write(f"{packets}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

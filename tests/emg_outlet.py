"""Send an EMG stream over the Lab Streaming Layer whose every sample is the instant at which it was taken (s).

LSLAPICFG=… python emg_outlet.py NAME SECONDS
"""

import sys
import time

import pylsl

RATE_HZ = 1000
CHUNK_S = 0.02


def main(name: str, seconds: float) -> None:
    """Push samples until the time is over; the value is `time.perf_counter`, the clock of recordings."""
    info = pylsl.StreamInfo(name, "EMG", 1, RATE_HZ, "double64", f"{name}-source")
    channel = info.desc().append_child("channels").append_child("channel")
    channel.append_child_value("label", "biceps")
    channel.append_child_value("unit", "volts")
    outlet = pylsl.StreamOutlet(info)
    begun_s, own_s, sent = time.perf_counter(), pylsl.local_clock(), 0
    while sent < seconds * RATE_HZ:
        time.sleep(CHUNK_S)
        taken = int((pylsl.local_clock() - own_s) * RATE_HZ)
        if taken > sent:
            last_s = own_s + (taken - 1) / RATE_HZ
            outlet.push_chunk([[begun_s + i / RATE_HZ] for i in range(sent, taken)], last_s)
            sent = taken


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))

"""The world around the board when there is no board: time, pins, chips and faults, in step with a host process.

The host says on standard input, a line of JSON at a time, how far the unit's time may run and what happens first; the
answer on standard output is what the unit did until then. Nothing here knows real time, so every run is the same.
"""

import json
import sys


class World:
    """State that the stand-ins share."""

    def __init__(self):
        self.now_us = 0
        self.granted_us = 0
        self.faults = set()
        self.volts = {}
        self.light = 0
        self.fed_us = None
        self.watchdog_us = None
        self.radio = None
        self.sent = []

    def advance(self, us):
        """Let time pass; what the radio brings is delivered on the way."""
        target = self.now_us + max(0, int(us))
        while self.now_us < target:
            if self.granted_us <= self.now_us:
                self.exchange()
            self.now_us = min(target, self.granted_us)
            if self.watchdog_us is not None and self.now_us - self.fed_us > self.watchdog_us:
                self.end("watchdog")

    def exchange(self):
        """Tell the host what was done, and take what comes next."""
        sys.stdout.write(json.dumps({"at_us": self.now_us, "sent": self.sent}) + "\n")
        self.sent = []
        line = sys.stdin.readline()
        if not line:
            sys.exit(0)
        said = json.loads(line)
        self.faults = set(said["faults"])
        self.volts = said["volts"]
        for event in said["events"]:
            if self.radio is not None:
                self.radio.happen(event)
        self.granted_us = said["until_us"]

    def end(self, why):
        """Stop, as a reset or an unfed watchdog would."""
        self.sent.append(["end", why])
        sys.stdout.write(json.dumps({"at_us": self.now_us, "sent": self.sent}) + "\n")
        sys.exit(0)


world = World()

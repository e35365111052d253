"""The unit: obeys commands, streams, looks after its battery, and says by name what is wrong with it."""

import struct
import time

from machine import WDT, Pin, reset, unique_id

import board
import gatt
from bias import add_gyro_bias
from clock import WRAP, Clock, until
from faults import Faults
from frames import samples_per_frame
from power import LOW_PERCENT, Power
from radio import Radio
from sensing import Sensing
from store import FORCE_OFFSET, Store
from stream import Stream

REVISION = "0.1.0"
MODEL = "catchangle goniometer"
GYRO_RANGE_DPS = 2000
ACC_RANGE_G = 16
WATCHDOG_MS = 8000
IDLE_MS = 5
LOOK_AFTER_US = 1_000_000
BIAS_SECONDS_MAX = 10
UNIT_ID_BYTES = 6


class Goniometer:
    """The whole unit; `step` is one turn of its loop."""

    def __init__(self):
        self._clock = Clock()
        self._store = Store()
        self._power = Power()
        self._light = Pin(board.PIN_LIGHT, Pin.OUT, value=0)
        self._light_until_us = None
        self._rate_hz = 200
        self._stream = None
        self._tag = "01"
        self._percent = None
        self._looked_us = self._clock.now_us()
        serial = "".join("%02X" % byte for byte in unique_id())
        self._radio = Radio(self._clock, MODEL, serial, REVISION)
        self._faults = Faults(self._notice)
        self._sensing = Sensing(self._faults)
        self._actions = self._list_actions()
        self._publish()
        self._radio.advertise(self._tag)
        self._watchdog = WDT(timeout=WATCHDOG_MS)

    def step(self):
        """Take the host's commands, one sample of each sensor when it is due, and look after the battery."""
        self._watchdog.feed()
        for event in self._radio.events():
            self._handle(*event)
        now_us = self._clock.now_us()
        if until(now_us, self._looked_us) >= LOOK_AFTER_US:
            self._looked_us = now_us
            self._look_after()
        if self._stream is None:
            time.sleep_ms(IDLE_MS)
        else:
            self._stream.step()

    # What the host says

    def _handle(self, what, data=b"", came_us=0):
        if what == "disconnected":
            self._stream = None
            self._shine(0)
            self._radio.advertise(self._tag)
        elif what == gatt.CHARACTERISTIC_SYNC:
            self._pong(data, came_us)
        elif what == gatt.CHARACTERISTIC_CONTROL:
            self._command(data)
        elif what == gatt.CHARACTERISTIC_CAL:
            accepted = self._stream is None and self._store.write(data)
            self._notice(gatt.STATUS_OK if accepted else gatt.STATUS_BAD_ARGUMENT)
            self._publish()

    def _pong(self, ping, came_us):
        if len(ping) == gatt.PING_BYTES:
            sent_ns = struct.unpack(gatt.PING_FORMAT, ping)[0]
            pong = struct.pack(gatt.PONG_FORMAT, sent_ns, came_us, self._clock.now_us())
            self._radio.notify(gatt.CHARACTERISTIC_SYNC, pong)

    def _command(self, message):
        if not message:
            return
        op, arguments = message[0], message[1:]
        status = gatt.STATUS_BAD_OP
        if op in self._actions:
            layout, act = self._actions[op]
            status = gatt.STATUS_BAD_ARGUMENT
            if len(arguments) == struct.calcsize(layout):
                status = act(*struct.unpack(layout, arguments))
        self._radio.notify(gatt.CHARACTERISTIC_CONTROL, bytes((op | gatt.REPLY_BIT, status)))
        if op == gatt.COMMAND_RESET and status == gatt.STATUS_OK:
            self._radio.drop()
            reset()

    def _list_actions(self):
        return {
            gatt.COMMAND_STOP: ("", self._stop),
            gatt.COMMAND_START: ("", self._start),
            gatt.COMMAND_SET_RATE: (gatt.ARGUMENTS_SET_RATE, self._set_rate),
            gatt.COMMAND_IDENTIFY: (gatt.ARGUMENTS_IDENTIFY, self._shine),
            gatt.COMMAND_GYRO_BIAS: (gatt.ARGUMENTS_GYRO_BIAS, self._measure_bias),
            gatt.COMMAND_SET_TAG: (gatt.ARGUMENTS_SET_TAG, self._set_tag),
            gatt.COMMAND_TARE: ("", self._tare),
            gatt.COMMAND_RESET: ("", lambda: gatt.STATUS_OK),
        }

    def _start(self):
        self._faults.forget_told()  # what was told before the host listened has reached nobody
        n = samples_per_frame(self._radio.mtu)
        if self._stream is not None:
            return gatt.STATUS_BUSY
        if self._power.plugged():
            return gatt.STATUS_CHARGING
        if n == 0:
            return gatt.STATUS_MTU_TOO_SMALL
        if not self._sensing.complete():
            self._sensing.open()
            self._publish()
        if not self._sensing.caps():
            return gatt.STATUS_BUS_STUCK if gatt.STATUS_BUS_STUCK in self._faults else gatt.STATUS_IMU_MISSING
        self._stream = Stream(self._clock, self._sensing, self._radio, self._rate_hz, n)
        self._mark_frames()
        return gatt.STATUS_OK

    def _stop(self):
        if self._stream is not None:
            self._stream.finish()
            self._stream = None
        return gatt.STATUS_OK

    def _set_rate(self, rate_hz):
        if rate_hz not in gatt.RATES_HZ:
            return gatt.STATUS_BAD_ARGUMENT
        if self._stream is not None:
            return gatt.STATUS_BUSY
        self._rate_hz = rate_hz
        self._publish()
        return gatt.STATUS_OK

    def _shine(self, seconds):
        self._light.value(1 if seconds else 0)
        self._light_until_us = self._clock.now_us() + seconds * 1_000_000 & WRAP if seconds else None
        self._mark_frames()
        return gatt.STATUS_OK

    def _measure_bias(self, seconds):
        if self._stream is not None:
            return gatt.STATUS_BUSY
        if not 0 < seconds <= BIAS_SECONDS_MAX:
            return gatt.STATUS_BAD_ARGUMENT
        fields = add_gyro_bias(self._store.fields(), self._sensing, seconds, GYRO_RANGE_DPS, self._watchdog.feed)
        if fields is None:
            return gatt.STATUS_IMU_MISSING
        self._store.write_fields(fields)
        self._publish()
        return gatt.STATUS_OK

    def _tare(self):
        counts = self._sensing.read_force()
        if counts is None:
            return gatt.STATUS_FORCE_MISSING
        fields = self._store.fields()
        fields[FORCE_OFFSET] = counts
        self._store.hold_fields(fields)
        self._publish()
        return gatt.STATUS_OK

    def _set_tag(self, tag):
        if not all(33 <= byte < 127 for byte in tag):
            return gatt.STATUS_BAD_ARGUMENT
        self._tag = tag.decode()
        return gatt.STATUS_OK

    # What it says of itself

    def _publish(self):
        info = struct.pack(
            gatt.INFO_FORMAT,
            gatt.PROTOCOL,
            self._sensing.caps(),
            self._rate_hz,
            gatt.HEADER_BYTES + samples_per_frame(gatt.MTU_WANTED) * gatt.SAMPLE_BYTES_IMU,
            GYRO_RANGE_DPS,
            ACC_RANGE_G,
            unique_id()[:UNIT_ID_BYTES],
            self._store.crc(),
        )
        self._radio.publish(gatt.CHARACTERISTIC_INFO, info)
        self._radio.publish(gatt.CHARACTERISTIC_CAL, self._store.blob)
        self._faults.set(gatt.STATUS_STORAGE, self._store.fault)

    def _look_after(self):
        percent = self._power.percent()
        if percent != self._percent:
            self._percent = percent
            self._radio.publish(gatt.BATTERY_LEVEL, bytes((percent,)))
            self._radio.notify(gatt.BATTERY_LEVEL, bytes((percent,)))
        plugged = self._power.plugged()
        if plugged:
            self._stop()
        self._faults.set(gatt.STATUS_CHARGING, plugged)
        self._faults.set(gatt.STATUS_BATTERY_LOW, percent <= LOW_PERCENT)
        self._faults.set(gatt.STATUS_QUEUE_FULL, self._radio.take_refused())
        if self._light_until_us is not None and until(self._light_until_us, self._clock.now_us()) <= 0:
            self._shine(0)
        self._mark_frames()
        self._faults.tell_new()

    def _mark_frames(self):
        if self._stream is not None:
            self._stream.common = gatt.FLAG_SYNC if self._light.value() else 0

    def _notice(self, status):
        return self._radio.notify(gatt.CHARACTERISTIC_CONTROL, bytes((gatt.NOTICE_OP, status)))

// What the sensors say, asked for thirty times a second and drawn; the page itself is not drawn anew meanwhile.
// What the server says is set as text, never as markup. A sample that is missing is a gap in the trace, never a line.

const STEP_MS = 33;
const RETRY_MS = 1000;
const GAUGE_MAX = 400;
const ANGLE = "#0072B2", VELOCITY = "#56677A", SLOW = "#0072B2", FAST = "#CC5A9A", INK = "#1F2A37", QUIET = "#6B7280", GRID = "#E5E7EB";
const WORDS = { watching: "live, not recording", ended: "the sensors are closed" };

const fitted = (canvas) => {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = "12px sans-serif";
  return [pen, width, height];
};

const signed = (value, digits) => value.toFixed(digits).replace("-", "−");

const drawGauge = (canvas, said) => {
  const [pen, width] = fitted(canvas);
  const { gauge, along_deg_s: along } = said;
  const top = 22, tall = 24;
  const x = (velocity) => (Math.min(Math.max(velocity, 0), GAUGE_MAX) / GAUGE_MAX) * width;
  pen.fillStyle = "#F4F6F9";
  pen.fillRect(0, top, width, tall);
  for (const [from, to, colour, name] of [[0, gauge.v1_max_deg_s, SLOW, "V1"], [gauge.v3_min_deg_s, GAUGE_MAX, FAST, "V3"]]) {
    pen.globalAlpha = gauge.asked === name ? 0.4 : 0.16;
    pen.fillStyle = colour;
    pen.fillRect(x(from), top, x(to) - x(from), tall);
    pen.globalAlpha = 1;
    pen.fillStyle = INK;
    pen.textAlign = "left";
    pen.fillText(name === "V1" ? `V1, up to ${gauge.v1_max_deg_s} °/s` : `V3, from ${gauge.v3_min_deg_s} °/s`, x(from) + 4, 14);
  }
  if (gauge.asked === "V2") {
    pen.strokeStyle = INK;
    pen.strokeRect(x(gauge.v1_max_deg_s), top, x(gauge.v3_min_deg_s) - x(gauge.v1_max_deg_s), tall);
  }
  if (along !== null && along > 0) {
    pen.fillStyle = INK;
    pen.fillRect(0, top + 7, x(along), tall - 14);
  }
  const mark = (velocity, colour, words) => {
    if (velocity === null) return;
    const at = x(velocity);
    pen.fillStyle = colour;
    pen.fillRect(at - 1.5, top - 4, 3, tall + 8);
    pen.textAlign = at > width - 170 ? "right" : "left";
    pen.fillText(words, at + (at > width - 170 ? -5 : 5), top + tall + 18);
  };
  if (gauge.current_peak_deg_s !== null) mark(gauge.current_peak_deg_s, INK, `peak so far ${gauge.current_peak_deg_s.toFixed(0)} °/s`);
  else mark(gauge.peak_deg_s, INK, `peak of the last ${gauge.peak_deg_s === null ? "" : gauge.peak_deg_s.toFixed(0)} °/s`);
};

// Room for the values that are there, in whole steps, so that the axis does not tremble.
const span = (values, step, least) => {
  const there = values.filter((one) => one !== null);
  if (!there.length) return [-least, least];
  const low = Math.floor(Math.min(...there) / step) * step, high = Math.ceil(Math.max(...there) / step) * step;
  return high - low < least ? [low, low + least] : [low, high];
};

const drawTrace = (canvas, points, nowS, lastS) => {
  const [pen, width, height] = fitted(canvas);
  const panes = [["angle, °", 1, ANGLE, 20, 40, 0, height * 0.6], ["velocity, °/s", 2, VELOCITY, 100, 200, height * 0.6, height * 0.4]];
  const left = 46;
  const x = (at) => left + (width - left) * (1 - (nowS - at) / lastS);
  for (const [name, column, colour, step, least, top, tall] of panes) {
    const [low, high] = span(points.map((one) => one[column]), step, least);
    const y = (value) => top + 14 + (tall - 22) * (1 - (value - low) / (high - low));
    pen.fillStyle = QUIET;
    pen.textAlign = "right";
    pen.strokeStyle = GRID;
    pen.lineWidth = 1;
    for (const value of [low, high]) {
      pen.fillText(signed(value, 0), left - 6, y(value) + 4);
      pen.beginPath();
      pen.moveTo(left, y(value));
      pen.lineTo(width, y(value));
      pen.stroke();
    }
    pen.textAlign = "left";
    pen.fillText(name, left + 4, top + 12);
    pen.save();
    pen.beginPath();
    pen.rect(left, top, width - left, tall);
    pen.clip();
    pen.strokeStyle = colour;
    pen.lineWidth = 1.8;
    pen.beginPath();
    let joined = false;
    for (const one of points) {
      if (one[column] === null) {
        joined = false;
        continue;
      }
      pen[joined ? "lineTo" : "moveTo"](x(one[0]), y(one[column]));
      joined = true;
    }
    pen.stroke();
    pen.restore();
  }
};

const tableOf = (body, units) => {
  const rows = units.map((unit) => [unit.name, unit.roles, unit.state, unit.rate, unit.battery, unit.loss, unit.clock, unit.late]);
  const text = JSON.stringify(rows);
  if (body.dataset.text === text) return;
  body.dataset.text = text;
  body.replaceChildren(...rows.map((row) => {
    const line = document.createElement("tr");
    row.forEach((words, place) => {
      const cell = document.createElement("td");
      cell.textContent = words;
      cell.classList.toggle("bad", place === 2 && words !== "streaming" && words !== "stopped");
      line.append(cell);
    });
    return line;
  }));
};

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const find = (name) => parentElement.querySelector(name);
  const doing = find(".doing"), verdict = find(".verdict"), button = find(".click"), pulse = find(".pulse");
  let alive = true, points = [], newest = -1, told = data.state, sound = null, beatAt = 0, frame = 0, said = null, saidAt = 0;

  const click = () => {
    const from = sound.currentTime, tone = sound.createOscillator(), loud = sound.createGain();
    tone.frequency.value = 880;
    loud.gain.setValueAtTime(0.25, from);
    loud.gain.exponentialRampToValueAtTime(0.001, from + 0.06);
    tone.connect(loud).connect(sound.destination);
    tone.start(from);
    tone.stop(from + 0.07);
  };
  const pressed = () => {
    button.setAttribute("aria-pressed", sound ? "true" : "false");
    button.textContent = sound ? "Click: on" : "Click: off";
  };
  button.onclick = () => {
    if (sound) sound.close();
    sound = sound ? null : new AudioContext();
    pressed();
  };
  pressed();

  const beat = (now) => {
    const period = said && said.beat && said.state !== "ended" ? said.beat.period_s * 1000 : 0;
    if (!period) {
      pulse.style.opacity = 0.15;
      return;
    }
    const since = now - beatAt;
    if (since >= period) {
      beatAt = since < 2 * period ? beatAt + period : now;
      if (sound) click();
    }
    pulse.style.opacity = Math.max(0.15, 1 - (now - beatAt) / Math.min(period, 450));
  };

  const draw = (now) => {
    if (!alive) return;
    beat(now);
    if (said) {
      drawGauge(find(".gauge"), said);
      drawTrace(find(".trace"), points, said.now_s + (said.state === "ended" ? 0 : (now - saidAt) / 1000), said.trace_s);
    }
    frame = requestAnimationFrame(draw);
  };

  const say = () => {
    const recording = said.state === "recording";
    find(".dot").classList.toggle("recording", recording);
    doing.textContent = recording ? `recording ${said.recorded_s.toFixed(1)} s` : WORDS[said.state];
    find(".angle").textContent = said.angle_deg === null ? "– °" : `${signed(said.angle_deg, 1)} °`;
    find(".velocity").textContent = said.velocity_deg_s === null ? "– °/s" : `${signed(said.velocity_deg_s, 0)} °/s`;
    const good = said.gauge.verdict === "in band";
    verdict.textContent = said.gauge.words || "No repetition yet";
    verdict.className = `verdict ${said.gauge.verdict ? (good ? "good" : "bad") : ""}`;
    find(".pacewords").textContent = said.beat ? said.beat.words : "No pace: choose the band that is asked for.";
    tableOf(find("tbody"), said.units);
    const zero = said.zeroed ? "" : "The angle counts from where the joint was at first; say where it is to see the joint's own.";
    const sd = said.sd_deg === null ? "" : `Standard deviation of the angle ${said.sd_deg.toFixed(1)}°.`;
    const troubles = [...new Set(said.units.filter((unit) => unit.message).map((unit) => `${unit.name}: ${unit.message}`))];
    find(".notes").textContent = [said.fault, ...troubles, ...(said.state === "ended" ? [] : [said.why_not, sd, zero])].filter((one) => one).map((one) => (one.endsWith(".") ? one : `${one}.`)).join(" ");
    if (said.state !== told) {
      told = said.state;
      setTriggerValue("changed", told);
    }
  };

  const look = async () => {
    if (!alive) return;
    const began = performance.now();
    let pause = RETRY_MS;
    try {
      const answer = await fetch(`${data.url}&after=${newest}`, { cache: "no-store" });
      if (answer.ok) {
        said = await answer.json();
        saidAt = performance.now();
        points = points.concat(said.trace);
        if (points.length) newest = points[points.length - 1][0];
        if (said.state === "ended" && points.length) said.now_s = newest;
        points = points.filter((one) => one[0] > said.now_s - said.trace_s - 1);
        say();
        pause = Math.max(0, STEP_MS - (performance.now() - began));
      } else {
        doing.textContent = "the sensors are closed";
      }
    } catch {
      doing.textContent = "the dashboard does not answer";
    }
    if (alive) setTimeout(look, pause);
  };

  look();
  frame = requestAnimationFrame(draw);
  return () => {
    alive = false;
    cancelAnimationFrame(frame);
    if (sound) sound.close();
  };
}

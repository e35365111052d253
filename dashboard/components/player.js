// The video of an exam above its angle curve; a cursor follows the frame that is shown, a click on the curve seeks.
// Everything that comes from data is drawn as numbers or set as text, never as markup.

const COLOUR = { angle: "#0072B2", cursor: "#1F2A37", catch: "#D55E00", axis: "#6B7280", V1: "#0072B2", V2: "#9A7D0A", V3: "#CC5A9A" };
const MARGIN = { left: 44, right: 10, top: 16, bottom: 20 };

export default function (component) {
  const { data, parentElement } = component;
  const video = parentElement.querySelector("video");
  const canvas = parentElement.querySelector("canvas");
  const readout = parentElement.querySelector("output");
  if (video.dataset.exam !== data.exam) {
    video.dataset.exam = data.exam;
    video.src = data.url;
  }

  const clock = () => video.currentTime + data.offset_s;
  const first = data.time_s[0];
  const last = data.time_s[data.time_s.length - 1];
  const seen = data.angle_deg.filter((angle) => angle !== null);
  const low = Math.min(...seen) - 5;
  const high = Math.max(...seen) + 5;

  const width = () => canvas.clientWidth - MARGIN.left - MARGIN.right;
  const height = () => canvas.clientHeight - MARGIN.top - MARGIN.bottom;
  const x = (time) => MARGIN.left + ((time - first) / (last - first)) * width();
  const y = (angle) => MARGIN.top + (1 - (angle - low) / (high - low)) * height();

  const drawBands = (pen) => {
    for (const [start, end, velocity, leftOut] of data.stretches) {
      const colour = leftOut ? "#9CA3AF" : COLOUR[velocity] || COLOUR.axis;
      pen.globalAlpha = 0.12;
      pen.fillStyle = colour;
      pen.fillRect(x(start), MARGIN.top, x(end) - x(start), height());
      pen.globalAlpha = 1;
      pen.fillText(velocity, x(start) + 3, MARGIN.top - 4);
    }
  };

  const drawAxis = (pen) => {
    pen.fillStyle = COLOUR.axis;
    pen.textAlign = "right";
    for (const angle of [low + 5, (low + high) / 2, high - 5]) {
      pen.fillText(`${Math.round(angle)}°`, MARGIN.left - 6, y(angle) + 4);
    }
    pen.textAlign = "center";
    const step = Math.max(1, Math.ceil((last - first) / 10));
    for (let time = Math.ceil(first); time <= last; time += step) {
      pen.fillText(`${time} s`, x(time), canvas.clientHeight - 5);
    }
    pen.textAlign = "left";
  };

  const drawCurve = (pen) => {
    pen.strokeStyle = COLOUR.angle;
    pen.lineWidth = 2;
    pen.beginPath();
    let drawing = false;
    data.time_s.forEach((time, place) => {
      const angle = data.angle_deg[place];
      if (angle === null) {
        drawing = false;
      } else if (drawing) {
        pen.lineTo(x(time), y(angle));
      } else {
        pen.moveTo(x(time), y(angle));
        drawing = true;
      }
    });
    pen.stroke();
  };

  const drawMark = (pen, [time, angle]) => {
    pen.fillStyle = COLOUR.catch;
    pen.beginPath();
    pen.moveTo(x(time), y(angle) - 7);
    pen.lineTo(x(time) + 7, y(angle));
    pen.lineTo(x(time), y(angle) + 7);
    pen.lineTo(x(time) - 7, y(angle));
    pen.fill();
  };

  const angleAt = (time) => {
    let place = data.time_s.findIndex((one) => one >= time);
    if (place < 0) place = data.time_s.length - 1;
    return data.angle_deg[place];
  };

  const draw = () => {
    const ratio = window.devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.font = "12px system-ui, sans-serif";
    drawBands(pen);
    drawAxis(pen);
    drawCurve(pen);
    data.catches.forEach((mark) => drawMark(pen, mark));
    const now = Math.min(Math.max(clock(), first), last);
    pen.strokeStyle = COLOUR.cursor;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.moveTo(x(now), MARGIN.top);
    pen.lineTo(x(now), MARGIN.top + height());
    pen.stroke();
    const angle = angleAt(now);
    readout.textContent = `${now.toFixed(2)} s   ${angle === null ? "not observed" : `${angle.toFixed(1)}°`}`;
  };

  let alive = true;
  const follow = () => {
    if (!alive) return;
    draw();
    video.requestVideoFrameCallback(follow);
  };
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(follow);
  video.ontimeupdate = draw;
  video.onerror = () => {
    readout.textContent = "this browser cannot play the video (H.264, VP9 and AV1 work); reload the page if it played before";
  };
  video.onseeked = draw;

  canvas.onclick = (event) => {
    const share = (event.offsetX - MARGIN.left) / width();
    const time = first + Math.min(Math.max(share, 0), 1) * (last - first);
    video.pause();
    video.currentTime = Math.max(0, time - data.offset_s);
  };
  for (const button of parentElement.querySelectorAll("button")) {
    button.onclick = () => {
      if (button.dataset.rate) video.playbackRate = Number(button.dataset.rate);
      if (button.dataset.step) {
        video.pause();
        video.currentTime += Number(button.dataset.step) * data.frame_s;
      }
    };
  }

  const resized = new ResizeObserver(draw);
  resized.observe(canvas);
  draw();
  return () => {
    alive = false;
    resized.disconnect();
  };
}

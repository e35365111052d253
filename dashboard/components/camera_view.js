// The newest picture of an open camera, asked for again and again; a tap on it says who is the patient.
// What the server says is set as text, never as markup.

const PAUSE_MS = 80;
const RETRY_MS = 1000;

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const image = parentElement.querySelector("img");
  const dot = parentElement.querySelector(".dot");
  const [doing, words] = parentElement.querySelectorAll("output");
  let alive = true;
  let number = image.dataset.exam === data.exam ? image.dataset.number : "";
  let shown = null;

  const say = (headers) => {
    const state = headers.get("x-state");
    const recording = state === "recording";
    dot.classList.toggle("recording", recording);
    doing.textContent = recording ? `recording ${headers.get("x-recorded-s")} s` : state === "watching" ? "live, not recording" : "the camera is closed";
    words.textContent = decodeURIComponent(headers.get("x-words") || "");
    if (state !== data.state) {
      data.state = state;
      setTriggerValue("changed", state);
    }
  };

  const look = async () => {
    if (!alive) return;
    let pause = PAUSE_MS;
    try {
      const answer = await fetch(`${data.url}&after=${number}`, { cache: "no-store" });
      if (answer.status === 200) {
        const picture = URL.createObjectURL(await answer.blob());
        image.src = picture;
        if (shown) URL.revokeObjectURL(shown);
        shown = picture;
        number = answer.headers.get("x-number");
        image.dataset.exam = data.exam;
        image.dataset.number = number;
      }
      if (answer.ok) {
        say(answer.headers);
      } else {
        doing.textContent = "the camera is closed";
        pause = RETRY_MS;
      }
    } catch {
      doing.textContent = "the dashboard does not answer";
      pause = RETRY_MS;
    }
    if (alive) setTimeout(look, pause);
  };

  // The picture keeps its shape inside its box: where it really lies is worked out before a tap is told.
  image.onclick = (event) => {
    if (!image.naturalWidth) return;
    const scale = Math.min(image.clientWidth / image.naturalWidth, image.clientHeight / image.naturalHeight);
    const left = (image.clientWidth - scale * image.naturalWidth) / 2;
    const top = (image.clientHeight - scale * image.naturalHeight) / 2;
    const x = (event.offsetX - left) / (scale * image.naturalWidth);
    const y = (event.offsetY - top) / (scale * image.naturalHeight);
    if (x >= 0 && x <= 1 && y >= 0 && y <= 1) setTriggerValue("tap", { x, y });
  };

  look();
  return () => {
    alive = false;
    if (shown) URL.revokeObjectURL(shown);
  };
}

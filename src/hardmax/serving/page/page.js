"use strict";

const MOST_BARS = 10, MOST_CLASSES = 12, MOST_OPTIONS = 20;
const FRAMEWORKS = { torch: "PyTorch", jax: "JAX", tensorflow: "TensorFlow", mxnet: "MXNet" };

const at = id => document.getElementById(id);
let models = [], limits = {}, model, running = new AbortController();

// Elements and texts.

function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

// A probability that is nearly 0 or 1 is not shown as if it were.
function percent(share) {
  if (share >= 0.9995) return "> 99.9\u00a0%";
  if (share < 0.0005) return "< 0.1\u00a0%";
  return `${(100 * share).toFixed(1)}\u00a0%`;
}
const exact = (share, digits) => `${+(100 * share).toFixed(digits)}\u00a0%`;
const examples = count => model.kind === "images" ? (count === 1 ? "test image" : "test images")
  : (count === 1 ? "test row" : "test rows");

function fail(message) {
  at("failure").textContent = message;
  at("failure").hidden = !message;
  if (message) at("failure").scrollIntoView({ block: "nearest" });
}

// Requests.

async function ask(address, options) {
  let answer;
  try {
    answer = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server cannot be reached.", { cause: error });
  }
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(content.error ?? `The server answered with status ${answer.status}.`);
  return content;
}

async function predict(body, headers = {}) {
  const address = `predict?model=${encodeURIComponent(model.name)}`;
  const { predictions } = await ask(address, { method: "POST", body, headers, signal: running.signal });
  return predictions[0];
}

// End what is being asked, and forget the answers.
function clear(status) {
  running.abort();
  running = new AbortController();
  fail("");
  for (const picture of at("answers").querySelectorAll("img")) URL.revokeObjectURL(picture.src);
  at("answers").replaceChildren();
  at("status").className = "";
  at("status").textContent = status;
}

// Show the answers of questions, one after the other; a later call ends an earlier one.
async function answer(questions) {
  clear("Classifying …");
  const { signal } = running, failures = [], found = [];
  for (const [place, { file, body, headers }] of questions.entries()) {
    try {
      if (body.size > limits.body) throw new Error(`The file is larger than ${Math.floor(limits.body / 2 ** 20)} MiB.`);
      const prediction = await predict(file ? form(file) : body, headers);
      const shown = at("answers").appendChild(card(prediction, file));
      if (!place) shown.scrollIntoView({ block: "nearest" });
      found.push(`${file?.name ?? ""} ${prediction.label}, ${percent(prediction.probability)}`);
    } catch (error) {
      if (signal.aborted) return;
      failures.push(questions.length > 1 && file ? `${file.name}: ${error.message}` : error.message);
    }
  }
  // It is there to be heard: the answers can be seen.
  at("status").className = "unseen";
  at("status").textContent = found.join("; ");
  fail(failures.join("\n"));
}

function form(file) {
  const data = new FormData();
  data.append("image", file);
  return data;
}

// Answers.

function card(prediction, file) {
  const { label, probability } = prediction, one = make("article");
  const words = make("div", {},
    make("p", { className: label.length > 16 ? "label long" : "label" }, label),
    make("p", {}, `Probability ${percent(probability)}`));
  one.append(make("div", { className: "head" }, ...(file ? [picture(file)] : []), words));
  if ("decision" in prediction) one.append(make("p", { className: "decision" }, decision(prediction)));
  if (file) words.append(make("p", { className: "file" }, file.name));
  one.append(...bars(prediction.probabilities), ...calibration(probability));
  return one;
}

const decision = ({ decision }) => decision === null
  ? "No decision: the probability is too low." : `Decision: ${decision}`;

function picture(file) {
  const image = make("img", { className: "picture", alt: file.name, src: URL.createObjectURL(file) });
  image.onload = () => image.classList.toggle("small", image.naturalWidth < 100);
  image.onerror = () => image.remove();  // a format that the browser cannot show
  return image;
}

function bars(probabilities) {
  const sorted = Object.entries(probabilities).sort(([, one], [, other]) => other - one);
  const body = make("tbody");
  for (const [name, share] of sorted.slice(0, MOST_BARS)) {
    const bar = make("div");
    bar.style.width = `${100 * share}%`;
    body.append(make("tr", {},
      make("th", { scope: "row" }, name), make("td", {}, make("div", { className: "bar" }, bar)),
      make("td", {}, percent(share))));
  }
  const caption = make("caption", { className: "unseen" }, "Probabilities of the classes");
  const rest = sorted.length - MOST_BARS;
  const isShort = sorted.every(([name]) => name.length <= 16);
  const table = make("table", { className: isShort ? "bars short" : "bars" }, caption, body);
  return rest > 0 ? [table, make("p", { className: "note" }, `and ${rest} more`)] : [table];
}

// How often the test examples with such a probability were classified correctly.
function calibration(probability) {
  if (!model.calibration) return [];
  const bin = model.calibration.find(({ lower, upper }) => lower < probability && probability <= upper);
  if (!bin?.count) return [make("p", { className: "note" }, "No test example had such a probability.")];
  const { count, lower, upper, accuracy } = bin;
  const range = `between ${exact(lower, 1)} and ${exact(upper, 1)}`;
  const text = count === 1
    ? `The only ${examples(1)} with a probability ${range} was classified ${accuracy ? "correctly" : "wrongly"}.`
    : `Of the ${count} ${examples(count)} with a probability ${range}, ${exact(accuracy, 1)} were classified correctly.`;
  return [make("p", { className: "note" }, text)];
}

// What a model is.

function show(chosen) {
  model = chosen;
  clear("");
  document.title = `${model.name} · hardmax`;
  at("name").textContent = model.name;
  at("purpose").textContent = purpose();
  at("quality").textContent = quality(model.metrics);
  at("version").textContent = `hardmax ${model.hardmax}`;
  const isTable = model.kind === "table";
  at("question-title").textContent = isTable ? "Row" : "Image";
  at("images").hidden = isTable;
  at("row").hidden = !isTable;
  at("fields").replaceChildren(...model.columns.map(fieldOf));
  at("report").hidden = !model.has_report;
  at("report").href = `report/${encodeURIComponent(model.name)}`;
  at("question").hidden = false;
}

function purpose() {
  const names = model.classes.slice(0, MOST_CLASSES).join(", ");
  const rest = model.classes.length - MOST_CLASSES;
  const what = model.kind === "images" ? "images" : "rows of a table";
  return `Classifies ${what} into ${model.classes.length} classes: ${names}${rest > 0 ? ` and ${rest} more` : ""}.`;
}

function quality({ count, accuracy, interval, calibration_error }) {
  const bounds = interval ? ` (95\u00a0% interval ${exact(interval[0], 1)} to ${exact(interval[1], 1)})` : "";
  const trained = model.trained ? ` on ${model.trained.slice(0, 10)}` : "";
  const error = calibration_error === null ? "" : " The probabilities differ from the accuracy by " +
    `${+(100 * calibration_error).toFixed(1)} percentage points on average (expected calibration error).`;
  return `Model: ${model.network}, trained with ${FRAMEWORKS[model.framework]}${trained}. Of ${count} ${examples(count)}, ` +
    `${exact(accuracy, 2)} were classified correctly${bounds}.${error}`;
}

// Rows.

function fieldOf(column, number) {
  const id = `column-${number}`, input = inputOf(column), example = exampleOf(column);
  Object.assign(input, { id, name: column.name });
  const field = make("div", { className: column.kind === "text" ? "field long" : "field" },
    make("label", { htmlFor: id }, column.name || "(unnamed)"), input);
  if (column.kind === "number" && example) {
    field.append(make("span", { className: "hint", id: `${id}-hint` }, `such as ${example}`));
    input.setAttribute("aria-describedby", `${id}-hint`);
  }
  if (column.kind === "category" && input.localName === "input") {
    field.append(withOptions(make("datalist", { id: `${id}-list` }), column.choices));
    input.setAttribute("list", `${id}-list`);
  }
  return field;
}

function inputOf(column) {
  const choices = choicesOf(column), { kind } = column;
  if (choices.length && choices.length <= MOST_OPTIONS)
    return withOptions(make("select", {}, make("option", { value: "" })), choices);
  if (kind === "text") return make("textarea", { rows: 3 });
  if (kind === "date")
    return make("input", { type: column.example.includes("T") ? "datetime-local" : "date", step: "any" });
  if (kind === "time of day") return make("input", { type: "time", step: "any" });
  return make("input", { type: "text", inputMode: kind === "number" ? "decimal" : "text" });
}

// The spellings of true and false are the style of a column, such as yes/no.
const choicesOf = ({ kind, style, choices }) =>
  kind === "boolean" ? (style || "true/false").split("/") : choices ?? [];

function exampleOf(column) {
  if (choicesOf(column).length) return choicesOf(column)[0];
  if (column.kind !== "number") return column.example ?? "";
  return String(+column.example.toPrecision(3)).replace(".", column.style === "comma" ? "," : ".");
}

function withOptions(element, choices) {
  element.append(...choices.map(value => make("option", { value }, value)));
  return element;
}

// A cell as the column has it: fields for dates begin with the year. Empty ones are missing.
function cellOf({ style }, number) {
  const value = at(`column-${number}`).value.trim();
  if (!value || !style.endsWith("-first")) return value || null;
  const [date, time = ""] = value.split("T"), [year, month, day] = date.split("-");
  return `${style === "day-first" ? `${day}/${month}` : `${month}/${day}`}/${year} ${time}`.trim();
}

at("row").addEventListener("submit", event => {
  event.preventDefault();
  const cells = model.columns.map((column, number) => [column.name, cellOf(column, number)]);
  answer([{ body: JSON.stringify(Object.fromEntries(cells)), headers: { "Content-Type": "application/json" } }]);
});
at("example").addEventListener("click", () => {
  model.columns.forEach((column, number) => { at(`column-${number}`).value = exampleOf(column); });
});

// Images.

const classify = files => {
  if (model?.kind === "images" && files.length) answer([...files].map(file => ({ file, body: file })));
};

for (const input of document.querySelectorAll("input[type=file]"))
  input.addEventListener("change", () => {
    classify(input.files);
    input.value = "";  // so that the same file can be chosen again
  });
document.addEventListener("paste", event => classify(event.clipboardData.files));
for (const name of ["dragover", "dragleave", "drop"])
  document.addEventListener(name, event => {
    event.preventDefault();
    at("drop").classList.toggle("over", name === "dragover");
    if (name === "drop") classify(event.dataTransfer.files);
  });

// The camera, for which browsers ask for a secure address.

const video = document.querySelector("video");
at(navigator.mediaDevices ? "camera" : "capture").hidden = false;
at("camera").addEventListener("click", async () => {
  fail("");
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    await video.play();
    at("studio").showModal();
  } catch (error) {
    fail(error.name === "NotAllowedError" ? "The browser does not allow the camera to be used here."
      : "The camera cannot be used.");
  }
});
at("shoot").addEventListener("click", () => {
  const canvas = make("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob(blob => classify([new File([blob], "camera.png", { type: "image/png" })]), "image/png");
});
at("studio").addEventListener("close", () => {
  for (const track of video.srcObject.getTracks()) track.stop();
  video.srcObject = null;
});

// The start.

at("halves").hidden = false;
at("model").addEventListener("change", () => show(models[at("model").selectedIndex]));
ask("models").then(content => {
  ({ models, limits } = content);
  at("model").append(...models.map(({ name }) => make("option", {}, name)));
  at("choice").hidden = models.length < 2;
  show(models[at("model").selectedIndex]);
}).catch(error => fail(error.message));

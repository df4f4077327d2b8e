// The console: sends a sentence and shows what comes back. Whatever was typed or received is set as text, never as HTML.

const texts = {
  en: {
    docs: "API", metrics: "Metrics", sentence: "Sentence", classify: "Classify", key: "API key",
    fresh: "Ask a worker, not the cache", distribution: "Probability of each class", class: "Class",
    probability: "Probability", past: "Last requests", time: "Time", source: "From", model: "Model",
    total: "In the gateway", queue: "In the queue", network: "As seen here",
    classification: "Classification", ready: "Ready", away: "Not ready", other: "Français",
    hit: "cache", miss: "worker", coalesced: "a request under way", unreachable: "The gateway cannot be reached.",
  },
  fr: {
    docs: "API", metrics: "Mesures", sentence: "Phrase", classify: "Classer", key: "Clé d’API",
    fresh: "Demander à un worker, pas au cache", distribution: "Probabilité de chaque classe", class: "Classe",
    probability: "Probabilité", past: "Dernières requêtes", time: "Temps", source: "Origine", model: "Modèle",
    total: "Dans la passerelle", queue: "Dans la file", network: "Vu d’ici",
    classification: "Classement", ready: "Prêt", away: "Pas prêt", other: "English",
    hit: "cache", miss: "worker", coalesced: "une requête en cours", unreachable: "La passerelle est injoignable.",
  },
};

const byId = (id) => document.getElementById(id);
const stored = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
const store = (name, value) => { try { localStorage.setItem(name, value); } catch { /* private browsing */ } };

let language = stored("language") ?? (navigator.language.startsWith("fr") ? "fr" : "en");
let isReady = null;
let shown = null;
const past = [];

const say = (name) => texts[language][name];
const number = (value, digits) =>
  value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
const percent = (value) => `${number(value * 100, 1)} %`;
const milliseconds = (value) => `${number(value, value < 10 ? 2 : 0)} ms`;

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  Object.assign(made, properties);
  made.append(...children);
  return made;
}

function bar(share) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("aria-hidden", "true");
  const rect = document.createElementNS(space, "rect");
  rect.setAttribute("width", `${Math.max(share * 100, 0.3)}%`);
  rect.setAttribute("height", "100%");
  rect.setAttribute("rx", "3");
  svg.append(rect);
  return element("td", { className: "bar" }, svg);
}

function showTexts() {
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = say(node.dataset.text);
  byId("language").textContent = say("other");
  byId("language").lang = language === "en" ? "fr" : "en";
  showState();
  if (shown) showResult(shown);
  showPast();
}

function showState() {
  const state = byId("state");
  state.className = `state ${isReady === null ? "" : isReady ? "ready" : "away"}`;
  state.textContent = isReady === null ? "" : say(isReady ? "ready" : "away");
}

function showResult({ reply, timing, source, time }) {
  const classes = Object.entries(reply.probabilities).sort((left, right) => right[1] - left[1]);
  byId("label").textContent = reply.label;
  byId("classes").tBodies[0].replaceChildren(...classes.map(([name, share], index) =>
    element("tr", { className: index === 0 ? "first" : "" },
      element("th", { scope: "row", textContent: name }), bar(share),
      element("td", { className: "number", textContent: percent(share) }))));
  const facts = [["model", reply.model], ["source", say(source) ?? source], ["network", milliseconds(time)]];
  for (const [name, value] of timing) {
    const key = name === "classify" ? "classification" : name;
    facts.push([key, milliseconds(value)]);
  }
  byId("facts").replaceChildren(...facts.flatMap(([name, value]) =>
    [element("dt", { textContent: say(name) ?? name }), element("dd", { textContent: value })]));
  byId("result").hidden = false;
}

function showPast() {
  byId("past").hidden = past.length === 0;
  byId("requests").replaceChildren(...past.map(({ text, reply, source, time }) => element("tr", {},
    element("td", { textContent: text, title: text }), element("td", { textContent: reply.label }),
    element("td", { className: "number", textContent: percent(reply.probabilities[reply.label]) }),
    element("td", { className: "number", textContent: milliseconds(time) }),
    element("td", { textContent: say(source) ?? source }))));
}

function showProblem(message) {
  byId("problem").textContent = message ?? "";
  byId("problem").hidden = !message;
}

function readTiming(header) {
  return (header ?? "").split(",").flatMap((part) => {
    const match = /^\s*([a-z]+);dur=([0-9.]+)\s*$/.exec(part);
    return match ? [[match[1], Number(match[2])]] : [];
  });
}

async function classify(text) {
  const headers = { "Content-Type": "application/json" };
  if (byId("fresh").checked) headers["Cache-Control"] = "no-cache";
  if (byId("key").value) headers.Authorization = `Bearer ${byId("key").value}`;
  const start = performance.now();
  const response = await fetch("/v1/classify", { method: "POST", headers, body: JSON.stringify({ text }) });
  const body = await response.json();
  const time = performance.now() - start;
  if (response.status === 401) byId("key-row").hidden = false;
  if (!response.ok) throw new Error(`${body.title}: ${body.detail}`);
  return {
    text, reply: body, time, source: response.headers.get("X-Cache") ?? "miss",
    timing: readTiming(response.headers.get("Server-Timing")),
  };
}

byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true;
  try {
    shown = await classify(byId("sentence").value);
    showProblem();
    past.unshift(shown);
    past.length = Math.min(past.length, 10);
    showResult(shown);
    showPast();
  } catch (error) {
    showProblem(error instanceof TypeError ? say("unreachable") : error.message);
  } finally {
    button.disabled = false;
    byId("sentence").select();
  }
});

byId("language").addEventListener("click", () => {
  language = language === "en" ? "fr" : "en";
  store("language", language);
  showTexts();
});

async function watch() {
  try {
    isReady = (await fetch("/health/ready")).ok;
  } catch {
    isReady = false;
  }
  showState();
  setTimeout(watch, document.hidden ? 30000 : 5000);
}

showTexts();
watch();

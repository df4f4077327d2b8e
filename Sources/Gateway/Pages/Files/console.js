// The console: sends a sentence and shows what comes back. Whatever was typed or received is set as text, never as HTML.

const texts = {
  en: {
    docs: "API", metrics: "Metrics", sentence: "Sentence", classify: "Classify", key: "API key",
    fresh: "Ask a worker, not the cache", distribution: "Probability of each class", class: "Class",
    probability: "Probability", confidence: "confidence", past: "Last requests", time: "Time", source: "From",
    model: "Model", total: "In the gateway", queue: "In the queue", network: "As seen here",
    classification: "Classification", ready: "Ready", away: "Not ready", other: "Français",
    unsure: (label, best) => `${label}: perhaps ${best}`,
    hit: "cache", miss: "worker", coalesced: "a request under way",
    unreachable: "The gateway cannot be reached. Does it run, and is the network up?",
    badKey: "An API key has no spaces and no letters beyond a to z: check it.",
    unnamed: (status) => `The answer was an error without an explanation (HTTP ${status}).`,
    unreadable: "The answer cannot be read: what came is not the gateway's JSON.",
    later: (seconds) => `Try again in ${seconds} s.`,
  },
  fr: {
    docs: "API", metrics: "Mesures", sentence: "Phrase", classify: "Classer", key: "Clé d’API",
    fresh: "Demander à un worker, pas au cache", distribution: "Probabilité de chaque classe", class: "Classe",
    probability: "Probabilité", confidence: "confiance", past: "Dernières requêtes", time: "Temps",
    source: "Origine", model: "Modèle", total: "Dans la passerelle", queue: "Dans la file", network: "Vu d’ici",
    classification: "Classement", ready: "Prêt", away: "Pas prêt", other: "English",
    unsure: (label, best) => `${label}\u00a0: peut-être ${best}`,
    hit: "cache", miss: "worker", coalesced: "une requête en cours",
    unreachable: "La passerelle est injoignable. Fonctionne-t-elle, et le réseau aussi\u00a0?",
    badKey: "Une clé d’API n’a ni espaces ni accents\u00a0: vérifiez-la.",
    unnamed: (status) => `La réponse est une erreur sans explication (HTTP ${status}).`,
    unreadable: "La réponse est illisible\u00a0: ce n’est pas le JSON de la passerelle.",
    later: (seconds) => `Réessayez dans ${seconds} s.`,
  },
};

// What a problem says in other languages than the gateway's own, by its code. Of a code that is not here its title and
// detail are shown as they came.
const problems = {
  fr: {
    malformed_json: "Le corps de la requête n’est pas le JSON attendu.",
    missing_text: "Il manque la phrase.",
    empty_text: "La phrase est vide\u00a0: écrivez quelques mots.",
    text_too_long: "La phrase est trop longue\u00a0: raccourcissez-la.",
    invalid_utf8: "La phrase n’est pas de l’UTF-8 valide.",
    invalid_parameter: "Un paramètre a une valeur qui n’est pas permise.",
    batch_size: "Le nombre de phrases n’est pas permis.",
    body_too_large: "La requête est trop grande\u00a0: raccourcissez la phrase.",
    unsupported_content_type: "Le type de contenu n’est pas pris en charge.",
    unsupported_content_encoding: "La compression de la requête n’est pas prise en charge.",
    corrupt_body: "La requête ne peut pas être décompressée.",
    unauthorized: "Saisissez une clé d’API valide.",
    not_found: "Cette adresse n’existe pas dans la passerelle.",
    model_not_found: "Ce modèle n’existe pas.",
    method_not_allowed: "Cette méthode n’est pas permise à cette adresse.",
    overloaded: "Trop de phrases attendent déjà.",
    unavailable: "La file est injoignable\u00a0: la passerelle n’a pas de broker.",
    model_unknown: "Aucun worker n’a encore répondu.",
    deadline_exceeded: "Aucune réponse n’est arrivée à temps. Y a-t-il des workers\u00a0?",
    classifier_failed: "Le worker n’a pas pu classer la phrase.",
    reply_topic_not_allowed: "Les workers ne répondent pas au topic de cette passerelle.",
    reply_too_large: "La réponse est trop grande pour la file.",
    reply_not_delivered: "La réponse n’a pas pu être écrite dans la file.",
    cancelled: "La requête a été abandonnée.",
    internal_error: "La passerelle a échoué\u00a0; son journal dit pourquoi.",
    malformed_request: "La requête n’est pas du HTTP valide.",
    head_too_large: "L’en-tête de la requête est trop grand\u00a0: la clé est-elle la bonne\u00a0?",
    version_not_supported: "Cette version de HTTP n’est pas prise en charge.",
    transfer_coding_not_supported: "Ce codage de transfert n’est pas pris en charge.",
    expectation_failed: "La passerelle ne peut pas satisfaire l’attente (Expect) de la requête.",
    request_timeout: "La requête a mis trop de temps à arriver.",
    too_many_bytes: "La passerelle n’a plus de mémoire pour d’autres requêtes.",
    too_many_connections: "Trop de connexions sont ouvertes.",
  },
};

const byId = (id) => document.getElementById(id);
const stored = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
const store = (name, value) => { try { localStorage.setItem(name, value); } catch { /* private browsing */ } };

let language = stored("language") ?? (navigator.language.startsWith("fr") ? "fr" : "en");
let isReady = null;
let shown = null;
let problem = null;
const past = [];

const say = (name) => texts[language][name];
const number = (value, digits) =>
  value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
const percent = (value) => value.toLocaleString(
  language, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
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
  showProblem();
}

function showState() {
  const state = byId("state");
  state.className = `state ${isReady === null ? "" : isReady ? "ready" : "away"}`;
  state.textContent = isReady === null ? "" : say(isReady ? "ready" : "away");
}

// How likely the likeliest class is.
const confidence = (reply) => reply.confidence ?? Math.max(...Object.values(reply.probabilities));

// The class, or that the worker is unsure and which class is the likeliest.
const label = (reply) => reply.best === undefined ? reply.label : say("unsure")(reply.label, reply.best);

function showResult({ reply, timing, source, time }) {
  const classes = Object.entries(reply.probabilities).sort((left, right) => right[1] - left[1]);
  byId("label").textContent = label(reply);
  byId("result").classList.toggle("unsure", reply.best !== undefined);
  byId("confidence").textContent = `${say("confidence")} ${percent(confidence(reply))}`;
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
    element("td", { textContent: text, title: text }), element("td", { textContent: label(reply) }),
    element("td", { className: "number", textContent: percent(confidence(reply)) }),
    element("td", { className: "number", textContent: milliseconds(time) }),
    element("td", { textContent: say(source) ?? source }))));
}

function showProblem() {
  byId("problem").textContent = problem ? explain(problem) : "";
  byId("problem").hidden = !problem;
  byId("key").setAttribute("aria-invalid", problem?.status === 401);
}

// What went wrong, in the language of the page if it can be said in it.
function explain({ text, status, code, title, detail, retryAfter }) {
  const own = [title, detail].filter(Boolean).join(": ");
  const what = text ? say(text) : problems[language]?.[code] ?? (own || say("unnamed")(status));
  return retryAfter ? `${what} ${say("later")(retryAfter)}` : what;
}

// What the page says itself (`text`), or what the gateway or a proxy before it answered (`status` and the rest).
class Problem extends Error {
  constructor(values) {
    super(values.text ?? values.code ?? String(values.status));
    this.values = values;
  }
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
  const key = byId("key").value.trim();
  // No header can hold it, and no key has it.
  if (/[^\x21-\x7e]/.test(key)) throw new Problem({ status: 401, text: "badKey" });
  if (key) headers.Authorization = `Bearer ${key}`;
  const start = performance.now();
  let response, body;
  try {
    response = await fetch("/v1/classify", { method: "POST", headers, body: JSON.stringify({ text }) });
    body = await response.text();
  } catch {
    throw new Problem({ text: "unreachable" });
  }
  const time = performance.now() - start;
  try { body = JSON.parse(body); } catch { body = null; } // a proxy's page
  if (!response.ok) {
    const retryAfter = Number(response.headers.get("Retry-After"));
    const { code, title, detail } = body ?? {};
    throw new Problem({ status: response.status, code, title, detail, retryAfter });
  }
  if (!body?.probabilities) throw new Problem({ text: "unreadable" });
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
    problem = null;
    past.unshift(shown);
    past.length = Math.min(past.length, 10);
    showResult(shown);
    showPast();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    problem = error.values;
    byId("result").hidden = true;
    shown = null;
  } finally {
    showProblem();
    button.disabled = false;
    if (problem?.status === 401) byId("key-row").hidden = false;
    byId(problem?.status === 401 ? "key" : "sentence").select();
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

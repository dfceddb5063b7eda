// Suggestions while typing, and the buttons of the page. Talks to the phone that served it and to nobody else.
"use strict";

const text = document.getElementById("text");
const list = document.getElementById("suggestions");
const messages = document.getElementById("messages");
const panel = document.getElementById("panel");
let asked = 0;

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(answer.status === 401 ? "The session is over: open the page by a new link." : "That did not work; reload the page.");
  return answer;
}

function say(error) {
  const said = document.getElementById("said");
  said.textContent = "";
  said.appendChild(document.createElement("p")).textContent = error.message;
}

function add(kind, content, label) {
  const line = document.createElement("li");
  line.className = kind;
  line.textContent = content;
  if (label) {
    line.setAttribute("role", "img");
    line.setAttribute("aria-label", "Sticker: " + label);
  }
  messages.appendChild(line);
  messages.scrollTop = messages.scrollHeight;
}

function show(found) {
  list.replaceChildren(...found.stickers.map((sticker, place) => {
    const button = document.createElement("button");
    const number = document.createElement("span");
    button.type = "button";
    button.setAttribute("aria-label", sticker.name);
    button.title = sticker.name;
    button.textContent = sticker.symbol;
    number.className = "place";
    number.textContent = place + 1;
    number.setAttribute("aria-hidden", "true");
    button.append(number);
    button.addEventListener("click", () => choose(found.display, place).catch(say));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
  list.hidden = !found.stickers.length;
}

async function suggest() {
  const turn = ++asked;
  if (!text.value.trim()) return show({ stickers: [] });
  const found = await (await post("/suggest", { text: text.value })).json();
  if (turn === asked) show(found);
}

async function choose(display, place) {
  asked++;
  const sticker = await (await post("/choose", { display, place })).json();
  add("mine sticker", sticker.symbol, sticker.name);
  text.value = "";
  show({ stickers: [] });
  text.focus();
  await refresh(await fetch("/panel"));
}

async function refresh(answer) {
  const opened = [...panel.querySelectorAll("details")].map((one) => one.open);
  panel.innerHTML = await answer.text();
  const now = [...panel.querySelectorAll("details")];
  if (now.length === opened.length) now.forEach((one, place) => { one.open = opened[place]; });
}

text.addEventListener("input", () => suggest().catch(say));

document.getElementById("compose").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!text.value.trim()) return;
  add("mine", text.value);
  text.value = "";
  suggest().catch(say);
});

text.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" && !list.hidden) {
    event.preventDefault();
    list.querySelector("button").focus();
  }
});

list.addEventListener("keydown", (event) => {
  const buttons = [...list.querySelectorAll("button")];
  const place = buttons.indexOf(document.activeElement);
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 5, ArrowUp: -5 }[event.key];
  if (event.key === "Escape") text.focus();
  if (step === undefined) return;
  event.preventDefault();
  if (place + step < 0) text.focus();
  else if (place + step < buttons.length) buttons[place + step].focus();
});

panel.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button");
  const body = "terms" in form.dataset
    ? { terms: form.dataset.terms, agreed: button.getAttribute("aria-checked") !== "true" }
    : {};
  const label = button.getAttribute("aria-labelledby");
  button.disabled = true;
  try {
    await refresh(await post(form.dataset.action, body));
    const again = label ? `[aria-labelledby="${label}"]` : `[data-action="${form.dataset.action}"] button`;
    panel.querySelector(again)?.focus();
    await suggest();
  } catch (error) {
    button.disabled = false;
    say(error);
  }
});

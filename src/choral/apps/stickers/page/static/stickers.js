// Suggestions while typing, and what was chosen. Talks to the phone that served it and to nobody else.
import { ask, refresh, say } from "./panel.js";

const text = document.getElementById("text");
const list = document.getElementById("suggestions");
const messages = document.getElementById("messages");
const panel = document.getElementById("panel");
let asked = 0;

function add(kind, content, label) {
  const line = document.createElement("li");
  line.className = kind;
  const shown = line.appendChild(document.createElement("span"));
  shown.textContent = content;
  if (label) {
    shown.setAttribute("role", "img");
    shown.setAttribute("aria-label", "Sticker: " + label);
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
  const found = await (await ask("/suggest", { text: text.value })).json();
  if (turn === asked) show(found);
}

async function choose(display, place) {
  asked++;
  const sticker = await (await ask("/choose", { display, place })).json();
  add("mine sticker", sticker.symbol, sticker.name);
  text.value = "";
  show({ stickers: [] });
  text.focus();
  await refresh();
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

panel.addEventListener("changed", () => suggest().catch(say));

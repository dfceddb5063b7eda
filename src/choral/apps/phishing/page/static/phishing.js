// A pasted link, a dropped page, and the buttons. Talks to the device that served it and to nobody else; opens no link.
"use strict";

const form = document.getElementById("ask");
const link = document.getElementById("link");
const file = document.getElementById("file");
const drop = document.getElementById("drop");
const answer = document.getElementById("answer");
const panel = document.getElementById("panel");

async function post(path, body) {
  const reply = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (reply.status === 401) throw new Error("The session is over: open the page by a new link.");
  if (reply.status === 413) throw new Error("The page is too large to be read; type no password there.");
  if (!reply.ok) throw new Error("That did not work; reload the page.");
  return reply;
}

function say(error) {
  const said = document.getElementById("said");
  said.textContent = "";
  said.appendChild(document.createElement("p")).textContent = error.message;
}

function base64(bytes) {
  let text = "";
  for (let start = 0; start < bytes.length; start += 8192) {
    text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  }
  return btoa(text);
}

async function look() {
  const chosen = file.files[0];
  const page = chosen ? base64(new Uint8Array(await chosen.arrayBuffer())) : null;
  answer.innerHTML = await (await post("/look", { link: link.value, page })).text();
  await refresh(await fetch("/panel"));
  answer.scrollIntoView({ block: "nearest" });
}

async function refresh(reply) {
  const opened = [...panel.querySelectorAll("details")].map((one) => one.open);
  panel.innerHTML = await reply.text();
  const now = [...panel.querySelectorAll("details")];
  if (now.length === opened.length) now.forEach((one, place) => { one.open = opened[place]; });
}

async function busy(button, act) {
  button.disabled = true;
  try {
    await act();
  } catch (error) {
    say(error);
  }
  button.disabled = false;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  busy(form.querySelector("button"), look);
});

link.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});

for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
}
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  if (!event.dataTransfer.files.length) return;
  file.files = event.dataTransfer.files;
  if (link.value.trim()) form.requestSubmit();
});

answer.addEventListener("click", (event) => {
  const button = event.target.closest("[data-report]");
  if (!button) return;
  busy(button, async () => {
    await refresh(await post("/report", { link: button.dataset.link, phishing: button.dataset.report === "true" }));
    await look();
  });
});

panel.addEventListener("submit", (event) => {
  event.preventDefault();
  const sent = event.target;
  const button = sent.querySelector("button");
  const body = "terms" in sent.dataset
    ? { terms: sent.dataset.terms, agreed: button.getAttribute("aria-checked") !== "true" }
    : {};
  const label = button.getAttribute("aria-labelledby");
  busy(button, async () => {
    await refresh(await post(sent.dataset.action, body));
    const again = label ? `[aria-labelledby="${label}"]` : `[data-action="${sent.dataset.action}"] button`;
    panel.querySelector(again)?.focus();
  });
});

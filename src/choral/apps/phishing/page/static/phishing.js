// A pasted link, a dropped page, and what is said of them. Talks to the device that served it and to nobody else; opens no link.
import { ask, busy, refresh } from "./panel.js";

const form = document.getElementById("ask");
const link = document.getElementById("link");
const file = document.getElementById("file");
const drop = document.getElementById("drop");
const hint = document.getElementById("hint");
const answer = document.getElementById("answer");
let claimed = null; // the address that a file says it was saved from
const HEAD = 4096; // bytes in which a browser says where it saved a page from
const SAVED = /<!-- saved from url=\(\d{4}\)(https?:\/\/\S+) -->\s*<html/i;
const CLAIMED = "The address is what the file says of itself. If another link led you there, paste that one instead.";
const BREAKS = /[\t\r\n]/g; // a link that was copied over several lines is one link, as in a browser's address bar
const WHERE = "Paste the link that led to this page, too: the file does not say where it came from.";

function base64(bytes) {
  let text = "";
  for (let start = 0; start < bytes.length; start += 8192) {
    text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  }
  return btoa(text);
}

// The page's bytes in base 64, null if none was chosen.
async function chosen() {
  const page = file.files[0];
  if (!page) return null;
  const most = Number(form.dataset.mostBytes);
  if (page.size > most) throw new Error(`The page has ${page.size.toLocaleString("en")} bytes, more than the ${most.toLocaleString("en")} that are read; type no password there.`);
  const data = await page.arrayBuffer().catch(() => { throw new Error("The file cannot be read; choose it again."); });
  return base64(new Uint8Array(data));
}

async function look() {
  const page = await chosen();
  link.value = link.value.replace(BREAKS, "").trim();
  answer.innerHTML = await (await ask("/look", { link: link.value, page })).text();
  if (link.value === claimed) paragraph(CLAIMED, answer.querySelector(".address"));
  await refresh();
  answer.scrollIntoView({ block: "nearest" });
}

function paragraph(text, before) {
  const line = document.createElement("p");
  line.textContent = text;
  before?.after(line);
}

// A problem stands where the answer would.
function refuse(error) {
  const card = document.createElement("section");
  card.className = "card verdict warn";
  card.setAttribute("role", "alert");
  for (const [kind, text] of [["h2", "This cannot be judged"], ["p", error.message]]) {
    card.appendChild(document.createElement(kind)).textContent = text;
  }
  answer.replaceChildren(card);
  answer.scrollIntoView({ block: "nearest" });
}

// A page came: look at it if it is known where it comes from.
async function arrived() {
  const page = file.files[0];
  hint.textContent = "";
  if (!page) return;
  if (!link.value.trim()) {
    link.value = claimed = SAVED.exec(await page.slice(0, HEAD).text())?.[1] ?? "";
  }
  if (link.value.trim()) return form.requestSubmit();
  hint.textContent = WHERE;
  link.focus();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  busy(form.querySelector("button"), look, refuse);
});

link.addEventListener("input", () => { hint.textContent = ""; });

link.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});

file.addEventListener("change", arrived);
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
}
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  if (!event.dataTransfer.files.length) return;
  file.files = event.dataTransfer.files;
  arrived();
});

answer.addEventListener("click", (event) => {
  const button = event.target.closest("[data-report]");
  if (!button) return;
  busy(button, async () => {
    await refresh(await ask("/report", { link: button.dataset.link, phishing: button.dataset.report === "true" }));
    await look();
    answer.querySelector(`[data-report="${button.dataset.report}"]`)?.focus();
  }, refuse);
});

// Sends files, shows the numbers of sliders, and covers the page in discreet mode. Talks to this computer and to nobody else.
"use strict";

for (const slider of document.querySelectorAll("input[type=range]")) {
  const shown = document.querySelector(`output[for="${slider.id}"]`);
  slider.addEventListener("input", () => { shown.textContent = slider.value; });
}

function tell(place, text, bad) {
  const line = document.createElement("p");
  line.textContent = text;
  if (bad) line.className = "problem";
  place.append(line);
}

async function send(path, file, addresses) {
  const headers = { "Content-Type": "application/octet-stream", "X-File-Name": encodeURIComponent(file.name) };
  if (addresses) headers["X-Mail-Addresses"] = encodeURIComponent(addresses).replaceAll("%20", " ").replaceAll("%2C", ",");
  const answer = await fetch(path, { method: "POST", headers, body: file, redirect: "error" });
  if (answer.status === 423) return location.assign("/unlock");
  return answer.json();
}

function watch(place) {
  const line = place.appendChild(document.createElement("p"));
  line.textContent = "Reading…";
  const timer = setInterval(async () => {
    const found = await fetch("/import/progress").then((answer) => answer.json()).catch(() => null);
    if (found && found.read) line.textContent = `Reading… ${found.read.toLocaleString()} items`;
  }, 700);
  return () => { clearInterval(timer); line.remove(); };
}

for (const form of document.querySelectorAll("form[data-upload]")) {
  const chosen = form.querySelector("input[type=file]");
  const button = form.querySelector("button[type=submit]");
  const place = form.querySelector("[data-told]");
  chosen.disabled = button.disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    place.replaceChildren();
    delete place.dataset.done;
    if (!chosen.files.length) return tell(place, "Choose a file first.", true);
    button.disabled = true;
    for (const file of chosen.files) {
      const over = watch(place);
      try {
        const found = await send(form.dataset.upload, file, form.querySelector("#addresses")?.value);
        if (found) tell(place, found.said, found.problem);
        const onward = document.querySelector("[data-onward]");
        if (found && !found.problem && onward) onward.textContent = "Go on";
      } catch {
        tell(place, `${file.name}: the page did not answer. Is the program still running? What was read is kept.`, true);
      }
      over();
    }
    chosen.value = "";
    button.disabled = false;
    place.dataset.done = "yes";
  });
}

if ("discreet" in document.body.dataset) {
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "hidden") return location.reload();
    document.body.hidden = true;
    fetch("/cover", { method: "POST", redirect: "manual", keepalive: true });
  });
}

// What pages about one person share: asking the device that served them, and the panel's buttons. They talk to nobody else.
const panel = document.getElementById("panel");
const GONE = "The page’s program does not answer. Start it again, and open the page by its new link.";
const OVER = "The session is over: open the page by a new link.";
const FAILED = "That did not work; reload the page.";

// What the device answers; an Error that says why in the device's own words if it refuses.
export async function ask(path, body) {
  const asked = body === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  const reply = await fetch(path, asked).catch(() => { throw new Error(GONE); });
  if (reply.status === 401) throw new Error(OVER);
  if (!reply.ok) throw new Error(parsed(await reply.text()).querySelector(".error .why")?.textContent || FAILED);
  return reply;
}

function parsed(markup) {
  return new DOMParser().parseFromString(markup, "text/html");
}

// Put a problem where the last act's words stand, and say it aloud.
export function say(error) {
  const line = document.createElement("p");
  line.className = "problem";
  line.textContent = error.message;
  document.getElementById("said").replaceChildren(line);
  aloud(error.message);
}

export function aloud(text) {
  document.getElementById("aloud").textContent = text;
}

// Show the panel as the device tells it now; what was unfolded stays so.
export async function refresh(reply = null) {
  const markup = await (reply || await ask("/panel")).text();
  const opened = [...panel.querySelectorAll("details")].map((one) => one.open);
  panel.innerHTML = markup;
  const now = [...panel.querySelectorAll("details")];
  if (now.length === opened.length) now.forEach((one, place) => { one.open = opened[place]; });
  if (reply) aloud(document.getElementById("said").textContent);
}

// Do something that a button asks for, which rests meanwhile. One act at a time, in the order of the presses: an older
// answer never covers a newer one.
let acts = Promise.resolve();
export async function busy(button, act, fail = say) {
  const had = document.activeElement === button;
  button.disabled = true;
  acts = acts.then(act).catch(fail);
  await acts;
  button.disabled = false;
  if (had && document.activeElement === document.body) button.focus();
}

panel.addEventListener("submit", (event) => {
  event.preventDefault();
  const { action, terms } = event.target.dataset;
  const button = event.target.querySelector("button");
  const body = terms ? { terms, agreed: button.getAttribute("aria-checked") !== "true" } : {};
  busy(button, async () => {
    await refresh(await ask(action, body));
    const same = (form) => form.dataset.action === action && form.dataset.terms === terms;
    [...panel.querySelectorAll("form")].find(same)?.querySelector("button").focus();
    panel.dispatchEvent(new Event("changed"));
  });
});

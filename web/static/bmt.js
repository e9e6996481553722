// What scripts add to the pages: without them everything works, and is reached by one more click.

// A value to be set elsewhere can be copied: <code data-copy="Salin">.
for (const value of document.querySelectorAll("[data-copy]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy second";
  button.textContent = value.dataset.copy;
  button.setAttribute("aria-label", `${value.dataset.copy}: ${value.textContent}`);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(value.textContent);
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 1500);
  });
  value.after(" ", button);
}

// What changes while the page is open is told: <p data-live="/console/live?..." hidden>.
for (const notice of document.querySelectorAll("[data-live]")) {
  const told = new EventSource(notice.dataset.live);
  told.addEventListener("changed", (event) => {
    const change = JSON.parse(event.data);
    for (const [name, text] of Object.entries(change)) {
      const place = notice.querySelector(`[data-told="${name}"]`);
      if (place) place.textContent = text;
    }
    notice.hidden = false;
  });
  addEventListener("pagehide", () => told.close());
}

// All boxes of a list at once: <a href="?all=1" data-choose-all>; how many are chosen: <output data-chosen>.
for (const list of document.querySelectorAll("form.work")) {
  const boxes = [...list.querySelectorAll("input[type=checkbox][name=chosen]")];
  const told = list.querySelector("[data-chosen]");
  const count = () => {
    const chosen = list.querySelectorAll("input[type=hidden][name=chosen]").length + boxes.filter((box) => box.checked).length;
    if (told) told.textContent = chosen ? `(${chosen})` : "";
  };
  list.querySelector("[data-choose-all]")?.addEventListener("click", (event) => {
    event.preventDefault();
    const every = boxes.some((box) => !box.checked);
    for (const box of boxes) box.checked = every;
    count();
  });
  list.addEventListener("change", count);
  count();
}

// Keys: / searches, j and k go through a list, x chooses, ? shows them. They can be switched off (WCAG 2.1.4).
const keys = document.querySelector("dialog#keys");
if (keys) {
  const shows = document.querySelector("[data-keys]");
  const on = keys.querySelector("[data-keys-on]");
  const lines = () => [...document.querySelectorAll("[data-lines] tbody tr")];
  const link = (line) => line?.querySelector("a");
  on.checked = localStorage.getItem("bmt-keys") !== "off";
  on.addEventListener("change", () => localStorage.setItem("bmt-keys", on.checked ? "on" : "off"));
  shows.hidden = false;
  shows.addEventListener("click", () => keys.showModal());
  const acts = {
    "/": () => document.querySelector("#search").focus(),
    "?": () => keys.showModal(),
    j: () => step(1),
    k: () => step(-1),
    x: () => document.activeElement.closest("[data-lines] tr")?.querySelector("input[type=checkbox]")?.click(),
  };
  const step = (by) => {
    const all = lines();
    const now = all.findIndex((line) => line.contains(document.activeElement));
    const next = now < 0 ? 0 : Math.min(Math.max(now + by, 0), all.length - 1);
    link(all[next])?.focus();
  };
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input:not([type=checkbox]), select, textarea, dialog");
    if (typing || !on.checked || event.ctrlKey || event.altKey || event.metaKey || !acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  });
}

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

// A variable is put where somebody was typing: <code data-insert="Sisipkan"> within a form.
for (const variable of document.querySelectorAll("form [data-insert]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy second";
  button.setAttribute("aria-label", `${variable.dataset.insert} ${variable.textContent}`);
  variable.replaceWith(button);
  button.append(variable);
  const form = button.closest("form");
  const places = "textarea, input[type=text]";
  form.addEventListener("focusin", ({ target }) => { if (target.matches(places)) form.typedIn = target; });
  button.addEventListener("click", () => {
    const place = form.typedIn ?? form.querySelector(places);
    place.setRangeText(variable.textContent, place.selectionStart, place.selectionEnd, "end");
    place.focus();
    place.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

// What is typed is previewed a moment later: <form data-previews="id of the preview">.
for (const form of document.querySelectorAll("form[data-previews]")) {
  let waits;
  form.addEventListener("input", () => {
    clearTimeout(waits);
    waits = setTimeout(async () => {
      const typed = new FormData(form);
      typed.set("do", "preview");
      const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(typed) });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const now = fresh.getElementById(form.dataset.previews);
      if (now && !answer.redirected) document.getElementById(form.dataset.previews).replaceChildren(...now.childNodes);
    }, 700);
  });
}

// What changes while the page is open is told: <p data-live="/console/live?..." hidden>. With data-from, the parts of
// that page that nobody types in, [data-moves], are replaced, and the page is followed from there.
for (const notice of document.querySelectorAll("[data-live]")) {
  let stream = follow(notice);
  addEventListener("pagehide", () => stream.close());

  function follow(notice) {
    const source = new EventSource(notice.dataset.live);
    source.addEventListener("changed", async (event) => {
      for (const [name, text] of Object.entries(JSON.parse(event.data))) {
        const place = notice.querySelector(`[data-value="${name}"]`);
        if (place) place.textContent = text;
      }
      notice.hidden = false;
      if (!notice.dataset.from) return;
      const answer = await fetch(notice.dataset.from);
      if (!answer.ok || answer.redirected) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-moves]")) {
        const now = fresh.getElementById(part.id);
        if (now) part.replaceWith(now);
      }
      const next = fresh.querySelector("[data-live]")?.dataset.live;
      if (next && next !== notice.dataset.live) {
        notice.dataset.live = next;
        stream.close();
        stream = follow(notice);
      }
    });
    source.addEventListener("looking", (event) => {
      const place = document.querySelector("[data-looking]");
      place.textContent = JSON.parse(event.data).who;
      place.hidden = !place.textContent;
    });
    return source;
  }
}

// What was typed is kept when the page is left: <form data-keeps>.
for (const form of document.querySelectorAll("form[data-keeps]")) {
  let changed = false;
  let sent = false;
  for (const one of form.elements) one.addEventListener("input", () => { changed = true; });
  form.addEventListener("submit", () => { sent = true; });
  addEventListener("pagehide", () => {
    if (!changed || sent) return;
    const typed = new FormData(form);
    for (const [name, value] of [...typed]) if (value instanceof File) typed.delete(name);
    typed.set("keep", "reload");
    navigator.sendBeacon(form.action, typed);
  });
}

// All boxes of a list at once: <a href="?all=1" data-choose-all>; how many are chosen: <output data-chosen>.
for (const list of document.querySelectorAll("form.work")) {
  const boxes = [...list.querySelectorAll("table input[type=checkbox][name=chosen]")];
  const total = list.querySelector("[data-chosen]");
  const count = () => {
    const chosen = list.querySelectorAll("[name=chosen]:checked").length;
    if (total) total.textContent = chosen ? `(${chosen})` : "";
  };
  list.querySelector("[data-choose-all]")?.addEventListener("click", (event) => {
    event.preventDefault();
    const every = boxes.some((box) => !box.checked);
    for (const box of boxes) box.checked = every;
    count();
  });
  list.addEventListener("change", count);
  count();
  // Another order or filter keeps what is chosen, as the next page does.
  const keeping = (address, event) => {
    if (event.ctrlKey || event.metaKey || !list.querySelector("[name=chosen]:checked")) return;
    event.preventDefault();
    const button = document.createElement("button");
    Object.assign(button, { name: "keep", value: "next", formAction: address, hidden: true });
    list.append(button);
    list.requestSubmit(button);
  };
  for (const link of list.querySelectorAll("thead a")) link.addEventListener("click", (event) => keeping(link.href, event));
  document.querySelector("form.criteria")?.addEventListener("submit", (event) => keeping(`?${new URLSearchParams(new FormData(event.target))}`, event));
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

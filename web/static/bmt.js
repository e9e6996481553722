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

// What a page cannot do by itself: times in the visitor's zone, copying, opening a link, staying live.
"use strict";

const language = document.documentElement.lang;
const shown = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });

function showTimes(root) {
  for (const element of root.querySelectorAll("time[data-time]")) {
    const moment = new Date(element.dateTime);
    if (!Number.isNaN(moment.getTime())) {
      element.textContent = shown.format(moment);
      element.title = element.dateTime;
    }
  }
}

async function copy(button) {
  const field = document.getElementById(button.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    document.execCommand("copy");
  }
  const label = button.textContent;
  button.textContent = document.body.dataset.copied;
  setTimeout(() => { button.textContent = label; }, 2000);
}

// What opens the portal stands behind `#`: it goes into the form, and out of the address and history.
function takeLink(form) {
  const link = location.hash.slice(1);
  if (!link) {
    return;
  }
  form.elements.link.value = link;
  for (const anchor of document.querySelectorAll("a[data-keeps-link]")) {
    anchor.hash = link;
  }
  history.replaceState(null, "", location.pathname + location.search);
}

// Asks only while somebody looks: a page that is left open keeps no instance of the service awake.
function keepLive(part) {
  const state = document.querySelector("[data-live-state]");
  let asking = false;
  const isInUse = () => part.contains(document.activeElement) || part.querySelector("details[open]");
  async function refresh() {
    if (document.hidden || asking || isInUse()) {
      return;
    }
    asking = true;
    try {
      const answer = await fetch(part.dataset.live, { credentials: "same-origin" });
      if (answer.status === 401) {
        location.reload();
        return;
      }
      if (!answer.ok) {
        throw new Error(String(answer.status));
      }
      const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
      // Whoever has reached into the part meanwhile keeps the focus; the next answer is shown.
      if (isInUse()) {
        return;
      }
      showTimes(parsed);
      part.replaceChildren(...document.adoptNode(parsed.body).childNodes);
      state.textContent = "";
      // A part that is read in steps says when it is whole.
      if (part.querySelector("[data-whole]")) {
        clearInterval(timer);
        document.removeEventListener("visibilitychange", refresh);
      }
    } catch {
      state.textContent = state.dataset.failed;
    } finally {
      asking = false;
    }
  }
  const timer = setInterval(refresh, Number(part.dataset.every) * 1000);
  document.addEventListener("visibilitychange", refresh);
}

// A time that is typed is that of the visitor, and sent in UTC; without this script it is in UTC.
function takeLocalTime(input) {
  const sent = document.createElement("input");
  sent.type = "hidden";
  sent.name = input.name;
  input.removeAttribute("name");
  input.after(sent);
  const moment = new Date(`${input.value}Z`);
  if (input.value && !Number.isNaN(moment.getTime())) {
    const local = new Date(moment.getTime() - moment.getTimezoneOffset() * 60000);
    input.value = local.toISOString().slice(0, 19);
  }
  const zone = document.getElementById(input.dataset.zone);
  zone.textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;
  input.form.addEventListener("submit", () => {
    sent.value = input.value ? new Date(input.value).toISOString() : "";
  });
}

// A form that is sent twice by a double click would show the answer to the second, which was refused.
function sendOnce(form) {
  let isSent = false;
  form.addEventListener("submit", (event) => {
    if (isSent) {
      event.preventDefault();
    }
    isSent = true;
  });
  // Whoever comes back to the page may send it again.
  addEventListener("pageshow", () => { isSent = false; });
}

showTimes(document);
for (const form of document.querySelectorAll("form[method=post]")) {
  sendOnce(form);
}
for (const input of document.querySelectorAll("input[data-zone]")) {
  takeLocalTime(input);
}
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.addEventListener("click", () => copy(button));
}
for (const form of document.querySelectorAll("form[data-open-link]")) {
  takeLink(form);
  // Whoever is on the page already and follows a link only changes what stands behind `#`.
  addEventListener("hashchange", () => takeLink(form));
}
for (const part of document.querySelectorAll("[data-live]")) {
  keepLive(part);
}

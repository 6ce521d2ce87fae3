// What the page does more with a script: rows that come by themselves, and keys. All
// HTML that is put in was made by the server, which escapes what deliveries hold;
// what is not made by it is put in as text.
"use strict";

const $ = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
document.documentElement.classList.add("js");

// ---- what comes

const maxRows = 100;

function fromHTML(html) {
  const box = document.createElement("template");
  box.innerHTML = html;
  return box.content;
}

// put replaces what is in an element, where that is not what is there. What was open
// or closed by the reader stays so, and the focus stays where it was.
function put(element, html) {
  if (!element || element.lastHTML === html) return;
  const first = element.lastHTML === undefined;
  element.lastHTML = html;
  const next = fromHTML(html);
  if (first && element.innerHTML.trim() === htmlOf(next).trim()) return;
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  for (const details of all("details[id]", element)) {
    const other = next.getElementById(details.id);
    if (other) other.open = details.open;
  }
  const where = focused && (focused.closest("details[id]") || {}).id;
  element.replaceChildren(next);
  const again = where && document.getElementById(where);
  if (again) $("summary", again).focus();
}

function htmlOf(fragment) {
  const div = document.createElement("div");
  div.append(fragment.cloneNode(true));
  return div.innerHTML;
}

function putRow(table, row, grows) {
  const next = fromHTML("<table><tbody>" + row.html + "</tbody></table>").querySelector("tr");
  const old = document.getElementById("d" + row.seq);
  if (old) {
    if (old.outerHTML === next.outerHTML) return false;
    const focused = old.contains(document.activeElement);
    old.replaceWith(next);
    if (focused) $("a.open", next).focus();
    return false;
  }
  const body = table.tBodies[0];
  const before = all("tr", body).find((tr) => Number(tr.dataset.seq) < row.seq);
  if (!grows && !before) return false;
  next.classList.add("new");
  body.insertBefore(next, before || null);
  return true;
}

// listen hears of changes while the page is seen: a browser has six connections to a
// host, and each page takes one.
function listen() {
  const stream = document.body.dataset.stream;
  if (!stream) return;
  let source = null;
  let opened = false;
  const open = () => {
    source = new EventSource(stream);
    source.onopen = () => { $("#lost").hidden = true; };
    source.onerror = () => { $("#lost").hidden = false; };
    source.onmessage = (event) => {
      const said = take(JSON.parse(event.data));
      // What is there at the start has been read.
      if (opened && said.length) $("#live").textContent = said.length > 3 ? said.length + " new deliveries" : said.join(". ");
      opened = true;
    };
  };
  const see = () => {
    if (source) source.close();
    source = null;
    if (!document.hidden) open();
  };
  document.addEventListener("visibilitychange", see);
  see();
}

// take puts in what a message has, and gives new rows in words.
function take(message) {
  put($("#counts"), message.counts);
  put($("#state"), message.state);
  if (message.live) put($("#now"), message.live);
  const table = $("#deliveries");
  if (!table) return [];
  const said = [];
  for (const row of (message.rows || []).reverse()) {
    if (putRow(table, row, "grows" in table.dataset)) said.push(row.say);
  }
  for (const tr of all("tbody tr", table).slice(maxRows)) tr.remove();
  $("#empty").hidden = $("tbody tr", table) !== null;
  return said;
}

// ---- what is copied

function toast(text) {
  $("#toast").textContent = text;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { $("#toast").textContent = ""; }, 4000);
}

async function copy(seq, form) {
  const text = fetch("/deliveries/" + seq + "/as/" + form).then((answer) => {
    if (!answer.ok) throw new Error("the server answered " + answer.status);
    return answer.text();
  });
  try {
    // With a promise in it: the clipboard is to be asked while the key still counts.
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": text.then((t) => new Blob([t], { type: "text/plain" })) })]);
    toast("Copied #" + seq + " as " + form);
  } catch (error) {
    toast("Not copied: " + error.message);
  }
}

// ---- keys

const typing = (element) => element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);
const rows = () => all("#deliveries a.open");
const seqHere = () => {
  const page = location.pathname.match(/^\/deliveries\/(\d+)$/);
  if (page) return page[1];
  const row = document.activeElement.closest("tr[data-seq]") || $("#deliveries tbody tr");
  return row ? row.dataset.seq : null;
};

function move(step) {
  const links = rows();
  if (!$("#deliveries")) {
    const link = $(step > 0 ? ".beside a[rel=next]" : ".beside a[rel=prev]");
    if (link) link.click();
    return;
  }
  if (!links.length) return;
  const at = links.findIndex((link) => link.closest("tr").contains(document.activeElement));
  const next = links[at < 0 ? 0 : Math.min(links.length - 1, Math.max(0, at + step))];
  next.focus({ preventScroll: true });
  next.closest("tr").scrollIntoView({ block: "nearest" });
}

function post(path) {
  const form = document.createElement("form");
  form.method = "post";
  form.action = path;
  const token = document.createElement("input");
  token.type = "hidden";
  token.name = "token";
  token.value = document.body.dataset.token;
  form.append(token);
  document.body.append(form);
  form.submit();
}

function edit() {
  const seq = seqHere();
  const body = $("#edit-body");
  if (body) {
    body.focus();
    body.setSelectionRange(0, 0);
    $("#edit").scrollIntoView({ block: "nearest" });
  } else if (seq && !$("#edit")) {
    location.assign("/deliveries/" + seq + "#edit");
  }
}

function back() {
  const open = all(".bar details[open]");
  if (open.length) {
    open[0].open = false;
    $("summary", open[0]).focus();
  } else if ($("#back")) {
    $("#back").click();
  } else if (document.activeElement !== document.body) {
    document.activeElement.blur();
  }
}

const keys = {
  j: () => move(1),
  k: () => move(-1),
  "/": () => $("#q") ? $("#q").focus() : location.assign("/#q"),
  t: () => $("#type").focus(),
  r: () => { const seq = seqHere(); if (seq) post("/deliveries/" + seq + "/again"); },
  e: edit,
  s: () => { const form = $("#edit-form"); if (form) form.requestSubmit(); },
  f: () => { const faults = $("#faults"); faults.open = true; $("button, input:not([type=hidden])", faults).focus(); },
  c: () => { const seq = seqHere(); if (seq) copy(seq, "fixture"); },
  y: () => { const seq = seqHere(); if (seq) copy(seq, "curl"); },
  "?": () => $("#help").showModal(),
  Escape: back,
};

const stored = (value) => {
  try {
    if (value !== undefined) localStorage.setItem("keys", value);
    return localStorage.getItem("keys");
  } catch {
    return null; // a browser that keeps nothing
  }
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || $("#help").open) return;
  if (typing(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const key = Object.hasOwn(keys, event.key) && keys[event.key];
  if (!key || (stored() === "off" && event.key !== "Escape")) return;
  event.preventDefault();
  key();
});

// ---- the page

document.addEventListener("click", (event) => {
  const link = event.target.closest("a.copy");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && navigator.clipboard) {
    event.preventDefault();
    copy(seqHere(), link.dataset.form);
    return;
  }
  if (event.target.closest("a[href='#edit']")) {
    event.preventDefault();
    edit();
    return;
  }
  const row = event.target.closest("#deliveries tbody tr");
  if (row && !event.target.closest("a") && !String(getSelection())) $("a.open", row).click();
  for (const details of all(".bar details[open]")) if (!details.contains(event.target)) details.open = false;
});

$("#help-button").addEventListener("click", () => $("#help").showModal());
$("#keys-on").checked = stored() !== "off";
$("#keys-on").addEventListener("change", (event) => stored(event.target.checked ? "on" : "off"));
if (location.hash === "#edit") edit();
if (location.hash === "#q" && $("#q")) $("#q").focus();
if (document.querySelector(".said")) history.replaceState(null, "", location.pathname + location.search.replace(/[?&]said=\d+/, "").replace(/^&/, "?") + location.hash);
listen();

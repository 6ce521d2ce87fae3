// What a person does with the page, in a browser. It gets {url, other, chromium, nasty,
// batch, pictures} and prints what it saw; a step that fails ends it. batch is the number
// of a batch's delivery. With pictures, a directory, pictures of the pages go there.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import puppeteer from "puppeteer-core";

const axe = readFileSync(createRequire(process.cwd() + "/x").resolve("axe-core/axe.min.js"), "utf8");
const { url, other, chromium, nasty, batch, pictures } = JSON.parse(readFileSync(0, "utf8"));
const saw = { violations: [], errors: [], passes: 0 };

const browser = await puppeteer.launch({ executablePath: chromium, args: ["--no-sandbox", "--disable-gpu"] });
const context = browser.defaultBrowserContext();
await context.overridePermissions(url, ["clipboard-read", "clipboard-write", "clipboard-sanitized-write"]);
const page = await open("/");

async function open(path) {
  const tab = await browser.newPage();
  await tab.setViewport({ width: 1200, height: 800 });
  tab.on("pageerror", (error) => saw.errors.push(String(error)));
  tab.on("console", (message) => { if (message.type() === "error") saw.errors.push(message.text()); });
  tab.on("dialog", (dialog) => { saw.errors.push("a dialog"); dialog.dismiss(); });
  await tab.goto(url + path);
  return tab;
}

const text = (selector, tab = page) => tab.$eval(selector, (element) => element.textContent.trim());
const until = (what, ...args) => page.waitForFunction(what, { timeout: 10_000 }, ...args);
const seq = () => Number(new URL(page.url()).pathname.split("/")[2]);
const press = async (...keys) => { for (const key of keys) await page.keyboard.press(key); };
// leads presses keys that load another page.
const leads = (...keys) => Promise.all([page.waitForNavigation(), press(...keys)]);

// accessible has axe look at a page: at everything in the light, at contrast in the
// dark, too.
async function accessible(name) {
  const look = async (scheme, only) => {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    const found = await page.evaluate((only) => window.axe.run({ runOnly: only }), only);
    for (const v of found.violations) saw.violations.push(`${name}, ${scheme}: ${v.id}: ${v.nodes.map((n) => n.target + " " + n.failureSummary).join("; ")}`);
    saw.passes += found.passes.length;
  };
  await page.evaluate(axe);
  await look("dark", { type: "rule", values: ["color-contrast"] });
  await look("light", { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] });
}

async function picture(name, path, { scheme = "light", width = 1200, height = 760 } = {}) {
  if (!pictures) return;
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.setViewport({ width, height });
  await page.goto(url + path);
  await page.screenshot({ path: `${pictures}/${name}.png` });
}

// An event is triggered, and opened, by keys alone.
const before = Number(await text("#counts b"));
await press("t");
saw.focused = await page.evaluate(() => document.activeElement.id);
await press("Tab", "Tab");
await leads("Enter");
const triggered = seq();
await leads("Escape");
await press("j");
await leads("Enter");
saw.opened = seq() === triggered;

// Edited and signed anew; keys do nothing while one writes.
await press("e");
await page.keyboard.type("srejk/?");
saw.typed = (await page.$eval("#edit-body", (area) => area.value)).startsWith("srejk/?") && seq() === triggered;
await page.$eval("#edit-body", (area, value) => { area.value = value; }, nasty);
await press("Escape");
await leads("s");
const edited = seq();
saw.compared = (await text("#then-title")) === "Compared with #" + triggered;
saw.verdict = await text("#now .verdict");

// What it holds is text, here and in the list.
await accessible("delivery");
saw.markup = await page.$$eval("xss, img, iframe, main script", (found) => found.length);
saw.shown = (await text("section[aria-labelledby=request-title] pre")).includes("<img src=x onerror=");
await page.goto(url + "/");
saw.markup += await page.$$eval("xss, img, iframe, main script", (found) => found.length);
saw.ran = await page.evaluate(() => document.title.includes("ran") || "ran" in window);

// Copied as curl.
await press("j", "y");
await until(() => document.querySelector("#toast").textContent !== "");
saw.copied = await page.evaluate(async (path) => (await navigator.clipboard.readText()) === (await (await fetch(path)).text()), `/deliveries/${edited}/as/curl`);

// A new one comes to a page that is open, and is told of.
await page.evaluate(() => { window.kept = true; });
const tab = await open("/deliveries/" + triggered);
await Promise.all([tab.waitForNavigation(), tab.keyboard.press("r")]);
const repeated = Number(new URL(tab.url()).pathname.split("/")[2]);
await tab.close();
await page.bringToFront();
await until((id) => document.querySelector("#deliveries tbody tr").id === id, "d" + repeated);
await until(() => document.querySelector("#live").textContent !== "");
saw.told = (await text("#live")).startsWith(`Delivery ${repeated}: `);
saw.kept = await page.evaluate(() => window.kept === true);
await until((n) => Number(document.querySelector("#counts b").textContent) >= n, before + 3);
await accessible("list");

// A search.
await press("/");
await page.keyboard.type("onerror=");
await leads("Enter");
saw.found = await page.$$eval("#deliveries tbody tr", (rows) => rows.map((row) => Number(row.dataset.seq)));
saw.found = saw.found.includes(edited) && !saw.found.includes(triggered);

// A fault is turned on, and an event refused by it; and off.
await page.goto(url + "/");
const fault = async () => {
  await press("f");
  await page.focus("[aria-labelledby=fault-stale]");
  await leads("Space");
  return text("#state");
};
saw.on = await fault();
await press("f");
await accessible("faults");
await press("Escape", "t", "Tab", "Tab");
await leads("Enter");
saw.refused = await text("#now .verdict");
const refused = seq();
saw.off = await fault();

// The keys are listed; their page is a dialog.
await press("?");
saw.help = await page.$eval("#help", (help) => help.open);
await accessible("help");
await press("Escape");

// A batch's work.
await page.goto(url + "/deliveries/" + batch);
saw.lines = await text("#lines tbody tr td:nth-child(2)");
saw.tree = await page.$$eval(".tree > li > details", (parts) => parts.map((part) => part.id));
await accessible("batch");

// Another origin's page, with all that a page can do.
const now = async () => {
  await page.goto(url + "/");
  return (await text("#counts")) + (await text("#state")) + (await text(".versions"));
};
const untouched = await now();
const stranger = await browser.newPage();
await stranger.goto(other);
await stranger.waitForFunction(() => document.title === "done", { timeout: 20_000 });
saw.stolen = await stranger.evaluate(() => window.read);
await stranger.close();
saw.untouched = untouched === await now();

// Narrow, without sideways scrolling.
await page.setViewport({ width: 400, height: 800 });
await page.goto(url + "/");
saw.wide = await page.evaluate(() => document.documentElement.scrollWidth);
await accessible("narrow");
await page.goto(url + "/deliveries/" + edited);
saw.wide = Math.max(saw.wide, await page.evaluate(() => document.documentElement.scrollWidth));
await page.setViewport({ width: 1200, height: 800 });

// Without a script.
await page.setJavaScriptEnabled(false);
await page.goto(url + "/");
await Promise.all([page.waitForNavigation(), page.click("form[action='/trigger'] button")]);
await page.setJavaScriptEnabled(true);
saw.scriptless = seq() > repeated;

await picture("console-list", "/", { height: 520 });
await picture("console-batch", "/deliveries/" + batch, { scheme: "dark", height: 1100 });
await picture("console-refused", "/deliveries/" + refused, { height: 900 });
await picture("console-narrow", "/", { width: 400, height: 800 });
console.log(JSON.stringify(saw));
await browser.close();

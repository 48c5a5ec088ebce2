// Opens reports in headless Chromium; run.sh calls it: check.mjs [--shots FOLDER] REPORT.html...
//
// Fails on a console error, a request, a script that ran, sideways scrolling of the page, text
// too small to read, or a serious accessibility finding: the first report at phone and desk
// width, light, dark and print, each further one at one width light and one dark.
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import axe from "axe-core";
import { chromium } from "playwright-core";

const words = process.argv.slice(2);
const at = words.indexOf("--shots");
const shots = at < 0 ? undefined : words.splice(at, 2)[1];
if (!words.length) {
  console.error("usage: check.mjs [--shots FOLDER] REPORT.html...");
  process.exit(2);
}
const faults = [];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

/** Opens an address; every sign of life is told to `fault`. */
async function open(address, width, mode, bypassCSP, fault) {
  const colorScheme = mode === "dark" ? "dark" : "light";
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, bypassCSP });
  const page = await context.newPage();
  await page.emulateMedia({ media: mode === "print" ? "print" : "screen", colorScheme });
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) fault(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => fault(`page error: ${error.message}`));
  page.on("dialog", async (dialog) => { fault("a dialog opened"); await dialog.dismiss(); });
  page.on("request", (request) => {
    const url = request.url();
    if (url !== address && !url.startsWith("data:")) fault(`request: ${url}`);
  });
  await page.goto(address, { waitUntil: "load" });
  const seen = await page.evaluate(() => ({
    title: document.title,
    // The planted texts of `clawsig synth --hostile` set it, if anything runs them.
    ran: window.ran !== undefined,
    active: document.querySelectorAll("script, iframe, object, embed, img, form, input").length,
    handlers: [...document.querySelectorAll("*")]
      .filter((e) => [...e.attributes].some((a) => a.name.startsWith("on"))).length,
    addresses: [...document.querySelectorAll("[href], [src]")].map((e) => e.getAttribute("href") ?? e.src)
      .filter((to) => !/^(#[a-z]+|data:,|figures\/[a-z0-9-]+\.(svg|csv))$/.test(to)).length,
    wide: document.documentElement.scrollWidth - innerWidth,
    smallest: Math.min(...[...document.querySelectorAll("svg.figure")].map((svg) =>
      Math.min(...[...svg.querySelectorAll("text")].map((text) => text.getBoundingClientRect().height)))),
  }));
  if (!seen.title.startsWith("ClawHub")) fault(`the title became ${seen.title}`);
  if (seen.ran) fault("a planted script ran");
  if (seen.active) fault(`${seen.active} active elements`);
  if (seen.handlers) fault(`${seen.handlers} event handlers`);
  if (seen.addresses) fault(`${seen.addresses} addresses that are not the report's own`);
  if (mode !== "print" && seen.wide > 0) fault(`the page is ${seen.wide} px too wide`);
  if (mode !== "print" && seen.smallest < 8) fault(`text of ${seen.smallest.toFixed(1)} px in a figure`);
  return { context, page };
}

/** A page that lets a script run must be noticed, or the checks above show nothing. */
async function selfTest() {
  const found = [];
  const bad = "<title>ClawHub</title><img src=x onerror=window.ran=1><script>window.ran=1</script>";
  const address = `data:text/html,${encodeURIComponent(bad)}`;
  const { context } = await open(address, 400, "light", false, (text) => found.push(text));
  await context.close();
  for (const sign of ["script ran", "active elements", "event handlers", "addresses"]) {
    if (!found.some((text) => text.includes(sign))) faults.push(`self-test: no sign of ${sign}`);
  }
}

async function check(file, looks) {
  const address = pathToFileURL(resolve(file)).href;
  for (const [width, mode] of looks) {
    const where = `${file}, ${width} px, ${mode}`;
    const fault = (text) => faults.push(`${where}: ${text}`);
    // With the page's own policy; then without, so that only the escaping stands between a
    // planted script and its run, and so that axe, a script itself, may look.
    await (await open(address, width, mode, false, fault)).context.close();
    const { context, page } = await open(address, width, mode, true, fault);
    if (mode === "print") {
      const pages = (await page.pdf({ preferCSSPageSize: true })).toString("latin1").match(/\/Type\s*\/Page\b/g).length;
      if (pages > 12) fault(`${pages} pages on paper`);
    }
    await page.evaluate(() => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
    if (mode !== "print") {
      await page.evaluate(axe.source);
      const options = { resultTypes: ["violations"] };
      const { violations } = await page.evaluate((options) => axe.run(options), options);
      for (const found of violations) {
        const text = `axe ${found.impact} ${found.id}: ${found.nodes.length} x ${found.help}` +
          ` (${found.nodes[0].target})`;
        if (["serious", "critical"].includes(found.impact)) fault(text);
        else console.log(`${where}: ${text}`);
      }
    }
    await context.close();
  }
}

/** The pictures of the documentation. */
async function picture(file, folder) {
  mkdirSync(folder, { recursive: true });
  const address = pathToFileURL(resolve(file)).href;
  const fault = (text) => faults.push(`pictures: ${text}`);
  for (const [name, width, mode, first, height] of [
    ["report-scanners", 1100, "light", "#scanners", 1112],
    ["report-model", 1100, "dark", "#model ~ .figures", 1150],
    ["report-phone", 400, "dark", "body", 1000],
  ]) {
    const { context, page } = await open(address, width, mode, false, fault);
    const { y } = await page.locator(first).first().boundingBox();
    const clip = { x: 0, y: Math.max(0, y - 12), width, height };
    await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true, clip });
    await context.close();
  }
}

await selfTest();
const all = [400, 1400].flatMap((width) => ["light", "dark", "print"].map((mode) => [width, mode]));
for (const [place, file] of words.entries()) {
  await check(file, place === 0 ? all : [[400, "light"], [1400, "dark"]]);
}
if (shots) await picture(words[0], shots);
await browser.close();
if (faults.length) {
  console.error(faults.join("\n"));
  process.exit(1);
}
console.log(`browser: ${words.length} reports: no console error, no request, no script ran, ` +
  "no serious axe finding at 400 and 1400 px, light and dark, 12 pages on paper at most");

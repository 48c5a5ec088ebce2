// Opens a report in headless Chromium: `npm install && node check.mjs FOLDER/report.html [SHOTS]`.
//
// Fails on a console error, a request, a script that ran, sideways scrolling of the page, or a
// serious accessibility finding, at phone and desk width, light, dark and print. Where Chromium
// or the packages are absent it prints why it was skipped and ends well.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const browserPath = process.env.CHROMIUM ?? "/usr/bin/chromium";
if (!existsSync(browserPath)) {
  console.log(`skipped: no browser at ${browserPath} (Debian: apt-get install chromium)`);
  process.exit(0);
}
let chromium, axeSource;
try {
  ({ chromium } = await import("playwright-core"));
  axeSource = (await import("axe-core")).default.source;
} catch (error) {
  console.log(`skipped: ${error.message} (run npm install in this folder)`);
  process.exit(0);
}
const [file, shots] = process.argv.slice(2);
if (!file || !existsSync(file)) {
  console.error("usage: node check.mjs FOLDER/report.html [FOLDER_FOR_SCREENSHOTS]");
  process.exit(2);
}
const address = pathToFileURL(resolve(file)).href;
const faults = [];
const browser = await chromium.launch({
  executablePath: browserPath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
for (const width of [400, 1400]) {
  for (const mode of ["light", "dark", "print"]) {
    const where = `${width} px, ${mode}`;
    const fault = (text) => faults.push(`${where}: ${text}`);
    // axe is a script, which the page's own policy forbids: only the second opening lifts it.
    for (const audit of [false, true]) {
      const context = await browser.newContext({
        viewport: { width, height: 900 },
        colorScheme: mode === "dark" ? "dark" : "light",
        bypassCSP: audit,
      });
      const page = await context.newPage();
      await page.emulateMedia({ media: mode === "print" ? "print" : "screen",
        colorScheme: mode === "dark" ? "dark" : "light" });
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
        scripts: document.querySelectorAll("script, iframe, object, embed").length,
        handlers: [...document.querySelectorAll("*")]
          .filter((e) => [...e.attributes].some((a) => a.name.startsWith("on"))).length,
        wide: document.documentElement.scrollWidth - innerWidth,
      }));
      if (!seen.title.startsWith("ClawHub")) fault(`the title became ${seen.title}`);
      if (seen.scripts) fault(`${seen.scripts} active elements`);
      if (seen.handlers) fault(`${seen.handlers} event handlers`);
      if (mode !== "print" && seen.wide > 0) fault(`the page is ${seen.wide} px too wide`);
      if (audit) {
        await page.evaluate(() => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
        await page.evaluate(axeSource);
        const { violations } = await page.evaluate(() => axe.run());
        for (const found of violations) {
          const text = `axe ${found.impact} ${found.id}: ${found.nodes.length} x ${found.help}` +
            ` (${found.nodes[0].target})`;
          if (["serious", "critical"].includes(found.impact)) fault(text);
          else console.log(`${where}: ${text}`);
        }
      } else if (shots) {
        await page.screenshot({ path: `${shots}/${width}-${mode}.png`, fullPage: true });
      }
      await context.close();
    }
  }
}
await browser.close();
if (faults.length) {
  console.error(faults.join("\n"));
  process.exit(1);
}
console.log("ok: 2 widths x light, dark, print: no console error, no request, no script, no serious axe finding");

// A browser on the pages of `paperboy try --offline`: what every walk through them needs. See README.md.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

export const program = process.argv[2];
if (!program) {
  console.error(`usage: node ${path.basename(process.argv[1])} PAPERBOY`);
  process.exit(2);
}
const requireAll = process.env.PAPERBOY_REQUIRE_ALL === '1';
const modules = path.resolve(process.env.WEB_NODE_MODULES ?? path.join(import.meta.dirname, '../mail/node_modules'));
const require = createRequire(path.join(modules, 'here.js'));
const shots = process.env.WEB_SCREENSHOTS;
if (shots) fs.mkdirSync(shots, { recursive: true });
export const problems = [];

function missing(what) {
  console.log(`skipped: ${what} is not there`);
  process.exit(requireAll ? 1 : 0);
}

let puppeteer, axe;
try {
  puppeteer = (await import(require.resolve('puppeteer-core'))).default;
  axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
} catch {
  missing('puppeteer-core or axe-core');
}
const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((at) => fs.existsSync(at));
if (!executablePath) missing('Chromium');

const trial = spawn(program, ['try', '--offline', '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] });
/** Where the pages are, and the password of the operator's. */
export const { base, password } = await new Promise((resolve, reject) => {
  let said = '';
  trial.stdout.on('data', (data) => {
    said += data;
    const found = /operator: +(http:\/\/127\.0\.0\.1:\d+)\/admin \(password (\S+)\)/.exec(said);
    if (found) resolve({ base: found[1], password: found[2] });
  });
  trial.on('exit', () => reject(new Error(`the trial ended: ${said}`)));
});
trial.removeAllListeners('exit');

const browser = await puppeteer.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
});
export const page = await browser.newPage();
page.setDefaultTimeout(20_000);
page.on('console', (message) => {
  if (/Content Security Policy|Refused to/.test(message.text())) problems.push(`${page.url()}: ${message.text().slice(0, 300)}`);
});
page.on('pageerror', (error) => problems.push(`${page.url()}: ${error}`));
page.on('response', (response) => {
  if (response.status() >= 500) problems.push(`${response.url()}: ${response.status()}`);
});

let looks = 0;
/** Looks at the page: nothing overflows, axe-core is content, in both schemes, at both widths. */
export async function look(name) {
  await page.setBypassCSP(true);
  for (const scheme of ['light', 'dark']) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    for (const width of [360, 1400]) {
      await page.setViewport({ width, height: 900 });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > width) problems.push(`${name}: ${wide} px wide at ${width}`);
      if (shots) await page.screenshot({ path: path.join(shots, `${name}-${width}-${scheme}.png`), fullPage: true });
      looks += 1;
    }
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { iframes: false }));
    for (const { id, help, nodes } of violations) problems.push(`${name}, ${scheme}: axe ${id}: ${help}: ${nodes[0].html.slice(0, 200)}`);
  }
  await page.setBypassCSP(false);
}

export async function go(where) {
  await page.goto(new URL(where, base).href, { waitUntil: 'load' });
}

/** Presses what matches and waits for the next page. */
export async function press(selector) {
  await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), page.click(selector)]);
}

export async function type(selector, text) {
  await page.$eval(selector, (field) => { field.value = ''; });
  await page.type(selector, text);
}

export async function text() {
  return page.$eval('main, [role=main]', (main) => main.innerText);
}

export async function expect(what, wanted) {
  const found = await text();
  if (!wanted.test(found)) problems.push(`${what}: ${wanted} is not in:\n${found.slice(0, 600)}`);
}

/** The links of our own in the newest mail to an address whose subject fits. */
export async function linksOfMail(address, subject) {
  for (let tries = 0; tries < 100; tries += 1) {
    await go('/inbox');
    const number = await page.evaluate((address, subject) => {
      const rows = [...document.querySelectorAll('tbody tr')].filter((row) => {
        const [to, what] = row.querySelectorAll('td');
        return to.innerText === address && new RegExp(subject, 'i').test(what.innerText);
      });
      return rows.at(-1)?.querySelector('a').getAttribute('href');
    }, address, subject);
    if (number) {
      await go(`${number}/text`);
      return [...(await text()).matchAll(/http:\/\/127\.0\.0\.1:\d+\/\S+/g)].map(([url]) => url);
    }
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
  throw new Error(`no mail to ${address} about ${subject} has come`);
}

/** Ends everything, and says what was wrong. */
export async function finish(name) {
  await browser.close();
  trial.kill('SIGINT');
  console.log(`${name}: ${looks} looks, axe-core ran on each page in both schemes`);
  for (const problem of problems) console.log(`FAILED  ${problem}`);
  process.exit(problems.length === 0 ? 0 : 1);
}

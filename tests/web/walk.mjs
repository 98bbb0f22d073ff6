// Walks the whole way in Chromium, as a visitor of `paperboy try --offline`: see README.md.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const program = process.argv[2];
if (!program) {
  console.error('usage: node walk.mjs PAPERBOY');
  process.exit(2);
}
const requireAll = process.env.PAPERBOY_REQUIRE_ALL === '1';
const modules = path.resolve(process.env.WEB_NODE_MODULES ?? path.join(import.meta.dirname, '../mail/node_modules'));
const require = createRequire(path.join(modules, 'here.js'));
const shots = process.env.WEB_SCREENSHOTS;
if (shots) fs.mkdirSync(shots, { recursive: true });
const problems = [];

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

/** Starts the trial; resolves to where its pages are. */
const trial = spawn(program, ['try', '--offline', '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] });
const base = await new Promise((resolve, reject) => {
  let said = '';
  trial.stdout.on('data', (data) => {
    said += data;
    const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said);
    if (found) resolve(found[0]);
  });
  trial.on('exit', () => reject(new Error(`the trial ended: ${said}`)));
});
trial.removeAllListeners('exit');

const browser = await puppeteer.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
});
const page = await browser.newPage();
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
async function look(name) {
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

async function go(where) {
  await page.goto(new URL(where, base).href, { waitUntil: 'load' });
}

/** Presses what matches and waits for the next page. */
async function press(selector) {
  await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), page.click(selector)]);
}

async function type(selector, text) {
  await page.$eval(selector, (field) => { field.value = ''; });
  await page.type(selector, text);
}

async function text() {
  return page.$eval('main, [role=main]', (main) => main.innerText);
}

async function expect(what, wanted) {
  const found = await text();
  if (!wanted.test(found)) problems.push(`${what}: ${wanted} is not in:\n${found.slice(0, 600)}`);
}

/** The links of our own in the newest mail to an address whose subject fits. */
async function linksOfMail(address, subject) {
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

const me = 'walker@walk.example.net';
try {
  // Visit.
  await go('/');
  await expect('the first page', /Trending papers/);
  await look('trending');
  const title = await page.$eval('ol.papers h2 a', (link) => link.innerText);
  await press('ol.papers h2 a');
  await expect('a paper', /Similar papers/);
  await look('paper');
  if ((await page.$$('section.more ol.papers > li')).length < 3) problems.push('a paper has few similar papers');

  // Search, from the head of the page, by the keyboard.
  await type('#header-q', title.split(/\W+/).filter((word) => word.length > 4).slice(0, 2).join(' '));
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  if (!(await text()).includes(title)) problems.push(`search does not find ${title}`);
  await look('search');
  await go('/search?q=xylophonequarks');
  await expect('an empty search', /Nothing was found/);
  await go('/search?q=a&from=yesterday');
  await look('search-wrong');
  await go('/archive');
  await look('archive');
  await go('/nowhere');
  await look('not-found');

  // Subscribe: first with a mistake, which is said beside the field.
  await go('/subscribe');
  await type('#email', 'walker at walk');
  await type('#description', 'Quantum error correction, surface codes and decoders');
  await press('main form button[type=submit]');
  await expect('a mistake', /must be a mail address/);
  const kept = await page.$eval('#description', (field) => field.value);
  if (!kept.startsWith('Quantum error')) problems.push('what was typed is not kept');
  await look('subscribe-wrong');
  await type('#email', me);
  await press('main form button[type=submit]');
  await expect('subscribing', /Look into your mailbox/);
  await look('subscribe-sent');

  // Read the mail in the inbox, confirm.
  const confirm = (await linksOfMail(me, 'confirm')).find((url) => url.includes('/confirm?t='));
  await look('mail');
  await go('/inbox');
  await look('inbox');
  await go(confirm);
  await look('confirm');
  await press('main form button');
  await expect('confirming', /You are subscribed/);
  await look('subscribed');

  // Preferences, from the welcome.
  const welcome = await linksOfMail(me, 'welcome|subscribed|begin');
  const preferences = welcome.find((url) => url.includes('/preferences?t='));
  const answer = await page.goto(preferences, { waitUntil: 'load' });
  if (answer.status() === 404) {
    console.log('skipped: there are no preferences yet');
  } else {
    await look('preferences');
  }

  // Thumb a paper of a reader who has had an issue.
  const reader = 'machines@reader.example';
  const links = await linksOfMail(reader, '.');
  const save = links.find((url) => /\/feedback\?t=.*v=save/.test(url)) ?? links.find((url) => url.includes('/feedback?t='));
  const view = links.find((url) => url.includes('/issues/'));
  const leave = links.find((url) => url.includes('/unsubscribe?t='));
  await go(save);
  await expect('a thumb', /Nothing has been changed yet/);
  await look('feedback');
  await press('button.big');
  await expect('a thumb given', /next issue/);
  await look('feedback-given');
  await press('form.author button[value=follow]');
  await expect('following', /You follow/);
  await go(save);
  await press('button[value=save]');
  await press('a[href^="/saved"]');
  await expect('saved papers', /1 paper/);
  await look('saved');

  // The issue as a page, and the list of them.
  await go(view);
  await expect('the issue', /\bQuantum|\bRobots/i);
  await look('issue');
  await go(view.split('?')[0]);
  await look('issues');

  // Leave by one click.
  await go(leave);
  await look('unsubscribe');
  await press('main form button');
  await expect('leaving', /You have left/);
} catch (error) {
  problems.push(`${page.url()}: ${error.stack}`);
} finally {
  await browser.close();
  trial.kill('SIGINT');
}
console.log(`walk: ${looks} looks, axe-core ran on each page in both schemes`);
for (const problem of problems) console.log(`FAILED  ${problem}`);
process.exit(problems.length === 0 ? 0 : 1);

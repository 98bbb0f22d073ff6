// Walks the whole way in Chromium, as a visitor of `paperboy try --offline`: see README.md.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { base, expect, finish, go, linksOfMail, look, page, press, problems, program, text, type } from './browser.mjs';

/** The address in List-Unsubscribe of the newest mail to an address that has one. */
async function wayOut(address) {
  await go('/inbox');
  const numbers = await page.$$eval('tbody tr', (rows, address) => rows
    .filter((row) => row.querySelector('td').innerText === address)
    .map((row) => row.querySelector('a').getAttribute('href')), address);
  for (const number of numbers.reverse()) {
    await go(`${number}/source`);
    const found = /^List-Unsubscribe:\s*<([^>]+)>/m.exec(await page.$eval('pre', (source) => source.textContent));
    if (found) return found[1];
  }
  throw new Error(`no mail to ${address} has a way out`);
}

/** Asserts what must hold. */
function must(holds, what) {
  if (!holds) problems.push(`${page.url()}: ${what}`);
}

/** Chooses a value in a form. */
async function choose(selector, value) {
  await page.$eval(selector, (field, value) => { field.value = value; }, value);
}

/** What stands in the frame of one of the pages that preview an issue: its titles, in order. */
async function previewed() {
  return page.$$eval('ol.previewed a', (links) => links.map((link) => link.innerText));
}

/** The next issue of whoever the link belongs to. */
async function nextIssue(preferences) {
  await go(preferences.replace('/preferences?', '/preferences/preview?'));
  return previewed();
}

/** Fetches what a link leads to, without the browser, as a program would. */
async function fetched(url, options) {
  const response = await fetch(new URL(url, base), { redirect: 'manual', ...options });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** Presses Tab until what matches has the focus; the focus must be seen on the way. */
async function tabTo(selector) {
  for (let tries = 0; tries < 200; tries += 1) {
    await page.keyboard.press('Tab');
    const found = await page.evaluate((selector) => {
      const active = document.activeElement;
      const style = getComputedStyle(active);
      const seen = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
      return { here: active.matches(selector), seen, what: active.outerHTML.slice(0, 120) };
    }, selector);
    if (!found.seen && !/^<body/.test(found.what)) problems.push(`${page.url()}: the focus is not seen on ${found.what}`);
    if (found.here) return;
  }
  throw new Error(`${selector} cannot be reached by the keyboard`);
}

/** Runs the program to its end, in an installation of its own. */
async function paperboy(folder, ...args) {
  const child = spawn(program, ['-c', path.join(folder, 'paperboy.toml'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => { said += data; });
  const code = await new Promise((resolve) => { child.on('exit', resolve); });
  if (code !== 0) throw new Error(`paperboy ${args.join(' ')}: ${said}`);
  return said;
}

/**
 * A thumb by a link in the mail changes tomorrow's issue. The readers of the trial have had all its
 * papers, so this is an installation of its own, whose issue is shown and not sent.
 */
async function steer() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'walk-'));
  const port = await new Promise((resolve) => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
  const home = `http://127.0.0.1:${port}`;
  fs.writeFileSync(path.join(folder, 'secret'), 'a secret of the walk that is long enough\n', { mode: 0o600 });
  fs.writeFileSync(path.join(folder, 'paperboy.toml'), `[site]
base_url = "${home}"
from = "Papers <digest@example.org>"
contact = "operator@example.org"
secret_file = "secret"
[web]
listen = "127.0.0.1:${port}"
[smtp]
port = 25
security = "none"
`);
  const today = new Date().toISOString().slice(0, 10);
  const samples = fs.readFileSync(path.join(import.meta.dirname, '../../src/trial/samples.jsonl'), 'utf8').trim().split('\n');
  const papers = samples.map((line) => JSON.stringify({ ...JSON.parse(line), announced: today }));
  fs.writeFileSync(path.join(folder, 'papers.jsonl'), papers.join('\n'));
  const reader = { email: 'steers@example.org', min_score: 0.05, max_papers: 8, interests: [{ name: 'Language models', description: 'language models, adapters, reasoning, fine-tuning' }] };
  fs.writeFileSync(path.join(folder, 'readers.jsonl'), JSON.stringify(reader));
  await paperboy(folder, 'migrate');
  await paperboy(folder, 'papers', 'import', path.join(folder, 'papers.jsonl'));
  await paperboy(folder, 'subscribers', 'import', path.join(folder, 'readers.jsonl'));
  const mail = await paperboy(folder, 'preview', reader.email, '--format', 'text');
  const links = [...mail.matchAll(/http:\/\/127\.0\.0\.1:\d+\/\S+/g)].map(([url]) => url);
  const find = (wanted) => links.filter((url) => wanted.test(url));
  const [own] = find(/\/preferences\?t=/);
  const server = spawn(program, ['-c', path.join(folder, 'paperboy.toml'), 'run', '--role', 'web'], { stdio: 'ignore' });
  try {
    for (let tries = 0; ; tries += 1) {
      try {
        await fetch(home);
        break;
      } catch (error) {
        if (tries === 300) throw error;
        await new Promise((resolve) => { setTimeout(resolve, 100); });
      }
    }
    const before = await nextIssue(own);
    must(before.length >= 3, `only ${before.length} papers in the issue that is to be steered`);
    const [first] = before;
    await go(find(/\/feedback\?t=.*v=less/)[0]);
    must((await page.$eval('p.about', (about) => about.innerText)) === first, 'the first thumb of the mail is not about its first paper');
    await press('button.big');
    await expect('a paper turned down', /move down/);
    await look('feedback-less');
    await go(find(/\/feedback\?t=.*v=more/).at(-1));
    await press('button.big');
    await expect('a paper liked', /move up/);
    const after = await nextIssue(own);
    must(after.length > 0 && !after.includes(first), 'what was turned down still comes');
    must(JSON.stringify(after) !== JSON.stringify(before.filter((title) => title !== first)), 'the other papers come as before');
    await look('preview-steered');
  } finally {
    server.kill('SIGINT');
    fs.rmSync(folder, { recursive: true, force: true });
  }
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
  must((await page.$$('section.more ol.papers > li')).length >= 3, 'a paper has few similar papers');

  // Search, from the head of the page, by the keyboard.
  await type('#header-q', title.split(/\W+/).filter((word) => word.length > 4).slice(0, 2).join(' '));
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  must((await text()).includes(title), `search does not find ${title}`);
  await look('search');
  await go('/search?q=xylophonequarks');
  await expect('an empty search', /Nothing found/);
  await look('search-empty');
  await go('/search?q=a&from=yesterday');
  await look('search-wrong');
  await go('/archive');
  await look('archive');
  await press('ul.days-list a');
  await look('archive-day');
  await go('/nowhere');
  await look('not-found');

  // The same in the language of another browser; long words have to fit as well.
  for (const language of ['de', 'ja']) {
    await page.setExtraHTTPHeaders({ 'Accept-Language': `${language}, en;q=0.5` });
    for (const [name, where] of [['trending', '/'], ['search', '/search?q=a&from=yesterday'], ['archive', '/archive'], ['subscribe', '/subscribe'], ['link', '/preferences/link']]) {
      await go(where);
      must(await page.$eval('html', (html) => html.lang) === language, `${where} is not in ${language}`);
      await look(`${name}-${language}`);
    }
  }
  await page.setExtraHTTPHeaders({ 'Accept-Language': 'en' });

  // Subscribe: first look at today's picks, without an address.
  await go('/subscribe');
  await look('subscribe');
  await type('#description', 'Quantum error correction, surface codes and decoders');
  await press('button[formaction="/subscribe/preview"]');
  await expect('a preview before subscribing', /What would come today/);
  must((await previewed()).length > 0, 'the preview before subscribing is empty');
  must((await page.$eval('#email', (field) => field.value)) === '', 'an address was made up');
  await look('subscribe-preview');
  // Then with a mistake, which is said beside the field.
  await type('#email', 'walker at walk');
  await press('main form button[type=submit]');
  await expect('a mistake', /must be a mail address/);
  must((await page.$eval('#description', (field) => field.value)).startsWith('Quantum error'), 'what was typed is not kept');
  must(await page.$eval('#email', (field) => field.getAttribute('aria-invalid') === 'true' && document.getElementById(field.getAttribute('aria-describedby')) !== null), 'the mistake is not tied to its field');
  await look('subscribe-wrong');
  await type('#email', me);
  await press('main form button[type=submit]');
  await expect('subscribing', /Check your mailbox/);
  await look('subscribe-sent');
  // A provider that is mistyped is pointed out, and the right one is a button away.
  await go('/subscribe');
  await type('#email', 'walker@gmial.com');
  await press('main form button[type=submit]');
  await expect('a mistyped provider', /Did you mean walker@gmail\.com/);
  await look('subscribe-meant');
  await press('button[name=meant]');
  await expect('agreeing to the right one', /Check your mailbox/);

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

  // Preferences, from the welcome: hour, zone, weekdays, number of picks, one more interest.
  const welcome = await linksOfMail(me, 'welcome|subscribed|begin');
  const preferences = welcome.find((url) => url.includes('/preferences?t='));
  const before = await nextIssue(preferences);
  await look('preview');
  must(before.length > 0, 'the next issue is empty before anything was set');
  await go(preferences);
  await look('preferences');
  await choose('#send_at', '06:30');
  await type('#timezone', 'Nowhere/Land');
  await press('p.bar button');
  await expect('a wrong zone', /Nothing was saved yet/);
  await look('preferences-wrong');
  await choose('#send_at', '06:30');
  await type('#timezone', 'Europe/Paris');
  for (const day of ['sat', 'sun']) await page.click(`input[name=days][value=${day}]`);
  await type('#max_papers', '4');
  await choose('#language', 'fr');
  await page.evaluate(() => { for (const details of document.querySelectorAll('details')) details.open = true; });
  await type('#i1-name', 'Robots');
  await type('#i1-description', 'Robot manipulation and locomotion learned from demonstrations');
  await press('p.bar button[name=then]');
  const after = await previewed();
  must(after.length > 0 && after.length <= 4, `${after.length} papers in an issue of four`);
  must(JSON.stringify(after) !== JSON.stringify(before), 'the next issue is what it was');
  must(/Robots/.test(await text()), 'the new interest has no section');
  await look('preview-changed');
  await go(preferences);
  const kept = await page.evaluate(() => ({
    at: document.querySelector('#send_at').value,
    zone: document.querySelector('#timezone').value,
    days: [...document.querySelectorAll('input[name=days]:checked')].map((field) => field.value).join(),
    most: document.querySelector('#max_papers').value,
    language: document.querySelector('#language').value,
    heading: document.querySelector('h1').innerText,
  }));
  must(JSON.stringify(kept) === JSON.stringify({ at: '06:30', zone: 'Europe/Paris', days: 'mon,tue,wed,thu,fri', most: '4', language: 'fr', heading: 'Préférences' }), `not kept: ${JSON.stringify(kept)}`);
  await look('preferences-set');
  for (const language of ['de', 'ja', 'fr']) {
    await choose('#language', language);
    // By the keyboard, past every field.
    await tabTo('p.bar button');
    await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), page.keyboard.press('Enter')]);
    must(await page.$eval('html', (html) => html.lang) === language, `the preferences are not in ${language}`);
    await look(`preferences-${language}`);
  }
  for (const [name, path] of [['picks', 'picks'], ['library', 'library'], ['sent', 'sent'], ['account', 'account']]) {
    await go(preferences.replace('/preferences?', `/preferences/${path}?`));
    await look(`preferences-${name}`);
  }

  // A library, whose entries are said.
  await go(preferences.replace('/preferences?', '/preferences/library?'));
  await type('#interest', 'Robots');
  await type('#text', '@article{a, title = {Legged locomotion from demonstrations}, author = {Hypatia}, year = 2024}');
  await press('main form button');
  await expect('a library', /1 entrée a été importée dans « Robots »/);
  await look('preferences-library-done');

  // The form of the link, by the keyboard alone.
  await go('/preferences/link');
  await look('preferences-link');
  await tabTo('main input[name=email]');
  await page.keyboard.type('nobody@walk.example.net');
  await tabTo('main form button');
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  await expect('asking for a link by the keyboard', /Check your mailbox/);

  // Without scripts: everything is there, and a form works.
  await page.setJavaScriptEnabled(false);
  await go('/subscribe');
  await page.type('#email', 'plain@walk.example.net');
  await press('main form button[type=submit]');
  must((await page.content()).includes('Check your mailbox'), 'nobody can subscribe without scripts');
  await page.setJavaScriptEnabled(true);
  await linksOfMail('plain@walk.example.net', 'confirm');

  // Thumb a paper of a reader who has had an issue.
  const reader = 'machines@reader.example';
  const links = await linksOfMail(reader, '.');
  const save = links.find((url) => /\/feedback\?t=.*v=save/.test(url));
  const own = links.find((url) => url.includes('/preferences?t='));
  const view = links.find((url) => url.includes('/issues/'));
  const leave = links.find((url) => url.includes('/unsubscribe?t='));
  await page.goto(own.replace('/preferences?', '/preferences/picks?'), { waitUntil: 'load' });
  await look('picks');
  await go(save);
  await expect('a thumb', /Nothing has been changed yet/);
  await look('feedback');
  await press('button.big');
  await expect('a thumb given', /next issue/);
  await look('feedback-given');
  await press('form.author button[value=follow]');
  await expect('following', /You follow/);
  await look('feedback-followed');
  await go(save);
  await expect('what was said already', /have already said so/);
  await press('a[href^="/saved"]');
  await expect('saved papers', /1 paper/);
  await look('saved');
  const bibtex = await page.$eval('a[href*="saved.bib"]', (link) => link.href);
  const file = await fetched(bibtex);
  must(file.status === 200 && /^@\w+\{/.test(file.text.trim()) && /bibtex/.test(file.headers.get('content-type')), `no BibTeX: ${file.text.slice(0, 100)}`);

  // The issue as a page, and the list of them.
  await go(view);
  await expect('the issue', /\bQuantum|\bRobots/i);
  await look('issue');
  await go(view.split('?')[0]);
  await look('issues');

  // Leave by one click, as a mail program does it: no page, no cookie.
  await go(leave);
  await look('unsubscribe');
  const left = await fetched(leave, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'List-Unsubscribe=One-Click' });
  must(left.status === 200 && left.headers.get('set-cookie') === null, `one-click answered ${left.status}`);
  await go(leave);
  await expect('having left', /You have left/);
  await look('left');

  // Come back, by a link that is mailed.
  await go(own.replace('/preferences?', '/preferences/account?'));
  await expect('the preferences of who has left', /You have unsubscribed/);
  await look('preferences-left');
  await press('button[value=return]');
  const back = (await linksOfMail(reader, 'confirm')).find((url) => url.includes('/confirm?t='));
  await go(back);
  await press('main form button');
  await expect('coming back', /You are subscribed/);
  await go(own);
  must(/Robots that learn/.test(await page.content()), 'who comes back finds nothing again');

  // Export, by a fresh link.
  await go(own.replace('/preferences?', '/preferences/account?'));
  await press('button[value=export]');
  const data = (await linksOfMail(reader, 'data')).find((url) => url.includes('/owner?t='));
  await go(data);
  await look('export');
  const exported = JSON.parse((await fetched(data, { method: 'POST' })).text);
  must(exported.subscriber.email === reader && exported.issues.length > 0 && exported.saved.length === 1, 'the export lacks something');

  // Older links stop working, the one that leaves does not.
  await go(own.replace('/preferences?', '/preferences/account?'));
  await press('button[value=retire]');
  const fresh = await page.$eval('nav.tabs a', (link) => link.href);
  await look('preferences-retired');
  for (const url of [own, save, view]) must((await fetched(url)).status === 404, `${url} still works`);
  must((await fetched(fresh)).status === 200 && (await fetched(leave)).status === 200, 'a link does not work that should');
  await go(own);
  await expect('an old link', /does not work/);
  await look('old-link');

  // Erase, by a fresh link.
  await go(fresh.replace('/preferences?', '/preferences/account?'));
  await press('button[value=erase]');
  const erase = (await linksOfMail(reader, 'eras')).find((url) => url.includes('/owner?t='));
  await go(erase);
  await look('erase');
  await press('main form button');
  await expect('erasing', /Everything was erased/);
  await look('erased');
  must((await fetched(fresh)).status === 404, 'preferences of nobody');
  must((await fetched(leave, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'List-Unsubscribe=One-Click' })).status === 200, 'one-click for who is gone');

  // In French, as I have chosen.
  await go(await wayOut(me));
  await expect('leaving in French', /Se désabonner/);
  must((await page.$eval('html', (html) => html.lang)) === 'fr', 'the page does not say its language');
  await look('unsubscribe-french');
  await press('main form button');
  await expect('having left in French', /Vous êtes désabonné/);

  await steer();
} catch (error) {
  problems.push(`${page.url()}: ${error.stack}`);
} finally {
  await finish('walk');
}

// Judges mails by caniemail, axe-core, Chromium and SpamAssassin: see README.md.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const here = import.meta.dirname;
const folder = process.argv[2];
if (!folder) {
  console.error('usage: node check.mjs FOLDER-OF-EML-FILES');
  process.exit(2);
}
const requireAll = process.env.PAPERBOY_REQUIRE_ALL === '1';
const modules = path.resolve(process.env.MAIL_NODE_MODULES ?? path.join(here, 'node_modules'));
const require = createRequire(path.join(modules, 'here.js'));
const problems = [];

function missing(what) {
  console.log(`skipped: ${what} is not there`);
  if (requireAll) problems.push(`${what} is not there`);
}

/** The parts of a message of ours: no nesting, base64, quoted-printable or plain. */
function parts(message) {
  const split = (text) => {
    const at = text.indexOf('\r\n\r\n');
    return [text.slice(0, at).replace(/\r\n[ \t]/g, ' '), text.slice(at + 4)];
  };
  const decode = ([head, body]) => {
    const encoding = /^content-transfer-encoding: *(\S+)/im.exec(head)?.[1].toLowerCase();
    if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8');
    if (encoding !== 'quoted-printable') return body;
    const bytes = body.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
    return Buffer.from(bytes, 'latin1').toString('utf8');
  };
  const whole = split(message);
  const boundary = /boundary="([^"]+)"/.exec(whole[0])?.[1];
  const pieces = boundary ? whole[1].split(`--${boundary}`).slice(1, -1).map((piece) => split(piece.slice(2))) : [whole];
  const find = (type) => pieces.find(([head]) => new RegExp(`^content-type: *${type}`, 'im').test(head));
  const html = find('text/html');
  return { html: html && decode(html) };
}

// What caniemail calls what we use. A property or an attribute that is not
// here is a failure too: whoever adds one looks it up first.
const PROPERTIES = {
  'background-color': 'css-background-color', border: 'css-border', 'border-bottom': 'css-border',
  'border-color': 'css-border', 'border-top': 'css-border', color: null, 'color-scheme': 'css-color-scheme',
  display: 'css-display', font: 'css-font', height: 'css-height', 'letter-spacing': 'css-letter-spacing',
  margin: 'css-margin', 'max-width': 'css-max-width', padding: 'css-padding', 'text-align': 'css-text-align',
  'text-decoration': 'css-text-decoration', 'word-break': 'css-word-break', '-webkit-text-size-adjust': null,
};
const TAGS = {
  a: null, body: 'html-body', div: 'html-div', h1: 'html-h1-h6', h2: 'html-h1-h6', h3: 'html-h1-h6',
  head: null, html: null, img: 'html-img', meta: null, p: 'html-p', span: 'html-span', strong: 'html-strong',
  style: 'html-style', table: 'html-table', td: 'html-table', title: null, tr: 'html-table',
};
const ATTRIBUTES = {
  align: 'html-align', alt: null, border: null, cellpadding: 'html-cellpadding', cellspacing: 'html-cellspacing',
  charset: null, class: 'css-selector-class', content: null, dir: 'html-dir', height: 'html-height', href: null,
  lang: 'html-lang', name: null, role: 'html-role', src: null, style: null, width: 'html-width',
};
const RULES = {
  '@media': 'css-at-media', 'prefers-color-scheme': 'css-at-media-prefers-color-scheme', ':hover': 'css-pseudo-class-hover',
  '!important': 'css-important', 'color-scheme" content': 'html-meta-color-scheme', 'mailto:': 'html-mailto-links',
  '<!DOCTYPE': 'html-doctype',
};
const CLIENTS = ['gmail', 'outlook', 'apple-mail', 'yahoo', 'thunderbird', 'samsung-email'];

function features(html) {
  const used = new Map();
  const use = (table, name, where) => {
    if (!(name in table)) problems.push(`${where}: ${name} is not known here; look it up at caniemail.com first`);
    else if (table[name]) used.set(table[name], name);
  };
  for (const [, tag, attributes] of html.matchAll(/<([a-z][a-z0-9]*)((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*>/gi)) {
    use(TAGS, tag.toLowerCase(), 'tag');
    for (const [, name, value] of attributes.matchAll(/([a-z-]+)="([^"]*)"/gi)) {
      use(ATTRIBUTES, name, 'attribute');
      if (name === 'style') declarations(value);
    }
  }
  function declarations(block) {
    for (const one of block.split(';').map((text) => text.trim()).filter(Boolean)) {
      use(PROPERTIES, one.split(':')[0].trim(), 'property');
    }
  }
  for (const [, style] of html.matchAll(/<style>([\s\S]*?)<\/style>/g)) {
    for (const [, block] of style.matchAll(/\{([^{}]*)\}/g)) declarations(block);
  }
  for (const [sign, slug] of Object.entries(RULES)) if (html.includes(sign)) used.set(slug, sign);
  return used;
}

function checkClients(mails) {
  let data;
  try {
    data = JSON.parse(fs.readFileSync(path.join(modules, 'caniemail/data/caniemail.json'), 'utf8')).data;
  } catch {
    return missing('caniemail');
  }
  const fallbacks = JSON.parse(fs.readFileSync(path.join(here, 'fallbacks.json'), 'utf8'));
  const bySlug = new Map(data.map((feature) => [feature.slug, feature]));
  const used = new Map(mails.flatMap(({ html }) => [...features(html)]));
  const lacking = new Set();
  for (const [slug, name] of used) {
    const feature = bySlug.get(slug);
    if (!feature) {
      problems.push(`caniemail no longer knows ${slug} (${name})`);
      continue;
    }
    const without = [];
    for (const client of CLIENTS) {
      for (const [platform, versions] of Object.entries(feature.stats[client] ?? {})) {
        const newest = Object.values(versions).at(-1);
        if (newest.startsWith('n') || newest.startsWith('a')) without.push(`${client}/${platform}`);
      }
    }
    if (without.length === 0) continue;
    lacking.add(slug);
    if (!fallbacks[slug]) problems.push(`${name} (${slug}) is not, or not wholly, there in ${without.join(', ')}: fallbacks.json does not say what happens then`);
  }
  for (const slug of Object.keys(fallbacks)) {
    if (!lacking.has(slug)) problems.push(`fallbacks.json explains ${slug}, which is not used or works everywhere`);
  }
  console.log(`caniemail: ${used.size} features used, ${lacking.size} of them with a fallback`);
}

async function checkInChromium(mails) {
  let puppeteer, axe;
  try {
    puppeteer = (await import(require.resolve('puppeteer-core'))).default;
    axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
  } catch {
    return missing('puppeteer-core or axe-core');
  }
  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((at) => fs.existsSync(at));
  if (!executablePath) return missing('Chromium');
  const shots = process.env.MAIL_SCREENSHOTS;
  if (shots) fs.mkdirSync(shots, { recursive: true });
  const browser = await puppeteer.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
  });
  let looks = 0;
  const page = await browser.newPage();
  // A mail loads nothing; what it would load must not be waited for.
  await page.setRequestInterception(true);
  page.on('request', (request) => (request.url().startsWith('data:') || request.url() === 'about:blank' ? request.continue() : request.abort()));
  for (const { name, html } of mails) {
    for (const scheme of ['light', 'dark']) {
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      for (const width of [360, 600, 1200]) {
        await page.setViewport({ width, height: 900 });
        for (const style of [true, false]) {
          // Dark without <style> is what light without it is.
          if (!style && scheme === 'dark') continue;
          await page.setContent(style ? html : html.replace(/<style>[\s\S]*?<\/style>/g, ''));
          const wide = await page.evaluate(() => document.documentElement.scrollWidth);
          if (wide > width) problems.push(`${name}: ${wide} px wide at ${width}`);
          if (shots) {
            const file = `${name}-${width}-${scheme}${style ? '' : '-no-style'}.png`;
            await page.screenshot({ path: path.join(shots, file), fullPage: true });
          }
          looks += 1;
        }
      }
      await page.setContent(html);
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      for (const { id, help, nodes } of violations) problems.push(`${name}, ${scheme}: axe ${id}: ${help}: ${nodes[0].html.slice(0, 200)}`);
    }
  }
  await browser.close();
  console.log(`Chromium: ${looks} looks at ${mails.length} mails, axe-core ran in both schemes`);
}

function checkForSpam(mails) {
  if (spawnSync('spamassassin', ['--version']).status !== 0) return missing('SpamAssassin');
  let worst = ['', -100];
  for (const { name, file } of mails) {
    const result = spawnSync('spamassassin', ['-L', '-t'], { input: fs.readFileSync(file), encoding: 'utf8', maxBuffer: 1 << 26 });
    const score = Number(/^X-Spam-Status: .*?score=(-?[\d.]+)/m.exec(result.stdout)?.[1] ?? NaN);
    if (!(score < 1)) {
      const why = /^ pts rule name[\s\S]*?\n\n/m.exec(result.stdout)?.[0] ?? result.stderr.slice(0, 500);
      problems.push(`${name}: SpamAssassin gives it ${score}:\n${why}`);
    }
    if (score > worst[1]) worst = [name, score];
  }
  console.log(`SpamAssassin: the worst of ${mails.length} mails is ${worst[0]} with ${worst[1]}`);
}

const mails = fs
  .readdirSync(folder)
  .filter((file) => file.endsWith('.eml'))
  .sort()
  .map((file) => path.join(folder, file))
  .map((file) => ({ name: path.basename(file, '.eml'), file, ...parts(fs.readFileSync(file, 'utf8')) }));
if (mails.length === 0) problems.push(`there is no mail in ${folder}`);
const withHtml = mails.filter(({ html }) => html);
checkClients(withHtml);
await checkInChromium(withHtml);
checkForSpam(mails);
for (const problem of problems) console.log(`FAILED  ${problem}`);
process.exit(problems.length === 0 ? 0 : 1);

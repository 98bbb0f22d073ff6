// Walks the whole way in Chromium, as a visitor of `paperboy try --offline`: see README.md.

import { expect, finish, go, linksOfMail, look, page, press, problems, text, type } from './browser.mjs';

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
}
await finish('walk');

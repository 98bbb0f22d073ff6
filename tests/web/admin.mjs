// Walks through the operator's pages of `paperboy try --offline` in Chromium: see README.md.

import { base, expect, finish, go, look, page, password, press, problems, text, type } from './browser.mjs';

/** Everything is a table somewhere: the first link of one. */
async function followFirst(start) {
  await press(`main table a[href^="${start}"]`);
}

try {
  // Nobody gets in without the password.
  await go('/admin');
  await expect('the first page', /Sign in/);
  await look('login');
  await type('#password', 'a lamp in every tower');
  await press('main form button');
  await expect('a wrong password', /That is not the password/);
  await look('login-wrong');
  await type('#password', password);
  await press('main form button');
  await expect('today', /issues composed/);
  await look('today');

  // Every page of the menu, by its link.
  const menu = await page.$$eval('header nav a', (links) => links.map((link) => link.getAttribute('href')));
  if (menu.length < 10) problems.push(`the menu has ${menu.length} entries`);
  for (const url of menu) {
    await go(url);
    await look(url.split('/').at(-1));
    for (const open of await page.$$('details > summary')) await open.click();
    if ((await page.$$('details')).length > 0) await look(`${url.split('/').at(-1)}-open`);
  }
  if ((await page.cookies()).some((cookie) => !cookie.httpOnly || cookie.sameSite !== 'Strict')) problems.push('a cookie is not closed');

  // A mail, by a filter.
  await go('/admin/mails');
  await page.select('#state', 'accepted');
  await press('main form button');
  await followFirst('/admin/mails/');
  await expect('a mail', /Tries[\s\S]*250/);
  await look('mail');
  await go('/admin/mails?address=nobody');
  await expect('no mail', /No mail matches/);
  await go('/admin/mails?date=soon');
  await look('mails-wrong');

  // Its reader, with the next issue.
  await go('/admin/people?q=machines');
  await followFirst('/admin/people/');
  await expect('a reader', /machines@reader\.example[\s\S]*Interests/);
  await look('person');
  const reader = page.url();
  await press('a.button');
  await expect('a preview', /The next issue/);
  await look('preview');
  await go(reader);
  await press('button[value=pause]');
  await expect('a pause', /They get no issues until/);
  await press('button[value=resume]');
  await expect('its end', /Issues come again/);
  await look('person-said');
  await go('/admin/people/999');
  await look('not-there');

  // A suppression comes and goes.
  await go('/admin/suppressions');
  await type('#email', 'nobody');
  await press('button[value=add]');
  await expect('a wrong address', /must be a mail address/);
  await look('suppressions-wrong');
  await type('#email', 'gone@example.net');
  await press('button[value=add]');
  await expect('a suppression', /Nothing is sent any more to gone@example\.net/);
  await look('suppressions-full');
  await press('button[value=lift]');
  await expect('none', /may be written to again/);

  // A test mail, and papers.
  await go('/admin/sample');
  await type('#email', 'me@example.net');
  await press('main form button');
  await expect('a test mail', /took it[\s\S]*RCPT TO/);
  await look('sample-sent');
  await go('/admin/papers?q=quantum');
  await look('papers-found');
  await go('/admin/set-aside');
  await look('set-aside');

  // All of it was noted; then out.
  await go('/admin/acts');
  await expect('what was done', /sent a test mail to m…@example\.net: taken[\s\S]*lifted the suppression[\s\S]*signed in/);
  await look('acts-full');
  await press('header form button');
  await expect('signed out', /Sign in/);
  await go('/admin/people');
  if (!page.url().startsWith(`${base}/admin/login?next=`)) problems.push(`signed out, and yet at ${page.url()}: ${await text()}`);
} catch (error) {
  problems.push(`${page.url()}: ${error.stack}`);
}
await finish('operator');

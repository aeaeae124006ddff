// The page of the simulator in a browser: Debian's chromium, driven by `playwright-core`, judged by `@axe-core/playwright`.
//
// usage: node page.js SIMULATOR ENVIRONMENT [PICTURES]
//
// SIMULATOR is the URL of `wxpay sim`, ENVIRONMENT the file of its `export NAME='value'` lines. WXPAY_CLIENTS_PAGE is the
// folder that contains the packages. PICTURES is a folder for pictures of the views. Prints one line per step; exits with
// 0 only if every step succeeded.
'use strict';

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const modules = process.env.WXPAY_CLIENTS_PAGE;
const { chromium } = require(path.join(modules, 'playwright-core'));
const { AxeBuilder } = require(path.join(modules, '@axe-core/playwright'));

const [sim, file, pictures] = process.argv.slice(2);
const lines = fs.readFileSync(file, 'utf8').trim().split('\n');
const env = Object.fromEntries(lines.map((line) => /^export (\w+)='?(.*?)'?$/.exec(line).slice(1)));
const key = fs.readFileSync(env.WXPAY_PRIVATE_KEY_FILE);
const step = (text) => console.log(`page: ${text}`);
const now = () => Math.floor(Date.now() / 1000);
const signed = (text) => crypto.createSign('RSA-SHA256').update(text).sign(key, 'base64');

// Sends a signed request. `change` may spoil the string before it is signed.
async function call(method, target, fields, change = (text) => text) {
  const body = fields ? JSON.stringify(fields) : '';
  const [time, nonce] = [now(), crypto.randomBytes(16).toString('hex')];
  const signature = signed(change(`${method}\n${target}\n${time}\n${nonce}\n${body}\n`));
  const values = { mchid: env.WXPAY_MCHID, nonce_str: nonce, timestamp: time, serial_no: env.WXPAY_SERIAL_NO, signature };
  const response = await fetch(sim + target, {
    method,
    body: body || undefined,
    headers: {
      accept: 'application/json', 'content-type': 'application/json', 'user-agent': 'page test',
      authorization: `WECHATPAY2-SHA256-RSA2048 ${Object.entries(values).map(([name, value]) => `${name}="${value}"`).join(',')}`,
    },
  });
  return { status: response.status, body: await response.json() };
}

let notifyUrl;
const received = [];
const place = (kind, number, more = {}, change) => call('POST', `/v3/pay/transactions/${kind}`, {
  appid: env.WXPAY_APPID, mchid: env.WXPAY_MCHID, description: '红木筷子 chopsticks <b>&', out_trade_no: number,
  amount: { total: 1999 }, notify_url: notifyUrl, ...more,
}, change);

// The merchant's server: it receives notifications, and serves the shop's own page on another origin.
function shop() {
  const parameters = new Map();
  const server = http.createServer((request, response) => {
    if (request.method === 'POST') {
      const parts = [];
      request.on('data', (part) => parts.push(part)).on('end', () => {
        received.push(Buffer.concat(parts).toString());
        response.writeHead(204).end();
      });
      return;
    }
    const name = request.url.slice(1);
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(`<!doctype html><html lang="en"><title>Shop</title><main><h1>Shop</h1><button id="buy">Buy</button><output></output></main>
<script src="${sim}/bridge.js"></script><script>
const parameters = ${JSON.stringify(parameters.get(name) || {})};
wx.error((answer) => { document.body.dataset.error = answer.errMsg; });
wx.ready(() => wx.checkJsApi({ jsApiList: ['chooseWXPay', 'scanQRCode'], success: (answer) => {
  document.body.dataset.ready = JSON.stringify(answer.checkResult);
} }));
wx.config({ appId: parameters.appId, timestamp: 1, nonceStr: 'n', signature: 'any', jsApiList: ['chooseWXPay'] });
buy.onclick = () => WeixinJSBridge.invoke('getBrandWCPayRequest', parameters, (answer) => {
  document.querySelector('output').textContent = answer.err_msg;
});</script></html>`);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve({ server, parameters, url: `http://127.0.0.1:${server.address().port}` }));
  });
}

// Fails on violations of WCAG 2.2 AA and of axe's best practices, and on horizontal scrolling.
async function check(page, name) {
  const { violations } = await new AxeBuilder({ page }).setLegacyMode().options({ resultTypes: ['violations'] }).analyze();
  assert.deepEqual(violations.map(({ id, nodes }) => [id, ...nodes.map((node) => node.html.slice(0, 200))]), [], name);
  const [scroll, client] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(scroll <= client, `${name}: ${scroll} px in ${client} px`);
}

async function picture(page, name) {
  if (pictures) await page.screenshot({ path: path.join(pictures, `${name}.png`) });
}

async function main(browser, merchant) {
  const context = await browser.newContext({ locale: 'en-GB', reducedMotion: 'reduce', viewport: { width: 1180, height: 860 } });
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && !/40[49]|422/.test(message.text()) && faults.push(message.text()));
  const foreign = [];
  page.on('request', (request) => request.url().startsWith(sim) || foreign.push(request.url()));
  const text = () => page.locator('main').innerText();

  await page.goto(`${sim}/`);
  await check(page, 'no orders');
  assert.match(await text(), /No orders yet/);
  const placed = await place('native', 'PAGE-0001');
  assert.equal(placed.status, 200, JSON.stringify(placed));
  await page.getByRole('link', { name: 'PAGE-0001' }).waitFor();
  step('an order that a program placed appears without reloading');

  await page.getByRole('link', { name: 'PAGE-0001' }).click();
  await page.getByRole('img', { name: 'QR code of the phone page' }).waitFor();
  assert.match(await text(), /¥19\.99/);
  assert.ok((await text()).includes('红木筷子 chopsticks <b>&'));
  assert.ok((await text()).includes(placed.body.code_url));
  await picture(page, 'order');
  const phone = await context.newPage();
  await phone.setViewportSize({ width: 390, height: 780 });
  await phone.goto((await page.locator('section code').last().innerText()).trim());
  await check(phone, 'phone page');
  await picture(phone, 'phone');
  await phone.getByRole('button', { name: 'Wrong password' }).click();
  await phone.getByText('no program learns of this attempt').waitFor();
  // By the keyboard alone: the button is reached with Tab, and pressed with Enter.
  for (let tabs = 0; await phone.evaluate(() => document.activeElement.value !== 'pay'); tabs += 1) {
    assert.ok(tabs < 20, 'Tab does not reach the button');
    await phone.keyboard.press('Tab');
  }
  await phone.keyboard.press('Enter');
  await phone.getByText('Paid').first().waitFor();
  await check(phone, 'phone page after the payment');
  step('the link of the QR code leads to the phone page; paid by the keyboard');

  await page.getByText('ACCEPTED').waitFor();
  await page.locator('.tag', { hasText: 'SUCCESS' }).first().waitFor();
  assert.equal(received.length, 1);
  await page.keyboard.press('Alt+Shift+L');
  await page.getByRole('heading', { name: 'Log' }).waitFor();
  await page.getByRole('link', { name: 'TRANSACTION.SUCCESS PAGE-0001' }).click();
  assert.match(await text(), /The signature is valid/);
  assert.match(await text(), /wechatpay-signature: /i);
  await page.getByRole('button', { name: 'Resend' }).click();
  for (let attempts = 0; received.length < 2; attempts += 1) {
    assert.ok(attempts < 100, 'the notification was not sent again');
    await page.waitForTimeout(50);
  }
  step('the log shows the notification, its signed string and its signature; it was sent again');

  await page.goto(`${sim}/_page/order?mchid=${env.WXPAY_MCHID}&out_trade_no=PAGE-0001`);
  await page.getByRole('cell', { name: 'HTTP 204' }).getByRole('link').click();
  await page.getByText('WXPAY_PLATFORM_CERTIFICATE_FILE').waitFor();
  await page.getByRole('button', { name: 'Copy Notification' }).waitFor();
  assert.match(await page.locator('#raw-1').innerText(), /^POST \/notify HTTP\/1\.1\nhost: 127\.0\.0\.1:/);

  const spoilt = await place('native', 'PAGE-0002', {}, (string) => string.slice(0, -1));
  assert.equal(spoilt.status, 401);
  await page.goto(`${sim}/_page/log`);
  await page.locator('tr', { hasText: 'trailing' }).or(page.locator('tr', { hasText: 'SIGN_ERROR' })).first().getByRole('link').click();
  await page.getByRole('heading', { name: 'Explanation' }).waitFor();
  const explained = await page.locator('.causes').innerText();
  assert.match(explained, /final_line_feed|line_feed|newline/, explained);
  await check(page, 'explanation');
  await picture(page, 'explanation');
  const command = await page.locator('#curl').innerText();
  assert.match(command, /^curl -i -X 'POST' '/);
  step(`the log explains a wrong signature: ${explained.split('\n')[0]}`);

  await page.goto(`${sim}/_page/order?mchid=${env.WXPAY_MCHID}&out_trade_no=PAGE-0001`);
  await page.getByLabel('Amount in fen').fill('999');
  await page.getByRole('button', { name: 'Refund' }).click();
  await page.getByRole('cell', { name: '¥9.99' }).waitFor();
  await page.getByLabel('Amount in fen').fill('5000');
  await page.getByRole('button', { name: 'Refund' }).click();
  await page.getByRole('alert').waitFor();
  await check(page, 'refused refund');
  step('the merchant platform refunded a part; a refund beyond the amount is refused');

  await page.goto(`${sim}/_page/clock`);
  await page.getByRole('button', { name: 'Freeze' }).click();
  const before = Number(await page.locator('#clock code').innerText());
  await page.getByRole('button', { name: '+1 hour' }).click();
  await page.getByText('Done.').waitFor();
  assert.equal(Number(await page.locator('#clock code').innerText()), before + 3600);
  await page.getByRole('button', { name: 'Run' }).click();
  step('the clock was frozen, advanced by an hour, and runs again');

  await page.goto(`${sim}/_page/faults`);
  await page.getByLabel('Kind of fault').selectOption('system_error');
  await page.getByRole('button', { name: 'Inject a fault' }).click();
  await page.getByRole('rowheader', { name: 'system_error' }).waitFor();
  await check(page, 'fault');
  assert.equal((await place('native', 'PAGE-0003')).status, 500);
  assert.equal((await place('native', 'PAGE-0003')).status, 200);
  step('an injected fault hit one request');

  await page.goto(`${sim}/_page/state`);
  await page.getByLabel('Name').fill('before');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('rowheader', { name: 'before' }).waitFor();
  await place('native', 'PAGE-0004');
  await page.getByRole('button', { name: 'Load' }).click();
  await page.goto(`${sim}/`);
  assert.equal(await page.getByRole('link', { name: 'PAGE-0004' }).count(), 0);
  assert.equal(await page.getByRole('link', { name: 'PAGE-0003' }).count(), 1);
  step('the state was saved and loaded');

  const payer = { payer: { openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o' } };
  const { prepay_id: prepayId } = (await place('jsapi', 'PAGE-0005', payer)).body;
  const client = (change) => {
    const [timeStamp, nonceStr, packageValue] = [String(now()), 'n1', `prepay_id=${prepayId}`];
    const paySign = signed(change(`${env.WXPAY_APPID}\n${timeStamp}\n${nonceStr}\n${packageValue}\n`));
    return { appId: env.WXPAY_APPID, timeStamp, nonceStr, package: packageValue, signType: 'RSA', paySign };
  };
  merchant.parameters.set('wrong', client((string) => string.replace('prepay_id=', '')));
  merchant.parameters.set('right', client((string) => string));
  const store = await context.newPage();
  await store.goto(`${merchant.url}/wrong`);
  await store.locator('#buy').click();
  const dialog = store.getByRole('dialog');
  await dialog.waitFor();
  assert.match(await dialog.innerText(), /refused[^]*paySign[^]*prepay_id/);
  const fonts = await dialog.locator('pre').evaluateAll((all) => all.map((one) => getComputedStyle(one).fontFamily));
  assert.ok(fonts.length > 0 && fonts.every((font) => font.endsWith('monospace')), fonts.join());
  assert.deepEqual(await store.evaluate(() => ({ ...document.body.dataset })), { ready: '{"chooseWXPay":true,"scanQRCode":false}' });
  await store.getByRole('button', { name: 'Close' }).click();
  assert.equal(await store.locator('output').innerText(), 'get_brand_wcpay_request:fail');
  await store.goto(`${merchant.url}/right`);
  for (const [choice, result] of [['Cancel', 'cancel'], ['Not enough money', 'fail'], ['Pay', 'ok']]) {
    await store.locator('#buy').click();
    await store.getByRole('button', { name: choice, exact: true }).click();
    await store.getByText(`get_brand_wcpay_request:${result}`).waitFor();
  }
  await page.goto(`${sim}/_page/log`);
  await page.getByText('Refused payment parameters').waitFor();
  step('the bridge explained a wrong paySign, and paid by a right one');

  const h5 = await place('h5', 'PAGE-0006', { scene_info: { payer_client_ip: '127.0.0.1', h5_info: { type: 'Wap' } } });
  const back = encodeURIComponent(`${merchant.url}/right`);
  await phone.goto(`${h5.body.h5_url.replace('https://wx.tenpay.com', sim)}&redirect_url=${back}`);
  await phone.getByRole('button', { name: 'Pay' }).click();
  await phone.getByRole('link', { name: 'Back to the shop' }).waitFor();
  step('the path of an h5_url leads to the phone page, and back to the shop');

  await page.goto(`${sim}/`);
  await page.getByRole('link', { name: '中文' }).click();
  await page.getByRole('heading', { name: '订单', exact: true }).waitFor();
  await picture(page, 'orders-zh');
  await page.goto(`${sim}/_page/clock`);
  assert.equal(await page.locator('html').getAttribute('lang'), 'zh-CN');
  step('the language was switched and is kept');

  const message = async (name) => {
    await page.goto(`${sim}/_page/log`);
    return new URL(await page.locator('a', { hasText: name }).first().getAttribute('href'), sim).href;
  };
  const order = (number) => `/_page/order?mchid=${env.WXPAY_MCHID}&out_trade_no=${number}`;
  const views = ['/', order('PAGE-0001'), order('PAGE-0003'), '/_page/log', '/_page/clock', '/_page/faults', '/_page/merchants',
    `/_page/merchant?mchid=${env.WXPAY_MCHID}`, '/_page/state', '/_page/none', `/_pay?mchid=${env.WXPAY_MCHID}&no=PAGE-0003`, '/_pay?code=x',
    (await message('/v3/pay')).slice(sim.length), (await message('TRANSACTION.SUCCESS')).slice(sim.length)];
  for (const language of ['en', 'zh']) {
    for (const view of views) {
      await page.emulateMedia({ colorScheme: 'light' });
      await page.setViewportSize({ width: 1180, height: 860 });
      await page.goto(`${sim}${view}${view.includes('?') ? '&' : '?'}lang=${language}`);
      await check(page, `${view} ${language} light 1180 px`);
      await picture(page, `view-${views.indexOf(view)}-${language}-light`);
      await page.emulateMedia({ colorScheme: 'dark' });
      await page.setViewportSize({ width: 320, height: 860 });
      await check(page, `${view} ${language} dark 320 px`);
      await picture(page, `view-${views.indexOf(view)}-${language}-dark`);
    }
  }
  step(`${views.length} views in 2 languages and 2 colour schemes, at 1180 and 320 px: 0 violations of axe, no horizontal scrolling`);

  await page.goto(`${sim}/_page/state?lang=en`);
  await page.getByRole('button', { name: 'Forget all records' }).click();
  await page.goto(`${sim}/`);
  assert.match(await text(), /No orders yet/);
  const plain = await browser.newContext({ javaScriptEnabled: false });
  const still = await plain.newPage();
  await place('native', 'PAGE-0007');
  await still.goto(`${sim}${order('PAGE-0007')}`);
  await still.getByRole('button', { name: 'Pay' }).click();
  await still.getByText('SUCCESS').first().waitFor();
  step('the state was reset; an order was paid without a script');
  assert.deepEqual([faults, foreign], [[], []]);
  step('no error of the script, no violation of the policy, no request to another host');
}

(async () => {
  const merchant = await shop();
  notifyUrl = `${merchant.url}/notify`;
  const browser = await chromium.launch({
    executablePath: process.env.WXPAY_CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
  try {
    await main(browser, merchant);
  } finally {
    await browser.close();
    merchant.server.closeAllConnections();
    merchant.server.close();
  }
})().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});

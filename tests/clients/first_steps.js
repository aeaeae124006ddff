// The first steps with `wxpay sim`, by a merchant that uses `wechatpay-axios-plugin` (npm), unmodified.
//
// usage: node first_steps.js WXPAY      with the path of the binary `wxpay`
//
// WXPAY_CLIENTS_NODE is the folder that contains the package; `openssl` makes the certificates. Starts the simulator,
// receives notifications over https with a certificate of its own CA, pays and refunds, moves the business clock, and
// downloads bills. Prints one line per step; exits with 0 only if every step succeeded.
'use strict';

const assert = require('node:assert/strict');
const { execFileSync, spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const https = require('node:https');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');

const { Wechatpay, Rsa, Aes, Formatter } = require(path.join(process.env.WXPAY_CLIENTS_NODE, 'wechatpay-axios-plugin'));

const day = 86400;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'first-steps-'));
const at = (name) => path.join(folder, name);
const step = (text) => console.log(`first steps in Node: ${text}`);
const now = () => Math.floor(Date.now() / 1000);
const secondsOf = (time) => Math.floor(Date.parse(time) / 1000);
// RFC 3339 in the time zone of the gateway.
const beijingTime = (seconds) => `${new Date((seconds + 8 * 3600) * 1000).toISOString().slice(0, 19)}+08:00`;

// Makes the CA `ca.pem`, and the certificate `localhost.pem` that it issued.
function makeCertificates() {
  const openssl = (...options) => execFileSync('openssl', options, { cwd: folder, stdio: 'pipe' });
  fs.writeFileSync(at('names'), 'subjectAltName=DNS:localhost\n');
  openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=my own CA', '-days', '1',
    '-keyout', 'ca.key', '-out', 'ca.pem');
  openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-keyout', 'localhost.key', '-out', 'csr');
  openssl('x509', '-req', '-in', 'csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '1',
    '-extfile', 'names', '-out', 'localhost.pem');
}

let env;
let v3;
const received = [];

// The package has no function to receive a notification, only the parts of one.
function parseNotification(headers, body) {
  const { 'wechatpay-timestamp': timestamp, 'wechatpay-nonce': nonce, 'wechatpay-serial': serial } = headers;
  assert.ok(Math.abs(now() - timestamp) <= 300, `timestamp out of range: ${timestamp}`);
  assert.equal(serial, env.WXPAY_PLATFORM_SERIAL_NO);
  const certificate = fs.readFileSync(env.WXPAY_PLATFORM_CERTIFICATE_FILE);
  const message = Formatter.response(timestamp, nonce, body);
  assert.ok(Rsa.verify(message, headers['wechatpay-signature'], certificate), 'the signature is invalid');
  const { event_type: type, resource: { ciphertext, nonce: iv, associated_data: aad } } = JSON.parse(body);
  return { type, resource: JSON.parse(Aes.AesGcm.decrypt(ciphertext, env.WXPAY_API_V3_KEY, iv, aad)) };
}

function listen() {
  const options = { cert: fs.readFileSync(at('localhost.pem')), key: fs.readFileSync(at('localhost.key')) };
  const server = https.createServer(options, (request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part)).on('end', () => {
      let event;
      try {
        event = parseNotification(request.headers, Buffer.concat(parts).toString());
      } catch (error) {
        event = { error };
      }
      response.writeHead(event.error ? 401 : 204).end();
      received.push({ url: request.url, ...event });
    });
  });
  return new Promise((resolve) => { server.listen(0, '127.0.0.1', () => resolve(server.address().port)); });
}

async function receive(url, type) {
  for (let attempts = 0; received.length === 0; attempts += 1) {
    assert.ok(attempts < 400, `no notification arrived at ${url}`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  const event = received.shift();
  assert.ifError(event.error);
  assert.deepEqual([event.url, event.type], [url, type]);
  return event.resource;
}

// Reads the file of `export NAME='value'` lines.
function environment(file) {
  const lines = fs.readFileSync(file, 'utf8').trim().split('\n');
  return Object.fromEntries(lines.map((line) => /^export (\w+)='?(.*?)'?$/.exec(line).slice(1)));
}

async function control(method, route, fields) {
  const options = { method, body: fields && JSON.stringify(fields), headers: { 'content-type': 'application/json' } };
  const response = await fetch(`${env.WXPAY_BASE_URL}/_sim/v1/${route}`, options);
  assert.ok(response.ok, `${response.status}: ${await response.clone().text()}`);
  return response.json();
}

const query = async (number) => (await v3.pay.transactions.outTradeNo._out_trade_no_
  .get({ params: { mchid: env.WXPAY_MCHID }, out_trade_no: number })).data;

// Places a Native order that expires in half an hour, lets the payer pay, and returns the notified transaction.
async function sell(number, notifyUrl) {
  const placed = await v3.pay.transactions.native.post({
    appid: env.WXPAY_APPID, mchid: env.WXPAY_MCHID, description: '筷子', out_trade_no: number, amount: { total: 1999 },
    time_expire: beijingTime(now() + 1800), notify_url: `${notifyUrl}/payments`,
  });
  assert.match(placed.data.code_url, /^weixin:\/\//);
  assert.equal((await query(number)).trade_state, 'NOTPAY');
  await control('POST', `orders/${number}/pay`);
  const notified = await receive('/payments', 'TRANSACTION.SUCCESS');
  assert.deepEqual([notified.out_trade_no, notified.trade_state], [number, 'SUCCESS']);
  assert.equal((await query(number)).transaction_id, notified.transaction_id);
  return notified;
}

// Downloads the trade bill of a day and returns its text.
async function bill(date) {
  const { data } = await v3.bill.tradebill.get({ params: { bill_date: date } });
  const { pathname, searchParams } = new URL(data.download_url);
  assert.equal(pathname, '/v3/billdownload/file');
  return (await v3.billdownload.file.get({ params: Object.fromEntries(searchParams) })).data;
}

async function main(sim, notifyUrl) {
  const [line] = await once(readline.createInterface({ input: sim.stdout }), 'line');
  const ready = JSON.parse(line);
  assert.equal(ready.ready, true);
  env = environment(at('sim.env'));
  step(`started the simulator at ${ready.url}`);

  const certificate = fs.readFileSync(env.WXPAY_PLATFORM_CERTIFICATE_FILE);
  ({ v3 } = new Wechatpay({
    baseURL: env.WXPAY_BASE_URL, mchid: env.WXPAY_MCHID, serial: env.WXPAY_SERIAL_NO,
    privateKey: fs.readFileSync(env.WXPAY_PRIVATE_KEY_FILE), certs: { [env.WXPAY_PLATFORM_SERIAL_NO]: certificate },
  }));

  const first = await sell('FIRST-1', notifyUrl);
  step('the order was placed and paid; received the notification over https');

  const requested = (await v3.refund.domestic.refunds.post({ out_trade_no: 'FIRST-1', out_refund_no: 'FIRST-1-R',
    notify_url: `${notifyUrl}/refunds`, amount: { refund: 999, total: 1999, currency: 'CNY' } })).data;
  assert.equal(requested.status, 'PROCESSING');
  assert.equal((await receive('/refunds', 'REFUND.SUCCESS')).refund_status, 'SUCCESS');
  const found = await v3.refund.domestic.refunds._out_refund_no_.get({ out_refund_no: 'FIRST-1-R' });
  assert.equal(found.data.status, 'SUCCESS');
  step('the refund succeeded; received the notification over https');

  const before = (await control('GET', 'clock')).now;
  const after = (await control('POST', 'clock', { advance_seconds: 90000 })).now;
  assert.ok(after - before >= 90000 && after - before < 90060, `${before} ${after}`);
  const second = await sell('FIRST-2', notifyUrl);
  const late = secondsOf(second.success_time) - secondsOf(first.success_time);
  assert.ok(late >= 90000 && late < 90060, second.success_time);
  step('after the clock was advanced by 25 hours, an order was placed and paid');

  // The bill of a day is ready at ten o'clock of the next day.
  const firstDay = first.success_time.slice(0, 10);
  const readyAt = secondsOf(`${firstDay}T10:00:00+08:00`) + day;
  await control('PUT', 'clock', { now: Math.max(readyAt, after) });
  const text = await bill(firstDay);
  assert.ok(text.includes('FIRST-1') && text.includes('FIRST-1-R') && !text.includes('FIRST-2'), text);
  step(`downloaded the bill of ${firstDay}, the business day of the first payment`);

  const yesterday = now() - day;
  await control('PUT', 'clock', { now: yesterday });
  const paid = await sell('FIRST-3', notifyUrl);
  assert.ok(Math.abs(secondsOf(paid.success_time) - yesterday) < 60, paid.success_time);
  await control('PUT', 'clock', { now: now() });
  // Without this setting, yesterday's bill is not ready before ten o'clock.
  await control('PATCH', 'settings', { bill_delay_seconds: 0 });
  const lastDay = paid.success_time.slice(0, 10);
  const lastText = await bill(lastDay);
  assert.ok(lastText.includes('FIRST-3') && !lastText.includes('FIRST-1'), lastText);
  step(`with the clock set back to yesterday, an order was paid; downloaded yesterday's bill, of ${lastDay}`);
  assert.equal(received.length, 0);
}

(async () => {
  makeCertificates();
  const notifyUrl = `https://localhost:${await listen()}`;
  const options = ['sim', '--env-file', at('sim.env'), '--notify-ca', at('ca.pem'), '--log', 'off'];
  const sim = spawn(process.argv[2], options, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await main(sim, notifyUrl);
  } finally {
    sim.kill();
    fs.rmSync(folder, { recursive: true });
  }
})().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});

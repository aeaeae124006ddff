// A merchant that uses `wechatpay-axios-plugin` (npm), unmodified: orders, queries, a close, a refund, and the
// notifications of both.
//
// usage: node with_wechatpay_axios_plugin.js certificates | public-key      with the simulator's environment
//
// WXPAY_CLIENTS_NODE is the folder that contains the package. Prints one line per step; exits with 0 only if every step
// succeeded.
'use strict';

const assert = require('node:assert/strict');
const { generateKeyPairSync } = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const home = path.join(process.env.WXPAY_CLIENTS_NODE, 'wechatpay-axios-plugin');
const { Wechatpay, Rsa, Aes, Formatter } = require(home);
const { version } = require(path.join(home, 'package.json'));

const mode = process.argv[2];
assert.ok(['certificates', 'public-key'].includes(mode), mode);
const {
  WXPAY_BASE_URL: baseURL, WXPAY_MCHID: mchid, WXPAY_APPID: appid, WXPAY_SERIAL_NO: serial,
  WXPAY_PRIVATE_KEY_FILE: privateKeyFile, WXPAY_API_V3_KEY: apiV3Key, WXPAY_PLATFORM_SERIAL_NO: platformSerialNo,
  WXPAY_PUBLIC_KEY_ID: publicKeyId, WXPAY_PUBLIC_KEY_FILE: publicKeyFile,
} = process.env;
const [paidNo, closedNo, refundNo] = ['P', 'C', 'R'].map((letter) => `${letter}${process.hrtime.bigint()}`);
const openid = 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o';

const step = (text) => console.log(`wechatpay-axios-plugin ${version}, ${mode}: ${text}`);
const contentOf = (file) => fs.readFileSync(file);

const received = [];
let certs;

// The package has no function to receive a notification, only the parts of one. The reply with the first keys is verified
// in the same way.
function verify(headers, body) {
  const { 'wechatpay-timestamp': timestamp, 'wechatpay-nonce': nonce, 'wechatpay-serial': serialNo } = headers;
  assert.ok(Math.abs(Formatter.timestamp() - timestamp) <= 300, `timestamp out of range: ${timestamp}`);
  assert.ok(Object.hasOwn(certs, serialNo), `unknown serial number: ${serialNo}`);
  const isValid = Rsa.verify(Formatter.response(timestamp, nonce, body), headers['wechatpay-signature'], certs[serialNo]);
  assert.ok(isValid, 'the signature is invalid');
}

function decrypt({ ciphertext, nonce, associated_data: aad }) {
  return Aes.AesGcm.decrypt(ciphertext, apiV3Key, nonce, aad);
}

function parseNotification(headers, body) {
  verify(headers, body);
  const content = JSON.parse(body);
  return { ...content, resource: JSON.parse(decrypt(content.resource)) };
}

// The package's own command cannot verify what it downloads and writes nothing, so this uses the parts of the package:
// download, keep the raw reply, decrypt it, and verify the same reply with the certificates it contains.
async function download(wxpay) {
  const { data: body, headers } = await wxpay.v3.certificates.get({ transformResponse: [(raw) => raw] });
  certs = Object.fromEntries(JSON.parse(body).data
    .map(({ serial_no: serialNo, encrypt_certificate: encrypted }) => [serialNo, decrypt(encrypted)]));
  verify(headers, body);
}

const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part)).on('end', () => {
    const body = Buffer.concat(parts).toString();
    let content;
    try {
      content = parseNotification(request.headers, body);
    } catch (error) {
      console.error(`rejected a notification: ${error}`);
    }
    response.writeHead(content ? 204 : 401).end();
    received.push({ url: request.url, headers: request.headers, body, content });
  });
});

async function receive(url) {
  for (let attempts = 0; received.length === 0; attempts += 1) {
    assert.ok(attempts < 400, `no notification arrived at ${url}`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  const notification = received.shift();
  assert.ok(notification.url === url && notification.content, JSON.stringify(notification));
  return notification;
}

async function control(path, fields) {
  const response = await fetch(`${baseURL}/_sim/v1/${path}`,
    { method: 'POST', body: JSON.stringify(fields), headers: { 'content-type': 'application/json' } });
  const text = await response.text();
  assert.ok(response.ok, `${response.status}: ${text}`);
  return JSON.parse(text);
}

async function refusedBy(promise, status, code) {
  const error = await promise.then(() => assert.fail(`${code} was expected`), (thrown) => thrown);
  assert.equal(error.response?.status, status, String(error));
  assert.equal(error.response.data.code, code);
}

async function main() {
  await new Promise((listening) => { server.listen(0, '127.0.0.1', listening); });
  const here = `http://127.0.0.1:${server.address().port}`;

  const headers = mode === 'public-key' ? { 'Wechatpay-Serial': publicKeyId } : {};
  const client = (privateKey, known) => new Wechatpay({
    baseURL, mchid, serial, privateKey, certs: { ...known }, headers, timeout: 10000,
  });
  if (mode === 'certificates') {
    await download(client(contentOf(privateKeyFile), { any: undefined }));
    assert.ok(Object.hasOwn(certs, platformSerialNo), Object.keys(certs).join());
    step(`downloaded, decrypted and verified the platform certificates ${Object.keys(certs).join(', ')}`);
  } else {
    certs = { [publicKeyId]: contentOf(publicKeyFile) };
    step(`uses the public key ${publicKeyId} and downloads nothing`);
  }
  const { v3 } = client(contentOf(privateKeyFile), certs);
  const { transactions } = v3.pay;
  // The package changes the case of path segments that are given as property names, but not of the values it inserts.
  const byNumber = transactions.outTradeNo._out_trade_no_;
  const query = async (number) => (await byNumber.get({ params: { mchid }, out_trade_no: number })).data;

  const order = { appid, mchid, description: '一双筷子', out_trade_no: paidNo, notify_url: `${here}/payments`,
    attach: '甲 + "乙"', amount: { total: 1999, currency: 'CNY' }, payer: { openid } };
  const placed = await transactions.jsapi.post(order);
  assert.ok(placed.data.prepay_id, JSON.stringify(placed.data));
  step(`placed the JSAPI order ${paidNo}`);

  const unpaid = await query(paidNo);
  assert.equal(unpaid.trade_state, 'NOTPAY');
  assert.equal(unpaid.amount.total, 1999);
  assert.ok(!('transaction_id' in unpaid) && !('payer' in unpaid), JSON.stringify(unpaid));
  step('the order query returned NOTPAY');

  const page = { appId: appid, timeStamp: `${Formatter.timestamp()}`, nonceStr: Formatter.nonce(),
    package: `prepay_id=${placed.data.prepay_id}` };
  const paySign = Rsa.sign(Formatter.joinedByLineFeed(...Object.values(page)), contentOf(privateKeyFile));
  const result = await control('payer/cancel', { ...page, signType: 'RSA', paySign });
  assert.equal(result.payment_request.total, 1999);
  assert.equal(result.resp.errCode, -2);
  step('signed the payment parameters; the payer\'s client accepted them');

  await control(`orders/${paidNo}/pay`, {});
  const notification = await receive('/payments');
  const { content } = notification;
  assert.equal(content.event_type, 'TRANSACTION.SUCCESS');
  assert.equal(content.resource.trade_state, 'SUCCESS');
  assert.equal(content.resource.out_trade_no, paidNo);
  assert.equal(content.resource.attach, order.attach);
  assert.equal(content.resource.amount.total, 1999);
  step('the order was paid; received the notification');

  const paid = await query(paidNo);
  assert.equal(paid.trade_state, 'SUCCESS');
  assert.equal(paid.payer.openid, openid);
  assert.equal(paid.transaction_id, content.resource.transaction_id);
  const again = await transactions.id._transaction_id_.get({ params: { mchid }, transaction_id: paid.transaction_id });
  assert.deepEqual(again.data, paid);
  step('the order query returned SUCCESS, by either number');

  const modified = notification.body.replace('"summary"', '"summery"');
  assert.throws(() => parseNotification(notification.headers, modified), /signature is invalid/);
  step('rejected the notification after one letter was changed');

  const second = await transactions.native.post({ appid, mchid, description: '第二', out_trade_no: closedNo,
    notify_url: `${here}/payments`, amount: { total: 1 } });
  assert.match(second.data.code_url, /^weixin:\/\//);
  const closed = await byNumber.close.post({ mchid }, { out_trade_no: closedNo });
  assert.equal(closed.status, 204);
  assert.equal((await query(closedNo)).trade_state, 'CLOSED');
  step(`placed the Native order ${closedNo} and closed it`);

  const requested = (await v3.refund.domestic.refunds.post({ out_trade_no: paidNo, out_refund_no: refundNo,
    reason: '少了一根', notify_url: `${here}/refunds`, amount: { refund: 999, total: 1999, currency: 'CNY' } })).data;
  assert.ok(['PROCESSING', 'SUCCESS'].includes(requested.status), JSON.stringify(requested));
  assert.equal(requested.amount.refund, 999);
  assert.equal(requested.transaction_id, paid.transaction_id);
  step(`requested the refund ${refundNo}`);

  const { content: refunded } = await receive('/refunds');
  assert.equal(refunded.event_type, 'REFUND.SUCCESS');
  assert.equal(refunded.resource.refund_status, 'SUCCESS');
  assert.equal(refunded.resource.out_refund_no, refundNo);
  assert.equal(refunded.resource.refund_id, requested.refund_id);
  step('the refund succeeded; received the notification');

  const found = (await v3.refund.domestic.refunds._out_refund_no_.get({ out_refund_no: refundNo })).data;
  assert.equal(found.status, 'SUCCESS');
  assert.equal(found.refund_id, requested.refund_id);
  assert.equal((await query(paidNo)).trade_state, 'REFUND');
  step('the refund query returned SUCCESS');

  const unknownKey = client(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, certs);
  const queries = unknownKey.v3.pay.transactions.outTradeNo._out_trade_no_;
  const refusedQuery = queries.get({ params: { mchid }, out_trade_no: paidNo });
  await refusedBy(refusedQuery, 401, 'SIGN_ERROR');
  step('a request signed with an unknown key was refused');

  assert.equal(received.length, 0);
}

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});

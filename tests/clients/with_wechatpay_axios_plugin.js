// A merchant that uses `wechatpay-axios-plugin` (npm), unmodified: orders, queries, a close, a refund, and the notices
// of both.
//
// usage: node with_wechatpay_axios_plugin.js certificates | public-key      with the simulator's environment
//
// WXPAY_CLIENTS_NODE is the folder that has the package. One line for each step; exits 0 only if every step went as it
// must.
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

const heard = [];
let certs;

// The package has no receiver of notices, but each part of one. A reply to who asks for the first keys is verified the
// same way.
function verify(headers, body) {
  const { 'wechatpay-timestamp': timestamp, 'wechatpay-nonce': nonce, 'wechatpay-serial': by } = headers;
  assert.ok(Math.abs(Formatter.timestamp() - timestamp) <= 300, `stale: ${timestamp}`);
  assert.ok(Object.hasOwn(certs, by), `signed by ${by}`);
  const good = Rsa.verify(Formatter.response(timestamp, nonce, body), headers['wechatpay-signature'], certs[by]);
  assert.ok(good, 'the signature does not fit');
}

function decrypted({ ciphertext, nonce, associated_data: aad }) {
  return Aes.AesGcm.decrypt(ciphertext, apiV3Key, nonce, aad);
}

function opened(headers, body) {
  verify(headers, body);
  const told = JSON.parse(body);
  return { ...told, resource: JSON.parse(decrypted(told.resource)) };
}

// The package's command for this cannot verify what it downloads and writes nothing, so it is done with its parts: ask,
// keep the reply as it came, decrypt, and verify the same reply by what was in it.
async function download(wxpay) {
  const { data: body, headers } = await wxpay.v3.certificates.get({ transformResponse: [(raw) => raw] });
  certs = Object.fromEntries(JSON.parse(body).data
    .map(({ serial_no: named, encrypt_certificate: sealed }) => [named, decrypted(sealed)]));
  verify(headers, body);
}

const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part)).on('end', () => {
    const body = Buffer.concat(parts).toString();
    let told;
    try {
      told = opened(request.headers, body);
    } catch (error) {
      console.error(`refused a notice: ${error}`);
    }
    response.writeHead(told ? 204 : 401).end();
    heard.push({ url: request.url, headers: request.headers, body, told });
  });
});

async function hear(url) {
  for (let tries = 0; heard.length === 0; tries += 1) {
    assert.ok(tries < 400, `no notice came to ${url}`);
    await new Promise((awake) => { setTimeout(awake, 50); });
  }
  const notice = heard.shift();
  assert.ok(notice.url === url && notice.told, JSON.stringify(notice));
  return notice;
}

async function control(path, fields) {
  const answer = await fetch(`${baseURL}/_sim/v1/${path}`,
    { method: 'POST', body: JSON.stringify(fields), headers: { 'content-type': 'application/json' } });
  const said = await answer.text();
  assert.ok(answer.ok, `${answer.status}: ${said}`);
  return JSON.parse(said);
}

async function refusedBy(promise, status, code) {
  const error = await promise.then(() => assert.fail(`${code} was expected`), (thrown) => thrown);
  assert.equal(error.response?.status, status, String(error));
  assert.equal(error.response.data.code, code);
}

async function main() {
  await new Promise((listening) => { server.listen(0, '127.0.0.1', listening); });
  const here = `http://127.0.0.1:${server.address().port}`;

  const own = mode === 'public-key' ? { 'Wechatpay-Serial': publicKeyId } : {};
  const as = (privateKey, known) => new Wechatpay({
    baseURL, mchid, serial, privateKey, certs: { ...known }, headers: own, timeout: 10000,
  });
  if (mode === 'certificates') {
    await download(as(contentOf(privateKeyFile), { any: undefined }));
    assert.ok(Object.hasOwn(certs, platformSerialNo), Object.keys(certs).join());
    step(`downloaded, opened and verified the platform certificates ${Object.keys(certs).join(', ')}`);
  } else {
    certs = { [publicKeyId]: contentOf(publicKeyFile) };
    step(`holds the public key ${publicKeyId} and downloads nothing`);
  }
  const { v3 } = as(contentOf(privateKeyFile), certs);
  const { transactions } = v3.pay;
  // The package bends the letters of a path that it is given by names, but not of what it fills in.
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
  step('found it unpaid');

  const page = { appId: appid, timeStamp: `${Formatter.timestamp()}`, nonceStr: Formatter.nonce(),
    package: `prepay_id=${placed.data.prepay_id}` };
  const paySign = Rsa.sign(Formatter.joinedByLineFeed(...Object.values(page)), contentOf(privateKeyFile));
  const seen = await control('payer/cancel', { ...page, signType: 'RSA', paySign });
  assert.equal(seen.payment_request.total, 1999);
  assert.equal(seen.resp.errCode, -2);
  step('signed the page\'s parameters, which the phone took');

  await control(`orders/${paidNo}/pay`, {});
  const notice = await hear('/payments');
  const { told } = notice;
  assert.equal(told.event_type, 'TRANSACTION.SUCCESS');
  assert.equal(told.resource.trade_state, 'SUCCESS');
  assert.equal(told.resource.out_trade_no, paidNo);
  assert.equal(told.resource.attach, order.attach);
  assert.equal(told.resource.amount.total, 1999);
  step('was paid, and heard of it');

  const paid = await query(paidNo);
  assert.equal(paid.trade_state, 'SUCCESS');
  assert.equal(paid.payer.openid, openid);
  assert.equal(paid.transaction_id, told.resource.transaction_id);
  const again = await transactions.id._transaction_id_.get({ params: { mchid }, transaction_id: paid.transaction_id });
  assert.deepEqual(again.data, paid);
  step('found it paid, by either number');

  assert.throws(() => opened(notice.headers, notice.body.replace('"summary"', '"summery"')), /does not fit/);
  step('refused the notice after a letter of it was changed');

  const second = await transactions.native.post({ appid, mchid, description: '第二', out_trade_no: closedNo,
    notify_url: `${here}/payments`, amount: { total: 1 } });
  assert.match(second.data.code_url, /^weixin:\/\//);
  const closed = await byNumber.close.post({ mchid }, { out_trade_no: closedNo });
  assert.equal(closed.status, 204);
  assert.equal((await query(closedNo)).trade_state, 'CLOSED');
  step(`placed the Native order ${closedNo} and closed it`);

  const asked = (await v3.refund.domestic.refunds.post({ out_trade_no: paidNo, out_refund_no: refundNo,
    reason: '少了一根', notify_url: `${here}/refunds`, amount: { refund: 999, total: 1999, currency: 'CNY' } })).data;
  assert.ok(['PROCESSING', 'SUCCESS'].includes(asked.status), JSON.stringify(asked));
  assert.equal(asked.amount.refund, 999);
  assert.equal(asked.transaction_id, paid.transaction_id);
  step(`asked for the refund ${refundNo}`);

  const { told: refunded } = await hear('/refunds');
  assert.equal(refunded.event_type, 'REFUND.SUCCESS');
  assert.equal(refunded.resource.refund_status, 'SUCCESS');
  assert.equal(refunded.resource.out_refund_no, refundNo);
  assert.equal(refunded.resource.refund_id, asked.refund_id);
  step('heard that it was refunded');

  const found = (await v3.refund.domestic.refunds._out_refund_no_.get({ out_refund_no: refundNo })).data;
  assert.equal(found.status, 'SUCCESS');
  assert.equal(found.refund_id, asked.refund_id);
  assert.equal((await query(paidNo)).trade_state, 'REFUND');
  step('found it refunded');

  const stranger = as(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, certs);
  const unheeded = stranger.v3.pay.transactions.outTradeNo._out_trade_no_.get({ params: { mchid }, out_trade_no: paidNo });
  await refusedBy(unheeded, 401, 'SIGN_ERROR');
  step('was refused when it signed with a stranger\'s key');

  assert.equal(heard.length, 0);
}

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});

// `wechatpay-axios-plugin` (npm), broken from outside as developers break such clients: `wxpay explain` must name each
// breakage.
//
// usage: node broken_wechatpay_axios_plugin.js      with the simulator's environment
//
// The package is unmodified: each breakage replaces some of its functions for one call, or configures it wrongly.
// WXPAY_CLIENTS_NODE is the folder that contains the package. Prints one JSON object per breakage, with the message as
// sent and as answered. Exits with 0 if every breakage was shown.
'use strict';

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const home = path.join(process.env.WXPAY_CLIENTS_NODE, 'wechatpay-axios-plugin');
const { Wechatpay, Formatter, Rsa, Hash, Multipart } = require(home);
const axios = require(path.join(process.env.WXPAY_CLIENTS_NODE, 'axios'));
const { version } = require(path.join(home, 'package.json'));

const {
  WXPAY_BASE_URL: baseURL, WXPAY_MCHID: mchid, WXPAY_APPID: appid, WXPAY_SERIAL_NO: serial,
  WXPAY_PRIVATE_KEY_FILE: privateKeyFile, WXPAY_API_V3_KEY: apiV3Key, WXPAY_PLATFORM_SERIAL_NO: platformSerialNo,
  WXPAY_PUBLIC_KEY_ID: publicKeyId, WXPAY_PUBLIC_KEY_FILE: publicKeyFile,
} = process.env;
const privateKey = crypto.createPrivateKey(fs.readFileSync(privateKeyFile));
const certs = { [publicKeyId]: fs.readFileSync(publicKeyFile) };
const headers = { 'Wechatpay-Serial': publicKeyId };
const openid = 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o';
const number = () => `B${process.hrtime.bigint()}`;
const placedNo = number();
const otherKey = () => crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

const client = (options) => new Wechatpay({
  baseURL, mchid, serial, privateKey, certs: { ...certs }, headers: { ...headers }, timeout: 10000, ...options,
});

// The calls that are broken.

const content = () => ({ appid, mchid, description: '一双筷子 <A&B>', out_trade_no: number(),
  notify_url: 'http://127.0.0.1:9/payments', attach: '甲/乙 + "丙"', amount: { total: 1999, currency: 'CNY' } });
const order = ({ v3 }) => v3.pay.transactions.jsapi.post({ ...content(), payer: { openid } });
const queryOf = (no) => ({ v3 }) => v3.pay.transactions.outTradeNo._no_.get({ params: { mchid }, no });
const query = queryOf(placedNo);
const bill = (more) => ({ v3 }) => v3.bill.tradebill.get(
  { params: { bill_date: '2026-01-02', bill_type: 'SUCCESS', ...more } });
const image = Buffer.from('89504e470d0a1a0a0000', 'hex');
let multipart;
const upload = (write = JSON.stringify) => ({ v3 }) => {
  const meta = { filename: 'chopsticks.png', sha256: sha256(image).toString('hex') };
  const form = new Multipart().append('meta', write(meta)).append('file', image, 'chopsticks.png');
  multipart = form.getBuffer();
  return v3.merchant.media.upload.post(multipart, { meta, headers: form.getHeaders() });
};

// The replacements. Each is a function that replaces something and returns a function that restores it.

function replaced(object, name, value) {
  return () => {
    const real = object[name];
    object[name] = value(real.bind(object));
    return () => { object[name] = real; };
  };
}

// Changes the string that is signed.
const signed = (change) => replaced(Formatter, 'request', (real) => (...values) => change(real(...values)));
// Changes the values of the signed string: method, uri, timestamp, nonce, body.
const values = (change) => replaced(Formatter, 'request', (real) => (method, uri, timestamp, nonce, body) => {
  const all = { method, uri, timestamp, nonce, body };
  Object.assign(all, change(all));
  return real(all.method, all.uri, all.timestamp, all.nonce, all.body);
});
// Replaces the signature function.
const signer = (sign) => replaced(Rsa, 'sign', () => sign);
// Changes the values of `Authorization`: mchid, nonce, signature, timestamp, serial.
const sentValues = (change) => replaced(Formatter, 'authorization', (real) => (...all) => real(...change(...all)));
const authorization = (change) => replaced(Formatter, 'authorization', (real) => (...all) => change(real(...all)));
const clock = (change) => replaced(Formatter, 'timestamp', (real) => () => change(real()));

// Options of the client: changes of the request after it was signed.
const wire = (change) => ({ adapter: (config) => axios.getAdapter('http')(Object.assign(config, change(config))) });
const sentBody = (change) => wire(({ data }) => ({ data: Buffer.from(change(JSON.parse(data))) }));

const sha256 = (message) => crypto.createHash('sha256').update(message).digest();
const signature = (message, digest = 'RSA-SHA256', encoding = 'base64') => crypto.createSign(digest).update(message)
  .sign(privateKey, encoding);

// Breakage, expected cause, call, replacements, options of the client, and the certainty. The last three are optional.
const REQUESTS = [
  // Without any breakage: the calls themselves are right.
  ['unbroken order', null, order],
  ['unbroken query', null, query],
  ['unbroken upload', null, upload()],
  ['unbroken request without one', null, ({ v3 }) => v3.certificates.get()],

  // Lines.
  ["lines.join('\\n')", 'missing_final_line_feed', order, [signed((text) => text.slice(0, -1))]],
  ['no line for the absent body', 'missing_body_line_feed', query, [signed((text) => text.slice(0, -1))]],
  ['a template literal with a line feed too many', 'extra_line_feed', query, [signed((text) => `${text}\n`)]],
  ['os.EOL on Windows', 'crlf', order, [signed((text) => text.replaceAll('\n', '\r\n'))]],
  ['String.raw', 'literal_backslash_n', query, [signed((text) => text.replaceAll('\n', '\\n'))]],
  ["lines.join('')", 'line_separator', query, [signed((text) => text.replaceAll('\n', ''))]],
  ['timestamp and nonce exchanged', 'line_order', order,
    [values(({ timestamp, nonce }) => ({ timestamp: nonce, nonce: timestamp }))]],

  // Method and URL.
  ['url.href', 'host_in_url', query, [values(({ uri }) => ({ uri: `${baseURL}${uri}` }))]],
  ['url.host + url.pathname', 'host_in_url', order,
    [values(({ uri }) => ({ uri: `${new URL(baseURL).host}${uri}` }))]],
  ['v3 left to the base URL', 'path_prefix', query, [values(({ uri }) => ({ uri: uri.replace('/v3', '') }))]],
  ['encodeURIComponent of what is sent as it is', 'path_encoding', queryOf('A|1*2'),
    [values(({ uri }) => ({ uri: uri.replace('A|1', 'A%7C1') }))]],
  ['a slash at the end of the signed path', 'trailing_slash', order, [values(({ uri }) => ({ uri: `${uri}/` }))]],
  ['url.pathname', 'query_missing', query, [values(({ uri }) => ({ uri: uri.split('?')[0] }))]],
  ['params signed in another order', 'query_reordered', bill({ tar_type: 'GZIP' }),
    [values(({ uri }) => ({ uri: uri.replace(/\?.*/, '?tar_type=GZIP&bill_type=SUCCESS&bill_date=2026-01-02') }))]],
  ['decodeURIComponent', 'query_decoded', bill({ note: '筷子' }),
    [values(({ uri }) => ({ uri: decodeURIComponent(uri) }))]],
  ['encodeURIComponent twice', 'query_double_encoded', bill({ note: '筷子' }),
    [values(({ uri }) => ({ uri: uri.replaceAll('%', '%25') }))]],
  ['%20 signed, + sent', 'query_reencoded', bill({ note: 'a pair' }),
    [values(({ uri }) => ({ uri: uri.replace('a+pair', 'a%20pair') }))]],
  ["a parameter with ': unmodified package", 'query_reencoded', bill({ note: "it's" })],
  ['config.method, which is in lower case', 'method_case', query,
    [values(({ method }) => ({ method: method.toLowerCase() }))]],
  ['GET signed, whatever is sent', 'method_differs', order, [values(() => ({ method: 'GET' }))]],

  // Timestamp and nonce.
  ['Date.now()', 'timestamp_milliseconds', order, [replaced(Formatter, 'timestamp', () => () => Date.now())]],
  ['Date.now() signed', 'timestamp_milliseconds', query,
    [values(({ timestamp }) => ({ timestamp: timestamp * 1000 + 999 }))]],
  ['Date.now() / 1000', 'header_grammar', query, [clock((seconds) => seconds + 0.123)]],
  ['toISOString()', 'header_grammar', query, [clock((seconds) => new Date(seconds * 1000).toISOString())]],
  ['the time read again for the header', 'timestamp_differs', query,
    [sentValues((id, nonce, sign, timestamp, no) => [id, nonce, sign, timestamp + 1, no])]],
  ['the signature reused for 20 minutes', 'clock_skew', query, [clock((seconds) => seconds - 1200)]],
  ['the clock 6 minutes ahead', 'clock_skew', order, [clock((seconds) => seconds + 360)]],
  ['Formatter.nonce() called twice', 'nonce_differs', query,
    [sentValues((id, nonce, ...rest) => [id, Formatter.nonce(), ...rest])], {}, 'likely'],
  ['the nonce in upper case for the header', 'nonce_differs', order,
    [sentValues((id, nonce, ...rest) => [id, nonce.toUpperCase(), ...rest])], {}, 'likely'],

  // Body.
  ['JSON.stringify(data, null, 2) signed', 'body_reserialized', order,
    [values(({ body }) => ({ body: JSON.stringify(JSON.parse(body), null, 2) }))]],
  ['Formatter.ksort to sign, as in APIv2', 'body_reserialized', order,
    [values(({ body }) => ({ body: JSON.stringify(Formatter.ksort(JSON.parse(body))) }))]],
  ['a transformRequest of its own: \\u escapes', 'body_reserialized', order, [], sentBody((data) => JSON.stringify(data)
    .replace(/[^\0-\x7f]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`))],
  ['null members sent, not signed', 'body_reserialized', order, [],
    sentBody((data) => JSON.stringify({ goods_tag: null, ...data }))],
  ['data that is text already: unmodified package', 'body_reserialized',
    ({ v3 }) => v3.pay.transactions.native.post(JSON.stringify(content()))],
  ['`${data}`: [object Object]', 'body_reserialized', order, [values(() => ({ body: `${{}}` }))]],
  ['a line feed after the body', 'body_trimmed', order, [], sentBody((data) => `${JSON.stringify(data)}\n`)],
  ['a byte order mark before the body', 'body_bom', order, [], sentBody((data) => `\ufeff${JSON.stringify(data)}`)],
  ['signed in latin1', 'body_charset', order,
    [signer((text) => signature(Buffer.from(text, 'latin1')))]],
  ['SHA-256 of the body signed', 'body_hashed', order,
    [values(({ body }) => ({ body: sha256(body).toString('hex') }))]],
  ['config.body, which is undefined', 'body_not_signed', order, [values(() => ({ body: '' }))]],
  ['the whole upload signed', 'multipart_whole', upload(),
    [replaced(Formatter, 'request', () => (method, uri, timestamp, nonce) => Buffer.concat(
      [Buffer.from(`${method}\n${uri}\n${timestamp}\n${nonce}\n`), multipart, Buffer.from('\n')]))]],
  ['the part meta of an upload written by another function', 'body_reserialized',
    upload((meta) => JSON.stringify(meta, null, 2))],
  ['data: {} with GET', 'braces_for_empty_body', query, [values(() => ({ body: '{}' }))]],
  ['undefined in a template literal', 'braces_for_empty_body', query,
    [values(({ body }) => ({ body: `${body}` }))]],

  // Key, serial number and merchant.
  ['the private key of another merchant', 'wrong_key', order, [], { privateKey: otherKey() }, 'likely'],
  ['the serial number of the platform certificate', 'serial_of_another_certificate', query, [],
    { serial: platformSerialNo }],
  ['the id of the public key as serial_no', 'serial_of_another_certificate', order, [],
    { serial: publicKeyId, certs: { any: certs[publicKeyId] } }],
  ['the serial number with colons', 'serial_format', query, [], { serial: serial.match(/../g).join(':') }],
  ['the serial number in decimal digits', 'serial_format', order, [], { serial: BigInt(`0x${serial}`).toString() }],
  ['the mchid of the sub-merchant', 'wrong_mchid', query, [], { mchid: '1900000109' }],
  ['mchid and serial number exchanged', 'serial_of_another_certificate', order, [], { mchid: serial, serial: mchid }],

  // Form of the signature.
  ["createSign('RSA-SHA1')", 'sha1', query, [signer((text) => signature(text, 'RSA-SHA1'))]],
  ["createSign('RSA-MD5')", 'other_digest', order, [signer((text) => signature(text, 'RSA-MD5'))]],
  ['privateEncrypt of the hash', 'missing_digest_info', query,
    [signer((text, key) => crypto.privateEncrypt(key, sha256(text)).toString('base64'))]],
  ['privateEncrypt of the hash in hexadecimal digits', 'missing_digest_info', order,
    [signer((text, key) => crypto.privateEncrypt(key, Buffer.from(sha256(text).toString('hex'))).toString('base64'))]],
  ['hashed before it is signed', 'hashed_twice', order, [signer((text) => signature(sha256(text)))]],
  ['hashed to hexadecimal digits before it is signed', 'hashed_twice', query,
    [signer((text) => signature(sha256(text).toString('hex')))]],
  ['RSA_PKCS1_PSS_PADDING', 'pss', order, [signer((text, key) => crypto.sign('sha256', Buffer.from(text),
    { key, padding: crypto.constants.RSA_PKCS1_PSS_PADDING }).toString('base64'))]],
  ['base64url', 'signature_encoding', query, [signer((text) => signature(text, 'RSA-SHA256', 'base64url'))]],
  ['hex', 'signature_encoding', order, [signer((text) => signature(text, 'RSA-SHA256', 'hex'))]],
  ['Base64 twice', 'signature_encoding', query, [signer((text) => Buffer.from(signature(text)).toString('base64'))]],
  ['encodeURIComponent of the signature', 'signature_encoding', order,
    [signer((text) => encodeURIComponent(signature(text)))]],
  ['JSON.stringify of the signature', 'header_grammar', query,
    [signer((text) => JSON.stringify(signature(text)).replaceAll('"', '\\"'))]],
  ['HMAC-SHA256 of APIv2', 'apiv2_signature', order,
    [signer((text) => Hash.hmac(text, apiV3Key).toUpperCase())]],

  // Authorization.
  ['no Authorization', 'header_grammar', query, [],
    wire(({ headers: sent }) => { sent.delete('Authorization'); return {}; })],
  ['the scheme of SM2', 'header_grammar', query,
    [authorization((text) => text.replace('SHA256-RSA2048', 'SM2-WITH-SM3'))]],
  ['no scheme', 'header_grammar', order,
    [authorization((text) => text.slice(text.indexOf(' ') + 1))]],
  ['a colon after the scheme', 'header_grammar', query, [authorization((text) => text.replace(' ', ': '))]],
  ['serialNo for serial_no', 'header_grammar', order,
    [authorization((text) => text.replace('serial_no', 'serialNo'))]],
  ['no comma between two values', 'header_grammar', query,
    [authorization((text) => text.replace('",nonce', '" nonce'))]],
  ['no timestamp', 'header_grammar', query,
    [authorization((text) => text.replace(/timestamp="\d+",/, ''))]],
  ['signature and nonce exchanged', 'signature_encoding', query,
    [sentValues((id, nonce, sign, timestamp, no) => [id, sign, nonce, timestamp, no])]],
];

// Payment parameters. The payer's client of the simulator refuses them.
async function parameters() {
  const prepayId = (await order(client())).data.prepay_id;
  const appId = (await client().v3.pay.transactions.app.post(content())).data.prepay_id;
  const timestamp = `${Formatter.timestamp()}`;
  const nonce = Formatter.nonce();
  const sign = (...lines) => Rsa.sign(Formatter.joinedByLineFeed(...lines), privateKey);
  const packaged = `prepay_id=${prepayId}`;
  const page = (paySign, more) => ({ appId: appid, timeStamp: timestamp, nonceStr: nonce, package: packaged,
    signType: 'RSA', paySign, ...more });
  const app = (signedId) => ({ appid, partnerid: mchid, prepayid: appId, package: 'Sign=WXPay', noncestr: nonce, timestamp,
    sign: sign(appid, timestamp, nonce, signedId) });
  const ofApiV2 = { appId: appid, nonceStr: nonce, package: packaged, signType: 'MD5', timeStamp: timestamp };
  const md5 = Hash.md5(`${Formatter.queryStringLike(Formatter.ksort(ofApiV2))}&key=${apiV3Key}`).toUpperCase();
  const lines = [appid, timestamp, nonce, packaged];
  const right = sign(...lines);
  return [
    ['unbroken page', null, page(right)],
    ['unbroken app', null, app(appId)],
    ['page: the bare prepay_id signed', 'prepay_id_prefix', page(sign(appid, timestamp, nonce, prepayId))],
    ['app: prepay_id=.. signed', 'prepay_id_prefix', app(`prepay_id=${appId}`)],
    ['app: Sign=WXPay signed', 'package_differs', app('Sign=WXPay')],
    ['page: lines joined by \\n, none at the end', 'missing_final_line_feed',
      page(signature(lines.join('\n')))],
    ['page: nonce before timestamp', 'line_order', page(sign(appid, nonce, timestamp, packaged))],
    ['page: undefined, joined as nothing, for the appid', 'wrong_appid', page(sign(undefined, timestamp, nonce, packaged))],
    ['page: Date.now() sent, seconds signed', 'client_timestamp', page(right, { timeStamp: `${timestamp}123` })],
    ['page: a number as timeStamp', 'client_timestamp', page(right, { timeStamp: Number(timestamp) })],
    ['page: signType MD5', 'client_sign_type', page(right, { signType: 'MD5' })],
    ['page: signType missing', 'client_sign_type', page(right, { signType: undefined })],
    ['page: MD5 of APIv2', 'apiv2_signature', page(md5)],
    ['page: SHA-1', 'sha1', page(signature(Formatter.joinedByLineFeed(...lines), 'RSA-SHA1'))],
    ['page: the private key of another merchant', 'wrong_key',
      page(Rsa.sign(Formatter.joinedByLineFeed(...lines), otherKey())), 'likely'],
  ];
}

// Evidence.

function report(breakage, expected, certainty, evidence) {
  console.log(JSON.stringify({ client: `wechatpay-axios-plugin ${version}`, breakage, expected, certainty, ...evidence }));
}

async function showRequest([breakage, expected, call, replacements = [], options = {}, certainty = 'exact']) {
  const exchanges = [];
  const { adapter = axios.getAdapter('http'), ...others } = options;
  const recorded = async (config) => {
    const response = await adapter(config).catch((error) => error.response ?? Promise.reject(error));
    exchanges.push(response);
    return response;
  };
  const wxpay = client({ ...others, adapter: recorded, validateStatus: () => true });
  const restore = replacements.map((replace) => replace());
  try {
    // The client rejects the unsigned reply to a refused request, which is right.
    await call(wxpay).catch((error) => assert.ok(exchanges.length, error));
  } finally {
    restore.reverse().forEach((undo) => undo());
  }
  assert.equal(exchanges.length, 1, breakage);
  const [{ request, config, status, headers: replied }] = exchanges;
  const message = { kind: 'request', method: request.method, url: `${baseURL}${request.path}`, headers: request.getHeaders(),
    body_base64: Buffer.from(config.data ?? '').toString('base64') };
  report(breakage, expected, certainty, { message, status, request_id: replied['request-id'] });
}

async function showParameters([breakage, expected, sent, certainty = 'exact']) {
  const response = await fetch(`${baseURL}/_sim/v1/payer/show`,
    { method: 'POST', body: JSON.stringify(sent), headers: { 'content-type': 'application/json' } });
  const { causes = [] } = await response.json();
  report(breakage, expected, certainty, { message: { kind: 'client_params', body: sent }, status: response.status,
    causes: causes.map(({ id, is_proved: isProved }) => [id, isProved ? 'exact' : 'likely']) });
}

async function main() {
  await client().v3.pay.transactions.native.post({ ...content(), out_trade_no: placedNo });
  for (const breakage of REQUESTS) await showRequest(breakage);
  for (const breakage of await parameters()) await showParameters(breakage);
}

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});

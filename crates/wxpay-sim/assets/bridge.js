// Stands in for the payer's client in a shop's own page: WeixinJSBridge, wx.chooseWXPay and wx.requestPayment. Of the rest
// of the JSSDK, wx.config accepts any signature, wx.ready calls back after it, and wx.error never does.
//
// The simulator verifies the signed parameters. If it refuses them, the dialog explains why; otherwise the payer chooses.
// Load it in tests only: <script src="http://127.0.0.1:PORT/bridge.js"></script>
'use strict';

(() => {
  const base = new URL(document.currentScript.src).origin;
  const chinese = (document.documentElement.lang || navigator.language || '').toLowerCase().startsWith('zh');
  const words = chinese
    ? { title: '微信支付（模拟）', pay: '支付', wrong_password: '密码错误', not_enough: '余额不足', cancel: '取消', close: '关闭', refused: '支付参数被拒绝', failed: '无法连接模拟器' }
    : { title: 'WeChat Pay (simulated)', pay: 'Pay', wrong_password: 'Wrong password', not_enough: 'Not enough money', cancel: 'Cancel', close: 'Close', refused: 'The payment parameters are refused', failed: 'The simulator cannot be reached' };

  const send = async (act, parameters) => {
    // Plain text needs no preflight request. The parameters go as the page passed them.
    const response = await fetch(`${base}/_pay/bridge?act=${act}&lang=${chinese ? 'zh' : 'en'}`, {
      method: 'POST', body: JSON.stringify(parameters), headers: { 'content-type': 'text/plain' }, credentials: 'omit',
    });
    return { ok: response.ok, answer: await response.json() };
  };

  const element = (name, text, style) => {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    // Property by property: a policy of the shop's page may forbid style attributes.
    for (const [property, value] of Object.entries(style || {})) made.style[property] = value;
    return made;
  };

  const dialog = (heading, lines, choices, code = []) => new Promise((resolve) => {
    const box = element('dialog', '', {
      maxWidth: code.length > 0 ? '56rem' : '24rem', width: '90%', border: '0', borderRadius: '14px', padding: '1.25rem', font: '16px/1.5 system-ui, sans-serif',
      color: '#16211b', background: '#ffffff', boxShadow: '0 10px 40px rgba(0,0,0,.35)',
    });
    box.id = 'wxpay-sim-bridge';
    const title = element('h2', heading, { fontSize: '1.15rem', margin: '0 0 .75rem' });
    title.id = 'wxpay-sim-bridge-title';
    box.setAttribute('aria-labelledby', title.id);
    box.append(title);
    for (const line of lines) {
      box.append(element('p', line, { margin: '0 0 .6rem', whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }));
    }
    // Of equal width, so that a caret stands below the letter that it marks.
    for (const text of code) {
      const block = element('pre', text, {
        margin: '0 0 .6rem', padding: '.6rem .8rem', font: '13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
        background: '#f3f5f4', borderRadius: '8px', whiteSpace: 'pre-wrap', overflowWrap: 'anywhere',
      });
      box.append(block);
    }
    const done = (choice) => { box.close(); box.remove(); resolve(choice); };
    for (const [choice, text] of choices) {
      const isMain = choice === 'pay';
      const button = element('button', text, {
        display: 'block', width: '100%', minHeight: '2.75rem', margin: '.5rem 0 0', font: 'inherit', fontWeight: '600', borderRadius: '9px',
        border: '1px solid #0a7045', color: isMain ? '#ffffff' : '#16211b', background: isMain ? '#0a7045' : '#edf1ee', cursor: 'pointer',
      });
      button.type = 'button';
      button.dataset.choice = choice;
      button.addEventListener('click', () => done(choice));
      box.append(button);
    }
    box.addEventListener('cancel', (event) => { event.preventDefault(); done('cancel'); });
    document.body.append(box);
    box.showModal();
  });

  const explain = async (answer) => {
    const causes = (answer.causes || []).map((cause) => `${cause.id}\n${cause.message}`);
    await dialog(words.refused, [answer.detail || ''], [['close', words.close]], causes);
    return { result: 'fail', reason: answer.detail || '' };
  };

  const pay = async (parameters) => {
    try {
      const shown = await send('show', parameters);
      if (!shown.ok) return await explain(shown.answer);
      const request = shown.answer.payment_request;
      const choices = ['pay', 'wrong_password', 'not_enough', 'cancel'].map((choice) => [choice, words[choice]]);
      const choice = await dialog(words.title, [`¥${(request.total / 100).toFixed(2)}`, request.description, request.out_trade_no], choices);
      const { ok, answer } = await send(choice, parameters);
      if (!ok) return await explain(answer);
      if (answer.resp.errCode === 0) return { result: 'ok', reason: '' };
      return { result: choice === 'cancel' ? 'cancel' : 'fail', reason: answer.resp.errStr };
    } catch (error) {
      return { result: 'fail', reason: words.failed };
    }
  };

  window.WeixinJSBridge = {
    invoke(name, parameters, callback) {
      if (name !== 'getBrandWCPayRequest') {
        setTimeout(() => callback && callback({ err_msg: `${name}:fail` }));
        return;
      }
      pay(parameters).then(({ result, reason }) => {
        const answer = { err_msg: `get_brand_wcpay_request:${result}` };
        if (reason) answer.err_desc = reason;
        if (callback) callback(answer);
      });
    },
  };

  const request = (name) => ({ success, fail, cancel, complete, ...parameters }) => {
    // chooseWXPay takes `timestamp`; the signed parameters of a page have `timeStamp`.
    if (name === 'chooseWXPay' && 'timestamp' in parameters) {
      parameters.timeStamp = parameters.timestamp;
      delete parameters.timestamp;
    }
    pay(parameters).then(({ result, reason }) => {
      const answer = { errMsg: result === 'ok' ? `${name}:ok` : `${name}:${result === 'cancel' && name === 'requestPayment' ? 'fail cancel' : result}${reason ? ` ${reason}` : ''}` };
      const receiver = result === 'ok' ? success : (result === 'cancel' && cancel) || fail;
      if (receiver) receiver(answer);
      if (complete) complete(answer);
    });
  };
  // The functions that a page calls before it pays.
  let isConfigured = false;
  const waiting = [];
  const later = (callback, ...values) => callback && setTimeout(() => callback(...values));
  const supported = ['chooseWXPay', 'checkJsApi'];
  const sdk = {
    config() {
      isConfigured = true;
      waiting.splice(0).forEach((callback) => later(callback));
    },
    ready(callback) {
      if (isConfigured) later(callback);
      else waiting.push(callback);
    },
    error() {},
    checkJsApi({ jsApiList = [], success, complete } = {}) {
      const checkResult = Object.fromEntries(jsApiList.map((name) => [name, supported.includes(name)]));
      const answer = { checkResult, errMsg: 'checkJsApi:ok' };
      later(success, answer);
      later(complete, answer);
    },
  };
  window.wx = Object.assign(window.wx || {}, sdk, { chooseWXPay: request('chooseWXPay'), requestPayment: request('requestPayment') });
  document.dispatchEvent(new Event('WeixinJSBridgeReady'));
})();

// Live updates, copying and shortcuts. The page works without this script.
'use strict';

(() => {
  const say = (text) => {
    const live = document.getElementById('live');
    live.textContent = '';
    setTimeout(() => { live.textContent = text; }, 50);
  };

  // Replaces the live parts with those of a new copy of the page. A part in which somebody is typing stays.
  let busy = false;
  let again = false;
  const refresh = async () => {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const response = await fetch(location.href, { headers: { accept: 'text/html' } });
      if (!response.ok) return;
      const copy = new DOMParser().parseFromString(await response.text(), 'text/html');
      let changed = false;
      for (const part of document.querySelectorAll('[data-live]')) {
        const next = copy.getElementById(part.id);
        const focus = part.contains(document.activeElement) ? document.activeElement : null;
        if (!next || next.innerHTML === part.innerHTML || (focus && focus.matches('input, select'))) continue;
        const place = focus && [...part.querySelectorAll('a, button, pre, [tabindex]')].indexOf(focus);
        part.replaceChildren(...next.cloneNode(true).childNodes);
        const targets = part.querySelectorAll('a, button, pre, [tabindex]');
        if (focus && targets[place]) targets[place].focus();
        changed = changed || part.id !== 'clock';
      }
      if (changed) say(document.body.dataset.updated);
    } catch (error) {
      // The simulator has stopped; the stream of events connects again.
    } finally {
      busy = false;
      if (again) { again = false; refresh(); }
    }
  };

  if (document.querySelector('[data-live]')) {
    const events = new EventSource('/_page/events');
    events.addEventListener('change', refresh);
    let first = true;
    events.addEventListener('open', () => { if (!first) refresh(); first = false; });
    addEventListener('pagehide', () => events.close());
  }

  for (const button of document.querySelectorAll('[data-copy]')) {
    button.hidden = false;
    button.addEventListener('click', async () => {
      const source = document.getElementById(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(source.textContent);
      } catch (error) {
        // Without a secure context there is no clipboard interface: select the text and copy it.
        getSelection().selectAllChildren(source);
        document.execCommand('copy');
      }
      say(document.body.dataset.copied);
    });
  }

  addEventListener('keydown', (event) => {
    if (!event.altKey || !event.shiftKey || event.ctrlKey || event.metaKey) return;
    const key = event.code.replace('Key', '').toLowerCase();
    const link = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (link) { event.preventDefault(); link.click(); }
  });
})();

import type { DeviceCodes, DeviceRequest } from './deviceCodes.ts';
import type { Answer } from './exchange.ts';
import { readParameters } from './forms.ts';
import type { MockReply } from './http.ts';
import { choice, errorPage, html, page, scopeList } from './pages.ts';

/** Where the user of a device enters its code and decides, RFC 8628 section 3.3. A GET changes nothing. */
export function createDevicePage(codes: DeviceCodes, path: string): Answer {
  const entryPage = (typed: string): MockReply => {
    const failed = typed === '' ? '' : html`<p role="alert">No device waits for this code. It may have expired.</p>`;
    const body = html`${failed}
<form action="${path}"><label for="user_code">The code that your device shows</label>
<input id="user_code" name="user_code" value="${typed}" class="code" autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="64" required>
<div class="choice"><button>Continue</button></div></form>`;
    return page(typed === '' ? 200 : 400, 'Connect a device', body);
  };

  const decisionPage = ({ client, userCode, scope, subject }: DeviceRequest): MockReply =>
    page(
      200,
      'Connect a device',
      html`<p>Go on only if your device shows this very code.</p>
<p class="code">${userCode}</p>
<dl><dt>Client</dt><dd>${client.client_id}</dd>${scopeList(scope)}</dl>
<form method="post" action="${path}"><input type="hidden" name="user_code" value="${userCode}">
${choice(subject)}</form>`,
    );

  return async exchange => {
    const read = await readParameters(exchange);
    if ('refused' in read) return read.refused;
    const { form } = read;
    const typed = form.get('user_code') ?? '';
    const request = codes.find(typed, exchange.now());
    if (request === undefined) return entryPage(typed);
    exchange.authenticated(request.client);
    if (exchange.request.method !== 'POST') return decisionPage(request);
    // A browser says where a form comes from; anywhere else was refused before.
    if (exchange.request.header('origin') === undefined)
      return errorPage(403, 'foreign_origin', 'This form was not sent by the page that it belongs to');
    const deny = form.get('decision') !== 'allow';
    const subject = form.get('subject')?.trim();
    codes.decide(request, { deny, ...(subject ? { subject } : {}) });
    return page(
      200,
      deny ? 'Declined' : 'Device connected',
      html`<p>You can close this page and go back to your device.</p>`,
    );
  };
}

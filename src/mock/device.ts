import { isSupported, targetsOf } from './authorizationRequest.ts';
import type { BackChannel } from './clients.ts';
import { type Answer, jsonReply, type MockReply, oauthError, readParameters, type Visitor } from './http.ts';
import type { Settings } from './options.ts';
import { choice, errorPage, html, page, scopeList } from './pages.ts';
import { deviceCodeGrant, type MockClient } from './registry.ts';
import { createExpiringMap, randomText } from './shelf.ts';
import { type GrantWork, narrowed } from './tokenEndpoint.ts';
import { type Issuing, refreshTokenOf } from './tokens.ts';

/** A device authorization request (RFC 8628). */
interface DeviceRequest {
  readonly client: MockClient;
  readonly userCode: string;
  readonly scope: string;
  readonly targets: readonly string[] | undefined;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  state: 'pending' | 'approved' | 'denied' | 'redeemed';
  subject: string;
  /** Seconds. */
  interval: number;
  /** Milliseconds since the epoch. */
  askedAt: number | undefined;
}

export interface DeviceCodes {
  /** RFC 8628 section 3.1. */
  readonly authorize: Answer;
  /** RFC 8628 section 3.4. */
  readonly grant: GrantWork;
  /** The pending request with this user code; letter case and separators do not matter. */
  find(userCode: string, now: number): DeviceRequest | undefined;
  decide(request: DeviceRequest, visitor: Visitor): void;
}

// RFC 8628 section 6.1: no vowels, so that codes do not form words. 20 letters in 8 places give 20^8 codes.
const letters = 'BCDFGHJKLMNPQRSTVWXZ';

export function createDeviceCodes(
  settings: Settings,
  backChannel: BackChannel,
  issuing: Issuing,
  /** Address of the page where the user enters the code. */
  verificationUri: string,
): DeviceCodes {
  const byDeviceCode = createExpiringMap<DeviceRequest>(1_000);
  const byUserCode = createExpiringMap<DeviceRequest>(1_000);

  const decide = (request: DeviceRequest, { deny, subject }: Visitor) => {
    request.state = deny ? 'denied' : 'approved';
    if (subject !== undefined) request.subject = subject;
  };

  return {
    authorize: backChannel((client, form, exchange) => {
      const scope = form.get('scope') ?? settings.scope;
      if (!client.grant_types.includes(deviceCodeGrant))
        return oauthError(400, 'unauthorized_client', 'This client is not registered for device codes');
      if (!isSupported(scope, settings)) return oauthError(400, 'invalid_scope', 'This scope is not supported');
      const asked = targetsOf(form, settings.audiences);
      if ('refused' in asked) return oauthError(400, asked.refused, asked.description);
      const now = exchange.now();
      const deviceCode = randomText(32);
      const userCode = newUserCode();
      const { deviceCodeLifetime, deviceInterval } = settings;
      const request: DeviceRequest = {
        client,
        userCode,
        scope,
        targets: asked.targets,
        expiresAt: now + deviceCodeLifetime * 1000,
        state: 'pending',
        subject: settings.signInSubject ?? client.subject ?? settings.subject,
        interval: deviceInterval,
        askedAt: undefined,
      };
      byUserCode.put(plain(userCode), request, request.expiresAt, now);
      // Kept for a second lifetime, so that late polls get `expired_token`.
      byDeviceCode.put(deviceCode, request, request.expiresAt + deviceCodeLifetime * 1000, now);
      return jsonReply(200, {
        device_code: deviceCode,
        user_code: userCode,
        verification_uri: verificationUri,
        verification_uri_complete: `${verificationUri}?user_code=${userCode}`,
        expires_in: deviceCodeLifetime,
        interval: deviceInterval,
      });
    }),

    grant({ client, form, now, effects, cnf }) {
      if (!form.has('device_code')) return oauthError(400, 'invalid_request', 'No device_code');
      const request = byDeviceCode.get(form.get('device_code'), now);
      if (request === undefined) return oauthError(400, 'invalid_grant', 'This device code is unknown');
      if (request.client !== client)
        return oauthError(400, 'invalid_grant', 'This device code was issued to another client');
      if (request.state === 'redeemed') return oauthError(400, 'invalid_grant', 'This device code was used before');
      if (now >= request.expiresAt) return oauthError(400, 'expired_token', 'This device code has expired');
      const asked = targetsOf(form, request.targets ?? settings.audiences);
      if ('refused' in asked) return oauthError(400, asked.refused, asked.description);
      if (request.state === 'pending' && settings.signIn !== 'page') {
        const { signInSubject: subject } = settings;
        decide(request, { deny: settings.signIn === 'deny', ...(subject === undefined ? {} : { subject }) });
      }
      if (request.state === 'pending') {
        const tooSoon = request.askedAt !== undefined && now < request.askedAt + request.interval * 1000;
        request.askedAt = now;
        if (!tooSoon) return oauthError(400, 'authorization_pending', 'Nobody has entered the code yet');
        request.interval += 5;
        return oauthError(400, 'slow_down', 'Wait 5 seconds longer between two requests');
      }
      if (request.state === 'denied') return oauthError(400, 'access_denied', 'The user declined');
      request.state = 'redeemed';
      const { scope, subject, targets } = request;
      const family = issuing.begin(client, { subject, scope, targets }, cnf, now);
      const grant = narrowed(family.grant, asked.targets);
      const refreshToken = refreshTokenOf(client, family);
      return issuing.respond({ grant, scope, now, effects, family, refreshToken, cnf });
    },

    find(userCode, now) {
      const request = byUserCode.get(plain(userCode), now);
      return request?.state === 'pending' ? request : undefined;
    },
    decide,
  };
}

function newUserCode(): string {
  let code = '';
  while (code.length < 8) {
    // Only the 240 values below a multiple of 20 are used; the others would make some letters likelier.
    for (const byte of crypto.getRandomValues(new Uint8Array(8))) {
      if (byte < 240 && code.length < 8) code += letters[byte % letters.length];
    }
  }
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}

/** A user code normalised for comparison: people leave out the dash or type lower case. */
function plain(userCode: string): string {
  return userCode.toUpperCase().replace(/[^A-Z]/g, '');
}

/** The page where the user enters the device's code and decides (RFC 8628 section 3.3). A GET changes nothing. */
export function createDevicePage(settings: Settings, codes: DeviceCodes, path: string): Answer {
  const entryPage = (typed: string): MockReply => {
    const failed =
      typed === '' ? '' : html`<p role="alert">No device is waiting for this code. It may have expired.</p>`;
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
      html`<p>Continue only if your device shows exactly this code.</p>
<p class="code">${userCode}</p>
<dl><dt>Client</dt><dd>${client.client_id}</dd>${scopeList(scope)}</dl>
<form method="post" action="${path}"><input type="hidden" name="user_code" value="${userCode}">
${choice(subject, settings.users)}</form>`,
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
    // A browser sends Origin with a form. Other origins were rejected before this point.
    if (exchange.request.header('origin') === undefined)
      return errorPage(403, 'foreign_origin', 'This form did not come from its own page');
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

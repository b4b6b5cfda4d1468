import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { type Claims, flawed, type SampleOptions } from './sampleOptions.ts';

/* How the sample client asks its issuer. */

export interface Requests {
  /** @throws Error with `status`, `body` and `retryAfter` of a refusal */
  json(url: string, init?: RequestInit): Promise<Claims & { keys?: Claims[] }>;
  /** A form of an authenticated client. */
  formOf(form: Record<string, string>): RequestInit;
  metadata(issuer?: string): Promise<Record<string, string>>;
  /** By the client's clock. */
  sleep(seconds: number): Promise<unknown>;
}

export function createRequests(options: SampleOptions): Requests {
  const { issuer: first, clientId = 'demo', pace = 1, retries = false, secret } = options;
  const { headers: more = {}, timeout = 1_000, modern = false } = options;
  const is = flawed(options);
  const dpop = createProofs();
  const sleep = (seconds: number) => new Promise(resolve => setTimeout(resolve, (seconds * 1_000) / pace));
  const json = (url: string, init: RequestInit = {}): Promise<Claims & { keys?: Claims[] }> =>
    once(url, init).catch(async error => {
      if (!retries || Object(error).status < 500) throw error;
      await sleep(0.2);
      return once(url, init);
    });
  const once = async (url: string, init: RequestInit): Promise<Claims & { keys?: Claims[] }> => {
    const proof = modern && init.method === 'POST' ? { dpop: dpop.proof(init.method, url) } : {};
    const asked = { signal: AbortSignal.timeout(is('token.stalled') ? 600_000 : timeout), ...init };
    const response = await fetch(url, { ...asked, headers: { ...more, ...init.headers, ...proof } });
    const nonce = response.headers.get('dpop-nonce');
    if (nonce !== null && nonce !== dpop.nonce && !is('token.dpop-nonce')) {
      dpop.nonce = nonce;
      if (!response.ok) return once(url, init);
    }
    if (!response.ok && !is('keys.down'))
      throw Object.assign(new Error(`status ${response.status}`), {
        status: response.status,
        body: await response.text().catch(() => ''),
        retryAfter: Number(response.headers.get('retry-after')),
      });
    return (await response.json()) as Claims & { keys?: Claims[] };
  };
  const formOf = (form: Record<string, string>): RequestInit => {
    const body = new URLSearchParams(form);
    const { method, text = '' } = secret ?? {};
    if (method !== 'client_secret_basic') {
      body.set('client_id', clientId);
      if (method !== undefined) body.set('client_secret', text);
      return { method: 'POST', body };
    }
    const basic = Buffer.from(`${clientId}:${text}`).toString('base64');
    return { method: 'POST', body, headers: { authorization: `Basic ${basic}` } };
  };

  const metadata = async (issuer = first) => {
    const found = await json(`${issuer}/.well-known/openid-configuration`);
    if (found.issuer !== issuer && !is('metadata.issuer')) throw new Error('another issuer');
    return found as Record<string, string>;
  };

  return { json, formOf, metadata, sleep };
}

/** RFC 9449 section 4.2. */
function createProofs() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  return {
    nonce: undefined as string | undefined,
    proof(method: string, url: string): string {
      const { nonce } = this;
      const jwk = publicKey.export({ format: 'jwk' });
      const claims = {
        htm: method,
        htu: url,
        iat: Math.floor(Date.now() / 1000),
        jti: randomBytes(16).toString('hex'),
      };
      const input = `${encoded({ typ: 'dpop+jwt', alg: 'ES256', jwk })}.${encoded({ ...claims, ...(nonce && { nonce }) })}`;
      const key = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const;
      return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`;
    },
  };
}

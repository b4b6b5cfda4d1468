import assert from 'node:assert/strict';
import fc from 'fast-check';
import { runChecks } from '../../../src/core/checks/checks.ts';
import { decrypt } from '../../../src/core/checks/decrypt.ts';
import { parseKeySet } from '../../../src/core/checks/keySets.ts';
import { reviewToken } from '../../../src/core/checks/review.ts';
import { guessSecrets, readKeyText, readSecret, secretForms } from '../../../src/core/checks/secretText.ts';
import { verifyToken } from '../../../src/core/checks/verifier.ts';
import { isWorkbenchError, WorkbenchError } from '../../../src/core/errors.ts';
import { retryAfter } from '../../../src/core/http/http.ts';
import { importText } from '../../../src/core/imports/importText.ts';
import { scanForLeaks } from '../../../src/core/imports/leakScan.ts';
import { readTokenResponse } from '../../../src/core/issuer/answers.ts';
import { readClientKey } from '../../../src/core/issuer/clientKey.ts';
import { readMetadata } from '../../../src/core/issuer/discovery.ts';
import { readConnections } from '../../../src/core/records/connection.ts';
import { readHistory } from '../../../src/core/records/histories.ts';
import { parseRecord } from '../../../src/core/records/record.ts';
import { firstLine, printable, redact, redactText, sanitized } from '../../../src/core/redact.ts';
import { decodeBase64url } from '../../../src/core/tokens/base64url.ts';
import { findJwts } from '../../../src/core/tokens/findJwts.ts';
import { readJson } from '../../../src/core/tokens/json.ts';
import { type DecodedToken, decodeToken, tryDecode } from '../../../src/core/tokens/jwt.ts';
import { memberRanges } from '../../../src/core/tokens/tokenParts.ts';
import { findTokens } from '../../../src/core/tokens/tokenRanges.ts';
import { compareTokens, tokenUse } from '../../../src/core/tokens/tokenUse.ts';
import { reviewFindingsOf, summarize } from '../../../src/core/view/tokenSummary.ts';
import { foreignText, nastyTexts, oddObject, oddValues, telling } from '../../support/foreignText.ts';
import { manualClock } from '../../support/manualClock.ts';
import { encode, jwt, signer } from '../../support/signing.ts';

const now = Date.UTC(2030, 0, 1);
const clock = manualClock(now);
const issuer = 'https://as.example';
const key = signer('ES256');
const claims = { iss: issuer, sub: 'u-1', aud: 'api', iat: now / 1000, exp: now / 1000 + 300 };
const token = jwt(key, claims);
const jwe = `${encode({ alg: 'dir', enc: 'A128GCM' })}..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA`;
const response = JSON.stringify({ access_token: token, refresh_token: 'r-1-0123456789abcdef', expires_in: 300 });
const record = JSON.stringify({ version: 1, generation: 1, tokens: { access_token: token, obtained_at: now } });
const history = JSON.stringify({
  version: 1,
  entries: [{ at: now, duration: 1, outcome: 'refreshed', generation: 2 }],
});
const metadata = JSON.stringify({ issuer, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks` });
const privatePem = key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

interface Parser {
  readonly name: string;
  readonly samples: readonly string[];
  readonly read: (text: string) => unknown;
  /** Set to false if reading involves cryptography, whose time does not depend on the text. */
  readonly linear?: false;
}

const asked = { host: 'as', now, secrets: ['secret\ud800'], known: [] };
const header = (name: string, text: string) => new Headers([[name, text.replace(/[^\x20-\x7e]/g, '?')]]);

const parsers: readonly Parser[] = [
  { name: 'decodeToken', samples: [token, jwe], read: text => everything(decodeToken(text), text) },
  { name: 'readJson', samples: [response], read: readJson },
  { name: 'decodeBase64url', samples: [token], read: decodeBase64url },
  { name: 'redact of a name', samples: ['refresh_token'], read: text => redact({ [text]: 1 }) },
  { name: 'memberRanges', samples: [response], read: memberRanges },
  { name: 'findJwts', samples: [`a ${token} b`], read: findJwts },
  { name: 'findTokens', samples: [`a ${token.replace('.', '.\n')} b`], read: text => findTokens(text) },
  { name: 'scanForLeaks', samples: [response], read: text => scanForLeaks(text, [], now) },
  { name: 'importText', samples: [response, `Authorization: Bearer ${token}`], read: text => importText(text) },
  {
    name: 'importText behind the columns of an INSERT',
    samples: ["'r-1-0123456789abcdef', now())"],
    read: text => importText(`insert into t (refresh_token, at) values (${text};`),
  },
  {
    name: 'importText before a JWT whose dots are encoded',
    samples: [token.replaceAll('.', '%2E')],
    read: text => importText(`${text}%2Ea`),
  },
  {
    name: 'importText in a value',
    samples: ['r-1-0123456789abcdef'],
    read: text => importText(`{"refresh_token":${JSON.stringify(`${text}x`)}}`),
  },
  {
    name: 'importText in a member of a Secret',
    samples: ['dG9rZW4='],
    read: text => importText(`kind: Secret\ndata:\n  token:${text}-":\n`),
  },
  {
    name: 'readKeyText behind a begin line',
    samples: ['"', key.pem],
    read: text => readKeyText(`-----BEGIN PUBLIC KEY-----"${text}x`),
  },
  { name: 'readKeyText', samples: [key.pem, JSON.stringify(key.jwk)], read: text => readKeyText(text) },
  {
    name: 'readSecret',
    samples: ['aGVsbG8'],
    read: text => secretForms.map(form => tried(() => readSecret(text, form))),
  },
  { name: 'guessSecrets', samples: ['aGVsbG8'], read: guessSecrets },
  { name: 'parseKeySet', samples: [JSON.stringify({ keys: [key.jwk] })], read: text => parseKeySet(text, 'jwks_uri') },
  {
    name: 'readClientKey',
    samples: [privatePem, JSON.stringify(key.privateKey.export({ format: 'jwk' }))],
    read: readClientKey,
  },
  {
    name: 'readTokenResponse',
    samples: [response],
    read: text => readTokenResponse(new Response(text), asked),
  },
  {
    name: 'readTokenResponse behind an element',
    samples: ['</access_token>'],
    read: text => readTokenResponse(new Response(`<a><access_token>x${text}N`), asked),
  },
  {
    name: 'readTokenResponse of an error',
    samples: ['{"error":"invalid_grant","error_description":"x"}'],
    read: text => readTokenResponse(new Response(text, { status: 400 }), asked),
  },
  { name: 'readMetadata', samples: [metadata], read: text => readMetadata(new Response(text), issuer, clock) },
  { name: 'retryAfter', samples: ['120'], read: text => retryAfter(header('retry-after', text), now) },
  { name: 'parseRecord', samples: [record], read: text => parseRecord('demo', text) },
  { name: 'readHistory', samples: [history], read: readHistory },
  {
    name: 'readConnections',
    samples: ['[{"id":"a","issuer":"https://a","clientId":"b"}]'],
    read: text => readConnections(parsed(text)),
  },
  { name: 'redactText', samples: [response], read: redactText },
  { name: 'printable', samples: [response], read: text => printable(text, 300) },
  { name: 'firstLine', samples: ['<html><title>No</title>'], read: text => firstLine(text, 300, [text.slice(0, 9)]) },
  { name: 'sanitized', samples: ['no'], read: text => sanitized(text, 300, [text, '\udc00abcd']) },
];

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function tried(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    if (isWorkbenchError(error)) return error;
    throw error;
  }
}

/** Everything that is computed for an unverified token. */
function everything(decoded: DecodedToken, text: string): unknown {
  const policy = {
    kind: 'access_token',
    issuer,
    audience: 'api',
    clientId: 'client',
    nonce: 'n',
    subject: 'u',
  } as const;
  const checks = [undefined, 'id_token', 'access_token'].flatMap(kind =>
    runChecks({ token: decoded, policy: { ...policy, kind: kind as 'id_token' }, now }),
  );
  return [
    tokenUse(decoded),
    summarize(decoded, now),
    checks,
    reviewToken(text, decoded, checks),
    reviewFindingsOf(text, decoded, now),
    compareTokens(decoded, decodeToken(token)),
    compareTokens(decodeToken(token), decoded),
  ];
}

describe('foreign text', () => {
  for (const { name, samples, read } of parsers) {
    it(`${name} throws only its own errors`, async () => {
      await fc.assert(
        fc.asyncProperty(foreignText(samples), async text => {
          try {
            await read(text);
          } catch (error) {
            assert.ok(isWorkbenchError(error), error instanceof Error ? error.stack : String(typeof error));
            assert.notEqual(error.code, 'internal', JSON.stringify(error.data));
          }
        }),
        { numRuns: 100 },
      );
    });
  }

  it('lets any JSON value stand in any member of a token', async function () {
    this.timeout(60_000);
    const keys = { keys: [key.jwk] };
    const look = async (header: object, payload: object) => {
      for (const text of [
        jwt(key, payload, header),
        `${encode({ alg: 'HS256', ...header })}.${encode(payload)}.${encode('s')}`,
      ]) {
        const decoded = tryDecode(text);
        if ('error' in decoded) continue;
        everything(decoded, text);
        await verifyToken(text, { kind: 'id_token', accessToken: token }, { kind: 'jwks', keys }, now);
        await verifyToken(text, { issuer }, { kind: 'key', text: 's'.repeat(32) }, now);
      }
      await decrypt({ token: `${encode(header)}..AAAAAAAAAAAAAAAA.AAAA.AAAA`, key: 's'.repeat(32) }).catch(onlyOurs);
    };
    const everywhere = (value: unknown) => JSON.parse(`{${telling.map(name => `"${name}":${JSON.stringify(value)}`)}}`);
    for (const value of oddValues) {
      const { alg, enc, ...odd } = everywhere(value);
      await look({ alg: 'ES256', enc: 'A128GCM', ...odd }, claims);
      await look({ alg, enc }, everywhere(value));
      await look({ alg: 'HS256', typ: 'at+jwt' }, { aud: [value, value], cnf: odd, act: odd });
    }
    for (const member of telling) {
      await look({ alg: 'ES256', enc: 'A128GCM', [member]: { toString: 1 } }, { ...claims, [member]: { toString: 1 } });
      await look({}, { ...claims, [member]: '\ud800' });
    }
    await fc.assert(fc.asyncProperty(oddObject, oddObject, look), { numRuns: 30 });
  });

  it('lets any JSON value stand in any member of a key', async function () {
    this.timeout(60_000);
    for (const member of Object.keys({ ...key.jwk, alg: 0, kid: 0, use: 0, key_ops: 0, x5c: 0, x5t: 0 }))
      for (const value of oddValues)
        await readClientKey(JSON.stringify({ ...key.jwk, [member]: value })).catch(onlyOurs);
    await fc.assert(
      fc.asyncProperty(oddObject, async odd => {
        for (const jwk of [odd, { ...key.jwk, ...odd }]) {
          const text = JSON.stringify({ keys: [jwk, { kty: 'RSA', n: 'AQAB', ...odd }] });
          const set = tried(() => parseKeySet(text, 'given'));
          if (!(set instanceof WorkbenchError)) {
            await verifyToken(token, {}, { kind: 'jwks', keys: JSON.parse(text) }, now);
            await verifyToken(token, {}, { kind: 'key', text }, now);
          }
          await decrypt({ token: jwe, key: text }).catch(onlyOurs);
          await readClientKey(JSON.stringify(jwk)).catch(onlyOurs);
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('a cache of MSAL', () => {
  it('may have any JSON value in any member', () => {
    const account = {
      credential_type: 'AccessToken',
      secret: token,
      home_account_id: 'u',
      environment: 'e',
      expires_on: '1',
    };
    for (const value of oddValues) {
      for (const member of Object.keys(account)) {
        const entry = { ...account, [member]: value };
        tried(() => importText(JSON.stringify({ AccessToken: { a: account, b: entry, c: entry } })));
      }
    }
  });
});

function onlyOurs(error: unknown): void {
  if (!isWorkbenchError(error) || error.code === 'internal') throw error;
}

describe('the time that foreign text takes', () => {
  for (const { name, read, linear } of parsers) {
    if (linear === false) continue;
    it(`of ${name} grows with the text and not with its square`, async function () {
      this.timeout(60_000);
      for (const [piece, text] of nastyTexts) {
        // Most texts are read in no time: a square that takes 6 ms for 8,000 characters takes more than these bounds for
        // fewer. The others may take about four times as long for four times the length.
        if (await isQuick(read, text)) continue;
        let grown = Number.POSITIVE_INFINITY;
        for (let tries = 0; tries < 3 && grown >= 9; tries++) grown = Math.min(grown, await growth(read, text));
        assert.ok(grown < 9, `${JSON.stringify(piece)}: ${grown.toFixed(1)} times as long for 4 times the text`);
      }
    });
  }
});

/**
 * Tries shorter texts first, because reading all of them at full length takes four times as long. What took less time took
 * less CPU time too, and asking for that takes longer than most readings.
 */
async function isQuick(read: Parser['read'], textOf: (length: number) => string): Promise<boolean> {
  for (const length of [2_000, 4_000, 8_000]) {
    const text = textOf(length);
    const since = performance.now();
    await tryToRead(read, text);
    if (performance.now() - since < 6 * (length / 8_000) ** 2) return true;
  }
  return (await cpuTime(read, textOf(8_000))) < 6;
}

/**
 * Other work on the machine only adds time. So the shorter text counts with the least of three runs, and the longer one
 * with one run, which can only look too slow.
 */
async function growth(read: Parser['read'], textOf: (length: number) => string): Promise<number> {
  const short = textOf(8_000);
  const least = Math.min(await cpuTime(read, short), await cpuTime(read, short), await cpuTime(read, short));
  return (await cpuTime(read, textOf(32_000))) / Math.max(0.25, least);
}

/** Milliseconds of this process's CPU time. */
async function cpuTime(read: Parser['read'], text: string): Promise<number> {
  const before = process.cpuUsage();
  await tryToRead(read, text);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

async function tryToRead(read: Parser['read'], text: string): Promise<void> {
  try {
    await read(text);
  } catch {
    // Another test checks what it throws.
  }
}

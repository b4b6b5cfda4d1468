import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IssuerAnswer } from '../../../src/core/issuer/askIssuer.ts';
import type { Discovery } from '../../../src/core/issuer/discovery.ts';
import type { Connection } from '../../../src/core/records/connection.ts';
import type { Difference } from '../../../src/core/tokens/tokenUse.ts';
import type * as Picks from '../../../src/vscode/prompts/pick.ts';
import type * as Texts from '../../../src/vscode/text/signIn.ts';
import type * as Answers from '../../../src/vscode/text/warnings.ts';
import { answeredAtOnce, withoutVscode } from '../../support/withoutVscode.ts';

const vscode = `
  export class ThemeIcon { constructor(id) { this.id = id; } }
  const offered = globalThis.grantsOffered = [];
  ${answeredAtOnce('({ items }) => offered.splice(0, offered.length, ...items.map(({ grant }) => grant))')}
  export const window = { createQuickPick };
`;

describe('signing in, in words', function () {
  this.timeout(60_000);
  let folder: string;
  let answers: typeof Answers;
  let texts: typeof Texts;
  let pickGrant: typeof Picks.pickGrant;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sign-in-'));
    answers = await withoutVscode<typeof Answers>('text/warnings', folder);
    texts = await withoutVscode<typeof Texts>('text/signIn', folder);
    ({ pickGrant } = await withoutVscode<typeof Picks>('prompts/pick', folder, vscode));
  });
  after(() => rm(folder, { recursive: true }));

  it("compares what the issuer and the token's times say, above all if they differ", () => {
    const now = Date.parse('2026-03-01T12:00:00Z');
    const said = (active: unknown, end?: number) =>
      answers.activityText({ claims: { active } } as unknown as IssuerAnswer, end, now);
    assert.equal(said(true, now + 1), 'Active at the issuer.');
    assert.equal(said(true), 'Active at the issuer.');
    assert.match(said(true, now), /^Active at the issuer, but expired here: .*\. Compare the clocks\.$/);
    assert.match(said(false, now + 1), /^Not active at the issuer, although it has not expired here\./);
    assert.match(said(false, now - 1), /^Not active at the issuer, and expired here: /);
    const refresh = { claims: { active: false } } as unknown as IssuerAnswer;
    assert.match(answers.activityText(refresh, undefined, now, 'refresh_token'), /introspects access tokens only/);
    // RFC 7662 section 2.2 requires a boolean, so anything else does not count as active.
    for (const active of [undefined, 'true', 1]) assert.match(said(active), /^Not active/);
  });

  it('notes that a token is for another audience than those of the connection', () => {
    const { audienceText } = answers;
    for (const found of ['https://api.example', ['a', 'https://api.example'], undefined, 7, []])
      assert.equal(audienceText('https://api.example', found), undefined);
    assert.equal(audienceText(undefined, 'other'), undefined);
    assert.match(audienceText('https://api.example', ['one', 'two']) ?? '', /is for one, two, but .* expects https:/);
  });

  it('marks each difference between token and issuer', () => {
    const text = (more: Partial<Difference>) =>
      answers.differenceText({ part: 'payload', name: 'exp', change: 'changed', ...more });
    assert.equal(text({ change: 'added' }), 'DIFFERENT: the token does not say this.');
    assert.equal(text({ change: 'removed' }), 'DIFFERENT: the issuer does not say this.');
    assert.equal(text({ before: ['a'], after: ['b'] }), 'DIFFERENT: the token says ["a"].');
    assert.equal(text({ seconds: 3600 }), 'DIFFERENT: 1 h later than in the token.');
    assert.equal(text({ seconds: -60 }), 'DIFFERENT: 1 min earlier than in the token.');
  });

  it('gives the reason why there is no refresh token, by what was asked for and what the issuer knows', () => {
    const { noRefreshTokenText } = texts;
    assert.match(noRefreshTokenText('Shop', 'openid', true), /only for the scope offline_access\. Add it/);
    assert.match(noRefreshTokenText('Shop', undefined, true), /Add it to scope/);
    assert.match(noRefreshTokenText('Shop', 'openid', false), /does not support the scope offline_access/);
    for (const known of [true, false])
      assert.match(
        noRefreshTokenText('Shop', 'openid offline_access', known),
        /although offline_access was requested.*prompt with the value consent/,
      );
  });

  it('says what was got, and that a client by itself gets no refresh token', () => {
    const result = {
      generation: 1,
      hasRefreshToken: true,
      warnings: [],
      sharedWith: [],
      expiresAt: 3_600_000,
    } as const;
    const { signedInText } = texts;
    assert.match(signedInText('Shop', { ...result, grant: 'device_code' }, 0), /valid for 1 h\.$/);
    const { expiresAt: _, ...endless } = result;
    assert.match(
      signedInText('Shop', { ...endless, grant: 'authorization_code' }, 0),
      /No expiry of the access token is known/,
    );
    assert.match(
      signedInText('Shop', { ...endless, grant: 'client_credentials' }, 0),
      /no refresh token: a refresh requests a new token/,
    );
  });

  describe('the ways to sign in that are offered', () => {
    const base: Connection = {
      id: 'shop',
      label: 'Shop',
      clientId: 'demo',
      issuer: 'https://a.example',
      ...{
        tokenEndpointAuthMethod: 'none',
        autoRefresh: true,
        dpop: false,
        pushedAuthorizationRequests: false,
      },
    };
    const picked = async (
      metadata: Partial<Awaited<ReturnType<Discovery['metadata']>>>,
      connection: Partial<Connection> = {},
    ) => {
      const offered: string[] = Object(globalThis).grantsOffered;
      offered.length = 0;
      const discovery = { metadata: async () => metadata } as unknown as Discovery;
      const grant = await pickGrant({ ...base, ...connection }, discovery);
      return { grant, offered: [...offered] };
    };
    const browser = { authorization_endpoint: 'https://a.example/authorize' };
    const device = { device_authorization_endpoint: 'https://a.example/device' };
    const secret = { tokenEndpointAuthMethod: 'client_secret_basic' } as const;

    it('are those of the issuer and the client, and a single one is not asked about', async () => {
      assert.deepEqual(await picked(browser), { grant: 'authorization_code', offered: [] });
      assert.deepEqual(await picked(device), { grant: 'device_code', offered: [] });
      const all = ['authorization_code', 'device_code', 'client_credentials'];
      assert.deepEqual(await picked({ ...browser, ...device }, secret), { grant: all[2], offered: all });
      assert.deepEqual((await picked({ ...browser, ...device })).offered, all.slice(0, 2));
      const grant_types_supported = ['authorization_code'];
      assert.deepEqual((await picked({ ...browser, ...device, grant_types_supported }, secret)).offered, [
        ...all.slice(0, 2),
      ]);
    });

    it('follow the endpoints of the settings', async () => {
      const { issuer: _, ...unnamed } = base;
      const discovery = { metadata: async () => assert.fail('there is no issuer') } as unknown as Discovery;
      const deviceAuthorizationEndpoint = 'https://a.example/device';
      assert.equal(await pickGrant({ ...unnamed, deviceAuthorizationEndpoint }, discovery), 'device_code');
    });

    it('include an import for a new connection, which is asked about even without metadata', async () => {
      const offered: string[] = Object(globalThis).grantsOffered;
      let imports = 0;
      // The stand-in picks the last item.
      const importing = () => void imports++;
      const failing = { metadata: () => Promise.reject(new Error('no metadata')) } as unknown as Discovery;
      const working = { metadata: async () => browser } as unknown as Discovery;
      assert.equal(await pickGrant(base, working, importing), undefined);
      assert.deepEqual(offered, ['authorization_code', undefined]);
      assert.equal(await pickGrant(base, failing, importing), undefined);
      assert.deepEqual([offered.at(-1), imports], [undefined, 2]);
      await assert.rejects(pickGrant(base, failing));
    });

    it('are empty without an endpoint, and the setting that helps is named', async () => {
      // The tested bundle has its own error class.
      await assert.rejects(picked({}), ({ code, data }: { code: string; data: { setting: string } }) => {
        assert.deepEqual([code, data.setting], ['endpoint_missing', 'authorizationEndpoint']);
        return true;
      });
    });
  });
});

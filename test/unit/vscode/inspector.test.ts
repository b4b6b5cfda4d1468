import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createVerifier } from '../../../src/core/checks/verifier.ts';
import { createDiscovery } from '../../../src/core/issuer/discovery.ts';
import { readConnection } from '../../../src/core/records/connection.ts';
import { emptyRecord } from '../../../src/core/records/record.ts';
import { createSessions } from '../../../src/core/records/sessions.ts';
import { createMockIssuer } from '../../../src/mock/issuer.ts';
import type * as Inspections from '../../../src/vscode/inspector/inspection.ts';
import type * as Panels from '../../../src/vscode/inspector/panel.ts';
import type { ToPage } from '../../../src/webview/protocol.ts';
import { manualClock } from '../../support/manualClock.ts';
import { withoutVscode } from '../../support/withoutVscode.ts';

/** A panel whose page is this test, which records the messages. */
const panelOfTest = `
  export const window = {
    createWebviewPanel: () => ({
      visible: true,
      webview: { postMessage: message => void globalThis.toPage.push(message), onDidReceiveMessage() {}, asWebviewUri: String },
      onDidDispose() {},
      onDidChangeViewState() {},
    }),
  };
  export const Uri = { joinPath: () => '' };
  export const ViewColumn = {};
  export const env = { language: 'en' }, commands = {}, workspace = {}, QuickInputButtons = {}, QuickPickItemKind = {};
  export class ThemeIcon {}
`;

const told: ToPage[] = [];

/** The last verdict that the page received. */
function verdict(): string | undefined {
  const models = told.flatMap(message => (message.type === 'model' ? [message.model] : []));
  return models.at(-1)?.verdict.mood;
}

describe('the inspector while time passes', () => {
  let folder: string;
  let openInspector: typeof Panels.openInspector;
  before(async () => {
    Object.assign(globalThis, { toPage: told });
    folder = await mkdtemp(join(tmpdir(), 'inspector-'));
    ({ openInspector } = await withoutVscode<typeof Panels>('inspector/panel', folder, panelOfTest));
  });
  beforeEach(() => told.splice(0));
  after(async () => {
    Object.assign(globalThis, { toPage: undefined });
    await rm(folder, { recursive: true });
  });

  async function open(lifetime: number) {
    const issuer = await createMockIssuer({ alg: 'ES256', accessTokenLifetime: lifetime });
    const { access_token: token } = await issuer.issueTokens();
    const clock = manualClock();
    const sessions = createSessions();
    const { connection } = readConnection({ id: 'mock', issuer: issuer.issuer, clientId: 'demo' });
    assert.ok(connection);
    sessions.setConnections([{ connection, memoryOnly: false }], []);
    let requests = 0;
    const fetch: typeof issuer.fetch = (...request) => {
      requests++;
      return issuer.fetch(...request);
    };
    const discovery = createDiscovery({ fetch, clock });
    const verifier = createVerifier({ fetch, clock, discovery });
    const parts = { sessions, clock, verifier: async () => verifier, testKey: () => undefined };
    await openInspector({ token }, { verify: false, ask: false }, {
      ...parts,
      keys: { canRemember: () => false },
      extensionUri: '',
    } as never);
    return { clock, requests: () => requests };
  }

  it('says that the token has ended when it ends, without asking the issuer again', async () => {
    const { clock, requests } = await open(60);
    assert.equal(verdict(), 'passed');
    const asked = requests();
    clock.advance(50_000);
    assert.equal(verdict(), 'passed');
    clock.advance(12_000);
    await until(() => verdict() === 'warning');
    assert.equal(requests(), asked);
  });

  it('looks again once, and not with each tick afterwards', async () => {
    const { clock } = await open(60);
    clock.advance(62_000);
    await until(() => verdict() === 'warning');
    const models = () => told.filter(({ type }) => type === 'model').length;
    const shown = models();
    const times = told.length;
    clock.advance(60_000);
    assert.ok(told.length > times);
    assert.equal(models(), shown);
  });

  it('leaves a copy alone that somebody has begun to edit while the issuer is asked', async () => {
    const { createInspection } = await withoutVscode<typeof Inspections>('inspector/inspection', folder);
    const { access_token: token } = await (await createMockIssuer({ alg: 'ES256' })).issueTokens();
    let answer = () => {};
    const answered = new Promise<void>(resolve => {
      answer = resolve;
    });
    const verify = () => answered.then(() => ({ verified: true, checks: [] }));
    const verifier = { verify, keysOf: async () => [], verifySession: verify };
    const connection = { id: 'mock', label: 'Mock', issuer: 'https://issuer.example', clientId: 'demo' };
    const inspection = createInspection({ token }, {
      sessions: createSessions(),
      clock: manualClock(),
      testKey: () => undefined,
      verifier: async () => verifier,
      keys: {
        canRemember: () => false,
        pick: async () => ({ origin: { connection }, from: 'Mock' }),
      },
    } as never);
    const verifying = inspection.verify(true);
    await new Promise(setImmediate);
    inspection.beginEdit();
    answer();
    await verifying;
    assert.ok(inspection.state().editing);
    assert.equal(inspection.state().state.kind, 'looked');
  });

  describe('an edited copy', () => {
    const texts = { header: '{"alg":"RS256"}', payload: '{"sub":"admin"}' };

    /** An inspection of a verified token. The test answers its later questions. */
    async function inspected() {
      const { createInspection } = await withoutVscode<typeof Inspections>('inspector/inspection', folder);
      const issuer = await createMockIssuer({ alg: 'ES256' });
      const { access_token: token } = await issuer.issueTokens();
      const sessions = createSessions();
      const { connection } = readConnection({ id: 'mock', issuer: issuer.issuer, clientId: 'demo' });
      assert.ok(connection);
      sessions.setConnections([{ connection, memoryOnly: false }], []);
      const hold = (access_token: string, generation: number) =>
        sessions.apply({ ...emptyRecord('mock'), generation, tokens: { access_token, obtained_at: 0 } });
      hold(token, 1);
      const answers: ((verified: boolean) => void)[] = [];
      const verify = () => new Promise(resolve => answers.push(verified => resolve({ verified, checks: [] })));
      const encode = (text: string) => Buffer.from(text).toString('base64url');
      const sign = async (payload: string) => `${encode(texts.header)}.${encode(payload)}.AAAA`;
      const inspection = createInspection({ token }, {
        sessions,
        clock: manualClock(),
        testKey: () => ({ sign, jwks: () => ({ keys: [] }), issuer: issuer.issuer }),
        verifier: async () => ({
          verify,
          keysOf: async () => [],
          verifySession: async () => ({ verified: true, checks: [] }),
        }),
        keys: { canRemember: () => false },
      } as never);
      await inspection.verify(false);
      inspection.beginEdit();
      return { inspection, answers, hold };
    }

    it('loses what holds for the original in the moment that it differs', async () => {
      const { inspection, answers } = await inspected();
      const { result, state, editing } = inspection.state();
      assert.deepEqual([result.verified, state.kind], [true, 'verified']);
      const editingOn = inspection.edit(texts.header, texts.payload, 1);
      await new Promise(setImmediate);
      assert.deepEqual([inspection.state().result.verified, inspection.state().state.kind], [false, 'edited']);
      answers[0]?.(false);
      await editingOn;
      await inspection.edit(texts.header, '{"sub":', 2);
      assert.deepEqual(inspection.state().state, { kind: 'broken' });
      assert.ok(inspection.state().editing?.errors.payload);
      await inspection.edit(editing?.header ?? '', editing?.payload ?? '', 3);
      assert.equal(inspection.state().state.kind, 'verified', 'with its own text it is the original again');
    });

    it('shows the answer to the last edit, whichever comes last', async () => {
      const { inspection, answers } = await inspected();
      const first = inspection.edit(texts.header, texts.payload, 1);
      await new Promise(setImmediate);
      const second = inspection.edit(texts.header, '{"sub":"second"}', 2);
      await new Promise(setImmediate);
      answers[1]?.(false);
      await second;
      answers[0]?.(true);
      await first;
      const { editing, result } = inspection.state();
      assert.deepEqual([editing?.revision, result.verified], [2, false]);
      const late = inspection.edit(texts.header, texts.payload, 3);
      await new Promise(setImmediate);
      inspection.original();
      answers[2]?.(true);
      await late;
      assert.deepEqual([inspection.state().editing, inspection.state().state.kind], [undefined, 'looked']);
    });

    it('is signed as it was just typed, even if its text is still being checked', async () => {
      const { inspection, answers } = await inspected();
      // The page sends the text and the press on the button in one go.
      const typed = inspection.edit(texts.header, texts.payload, 1);
      const pressed = inspection.signWith('mock');
      await new Promise(setImmediate);
      for (const answer of answers) answer(true);
      await Promise.all([typed, pressed]);
      const { editing, state, token } = inspection.state();
      assert.deepEqual([editing?.revision, state], [1, { kind: 'edited', signed: 'mock' }]);
      assert.equal(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString(), texts.payload);
    });

    it('knows when the connection holds a newer token', async () => {
      const { inspection, hold } = await inspected();
      assert.equal(inspection.newer(), undefined);
      hold('another-token', 2);
      assert.deepEqual(inspection.newer(), {
        token: 'another-token',
        known: { connection: 'mock', name: 'access_token' },
      });
    });
  });
});

/** Signatures are checked in another thread. mocha's timeout ends the wait. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(resolve => setImmediate(resolve));
}

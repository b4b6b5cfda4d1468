import assert from 'node:assert/strict';
import {
  DiagnosticSeverity,
  env,
  type Hover,
  languages,
  type MarkdownString,
  Position,
  commands as registry,
  workspace,
} from 'vscode';
import { hmacJwt } from '../support/signing.ts';
import { codeOf, eventually, run, signedIn } from './support.ts';

interface Reviewed {
  readonly review: readonly {
    id: string;
    severity: string;
    section: string;
    detail: string;
    advice: string;
  }[];
}

const seconds = Math.floor(Date.now() / 1000);
const bad = hmacJwt(
  'a secret of the tests, long enough',
  {
    iss: 'https://issuer.example',
    sub: 'ada',
    db_password: 'hunter2',
    iat: seconds,
    exp: seconds + 9_000_000,
  },
  { alg: 'HS256', kid: '../../dev/null' },
);

describe('the review in VS Code', () => {
  it('is part of what decode and verify answer, with severity, section and advice', async () => {
    const { review } = await run<Reviewed>('decode', { token: bad });
    assert.deepEqual(
      review.map(({ severity, id }) => `${severity} ${id}`),
      ['error kid_path', 'error secret', 'warning exp_far', 'warning aud_missing'],
    );
    for (const { section, detail, advice } of review) {
      assert.match(section, /^RFC \d{4}/);
      assert.match(detail, /\.$/);
      assert.match(advice, /\.$/);
    }
    assert.doesNotMatch(JSON.stringify(review), /hunter2/);
    const verified = await run<Reviewed>('verify', { token: bad, key: 'short' });
    assert.ok(verified.review.some(({ id }) => id === 'secret_short'));
  });

  it('is listed among the problems of a file, at the member that it is about', async () => {
    const document = await workspace.openTextDocument({ content: `${bad}\n`, language: 'jwt' });
    const problem = () => languages.getDiagnostics(document.uri).find(({ code }) => code === 'secret');
    await eventually(async () => problem() !== undefined);
    const found = problem();
    assert.ok(found);
    assert.equal(found.severity, DiagnosticSeverity.Error);
    assert.match(found.message, /db_password.*\(RFC 7519 section 11\)$/s);
    // The range decodes to the member; its first characters contain the end of the preceding one.
    const there = Buffer.from(document.getText(found.range), 'base64url').toString('latin1');
    assert.ok(there.length < 40, 'not the whole payload');
    const severities = new Map(languages.getDiagnostics(document.uri).map(each => [each.code, each.severity]));
    assert.equal(severities.get('exp_far'), DiagnosticSeverity.Warning);
  });

  it('is named on hover, errors and warnings only', async () => {
    const document = await workspace.openTextDocument({ content: `token: ${bad}` });
    const hovers = await registry.executeCommand<Hover[]>(
      'vscode.executeHoverProvider',
      document.uri,
      new Position(0, 20),
    );
    const text = hovers.flatMap(({ contents }) => contents.map(each => (each as MarkdownString).value)).join('\n');
    assert.match(text, /looks(?:&nbsp;|\s)like(?:&nbsp;|\s)a(?:&nbsp;|\s)path/);
    assert.doesNotMatch(text, /hunter2/);
  });
});

describe('an edited copy in VS Code', () => {
  const payload = { iss: 'https://other.example', note: 'edited' };

  it('is unsigned or signed by the running mock issuer, and verifiers of other issuers reject it', async () => {
    const { mock, end } = await signedIn('edited');
    const { access_token: token } = await mock.issueTokens({ clientId: 'demo' });
    const unsigned = { opened: true, verified: false, edited: 'unsigned' };
    assert.deepEqual(await run('inspect', { token, edit: { payload: { sub: 'eve' } } }), unsigned);

    // The test's own mock counts as an ordinary issuer. The mock of the command does not run yet.
    const asked = { token, edit: { payload: { sub: 'eve' } }, sign: true };
    assert.equal(await codeOf(run('inspect', asked)), 'mock_not_running');
    const started = await run<{ issuer: string }>('startMockIssuer');
    try {
      const other = await run('inspect', asked);
      assert.deepEqual(other, { opened: true, verified: false, edited: 'signed' }, 'it still names its issuer');
      const own = { payload: { iss: started.issuer, aud: `${started.issuer}/api` } };
      await env.clipboard.writeText('untouched');
      assert.deepEqual(await run('inspect', { token, edit: own, sign: true }), {
        opened: true,
        verified: true,
        edited: 'signed',
      });
      assert.equal(await env.clipboard.readText(), 'untouched');
    } finally {
      await run('stopMockIssuer');
      await end();
      await registry.executeCommand('workbench.action.closeAllEditors');
    }
    assert.equal(await codeOf(run('inspect', { token, edit: { payload: [payload] } })), 'argument_invalid');
  });
});

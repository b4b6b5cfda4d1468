import assert from 'node:assert/strict';
import {
  type CodeAction,
  type CodeLens,
  ConfigurationTarget,
  type Diagnostic,
  type DocumentSymbol,
  env,
  type FoldingRange,
  type Hover,
  type InlayHint,
  languages,
  type MarkdownString,
  NotebookCellData,
  NotebookCellKind,
  NotebookData,
  Position,
  Range,
  commands as registry,
  type TextDocument,
  Uri,
  window,
  workspace,
} from 'vscode';
import { slowVariable } from '../../scripts/lib/results.mjs';
import { commands } from '../../src/contributions.ts';
import { encode, hmacJwt } from '../support/signing.ts';
import { activate, codeOf, eventually, run, signedIn } from './support.ts';

const seconds = Math.floor(Date.now() / 1000);
const expired = hmacJwt('a secret of the tests, long enough', {
  iss: 'https://issuer.example',
  sub: 'ada',
  aud: ['https://api.example', 'https://other.example'],
  scope: 'orders.read',
  // So long ago that the text stays the same however long the tests take.
  iat: seconds - 6 * 86_400,
  exp: seconds - 5 * 86_400,
});
const jwe = `${encode({ alg: 'dir', enc: 'A128GCM' })}..aXY.Y2lwaGVydGV4dA.${'a'.repeat(22)}`;

const open = async (content: string, language = 'plaintext') => workspace.openTextDocument({ content, language });

async function hoverText(document: TextDocument, character: number, line = 0): Promise<string> {
  const hovers = await registry.executeCommand<Hover[]>(
    'vscode.executeHoverProvider',
    document.uri,
    new Position(line, character),
  );
  return hovers
    .flatMap(({ contents }) => contents)
    .map(content => (content as MarkdownString).value)
    .join('\n');
}

/** The text without Markdown's escapes. */
const words = (markdown: string) =>
  markdown
    .replaceAll('&nbsp;', ' ')
    .replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
    .replace(/\\(.)/g, '$1');

async function diagnosticsOf(document: TextDocument, least = 1): Promise<Diagnostic[]> {
  for (let tries = 0; tries < 100; tries++) {
    const found = languages.getDiagnostics(document.uri);
    if (found.length >= least) return found;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  return languages.getDiagnostics(document.uri);
}

describe('tokens in the editor', () => {
  before(activate);

  it('show on hover their kind, owner and problems', async () => {
    const document = await open(`Authorization: Bearer ${expired}\nnothing here`);
    const text = words(await hoverText(document, 60));
    assert.doesNotMatch(await hoverText(document, 60), /https:|www\./, 'what a token says is no link');
    assert.match(text, /\*\*Access token\*\* .*not checked/);
    assert.match(text, /Issuer: \*\*https:\/\/issuer\.example/);
    assert.match(text, /Subject: \*\*ada/);
    assert.match(text, /Audience: \*\*https:\/\/api\.example, https:\/\/other\.example/);
    assert.match(text, /Issued: \*\*6 days ago \(\d{4}-/);
    assert.match(text, /Expires: \*\*5 days ago \(\d{4}-/);
    assert.match(text, /\$\(error\) Expiry \(exp\)/);
    assert.equal(await hoverText(document, 3, 1), '');
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const known = await open(
      `${part({ alg: 'ES256', typ: 'logout+jwt' })}.${part({ iss: 'https://issuer.example' })}.AAAA`,
    );
    assert.match(words(await hoverText(known, 10)), /Variety: \*\*.*[Ll]ogout/);
  });

  it('carry no token in the links of a hover, and links only to a fixed list', async () => {
    const document = await open(`token=${expired}`);
    const hovers = await registry.executeCommand<Hover[]>(
      'vscode.executeHoverProvider',
      document.uri,
      new Position(0, 20),
    );
    const [content] = (hovers[0]?.contents ?? []) as MarkdownString[];
    assert.ok(content);
    const links = [...content.value.matchAll(/\]\(command:([\w.]+)\?([^)]*)\)/g)];
    assert.ok(links.length >= 3);
    for (const [, command, argument] of links) {
      assert.ok(Object.values(commands).includes(command as never));
      assert.doesNotMatch(decodeURIComponent(argument ?? ''), /eyJ|ada/);
    }
    assert.deepEqual(
      typeof content.isTrusted === 'object' && content.isTrusted.enabledCommands.toSorted(),
      [...new Set(links.map(([, command]) => command))].toSorted(),
    );
    assert.ok(!content.supportHtml);
  });

  it('make invisible characters visible, and shorten long values', async () => {
    const hostile = hmacJwt('secret', {
      iss: '[click](command:workbench.action.quit) <b>bold</b>\u202eevil\u200b',
      sub: `x${'y'.repeat(5000)}`,
      exp: seconds + 60,
    });
    const text = await hoverText(await open(hostile), 10);
    assert.match(words(text), /\\?u\{?202e/);
    assert.doesNotMatch(text, /\u202e|\u200b|\]\(command:workbench/);
    assert.doesNotMatch(words(text), /y{200}/);
  });

  it('are found wrapped, encrypted, and opaque where a connection holds them', async () => {
    const wrapped = (expired.match(/.{1,60}/g) ?? []).join('\n');
    assert.match(words(await hoverText(await open(wrapped), 4, 2)), /Wrapped over \d+ lines/);
    assert.match(
      words(await hoverText(await open(jwe), 4)),
      /Encrypted token.*Encryption: \*\*dir, A128GCM.*\[Decrypt\]\(command:jwtWorkbench\.inspect/s,
    );
    const { mock, id, end } = await signedIn('editor-opaque');
    const tokens = await mock.issueTokens({ clientId: 'demo' });
    await run('importTokens', { connection: id, text: JSON.stringify(tokens) });
    const text = words(await hoverText(await open(`REFRESH=${tokens.refresh_token}`), 14));
    assert.match(text, /Refresh token.*Held by the connection: \*\*editor-opaque/s);
    await end();
  });

  it('have a hint where they are opaque and a connection holds them, as long as it does', async () => {
    const { id, end } = await signedIn('editor-held');
    const accessToken = 'an-opaque.access-token/of~the+tests';
    const text = JSON.stringify({
      access_token: accessToken,
      refresh_token: 'an-opaque-refresh-token',
      expires_in: 90,
    });
    const document = await open(`A=1\nTOKEN=${accessToken} an-opaque-refresh-token ${accessToken}\n`, 'jwt');
    assert.deepEqual(await hintsIn(document), []);
    await run('importTokens', { connection: id, text });
    const hints = said(await hintsIn(document)).map(hint => hint.replace(/in .*/, 'in N'));
    const access = 'Access token of editor-held, expires in N';
    assert.deepEqual(hints, [`1:6 ${access}`, '1:42 Refresh token of editor-held', `1:66 ${access}`]);
    const lenses = await registry.executeCommand<CodeLens[]>('vscode.executeCodeLensProvider', document.uri, 9);
    assert.deepEqual(
      lenses.map(({ command }) => command?.title),
      ['Open in the inspector', 'Replace with a fresh token', 'Open in the inspector'].concat([
        'Open in the inspector',
        'Replace with a fresh token',
      ]),
    );
    assert.doesNotMatch(JSON.stringify(lenses.map(({ command }) => command)), /an-opaque/);
    await run('signOut', { connection: id });
    assert.deepEqual(await hintsIn(document), []);
    await window.showTextDocument(document);
    await registry.executeCommand('workbench.action.revertAndCloseActiveEditor');
    await end();
  });

  it('say that signed content is not a JWT if it is not one', async () => {
    const text = `${encode({ alg: 'HS256' })}.${encode('a sentence')}.${encode('no signature of anybody')}`;
    assert.match(words(await hoverText(await open(text), 10)), /not a JSON object: this is signed content/);
    const { kind, payload, text: content } = await run('decode', { token: text });
    assert.deepEqual([kind, payload, content], ['jws', undefined, 'a sentence']);
    const { verified, checks } = await run<{ verified: boolean; checks: { id: string; status: string }[] }>('verify', {
      token: text,
      key: 'no key of anybody, 32 characters',
    });
    assert.equal(verified, false);
    assert.equal(checks.find(({ id }) => id === 'members')?.status, 'failed');
    await run('inspect', { token: text });
    await run('decodeSelection', { token: text });
    assert.match(window.activeTextEditor?.document.getText() ?? '', /"payload": "a sentence"/);
    await registry.executeCommand('workbench.action.closeAllEditors');
  });

  const hintsIn = ({ uri, lineCount }: TextDocument) =>
    registry.executeCommand<InlayHint[]>('vscode.executeInlayHintProvider', uri, new Range(0, 0, lineCount, 0));
  const said = (hints: readonly InlayHint[]) =>
    hints.map(({ label, position: { line, character } }) => `${line}:${character} ${label}`);

  it('show the expiry before each token, and at the start of a long line as well', async () => {
    const texts: [string, string, string[]][] = [
      ['plaintext', `GET https://api.example/\nAuthorization: Bearer ${expired}`, ['1:22 expired 5 days ago']],
      ['dotenv', `A=1\nTOKEN=${expired}`, ['1:6 expired 5 days ago']],
      ['yaml', `api:\n  token: "${expired}"`, ['1:10 expired 5 days ago']],
      ['log', `12:00:00 INFO authorization="Bearer ${expired}"`, ['0:36 expired 5 days ago']],
      [
        'json',
        `  {"a":"${'x'.repeat(200)}","b":"${expired}"}`,
        [`0:2 token in column 216 expired 5 days ago`, `0:215 expired 5 days ago`],
      ],
      // VS Code would cut off more words in one line.
      ['log', `in ${expired} out ${expired}`, ['0:3 expired 5 days ago', `0:${8 + expired.length} expired 5 days ago`]],
      [
        'log',
        `${'x'.repeat(100)} ${expired} ${expired}`,
        [
          '0:0 token in column 102 expired 5 days ago',
          '0:101 expired 5 days ago',
          `0:${102 + expired.length} expired 5 days ago`,
        ],
      ],
    ];
    for (const [language, text, expected] of texts)
      assert.deepEqual(said(await hintsIn(await open(text, language))), expected, language);
    const cell = new NotebookCellData(NotebookCellKind.Code, `token = "${expired}"`, 'python');
    const notebook = await workspace.openNotebookDocument('jupyter-notebook', new NotebookData([cell]));
    assert.deepEqual(said(await hintsIn(notebook.cellAt(0).document)), ['0:9 expired 5 days ago']);
    const configuration = workspace.getConfiguration('jwtWorkbench');
    await configuration.update('inlayHints', false, ConfigurationTarget.Global);
    assert.deepEqual(await hintsIn(await open(expired, 'jwt')), []);
    await configuration.update('inlayHints', undefined, ConfigurationTarget.Global);
  });

  it('show above them what to do with them', async () => {
    const document = await open(`# a comment\n${expired}\n`, 'jwt');
    assert.deepEqual(said(await hintsIn(document)), ['1:0 expired 5 days ago']);
    const lenses = await registry.executeCommand<CodeLens[]>('vscode.executeCodeLensProvider', document.uri, 9);
    assert.deepEqual(
      lenses.map(({ command }) => command?.title),
      ['Decode', 'Verify'],
    );
    const ofEncrypted = await registry.executeCommand<CodeLens[]>(
      'vscode.executeCodeLensProvider',
      (await open(jwe, 'jwt')).uri,
      9,
    );
    assert.deepEqual(
      ofEncrypted.map(({ command }) => command?.title),
      ['Decode', 'Decrypt'],
    );
    const plain = await open(expired);
    assert.deepEqual(await registry.executeCommand('vscode.executeCodeLensProvider', plain.uri, 9), []);
    const configuration = workspace.getConfiguration('jwtWorkbench');
    await configuration.update('codeLens', 'all', ConfigurationTarget.Global);
    const everywhere = await registry.executeCommand<CodeLens[]>('vscode.executeCodeLensProvider', plain.uri, 9);
    assert.equal(everywhere.length, 2);
    await configuration.update('codeLens', undefined, ConfigurationTarget.Global);
  });

  it('have their problems listed, with ways out', async () => {
    const wrapped = (expired.match(/.{1,60}/g) ?? []).join('\n');
    const damaged = expired.replace('.', '.!');
    const document = await open(`${expired}\n\n${wrapped}\n\n${damaged}\n`, 'jwt');
    const problems = await diagnosticsOf(document, 4);
    const codes = problems.map(({ code }) => code);
    assert.deepEqual(codes.toSorted(), ['exp_past', 'exp_past', 'token_encoding', 'wrapped']);
    const bad = problems.find(({ code }) => code === 'token_encoding');
    assert.equal(bad && document.getText(bad.range), '!');
    const mended = await registry.executeCommand<CodeAction[]>(
      'vscode.executeCodeActionProvider',
      document.uri,
      bad?.range,
    );
    const mend = mended.find(({ title }) => title === 'Convert to base64url');
    assert.ok(mend?.edit);
    await workspace.applyEdit(mend.edit);
    assert.doesNotMatch(document.getText(), /!/);
    const place = problems.find(({ code }) => code === 'wrapped')?.range;
    assert.ok(place);
    const actions = await registry.executeCommand<CodeAction[]>(
      'vscode.executeCodeActionProvider',
      document.uri,
      place,
    );
    const join = actions.find(({ title }) => title === 'Join the token into one line');
    assert.ok(join?.edit);
    await workspace.applyEdit(join.edit);
    assert.equal(document.getText().split(expired).length, 4);
    assert.ok(actions.some(({ title }) => title === 'Open in the inspector'));
  });

  it('open decoded as a read-only document with dates and meanings', async () => {
    const document = await open(`token=${expired}`);
    await window.showTextDocument(document);
    await run('decodeSelection', { uri: document.uri.toString(), range: [0, 6, 0, 20] });
    const shown = window.activeTextEditor?.document;
    assert.equal(shown?.uri.scheme, 'jwt-workbench');
    assert.equal(shown?.languageId, 'jsonc');
    assert.equal(shown?.isUntitled, false);
    const text = shown?.getText() ?? '';
    assert.match(text, /not checked/);
    assert.match(text, /"exp": \d+ \/\/ 5 days ago \(.*\)\. When the token expires/);
    assert.match(text, /"iss": "https:\/\/issuer\.example", \/\/ Who issued the token/);
    assert.doesNotMatch(text, /eyJ/);
    assert.ok(shown);
    const hoverOn = async (name: string, character: number) =>
      words(
        await hoverText(
          shown,
          character,
          text.split('\n').findIndex(line => line.includes(name)),
        ),
      );
    assert.match(await hoverOn('"alg"', 6), /algorithm.*Source: RFC 7515 section 4\.1\.1/s);
    assert.match(await hoverOn('"iss"', 6), /Who issued the token\..*Source: RFC 7519 section 4\.1\.1/s);
    assert.equal(await hoverOn('"iss"', 30), '');
    // The JSON language server starts at the first request.
    let outline: DocumentSymbol[] = [];
    await eventually(async () => {
      const command = 'vscode.executeDocumentSymbolProvider';
      outline = (await registry.executeCommand<DocumentSymbol[] | undefined>(command, shown.uri)) ?? [];
      return outline.length > 0;
    });
    assert.deepEqual(
      outline.map(({ name }) => name),
      ['header', 'payload'],
    );
    const folds = await registry.executeCommand<FoldingRange[]>('vscode.executeFoldingRangeProvider', shown.uri);
    assert.ok(folds.length >= 2);
    assert.equal(
      await workspace.fs.writeFile(shown?.uri ?? Uri.parse('x:y'), new Uint8Array()).then(
        () => 'written',
        () => 'refused',
      ),
      'refused',
    );
    await registry.executeCommand('workbench.action.closeAllEditors');
  });

  it('can have their payload copied, without the token', async () => {
    const document = await open(`token=${expired}`);
    // VS Code may close a document that is in no editor at any time.
    await window.showTextDocument(document);
    await run('copyPayload', { uri: document.uri.toString(), range: [0, 6, 0, 20] });
    assert.equal(JSON.parse(await env.clipboard.readText()).sub, 'ada');
    assert.equal(await codeOf(run('copyPayload', { uri: 'file:///not/open', range: [0, 0, 0, 1] })), 'not_a_token');
    assert.equal(await codeOf(run('copyPayload', { uri: document.uri.toString(), range: [0] })), 'argument_invalid');
    await registry.executeCommand('workbench.action.revertAndCloseActiveEditor');
  });

  it('do not block the editor if they are megabytes long, or many', async () => {
    // Drawing ten megabytes takes VS Code seconds.
    const megabytes = process.env[slowVariable] ? 10 : 2;
    for (const content of [
      `eyJ${'a'.repeat(megabytes * 1_000_000)}`,
      'eyJhbGciOiJIUzI1NiJ9.'.repeat(megabytes * 40_000),
    ]) {
      const document = await open(content);
      assert.equal(await hoverText(document, megabytes * 500_000), '');
    }
  });

  it('are found at once in a file of a megabyte', async () => {
    const line = 'a line of a log that holds nothing, as most of them do\n';
    const document = await open(`${line.repeat(9000)}${expired}\n${line.repeat(9000)}`);
    await hoverText(document, 10, 9000);
    assert.notEqual(await hoverText(document, 10, 9000), '');
  });
});

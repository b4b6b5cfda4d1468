import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Uri } from 'vscode';
import type { RedirectPage } from '../../../src/core/ports.ts';
import type * as DevicePanel from '../../../src/vscode/signInPage.ts';
import type * as SignInPage from '../../../src/vscode/signInPage.ts';
import { withoutVscode } from '../../support/withoutVscode.ts';

/** What the stand-in for VS Code records for the tests. */
interface Seen {
  theme: number;
  html: string;
  title: string;
  copied: string[];
  posted: unknown[];
  say(message: unknown): void;
  closed: boolean;
}

const vscode = `
  export const ColorThemeKind = { Light: 1, Dark: 2, HighContrast: 3, HighContrastLight: 4 };
  export const ViewColumn = { Active: -1 };
  export const workspace = { fs: { readFile: async file => new TextEncoder().encode(\`/* \${file} */\`) } };
  const seen = globalThis.signInPages = { theme: 1, html: '', title: '', copied: [], posted: [], closed: false };
  export const env = { language: 'en', clipboard: { writeText: async text => void seen.copied.push(text) } };
  export const window = {
    get activeColorTheme() { return { kind: seen.theme }; },
    createWebviewPanel(_, title, __, options) {
      const gone = [];
      seen.closed = false;
      seen.title = title;
      return {
        webview: {
          postMessage: message => void seen.posted.push(message),
          set html(html) { seen.html = html; },
          onDidReceiveMessage(listener) { seen.say = listener; },
        },
        onDidDispose(listener) { gone.push(listener); },
        dispose() {
          if (seen.closed) return;
          seen.closed = true;
          for (const each of gone) each();
        },
      };
    },
  };
`;

describe('what is shown while somebody signs in', function () {
  this.timeout(60_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pages-'));
  });
  after(() => rm(folder, { recursive: true }));
  const seen = () => Object(globalThis).signInPages as Seen;

  describe('the page that the browser ends on', () => {
    let signInPage: typeof SignInPage.signInPage;
    before(async () => {
      ({ signInPage } = await withoutVscode<typeof SignInPage>('signInPage', folder, vscode));
    });
    const pages = ['signed_in', 'signed_out', 'declined', 'failed', 'foreign'] as const;

    it('says the outcome and the next step, each in its own words', () => {
      const titles = new Set<string>();
      for (const page of pages) {
        const html = signInPage(page);
        const [, title = ''] = /<h1>([^<]+)<\/h1>/.exec(html) ?? [];
        titles.add(title);
        assert.ok(html.includes(`<title>${title}</title>`));
        assert.match(html, page === 'foreign' ? /Start it again in VS Code/ : /You can close this page/);
        assert.doesNotMatch(html, /<script|<form|href|src=|undefined/);
      }
      assert.equal(titles.size, pages.length);
    });

    it("has the colours of the editor's theme, all of which can be read", () => {
      const looks = new Set<string>();
      for (const theme of [1, 2, 3, 4]) {
        seen().theme = theme;
        const html = signInPage('declined' satisfies RedirectPage);
        assert.ok(html.includes(`content="${theme === 1 || theme === 4 ? 'light' : 'dark'}"`));
        const [, background = '', text = ''] = /background:(#\w{6});color:(#\w{6})/.exec(html) ?? [];
        const [, accent = ''] = /\.mark\{[^}]*color:(#\w{6})/.exec(html) ?? [];
        const [, soft = ''] = /p\{[^}]*color:(#\w{6})/.exec(html) ?? [];
        for (const each of [text, soft]) assert.ok(contrast(each, background) >= 4.5, `${each} of ${theme}`);
        // The mark counts as large (WCAG 2.2, success criterion 1.4.11).
        assert.ok(contrast(accent, background) >= 3, `${accent} of ${theme}`);
        looks.add(background + text);
      }
      assert.equal(looks.size, 4);
    });
  });

  describe('the panel with the code of a device', () => {
    let showDevicePanel: typeof DevicePanel.showDevicePanel;
    before(async () => {
      ({ showDevicePanel } = await withoutVscode<typeof DevicePanel>('signInPage', folder, vscode));
    });
    const extensionUri = 'ext' as unknown as Uri;
    const hostile = `"><img src=x onerror=alert(1)></script><script>alert(2)</script>&'`;

    function show(more: object = {}) {
      const opened: string[] = [];
      let cancelled = 0;
      const panel = showDevicePanel({
        label: 'Shop',
        step: {
          ...({ waitingFor: 'device', userCode: 'ABCD-EFGH', address: 'https://a.example/device' } as const),
          until: 1_000,
          ...more,
        },
        extensionUri,
        open: url => opened.push(url),
        cancel: () => cancelled++,
      });
      return { panel, opened, cancelled: () => cancelled };
    }

    it('shows the names of the issuer and the settings as text', async () => {
      showDevicePanel({
        label: hostile,
        step: { waitingFor: 'device', userCode: hostile, address: `https://a.example/${hostile}`, until: 1 },
        extensionUri,
        open: () => {},
        cancel: () => {},
      });
      await new Promise(setImmediate);
      const { html } = seen();
      assert.match(html, /<style nonce=[^<]+devicePage\.css[^<]+<\/style>[\s\S]+<script nonce=[^<]+devicePage\.js/);
      assert.doesNotMatch(html, /<img|onerror=alert/);
      assert.equal(html.match(/<script/g)?.length, 1);
      const policy = /content="(default-src[^"]+)"/.exec(html)?.[1] ?? '';
      const [nonce = ''] = /nonce-[\w-]+/.exec(policy) ?? [];
      assert.equal(policy, `default-src 'none'; style-src '${nonce}'; script-src '${nonce}'`);
      // The page creates text nodes from its messages.
      seen().posted.length = 0;
      seen().say('ready');
      assert.deepEqual(
        seen().posted.map(message => (message as { userCode: string }).userCode),
        [hostile],
      );
    });

    it('copies the code, opens the page that has it already, and can be cancelled', () => {
      const { opened, cancelled, panel } = show({ complete: 'https://a.example/device?user_code=ABCD-EFGH' });
      seen().say('copy');
      seen().say('open');
      seen().say({ open: 'https://evil.example' });
      assert.deepEqual(seen().copied, ['ABCD-EFGH']);
      assert.deepEqual(opened, ['https://a.example/device?user_code=ABCD-EFGH']);
      assert.equal(cancelled(), 0);
      seen().say('cancel');
      assert.equal(cancelled(), 1);
      panel.dispose();
      assert.equal(cancelled(), 1);
    });

    it('opens the page alone where the issuer has none with the code, and ends with the sign-in', () => {
      const { opened, cancelled, panel } = show();
      seen().say('open');
      assert.deepEqual(opened, ['https://a.example/device']);
      panel.dispose();
      assert.deepEqual([cancelled(), seen().closed], [0, true]);
    });
  });
});

/** WCAG 2.2: contrast ratio of two colours like `#1f1f1f`. */
function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(color: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map(at => {
    const channel = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

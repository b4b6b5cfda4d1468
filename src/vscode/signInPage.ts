import {
  ColorThemeKind,
  type Extension,
  ExtensionKind,
  env,
  extensions,
  l10n,
  UIKind,
  Uri,
  window,
  workspace,
} from 'vscode';
import { extensionId, settings } from '../contributions.ts';
import { isLoopback } from '../core/http/http.ts';
import type { RedirectPage, RedirectWay } from '../core/ports.ts';
import type { SignInStep } from '../core/signIn/grants.ts';
import type { Arrival } from '../platform/uriRedirect.ts';
import type { DeviceModel, FromDevicePage } from '../webview/protocol.ts';
import { flash, notify, openPage, toClipboard } from './screen.ts';

/**
 * Background, text, secondary text, border and accent of VS Code's default themes. The browser does not know the user's
 * theme.
 */
const palettes = {
  [ColorThemeKind.Light]: ['#ffffff', '#3b3b3b', '#616161', '#e5e5e5', '#005fb8'],
  [ColorThemeKind.Dark]: ['#1f1f1f', '#cccccc', '#9d9d9d', '#2b2b2b', '#4daafc'],
  [ColorThemeKind.HighContrast]: ['#000000', '#ffffff', '#ffffff', '#6fc3df', '#ffffff'],
  [ColorThemeKind.HighContrastLight]: ['#ffffff', '#292929', '#292929', '#0f4a85', '#0f4a85'],
} as const;

/** The page that the browser shows at the end. It contains no script and nothing of the sign-in. */
export function signInPage(page: RedirectPage): string {
  const { kind } = window.activeColorTheme;
  const [background, text, soft, border, accent] = palettes[kind];
  const scheme = kind === ColorThemeKind.Light || kind === ColorThemeKind.HighContrastLight ? 'light' : 'dark';
  const { mark, title, detail } = words(page);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title}</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="${scheme}">
<style>
body{margin:0;min-height:100vh;display:grid;place-items:center;background:${background};color:${text};font:15px/1.5 system-ui,sans-serif}
main{max-width:26rem;margin:1rem;padding:2rem 2.5rem;border:1px solid ${border};border-radius:8px;text-align:center}
.mark{font-size:2.5rem;line-height:1;color:${accent}}h1{margin:1rem 0 .5rem;font-size:1.25rem;font-weight:600}
p{margin:0;color:${soft};text-wrap:balance}
</style></head><body><main><div class="mark" aria-hidden="true">${mark}</div><h1>${title}</h1><p>${detail}</p></main></body></html>`;
}

function words(page: RedirectPage): { mark: string; title: string; detail: string } {
  switch (page) {
    case 'signed_in':
      return {
        mark: '&#10003;',
        title: l10n.t('Signed in'),
        detail: l10n.t('The tokens are in VS Code. You can close this page.'),
      };
    case 'signed_out':
      return {
        mark: '&#10003;',
        title: l10n.t('Signed out'),
        detail: l10n.t('The session in the browser has ended. You can close this page.'),
      };
    case 'declined':
      return {
        mark: '&#8211;',
        title: l10n.t('You declined'),
        detail: l10n.t('Nothing was changed in VS Code. You can close this page.'),
      };
    case 'failed':
      return {
        mark: '!',
        title: l10n.t('Not signed in'),
        detail: l10n.t('VS Code shows what went wrong. You can close this page.'),
      };
    case 'foreign':
      return {
        mark: '!',
        title: l10n.t('Unexpected page'),
        detail: l10n.t(
          'No sign-in is waiting for this page: it has ended, or it was started in another window. Start it again in VS Code.',
        ),
      };
  }
}

export interface DevicePanelParts {
  readonly label: string;
  readonly step: SignInStep & { readonly waitingFor: 'device' };
  readonly extensionUri: Uri;
  readonly open: (url: string) => unknown;
  /** Called when the user closes the panel, which cancels the sign-in. */
  readonly cancel: () => void;
}

/** Shows the code of a device sign-in with instructions. Closing the panel ends the sign-in. */
export function showDevicePanel({ label, step, extensionUri, open, cancel }: DevicePanelParts): { dispose(): void } {
  const title = l10n.t('Sign in to {0}', label);
  const panel = openPage('device', title, extensionUri);
  let isOver = false;
  panel.webview.onDidReceiveMessage((message: FromDevicePage) => {
    if (message === 'ready') void panel.webview.postMessage(deviceModel(title, step));
    if (message === 'copy') void toClipboard(step.userCode);
    if (message === 'open') void open(step.complete ?? step.address);
    if (message === 'cancel') panel.dispose();
  });
  panel.onDidDispose(() => {
    if (!isOver) cancel();
  });
  return {
    dispose() {
      isOver = true;
      panel.dispose();
    },
  };
}

function deviceModel(title: string, { userCode, address, until }: DevicePanelParts['step']): DeviceModel {
  return {
    title,
    userCode,
    address,
    until,
    words: {
      instruction: l10n.t('Open this page on any device and confirm this code there:'),
      code: l10n.t('Code'),
      open: l10n.t('Open Page'),
      copy: l10n.t('Copy Code'),
      copied: l10n.t('Copied'),
      cancel: l10n.t('Cancel'),
      left: l10n.t('The code is valid for {0}.'),
      over: l10n.t('The code has expired.'),
    },
  };
}

/**
 * The redirect URI that VS Code opens with this extension. `undefined` means the loopback address, which works if the
 * browser runs on the machine of the extension.
 */
export async function handledRedirectUri(
  { extensionKind }: Pick<Extension<unknown>, 'extensionKind'>,
  given: RedirectWay | undefined,
): Promise<string | undefined> {
  const set = workspace.getConfiguration(settings.section).inspect<string>(settings.redirect)?.globalValue;
  const way = given ?? set;
  if (way === 'loopback') return undefined;
  const own = Uri.from({ scheme: env.uriScheme, authority: extensionId, path: '/callback' });
  if (env.uiKind === UIKind.Desktop) {
    const isHere = env.remoteName === undefined || extensionKind === ExtensionKind.UI;
    // Not through asExternalUri: that adds the window's number, and issuers compare redirect URIs character by
    // character.
    return way !== 'uri_handler' && isHere ? undefined : own.toString(true);
  }
  let external: string;
  try {
    // Skips encoding: the text is an address with another one in its query, and encoding it again would break it.
    external = (await env.asExternalUri(own)).toString(true);
  } catch (error) {
    // Not every workbench supports external addresses.
    if (way === 'uri_handler') throw error;
    return undefined;
  }
  // A workbench served from the loopback address most likely runs on this machine.
  return way !== 'uri_handler' && isLoopback(new URL(external)) ? undefined : external;
}

/**
 * The redirect URI to register at an issuer for sign-ins in this window. The port of the loopback address does not
 * matter (RFC 8252 §7.3).
 */
export async function registeredRedirectUri(): Promise<string> {
  const extension = extensions.getExtension(extensionId);
  // If VS Code has no such address, the sign-in reports it.
  const handled = extension && (await handledRedirectUri(extension, undefined).catch(() => undefined));
  return handled ?? 'http://127.0.0.1/callback';
}

/** Tells the user about an address that VS Code has opened here, if needed. */
export function reportArrival(arrival: Arrival): void {
  if (arrival === 'handed_over') {
    flash(l10n.t('The sign-in continues in the window where it started.'));
  } else if (arrival === 'foreign') {
    void notify(
      'warning',
      l10n.t(
        'No sign-in is waiting for this redirect: it has ended, or it was started on another machine. Nothing was changed. Start it again in the window where you want to be signed in.',
      ),
    );
  }
}

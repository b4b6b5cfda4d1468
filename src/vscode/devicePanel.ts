import { env, l10n, ViewColumn, window } from 'vscode';
import type { SignInStep } from '../core/signIn/signIn.ts';

export interface DevicePanelParts {
  readonly label: string;
  readonly step: SignInStep & { readonly waitingFor: 'device' };
  readonly open: (url: string) => unknown;
  /** Called where the user closes the panel: nobody wants that sign-in any more. */
  readonly cancel: () => void;
}

/** The code of a device sign-in, large, with what to do with it. Closing it ends the sign-in. */
export function showDevicePanel({ label, step, open, cancel }: DevicePanelParts): { dispose(): void } {
  const title = l10n.t('Sign in to {0}', label);
  const panel = window.createWebviewPanel('jwtWorkbench.device', title, ViewColumn.Active, {
    enableScripts: true,
    localResourceRoots: [],
  });
  let isOver = false;
  panel.webview.onDidReceiveMessage((message: unknown) => {
    if (message === 'copy') void env.clipboard.writeText(step.userCode);
    if (message === 'open') void open(step.complete ?? step.address);
    if (message === 'cancel') panel.dispose();
  });
  panel.onDidDispose(() => {
    if (!isOver) cancel();
  });
  panel.webview.html = page(title, step);
  return {
    dispose() {
      isOver = true;
      panel.dispose();
    },
  };
}

function page(title: string, { userCode, address, until }: DevicePanelParts['step']): string {
  const nonce = crypto.randomUUID();
  const texts = {
    copied: l10n.t('Copied'),
    left: l10n.t('The code is good for {0}.'),
    over: l10n.t('The code has ended.'),
  };
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="content-security-policy" content="default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'">
<style nonce="${nonce}">
body{display:grid;place-items:center;min-height:90vh;font:var(--vscode-font-size)/1.5 var(--vscode-font-family);color:var(--vscode-foreground)}
main{text-align:center;max-width:34rem}
h1{font-size:1.3em;font-weight:600;margin:0}
output{display:block;margin:1.2rem 0;font:600 3rem/1.2 var(--vscode-editor-font-family),monospace;letter-spacing:.12em;user-select:all;overflow-wrap:anywhere}
code{overflow-wrap:anywhere}
button{margin:0 .3rem;padding:.4rem 1rem;border:0;border-radius:2px;font:inherit;cursor:pointer;color:var(--vscode-button-secondaryForeground);background:var(--vscode-button-secondaryBackground)}
button.main{color:var(--vscode-button-foreground);background:var(--vscode-button-background)}
button:focus-visible{outline:1px solid var(--vscode-focusBorder);outline-offset:2px}
#left{margin-top:1.2rem;color:var(--vscode-descriptionForeground)}
</style></head><body><main>
<h1>${escaped(title)}</h1>
<p>${escaped(l10n.t('Open this page on any device and confirm this code there:'))}<br><code>${escaped(address)}</code></p>
<output aria-label="${escaped(l10n.t('Code'))}">${escaped(userCode)}</output>
<button class="main" data-does="open">${escaped(l10n.t('Open Page'))}</button><button data-does="copy">${escaped(l10n.t('Copy Code'))}</button><button data-does="cancel">${escaped(l10n.t('Cancel'))}</button>
<p id="left" role="timer"></p>
</main><script nonce="${nonce}">
const vscode = acquireVsCodeApi(), texts = ${JSON.stringify(texts).replaceAll('<', '\\u003c')}, until = ${until};
for (const button of document.querySelectorAll('button')) button.addEventListener('click', () => {
  vscode.postMessage(button.dataset.does);
  if (button.dataset.does === 'copy') button.textContent = texts.copied;
});
const tick = () => {
  const left = Math.max(0, Math.ceil((until - Date.now()) / 1000));
  const time = Math.floor(left / 60) + ':' + String(left % 60).padStart(2, '0');
  document.getElementById('left').textContent = left > 0 ? texts.left.replace('{0}', time) : texts.over;
};
tick();
setInterval(tick, 1000);
</script></body></html>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, each => `&#${each.charCodeAt(0)};`);
}

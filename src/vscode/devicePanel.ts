import { l10n, type Uri } from 'vscode';
import type { SignInStep } from '../core/signIn/grants.ts';
import type { DeviceModel, FromDevicePage } from '../webview/protocol.ts';
import { openPage, toClipboard } from './screen.ts';

export interface DevicePanelParts {
  readonly label: string;
  readonly step: SignInStep & { readonly waitingFor: 'device' };
  readonly extensionUri: Uri;
  readonly open: (url: string) => unknown;
  /** Called where the user closes the panel: that sign-in is not wanted any more. */
  readonly cancel: () => void;
}

/** The code of a device sign-in, large, with what to do with it. Closing it ends the sign-in. */
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

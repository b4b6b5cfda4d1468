import { env, FileType, l10n, type QuickPickItem, ThemeIcon, type Uri, window, workspace } from 'vscode';
import { classify, WorkbenchError } from '../../core/errors.ts';
import { importText } from '../../core/imports/importText.ts';
import type { Discovery } from '../../core/issuer/discovery.ts';
import type { Connection } from '../../core/records/connection.ts';
import { badgeOf, type Session, type Sessions, tokenOf } from '../../core/records/sessions.ts';
import { type Grant, offeredGrants } from '../../core/signIn/grants.ts';
import { decodeToken, isDetached, tryDecode } from '../../core/tokens/jwt.ts';
import type { ViewNode } from '../../core/view/viewNode.ts';
import { pickFiles } from '../screen.ts';
import { describeError } from '../text/errors.ts';
import { grantWords } from '../text/signIn.ts';
import { badgeText, stateIcons } from '../text/states.ts';
import { ask, pick } from './questions.ts';

/**
 * The connection of the row, the only existing one, or the one that the user picks; `undefined` if the user cancelled.
 * @throws WorkbenchError `nothing_to_pick`
 */
export async function pickConnection(
  sessions: Sessions,
  node: ViewNode | undefined,
  title: string,
  fits: (session: Session) => boolean = () => true,
): Promise<{ connection: string } | undefined> {
  if (node !== undefined && 'id' in node) return { connection: node.id };
  const candidates = sessions.list().filter(fits);
  const [only] = candidates;
  if (only === undefined) throw new WorkbenchError('nothing_to_pick');
  if (candidates.length === 1) return { connection: only.connection.id };
  const picked = await pick(candidates.map(connectionItem), {
    title,
    matchOnDescription: true,
  });
  return picked && { connection: picked.id };
}

/** @throws WorkbenchError `connection_unknown` */
export function sessionOf(sessions: Sessions, id: string): Session {
  const session = sessions.get(id);
  if (session === undefined) throw new WorkbenchError('connection_unknown', { connection: id });
  return session;
}

export interface ConnectionItem extends QuickPickItem {
  readonly id: string;
}

export function connectionItem(session: Session): ConnectionItem {
  const badge = badgeOf(session, Date.now());
  const { id, label, issuer, tokenEndpoint } = session.connection;
  return {
    id,
    label,
    iconPath: new ThemeIcon(stateIcons[badge.state]),
    description: badgeText(badge),
    detail: issuer ?? tokenEndpoint ?? l10n.t('no issuer'),
  };
}

/**
 * The grant to sign in with: the only one for this issuer and client, or the one that the user picks.
 * @param importing adds an item to import tokens instead, and asks even if there is only one grant or no metadata
 * @throws WorkbenchError `endpoint_missing`, and the errors of Discovery
 */
export async function pickGrant(
  connection: Connection,
  discovery: Discovery,
  importing?: () => unknown,
): Promise<Grant | undefined> {
  const { issuer } = connection;
  const metadata =
    issuer === undefined
      ? undefined
      : await discovery.metadata(issuer).catch(error => {
          // The user has just been told, and has given the endpoints by hand.
          if (importing) return undefined;
          throw error;
        });
  const items: (QuickPickItem & { grant?: Grant })[] = offeredGrants(connection, metadata).map(grant => {
    const { icon, label, detail } = grantWords[grant];
    return { grant, iconPath: new ThemeIcon(icon), label: label(), detail: detail() };
  });
  const [only] = items;
  if (importing)
    items.push({
      iconPath: new ThemeIcon('cloud-download'),
      label: l10n.t('Import existing tokens'),
      detail: l10n.t('Import a token response, a refresh token or a JWT into this connection.'),
    });
  else if (only === undefined)
    throw new WorkbenchError('endpoint_missing', {
      endpoint: 'authorization_endpoint',
      setting: 'authorizationEndpoint',
    });
  else if (items.length === 1) return only.grant;
  const picked = await pick(items, { title: l10n.t('Sign in to {0}', connection.label) });
  if (picked && picked.grant === undefined) await importing?.();
  return picked?.grant;
}

/** A short description of a text, and the value read from it. */
export interface Read<T> {
  readonly label: string;
  readonly value: T;
}

/**
 * Reads a text from the selection, the clipboard or an input box. Texts of the selection and the clipboard are
 * described, never shown.
 * @param read throws if a text cannot be used; each text is read once
 */
export async function pickText<T>(title: string, read: (text: string) => Read<T>): Promise<T | undefined> {
  const editor = window.activeTextEditor;
  const selection = editor?.document.getText(editor.selection) ?? '';
  const clipboard = await env.clipboard.readText();
  const sources: (QuickPickItem & { found?: Read<T> })[] = [];
  for (const [label, icon, text] of [
    [l10n.t('Selection'), 'selection', selection],
    [l10n.t('Clipboard'), 'clippy', clipboard],
  ] as const) {
    const found = text === '' ? undefined : readQuietly(text, read);
    if (found) sources.push({ label, description: found.label, iconPath: new ThemeIcon(icon), found });
  }
  if (sources.length === 0) return typeText(title, read);
  const other: (typeof sources)[number] = {
    label: l10n.t('Type or paste'),
    description: l10n.t('in an input box'),
    iconPath: new ThemeIcon('edit'),
  };
  const picked = await pick([...sources, other], {
    title,
    placeHolder: l10n.t('Where is the token?'),
  });
  if (picked === undefined) return undefined;
  return picked.found ? picked.found.value : typeText(title, read);
}

async function typeText<T>(title: string, read: (text: string) => Read<T>): Promise<T | undefined> {
  let last: { readonly text: string; readonly value: T } | undefined;
  const text = await ask({
    title,
    prompt: l10n.t('Paste a token response, a token or an Authorization header'),
    // Masked, because refresh tokens are as sensitive as passwords.
    password: true,
    flaw: text => {
      try {
        if (text !== '') last = { text, value: read(text).value };
        return undefined;
      } catch (error) {
        return describeError(classify(error));
      }
    },
  });
  if (text === undefined) return undefined;
  return last?.text === text ? last.value : read(text).value;
}

/** Unsuitable text on the clipboard is not an error; it is not offered. */
function readQuietly<T>(text: string, read: (text: string) => Read<T>): Read<T> | undefined {
  try {
    return read(text);
  } catch {
    return undefined;
  }
}

/** The token of the row, or one from the selection, the clipboard or an input box. @param detached whether its content may be detached */
export async function askToken(
  sessions: Sessions,
  node: ViewNode | undefined,
  title: string,
  detached = false,
): Promise<{ token: string } | undefined> {
  if (node?.kind === 'token' || node?.kind === 'section') {
    const token = tokenOf(sessionOf(sessions, node.id), node.name);
    if (token === undefined) throw new WorkbenchError('no_such_token', { connection: node.id, token: node.name });
    return { token };
  }
  return pickText(title, text => {
    const apart = text.trim();
    if (detached && isDetached(apart))
      return { label: l10n.t('a signature without its content'), value: { token: apart } };
    const token = firstToken(text);
    decodeToken(token);
    return { label: l10n.t('a token'), value: { token } };
  });
}

/** Maximum size in bytes of a file with detached content. */
const largestContent = 64 * 1024 * 1024;

/** Detached content (RFC 7515 appendix F) of `token`: the bytes of a file, the selection or the clipboard. */
export async function askContent(title: string, token: string): Promise<string | Uint8Array | undefined> {
  const editor = window.activeTextEditor;
  const selection = editor?.document.getText(editor.selection) ?? '';
  const file = {
    label: l10n.t('Open a file...'),
    description: l10n.t('byte for byte'),
    iconPath: new ThemeIcon('file'),
  };
  const selected = { label: l10n.t('Selection'), iconPath: new ThemeIcon('selection') };
  const clipboard = { label: l10n.t('Clipboard'), iconPath: new ThemeIcon('clippy') };
  const items: QuickPickItem[] = [file, ...(['', token].includes(selection.trim()) ? [] : [selected]), clipboard];
  const placeHolder = l10n.t('This signature is kept apart from its content. Where is the content?');
  const picked = await pick(items, { title, placeHolder });
  if (picked === selected) return selection;
  if (picked === clipboard) return env.clipboard.readText();
  const [uri] = picked === file ? await pickFiles(title) : [];
  return uri && contentOf(uri);
}

/**
 * The bytes of a file that the user chose. @param limit in bytes
 * @throws WorkbenchError `file_unreadable`
 */
export async function fileBytes(uri: Uri, limit: number): Promise<Uint8Array> {
  const file = workspace.asRelativePath(uri);
  const unreadable = () => new WorkbenchError('file_unreadable', { file });
  const { size, type } = await Promise.resolve(workspace.fs.stat(uri)).catch(() => Promise.reject(unreadable()));
  // Reading a pipe or a device may never end.
  if ((type & FileType.File) === 0) throw unreadable();
  if (size > limit) throw new WorkbenchError('file_unreadable', { file, limit });
  return Promise.resolve(workspace.fs.readFile(uri)).catch(() => Promise.reject(unreadable()));
}

/** @throws WorkbenchError `file_unreadable` */
export function contentOf(uri: Uri): Promise<Uint8Array> {
  return fileBytes(uri, largestContent);
}

/** The token in the picked text, which may be a header line or a response. */
function firstToken(text: string): string {
  // Tried first as a whole, because text around a JWT can be part of the token.
  const whole = tryDecode(text.trim());
  if (!('error' in whole) && whole.kind === 'jws' && whole.form) return text.trim();
  const { tokens } = importText(text, false);
  return tokens.access_token ?? tokens.id_token ?? tokens.refresh_token ?? text.trim();
}

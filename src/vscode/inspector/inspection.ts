import { l10n } from 'vscode';
import type { KeyInfo, VerificationResult } from '../../core/checks/finding.ts';
import type { OwnKey } from '../../core/checks/secretText.ts';
import type { KeyOrigin, Verifier } from '../../core/checks/verifier.ts';
import { classify, WorkbenchError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import type { Connection } from '../../core/records/connection.ts';
import { type Sessions, type TokenName, tokenOf } from '../../core/records/sessions.ts';
import { printable } from '../../core/redact.ts';
import { encodeBase64url } from '../../core/tokens/base64url.ts';
import {
  isObject,
  type JsonFault,
  type JsonObject,
  jsonFault,
  jsonText,
  own,
  readJson,
  withMembers,
} from '../../core/tokens/json.ts';
import { type DecodedToken, decodeToken, isHmac } from '../../core/tokens/jwt.ts';
import type { Moment } from '../../core/view/timeline.ts';
import { checksOf, summarize, timesOf } from '../../core/view/tokenSummary.ts';
import { ownerOf } from '../editor/scan.ts';
import type { TestKey } from '../mockIssuer.ts';
import type { KeyChooser, PickedKey } from '../prompts/keys.ts';
import { describeError } from '../text/errors.ts';
import type { Inspected, InspectedState } from './model.ts';
import { innerChecks, innerTimes, innerToken, type OpenedToken, openedText } from './opened.ts';

export interface InspectionParts {
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly verifier: () => Promise<Verifier>;
  /** The mock issuer's key, while it runs. */
  readonly testKey: () => TestKey | undefined;
  readonly keys: KeyChooser;
}

export interface Subject {
  readonly token: string;
  readonly known?: { readonly connection: string; readonly name: TokenName };
  /** The decrypted content, if the token is encrypted. */
  readonly opened?: OpenedToken;
}

/** How an edited copy is signed. A key that the user entered is dropped when the tab closes or the edit ends. */
type Signing =
  | { readonly kind: 'none' | 'mock' }
  | { readonly kind: 'own'; readonly key: OwnKey; readonly from: string };

/** The state of one inspected token. @throws WorkbenchError as `decodeToken` */
export function createInspection(subject: Subject, { sessions, clock, verifier, testKey, keys }: InspectionParts) {
  const { opened } = subject;
  const inner = innerToken(opened);
  const { token } = inner ?? subject;
  const decoded = inner?.decoded ?? decodeToken(token);
  const followed = heldAs(subject, sessions);
  const known = subject.known ?? followed;
  const connection = ownerOf({ token, ...(known && { known }) }, sessions);
  /** The initial text of a part in the editor. */
  const written = (part: 'header' | 'payload') => (decoded.kind === 'jws' ? jsonText(decoded[part], 2) : '');
  const named = decoded.kind === 'jws' ? own(decoded.payload, 'iss') : undefined;
  const issuer = typeof named === 'string' ? { issuer: named } : {};
  /** The keys that the user chose for this token. */
  let picked: PickedKey | undefined;
  let remembered = false;
  let state: Inspected = look(token, decoded);
  /** The state of the token before the user started to edit a copy. */
  let original = state;
  let signing: Signing = { kind: 'none' };
  /** Number of the current edit. A result that belongs to an older edit is dropped. */
  let edits = 0;
  /** The texts of the current edit. `state` has them only when there is a result for them. */
  let texts: { readonly header: string; readonly payload: string; readonly revision: number } | undefined;

  function look(token: string, decoded: DecodedToken): Inspected {
    const now = clock.now();
    const claims = opened && !inner ? innerChecks(opened, each => checksOf(each, now, connection)) : [];
    const checks = claims.length > 0 ? claims : checksOf(decoded, now, connection);
    return {
      token,
      decoded,
      summary: summarize(decoded, now, connection, known?.name),
      result: { verified: false, checks },
      state: { kind: 'looked' },
      source: opened ? openedText(opened) : sourceText(connection, known),
      ...(connection && { connection: connection.label }),
      ...(opened && { opened }),
    };
  }

  /**
   * Fetches keys only if a connection has the issuer, or if the user chose them.
   * @param ask whether the user can be asked
   * @param anew ask for keys even if they are already known
   */
  async function verify(ask: boolean, anew = false): Promise<void> {
    if ((anew || (!picked && !connection)) && ask) {
      const chosen = await keys.pick({
        title: l10n.t('Verify Token'),
        use: 'verify',
        shared: isHmac(decoded),
        ...issuer,
      });
      if (!chosen) return;
      picked = chosen;
      remembered = false;
    }
    const origin = picked?.origin ?? (connection && { connection });
    if (!origin) return;
    const { editing } = state;
    const checked = await withKeys(token, origin);
    // The user started to edit a copy in the meantime, which takes precedence.
    if (state.editing !== editing) return;
    const given = origin.key !== undefined || origin.jwks !== undefined;
    const { result, keys: tried } = checked;
    const from = picked && { from: picked.from };
    state = { ...look(token, decoded), result, state: { kind: 'verified', keys: tried, given, ...from } };
  }

  async function withKeys(
    token: string,
    from: KeyOrigin,
  ): Promise<{ result: VerificationResult; keys: readonly KeyInfo[] }> {
    const { verify, keysOf, verifySession } = await verifier();
    const session = known && sessions.get(known.connection);
    const isHeld = session && known && tokenOf(session, known.name) === token;
    const result =
      isHeld && from.connection?.id === known.connection
        ? await verifySession(session.connection, known.name, session)
        : await verify({ token, ...from });
    // The signature check reports keys that could not be fetched.
    const keys = await keysOf(from).catch((): readonly KeyInfo[] => []);
    return { result, keys };
  }

  /** The chosen key, if it verified or decrypted the token and is not stored yet. */
  function rememberable(): PickedKey | undefined {
    const fits = state.result.checks.some(({ id, status }) => id === 'signature' && status === 'passed');
    const key = inner || !opened ? (fits && state.state.kind !== 'edited' ? picked : undefined) : opened.picked;
    return !remembered && keys.canRemember(key) ? key : undefined;
  }

  /**
   * Checks the token with another header and payload, first without and then with keys. If the texts are those of the
   * original, its results are shown again.
   * @param changed called when there is something to show before the end
   */
  async function edit(header: string, payload: string, revision: number, changed = () => {}): Promise<void> {
    const edit = ++edits;
    texts = { header, payload, revision };
    const errors = { ...flawIn('header', header), ...flawIn('payload', payload) };
    const editing = { header, payload, revision, errors, signing: signing.kind };
    const isCurrent = () => edit === edits;
    const set = (next: Inspected) => {
      if (isCurrent()) state = next;
    };
    const head = readObject(header);
    if (!head || !readObject(payload)) return set({ ...state, state: { kind: 'broken' }, editing });
    if (signing.kind === 'none' && header === written('header') && payload === written('payload'))
      return set({ ...original, editing });
    try {
      const { token, ...trust } = await signed(head, header, payload);
      const signedBy: InspectedState = { kind: 'edited', signed: signing.kind === 'none' ? false : signing.kind };
      const looked = { ...look(token, decodeToken(token)), state: signedBy, editing };
      set(looked);
      if (!connection && signing.kind === 'none') return;
      changed();
      const { verify } = await verifier();
      const result = await verify({ token, ...(connection && { connection }), ...trust });
      set({ ...looked, result });
    } catch (error) {
      const told = { ...editing, errors: { payload: describeError(classify(error)) } };
      set({ ...state, state: { kind: 'broken' }, editing: told });
    }
  }

  /** The edited token, and the keys of a verifier that trusts its signer. */
  async function signed(head: JsonObject, header: string, payload: string) {
    if (signing.kind === 'own') return { token: await signing.key.sign(head, payload), ...signing.key.verification };
    if (signing.kind === 'none') return { token: unsigned(header, payload) };
    const key = testKey();
    if (!key) throw new WorkbenchError('mock_not_running');
    // Signs the text as written, so that numbers beyond 2^53 keep their value. The keys are trusted for the mock issuer only.
    return { token: await key.sign(payload, head), jwks: key.jwks(), issuer: key.issuer };
  }

  /** Signs the edited copy with this key from now on. A key of the user's is asked for and not stored. */
  async function signWith(kind: Signing['kind'], changed?: () => void): Promise<void> {
    if (kind === 'own') {
      const picked = await keys.pick({ title: l10n.t('Sign Edited Token'), use: 'sign' });
      const { key, keyFormat } = picked?.origin ?? {};
      if (!picked || key === undefined) return;
      signing = { kind, key: await (await verifier()).readOwnKey(key, keyFormat), from: picked.from };
    } else signing = { kind };
    if (texts) await edit(texts.header, texts.payload, texts.revision, changed);
  }

  return {
    connection,
    decoded,
    state: (): Inspected => ({
      ...state,
      canRemember: rememberable() !== undefined,
      canSignWithMock: testKey() !== undefined,
      hasNewer: newer() !== undefined,
      ...(signing.kind === 'own' && { signedWith: signing.from }),
    }),
    verify,
    newer,
    /** @throws WorkbenchError as `KeyChooser.remember` */
    async remember(): Promise<void> {
      const key = rememberable();
      if (!key) return;
      const decrypting = opened && !inner;
      const about = decrypting ? opened.decrypted.key : state.result.key;
      await keys.remember(key, { use: decrypting ? 'decrypt' : 'verify', ...issuer }, about);
      remembered = true;
    },
    edit,
    signWith,
    /** Repeats the checks after time has passed. An edited copy stays as it is. */
    async again(): Promise<void> {
      if (state.editing) return;
      if (state.state.kind === 'verified') await verify(false);
      else state = look(token, decoded);
    },
    beginEdit() {
      if (decoded.kind !== 'jws') return;
      original = state;
      texts = { header: written('header'), payload: written('payload'), revision: 0 };
      state = { ...state, editing: { ...texts, errors: {}, signing: signing.kind } };
    },
    async editMembers(given: { header?: JsonObject; payload?: JsonObject; sign: boolean }): Promise<void> {
      if (decoded.kind !== 'jws') return;
      const merged = (own: JsonObject, other: JsonObject = {}) =>
        jsonText(withMembers(new Set([...Object.keys(own), ...Object.keys(other)]), own, other), 2);
      original = state;
      if (given.sign) signing = { kind: 'mock' };
      await edit(merged(decoded.header, given.header), merged(decoded.payload, given.payload), 0);
    },
    original() {
      edits++;
      texts = undefined;
      signing = { kind: 'none' };
      state = look(token, decoded);
    },
    moments(): Moment[] {
      const times = inner || !opened ? timesOf(state.decoded) : innerTimes(opened);
      const moments = times.map(({ claim, at }) => ({ id: claim, at }));
      // The refresh token belongs to the original, not to an edited copy.
      const session = state.state.kind === 'edited' ? undefined : known && sessions.get(known.connection);
      const refresh = session?.record?.tokens?.refresh_expires_at;
      return [...moments, ...(refresh === undefined ? [] : [{ id: 'refresh', at: refresh }])];
    },
  };

  /** The connection's current token, if it replaced the inspected one. */
  function newer(): Subject | undefined {
    const session = followed && sessions.get(followed.connection);
    const now = session && tokenOf(session, followed.name);
    return !followed || now === undefined || now === subject.token ? undefined : { token: now, known: followed };
  }
}

export type Inspection = ReturnType<typeof createInspection>;

/** The connection that holds this token, and the token's name there. */
function heldAs({ token, known }: Subject, sessions: Sessions): Subject['known'] {
  const places = known
    ? [known]
    : sessions
        .list()
        .flatMap(({ connection: { id } }) =>
          (['access_token', 'id_token'] as const).map(name => ({ connection: id, name })),
        );
  return places.find(({ connection, name }) => {
    const session = sessions.get(connection);
    return session !== undefined && tokenOf(session, name) === token;
  });
}

function sourceText(connection: Connection | undefined, known: Subject['known']): string {
  if (connection && known) return l10n.t('Held by the connection "{0}"', printable(connection.label, 80));
  if (connection) return l10n.t('Same issuer as the connection "{0}"', printable(connection.label, 80));
  return l10n.t('Belongs to no connection. Nothing is fetched unless you confirm.');
}

function readObject(text: string): JsonObject | undefined {
  const reading = readJson(text);
  return reading.ok && isObject(reading.value) ? reading.value : undefined;
}

/** Describes the JSON error of a part, and where it is. */
function flawIn(part: 'header' | 'payload', text: string): { readonly header?: string; readonly payload?: string } {
  if (readObject(text)) return {};
  const fault = jsonFault(text);
  if (fault) return { [part]: l10n.t('Line {0}, column {1}: {2}', fault.line, fault.column, faultText(fault)) };
  const name = part === 'header' ? l10n.t('The header') : l10n.t('The payload');
  return { [part]: l10n.t('{0} is not a JSON object.', name) };
}

function faultText({ expected }: JsonFault): string {
  switch (expected) {
    case 'value':
      return l10n.t('a value is missing or is not JSON.');
    case 'name':
      return l10n.t('a member name in double quotes is missing.');
    case 'colon':
      return l10n.t('a colon is missing.');
    case 'comma':
      return l10n.t('a comma or a closing bracket is missing.');
    case 'end':
      return l10n.t('there is text after the end of the object.');
    case 'quote':
      return l10n.t('this string is not closed.');
  }
}

function unsigned(header: string, payload: string): string {
  const encode = (text: string) => encodeBase64url(new TextEncoder().encode(text));
  return `${encode(header)}.${encode(payload)}.`;
}

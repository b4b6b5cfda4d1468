import { l10n } from 'vscode';
import type { KeyInfo, VerificationResult } from '../../core/checks/finding.ts';
import type { KeyOrigin, Verifier } from '../../core/checks/verifier.ts';
import { classify, WorkbenchError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import type { Connection } from '../../core/records/connection.ts';
import { type TokenName, tokenOf } from '../../core/records/session.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import { printable } from '../../core/redact.ts';
import { encodeBase64url } from '../../core/tokens/base64url.ts';
import { isObject, type JsonObject, jsonText, own, readJson } from '../../core/tokens/json.ts';
import { type DecodedToken, decodeToken, isHmac, roundedIn } from '../../core/tokens/jwt.ts';
import type { Moment } from '../../core/view/timeline.ts';
import { checksOf, summarize, timesOf } from '../../core/view/tokenSummary.ts';
import { ownerOf } from '../editor/place.ts';
import type { TestKey } from '../mockIssuer.ts';
import type { KeyChooser, PickedKey } from '../prompts/keys.ts';
import { describeError } from '../text/errors.ts';
import type { Inspected } from './model.ts';
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
  /** The token is encrypted, and this was inside. */
  readonly opened?: OpenedToken;
}

/** One token and what was found out about it. @throws WorkbenchError as `decodeToken` */
export function createInspection(subject: Subject, { sessions, clock, verifier, testKey, keys }: InspectionParts) {
  const { opened } = subject;
  const inner = innerToken(opened);
  const { token } = inner ?? subject;
  const decoded = inner?.decoded ?? decodeToken(token);
  const { known } = subject;
  const connection = ownerOf({ token, ...(known && { known }) }, sessions);
  const named = decoded.kind === 'jws' ? own(decoded.payload, 'iss') : undefined;
  const issuer = typeof named === 'string' ? { issuer: named } : {};
  /** The keys that somebody chose for this token. */
  let picked: PickedKey | undefined;
  let remembered = false;
  let state: Inspected = look(token, decoded);

  function look(token: string, decoded: DecodedToken): Inspected {
    const now = clock.now();
    const claims = opened && !inner ? innerChecks(opened, each => checksOf(each, now, connection)) : [];
    const checks = claims.length > 0 ? claims : checksOf(decoded, now, connection);
    return {
      token,
      decoded,
      summary: summarize(decoded, now, connection, subject.known?.name),
      result: { verified: false, checks },
      state: { kind: 'looked' },
      source: opened ? openedText(opened) : sourceText(connection, subject),
      ...(opened && { opened }),
      canSign: testKey() !== undefined,
    };
  }

  /**
   * Asks for keys only where a connection has the issuer, or somebody says whose.
   * @param ask whether there is somebody to be asked
   * @param anew asks although it is known whose keys are meant
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
    // Somebody has begun to edit a copy meanwhile, and that stays.
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
    // Those that could not be had are named by the check of the signature.
    const keys = await keysOf(from).catch((): readonly KeyInfo[] => []);
    return { result, keys };
  }

  /** The key that proved to be the right one, and was not kept yet. */
  function rememberable(): PickedKey | undefined {
    const fits = state.result.checks.some(({ id, status }) => id === 'signature' && status === 'passed');
    const key = inner || !opened ? (fits && state.state.kind !== 'edited' ? picked : undefined) : opened.picked;
    return !remembered && keys.canRemember(key) ? key : undefined;
  }

  /**
   * The checks of a token with another header and payload. Its signature is none, since it was made for the original;
   * or one of the mock issuer's test key, which is good nowhere else.
   */
  async function edit(header: string, payload: string, sign: boolean): Promise<void> {
    const [head, claims] = [readObject(header), readObject(payload)];
    if (!head || !claims) {
      const error = l10n.t('{0} is not a JSON object.', head ? l10n.t('The payload') : l10n.t('The header'));
      state = { ...state, editing: { header, payload, error } };
      return;
    }
    try {
      const key = sign ? testKey() : undefined;
      if (sign && !key) throw new WorkbenchError('mock_not_running');
      const token = key ? await key.sign(claims, head) : unsigned(header, payload);
      const looked = look(token, decodeToken(token));
      state = {
        ...looked,
        state: { kind: 'edited', signed: key !== undefined },
        editing: { header, payload },
      };
      if (!key && !connection) return;
      const { verify } = await verifier();
      const result = await verify({
        token,
        ...(connection && { connection }),
        // A verifier that has these keys has them for the mock issuer alone.
        ...(key && { jwks: key.jwks(), issuer: key.issuer }),
      });
      state = { ...state, result };
    } catch (error) {
      state = { ...state, editing: { header, payload, error: describeError(classify(error)) } };
    }
  }

  return {
    connection,
    decoded,
    state: (): Inspected => ({ ...state, canRemember: rememberable() !== undefined }),
    verify,
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
    /** The same look once more: time has passed. A copy that is being edited stays as it is. */
    async again(): Promise<void> {
      if (state.editing) return;
      if (state.state.kind === 'verified') await verify(false);
      else state = look(token, decoded);
    },
    beginEdit() {
      if (decoded.kind !== 'jws') return;
      const pretty = (part: 'header' | 'payload') => jsonText(decoded[part], roundedIn(decoded), 2, `/${part}`);
      const canSign = testKey() !== undefined;
      state = {
        ...state,
        canSign,
        editing: { header: pretty('header'), payload: pretty('payload') },
      };
    },
    async editMembers(given: { header?: JsonObject; payload?: JsonObject; sign: boolean }): Promise<void> {
      if (decoded.kind !== 'jws') return;
      const merged = (own: JsonObject, other: JsonObject = {}) => JSON.stringify({ ...own, ...other }, undefined, 2);
      const header = merged(decoded.header, given.header);
      await edit(header, merged(decoded.payload, given.payload), given.sign);
    },
    original() {
      state = look(token, decoded);
    },
    moments(): Moment[] {
      const times = inner || !opened ? timesOf(state.decoded) : innerTimes(opened);
      const moments = times.map(({ claim, at }) => ({ id: claim, at }));
      // The refresh token came with the original and not with what was made of it here.
      const session =
        state.state.kind === 'edited' ? undefined : subject.known && sessions.get(subject.known.connection);
      const refresh = session?.record?.tokens?.refresh_expires_at;
      return [...moments, ...(refresh === undefined ? [] : [{ id: 'refresh', at: refresh }])];
    },
  };
}

export type Inspection = ReturnType<typeof createInspection>;

function sourceText(connection: Connection | undefined, { known }: Subject): string {
  if (connection && known) return l10n.t('Held by the connection "{0}"', printable(connection.label, 80));
  if (connection) return l10n.t('Its issuer is that of the connection "{0}"', printable(connection.label, 80));
  return l10n.t('Belongs to no connection. Nothing is fetched unless you confirm.');
}

function readObject(text: string): JsonObject | undefined {
  const reading = readJson(text);
  return reading.ok && isObject(reading.value) ? reading.value : undefined;
}

function unsigned(header: string, payload: string): string {
  const encode = (text: string) => encodeBase64url(new TextEncoder().encode(text));
  return `${encode(header)}.${encode(payload)}.`;
}

import { l10n, window } from 'vscode';
import { encodeBase64url } from '../../core/base64url.ts';
import type { KeyInfo, VerificationResult } from '../../core/checks.ts';
import type { Connection } from '../../core/connection.ts';
import { classify, WorkbenchError } from '../../core/errors.ts';
import { isObject, type JsonObject, own, readJson } from '../../core/json.ts';
import { type DecodedToken, decodeToken } from '../../core/jwt.ts';
import type { Clock } from '../../core/ports.ts';
import { printable } from '../../core/redact.ts';
import type { Sessions } from '../../core/sessions.ts';
import { type TokenName, tokenOf } from '../../core/sessionView.ts';
import type { Moment } from '../../core/timeline.ts';
import { checksOf, summarize, timesOf } from '../../core/tokenSummary.ts';
import type { Verifier } from '../../core/verifier.ts';
import { ownerOf } from '../editor/owner.ts';
import type { Texts } from '../editor/texts.ts';
import type { TestKey } from '../mockIssuer.ts';
import type { Inspected } from './model.ts';

export interface InspectionParts {
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly verifier: () => Promise<Verifier>;
  readonly texts: Texts;
  /** The mock issuer's key, while it runs. */
  readonly testKey: () => TestKey | undefined;
}

export interface Subject {
  readonly token: string;
  readonly known?: { readonly connection: string; readonly name: TokenName };
}

/** One token and what was found out about it. @throws WorkbenchError as `decodeToken` */
export function createInspection(
  subject: Subject,
  { sessions, clock, verifier, texts, testKey }: InspectionParts,
) {
  const { token } = subject;
  const decoded = decodeToken(token);
  const connection = ownerOf(subject, sessions);
  let state: Inspected = look(token, decoded);

  function look(token: string, decoded: DecodedToken): Inspected {
    const now = clock.now();
    const checks = checksOf(decoded, now, connection);
    return {
      ...{ token, decoded },
      summary: summarize(decoded, now, connection, subject.known?.name),
      result: { verified: false, checks },
      withKeys: false,
      keys: [],
      source: sourceText(connection, subject),
      edited: false,
      canSign: testKey() !== undefined,
    };
  }

  /**
   * Asks for keys only where a connection has the issuer, or the user says yes to its very name.
   * @param ask whether the user may be asked
   */
  async function verify(ask: boolean): Promise<void> {
    const keysFrom = connection ? { connection } : await consented(decoded, ask);
    if (!keysFrom) return;
    const { result, keys } = await withKeys(token, keysFrom);
    state = { ...look(token, decoded), result, keys, withKeys: true };
  }

  async function withKeys(
    token: string,
    from: { connection?: Connection; issuer?: string },
  ): Promise<{ result: VerificationResult; keys: readonly KeyInfo[] }> {
    const { verify, keysOf, verifySession } = await verifier();
    const { known } = subject;
    const session = known && sessions.get(known.connection);
    const isHeld = session && known && tokenOf(session, known.name) === token;
    const result = isHeld
      ? await verifySession(session.connection, known.name, session)
      : await verify({ token, ...from });
    // Those that could not be had are named by the check of the signature.
    const keys = await keysOf(from).catch((): readonly KeyInfo[] => []);
    return { result, keys };
  }

  /**
   * The checks of a token with another header and payload. Its signature is none, since it was made for the original;
   * or one of the mock issuer's test key, which is good nowhere else.
   */
  async function edit(header: string, payload: string, sign: boolean): Promise<void> {
    const [head, claims] = [readObject(header), readObject(payload)];
    if (!head || !claims) {
      const error = l10n.t('{0} is no JSON object.', head ? l10n.t('The payload') : l10n.t('The header'));
      state = { ...state, editing: { header, payload, error } };
      return;
    }
    try {
      const key = sign ? testKey() : undefined;
      if (sign && !key) throw new WorkbenchError('mock_not_running');
      const token = key ? await key.sign(claims, head) : unsigned(header, payload);
      const looked = look(token, decodeToken(token));
      state = { ...looked, edited: key ? 'signed' : 'unsigned', editing: { header, payload } };
      if (!key && !connection) return;
      const { verify } = await verifier();
      const result = await verify({
        token,
        ...(connection && { connection }),
        // A verifier that has these keys has them for the mock issuer alone.
        ...(key && { jwks: key.jwks(), issuer: key.issuer }),
      });
      state = { ...state, result, withKeys: true };
    } catch (error) {
      state = { ...state, editing: { header, payload, error: texts.describeError(classify(error)) } };
    }
  }

  return {
    connection,
    decoded,
    state: () => state,
    verify,
    edit,
    beginEdit() {
      if (decoded.kind !== 'jws') return;
      const pretty = (value: object) => JSON.stringify(value, undefined, 2);
      const canSign = testKey() !== undefined;
      state = {
        ...{ ...state, canSign },
        editing: { header: pretty(decoded.header), payload: pretty(decoded.payload) },
      };
    },
    async editMembers(given: { header?: JsonObject; payload?: JsonObject; sign: boolean }): Promise<void> {
      if (decoded.kind !== 'jws') return;
      const merged = (own: JsonObject, other: JsonObject = {}) =>
        JSON.stringify({ ...own, ...other }, undefined, 2);
      const header = merged(decoded.header, given.header);
      await edit(header, merged(decoded.payload, given.payload), given.sign);
    },
    original() {
      state = look(token, decoded);
    },
    moments(): Moment[] {
      const moments = timesOf(state.decoded).map(({ claim, at }) => ({ id: claim, at }));
      // The refresh token came with the original and not with what was made of it here.
      const session = state.edited ? undefined : subject.known && sessions.get(subject.known.connection);
      const refresh = session?.record?.tokens?.refresh_expires_at;
      return [...moments, ...(refresh === undefined ? [] : [{ id: 'refresh', at: refresh }])];
    },
  };
}

export type Inspection = ReturnType<typeof createInspection>;

function sourceText(connection: Connection | undefined, { known }: Subject): string {
  if (connection && known) return l10n.t('Held by the connection "{0}"', printable(connection.label, 80));
  if (connection)
    return l10n.t('Its issuer is that of the connection "{0}"', printable(connection.label, 80));
  return l10n.t('Belongs to no connection. Nothing is fetched for it without your yes.');
}

async function consented(decoded: DecodedToken, ask: boolean): Promise<{ issuer: string } | undefined> {
  const issuer = decoded.kind === 'jws' ? own(decoded.payload, 'iss') : undefined;
  if (!ask) return undefined;
  if (typeof issuer !== 'string' || !URL.canParse(issuer)) {
    void window.showInformationMessage(
      l10n.t('The token names no issuer whose keys could be asked for. Run Verify Token with a key instead.'),
    );
    return undefined;
  }
  const yes = l10n.t('Ask for Its Keys');
  const answer = await window.showWarningMessage(
    l10n.t('Ask {0} for its keys?', printable(new URL(issuer).host, 100)),
    {
      modal: true,
      detail: l10n.t(
        'The token names this issuer, and no connection has it. Its metadata and its keys are fetched; the token is not sent. A token proves nothing with keys of an issuer that you do not trust.',
      ),
    },
    yes,
  );
  return answer === yes ? { issuer } : undefined;
}

function readObject(text: string): JsonObject | undefined {
  const reading = readJson(text);
  return reading.ok && isObject(reading.value) ? reading.value : undefined;
}

function unsigned(header: string, payload: string): string {
  const encode = (text: string) => encodeBase64url(new TextEncoder().encode(text));
  return `${encode(header)}.${encode(payload)}.`;
}

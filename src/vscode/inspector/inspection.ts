import { l10n, window } from 'vscode';
import { encodeBase64url } from '../../core/base64url.ts';
import { isVerified, type KeyInfo, runChecks, type VerificationResult } from '../../core/checks.ts';
import type { Connection } from '../../core/connection.ts';
import { classify } from '../../core/errors.ts';
import { isObject, own, readJson } from '../../core/json.ts';
import { type DecodedToken, decodeToken } from '../../core/jwt.ts';
import type { Clock } from '../../core/ports.ts';
import { printable } from '../../core/redact.ts';
import type { Sessions } from '../../core/sessions.ts';
import { type TokenName, tokenOf } from '../../core/sessionView.ts';
import type { Moment } from '../../core/timeline.ts';
import { policyFor, summarize, timesOf } from '../../core/tokenSummary.ts';
import type { Verifier } from '../../core/verifier.ts';
import { ownerOf } from '../editor/owner.ts';
import type { Texts } from '../editor/texts.ts';
import type { Inspected } from './model.ts';

export interface InspectionParts {
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly verifier: () => Promise<Verifier>;
  readonly texts: Texts;
}

export interface Subject {
  readonly token: string;
  readonly known?: { readonly connection: string; readonly name: TokenName };
}

/** One token and what was found out about it. @throws WorkbenchError as `decodeToken` */
export function createInspection(subject: Subject, { sessions, clock, verifier, texts }: InspectionParts) {
  const { token } = subject;
  const decoded = decodeToken(token);
  const connection = ownerOf(subject, sessions);
  let state: Inspected = look(token, decoded);

  function look(token: string, decoded: DecodedToken): Inspected {
    const now = clock.now();
    const secret = decoded.kind === 'jws' && /^HS\d{3}$/.test(String(own(decoded.header, 'alg')));
    const checks = runChecks({ token: decoded, policy: policyFor(decoded, connection), now, secret });
    return {
      ...{ token, decoded },
      summary: summarize(decoded, now, connection, subject.known?.name),
      result: { verified: isVerified(checks), checks },
      withKeys: false,
      keys: [],
      source: sourceText(connection, subject),
      edited: false,
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

  /** The checks of a token with another header and payload. Its signature is none: it was made for the original. */
  async function edit(header: string, payload: string): Promise<void> {
    const flaw = jsonFlaw(header, l10n.t('The header')) ?? jsonFlaw(payload, l10n.t('The payload'));
    if (flaw !== undefined) {
      state = { ...state, editing: { header, payload, error: flaw } };
      return;
    }
    const encode = (text: string) => encodeBase64url(new TextEncoder().encode(text));
    try {
      const edited = `${encode(header)}.${encode(payload)}.`;
      state = { ...look(edited, decodeToken(edited)), edited: true, editing: { header, payload } };
      if (connection) {
        const { verify } = await verifier();
        state = { ...state, result: await verify({ token: edited, connection }), withKeys: true };
      }
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
      state = { ...state, editing: { header: pretty(decoded.header), payload: pretty(decoded.payload) } };
    },
    original() {
      state = look(token, decoded);
    },
    moments(): Moment[] {
      const moments = timesOf(state.decoded).map(({ claim, at }) => ({ id: claim, at }));
      const session = subject.known && sessions.get(subject.known.connection);
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

function jsonFlaw(text: string, name: string): string | undefined {
  const reading = readJson(text);
  return reading.ok && isObject(reading.value) ? undefined : l10n.t('{0} is no JSON object.', name);
}

import type { BrowserParts } from './authorizationCode.ts';
import type { Connection } from './connection.ts';
import { createProofs } from './dpop.ts';
import type { StoredRecord } from './record.ts';
import { revoke } from './revoke.ts';
import { type SignInRequest, type SignInResult, signIn } from './signIn.ts';
import { createTokenClient, type TokenClient, type TokenClientParts } from './tokenEndpoint.ts';

/** All that speaks OAuth to an issuer, in one bundle: oauth4webapi is loaded once, when it is first needed. */
export interface IssuerClient {
  readonly tokenClient: TokenClient;
  signIn(request: SignInRequest): Promise<SignInResult>;
  /** RFC 7009; see src/core/revoke.ts. */
  revoke(connection: Connection, record: StoredRecord, signal: AbortSignal): Promise<boolean>;
}

export type IssuerClientParts = Omit<TokenClientParts & BrowserParts, 'tokenClient' | 'proofs'>;

export function createIssuerClient(given: IssuerClientParts): IssuerClient {
  const parts = { ...given, proofs: createProofs() };
  const tokenClient = createTokenClient(parts);
  return {
    tokenClient,
    revoke: (connection, record, signal) => revoke(parts, connection, record, signal),
    signIn: request => signIn({ ...parts, tokenClient }, request),
  };
}

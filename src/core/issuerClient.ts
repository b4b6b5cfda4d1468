import type { BrowserParts } from './authorizationCode.ts';
import { type SignInRequest, type SignInResult, signIn } from './signIn.ts';
import { createTokenClient, type TokenClient, type TokenClientParts } from './tokenEndpoint.ts';

/** All that speaks OAuth to an issuer, in one bundle: oauth4webapi is loaded once, when it is first needed. */
export interface IssuerClient {
  readonly tokenClient: TokenClient;
  signIn(request: SignInRequest): Promise<SignInResult>;
}

export type IssuerClientParts = TokenClientParts & Omit<BrowserParts, 'tokenClient'>;

export function createIssuerClient(parts: IssuerClientParts): IssuerClient {
  const tokenClient = createTokenClient(parts);
  return {
    tokenClient,
    signIn: request => signIn({ ...parts, tokenClient }, request),
  };
}

import { allowInsecureRequests, customFetch, protectedResourceRequest } from 'oauth4webapi';
import { WorkbenchError } from '../errors.ts';
import { requireSecureUrl } from '../http/http.ts';
import { issuersTime } from '../issuer/askEndpoint.ts';
import {
  type AskedToken,
  type IssuerAnswer,
  introspect,
  type Revocation,
  revoke,
  userInfo,
} from '../issuer/askIssuer.ts';
import { createProofs } from '../issuer/dpop.ts';
import { createTokenClient, type TokenClient, type TokenClientParts } from '../issuer/tokenEndpoint.ts';
import type { Connection } from '../records/connection.ts';
import type { StoredRecord } from '../records/record.ts';
import type { BrowserParts } from './authorizationCode.ts';
import { logout } from './browser.ts';
import type { SignInRequest } from './grants.ts';
import { type SignInResult, signIn } from './signIn.ts';

/** All that speaks OAuth to an issuer, in one bundle: oauth4webapi is loaded once, when it is first needed. */
export interface IssuerClient {
  readonly tokenClient: TokenClient;
  signIn(request: SignInRequest): Promise<SignInResult>;
  /**
   * A proof for one request to `url`, a GET where no method is named, with an access token that is bound to `dpopKey`
   * (RFC 9449 §7.1). Nothing is sent.
   * @throws WorkbenchError `dpop_key_lost`, `url_invalid`, `url_insecure`
   */
  proof(
    connection: Connection,
    dpopKey: string | undefined,
    accessToken: string,
    url: string,
    method?: string,
  ): Promise<string>;
  /** RFC 7009; see src/core/issuer/askIssuer.ts. */
  revoke(connection: Connection, record: StoredRecord, signal: AbortSignal): Promise<Revocation>;
  /** RFC 7662; see src/core/issuer/askIssuer.ts. */
  introspect(
    connection: Connection,
    record: StoredRecord,
    token: string,
    hint: AskedToken | undefined,
    signal: AbortSignal,
  ): Promise<IssuerAnswer>;
  /** OpenID Connect Core §5.3; see src/core/issuer/askIssuer.ts. */
  userInfo(connection: Connection, record: StoredRecord, signal: AbortSignal): Promise<IssuerAnswer>;
  /** OpenID Connect RP-Initiated Logout; see src/core/signIn/browser.ts. */
  logout(connection: Connection, idToken: string | undefined, returns: boolean, signal: AbortSignal): Promise<void>;
}

export type IssuerClientParts = Omit<TokenClientParts & BrowserParts, 'tokenClient' | 'proofs'>;

export function createIssuerClient(given: IssuerClientParts): IssuerClient {
  const parts = { ...given, proofs: createProofs() };
  const tokenClient = createTokenClient(parts);
  return {
    tokenClient,
    revoke: (...asked) => revoke(parts, ...asked),
    introspect: (...asked) => introspect(parts, ...asked),
    userInfo: (...asked) => userInfo(parts, ...asked),
    logout: (...asked) => logout(parts, ...asked),
    async proof(connection, dpopKey, accessToken, url, method = 'GET') {
      if (dpopKey === undefined) throw new WorkbenchError('dpop_key_lost', { sent: false });
      const target = requireSecureUrl(url, 'url');
      let proof = '';
      await protectedResourceRequest(accessToken, method, target, undefined, undefined, {
        DPoP: await parts.proofs.handle(dpopKey, issuersTime(parts, connection)),
        [allowInsecureRequests]: true,
        async [customFetch](_, { headers }) {
          proof = headers.dpop ?? '';
          return new Response();
        },
      });
      return proof;
    },
    signIn: request => signIn({ ...parts, tokenClient }, request),
  };
}

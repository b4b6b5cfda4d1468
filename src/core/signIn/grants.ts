import type { FailedGrant } from '../errors.ts';
import { type Discovery, type EndpointName, type IssuerMetadata, settingOf } from '../issuer/discovery.ts';
import type { TokenClient } from '../issuer/tokenEndpoint.ts';
import type { RedirectWay } from '../ports.ts';
import type { RecordParts } from '../records/changeRecord.ts';
import type { Connection } from '../records/connection.ts';
import type { Credentials } from '../records/record.ts';

/** A way to sign in, named as in commands and errors. */
export type Grant = Exclude<FailedGrant, 'token_exchange'>;

interface GrantRow {
  /** Its name in `grant_types_supported` (RFC 8414 §2). */
  readonly type: string;
  /** The first endpoint of the flow. An issuer without it does not offer this grant. */
  readonly endpoint?: EndpointName;
  /** Only for clients that authenticate (RFC 6749 §4.4). */
  readonly confidential?: true;
  /** The grant issues no refresh token: new tokens come from repeating the request (RFC 6749 §4.4.3). */
  readonly askAgain?: true;
}

/**
 * The ways to sign in, in the order in which they are offered. A new one needs a row here, its name in `FailedGrant`,
 * its flow in signIn.ts and its texts in src/vscode/text/signIn.ts; without them it does not compile.
 */
export const grants: { readonly [G in Grant]: GrantRow } = {
  authorization_code: { type: 'authorization_code', endpoint: 'authorization_endpoint' },
  device_code: {
    type: 'urn:ietf:params:oauth:grant-type:device_code',
    endpoint: 'device_authorization_endpoint',
  },
  client_credentials: { type: 'client_credentials', confidential: true, askAgain: true },
};

export const grantNames = Object.keys(grants) as Grant[];

/** The grants that this issuer offers to this client, as far as the settings and the metadata tell. */
export function offeredGrants(connection: Connection, metadata: IssuerMetadata | undefined): readonly Grant[] {
  return grantNames.filter(name => {
    const { type, endpoint, confidential } = grants[name];
    if (confidential && connection.tokenEndpointAuthMethod === 'none') return false;
    if (endpoint === undefined) return metadata?.grant_types_supported?.includes(type) ?? true;
    const setting = settingOf(endpoint);
    return (setting !== undefined && connection[setting] !== undefined) || metadata?.[endpoint] !== undefined;
  });
}

export interface SignInParts extends RecordParts {
  readonly discovery: Discovery;
  readonly tokenClient: TokenClient;
}

/** What a sign-in is waiting for. */
export type SignInStep =
  | {
      readonly waitingFor: 'browser';
      /** The redirect URI to register at the issuer. */
      readonly redirectUri: string;
      /** The page that the browser opens. It works until the sign-in ends, in any browser on this machine. */
      readonly url: string;
    }
  | {
      readonly waitingFor: 'device';
      readonly userCode: string;
      /** The page where the user enters the code. */
      readonly address: string;
      /** The same page with the code filled in, if the issuer offers it. */
      readonly complete?: string;
      /** Milliseconds since the epoch at which the code expires. */
      readonly until: number;
    }
  | {
      /** The tokens are stored. An earlier refresh token is being given to these connections, which share it. */
      readonly waitingFor: 'connections';
      readonly ids: readonly string[];
    };

export interface SignInRequest {
  readonly connection: Connection;
  readonly grant: Grant;
  readonly signal: AbortSignal;
  /** How the browser returns; for the authorization code grant. */
  readonly redirect?: RedirectWay | undefined;
  readonly tell?: (step: SignInStep) => void;
}

export interface GrantRequest extends Omit<SignInRequest, 'grant'> {
  readonly credentials: Credentials;
}

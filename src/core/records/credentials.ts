/** What a client proves with that it is itself: known to one issuer only, and kept in the connection's record. */
export interface ClientCredentials {
  readonly client_secret?: string;
  /** A private key as a JWK or in PEM, there with the certificates that belong to it; see `readClientKey`. */
  readonly private_key?: string;
}

export interface Credentials extends ClientCredentials {
  /** The key that tokens are bound to (RFC 9449): a private JWK whose `kid` is its thumbprint. */
  readonly dpop_key?: string;
}

/** Nothing but the credentials of what may hold more. */
export function credentialsOf({ dpop_key, ...others }: Credentials): Credentials {
  return { ...clientCredentialsOf(others), ...(dpop_key !== undefined && { dpop_key }) };
}

/** The same without the key that only the tokens at hand are bound to. */
export function clientCredentialsOf({ client_secret, private_key }: ClientCredentials): ClientCredentials {
  return {
    ...(client_secret !== undefined && { client_secret }),
    ...(private_key !== undefined && { private_key }),
  };
}

/** Where a request can go, for faults and the log. */
export const endpoints = [
  'token',
  'jwks',
  'metadata',
  'authorization',
  /** Where the sign-in page sends what was decided. */
  'sign_in',
  'par',
  'device_authorization',
  /** The page where a user code is approved. */
  'device',
  'introspection',
  'revocation',
  'userinfo',
  'end_session',
] as const;

export type Endpoint = (typeof endpoints)[number];

/** The few parts of oidc-provider that the tests use; the package has no types of its own. */
declare module 'oidc-provider' {
  import type { RequestListener } from 'node:http';

  interface Model {
    save(ttl?: number): Promise<string>;
  }

  export default class Provider {
    constructor(issuer: string, configuration: Readonly<Record<string, unknown>>);
    readonly Client: { find(id: string): Promise<object | undefined> };
    readonly Grant: new (
      payload: object,
    ) => Model & { addOIDCScope(scope: string): void };
    readonly RefreshToken: new (
      payload: object,
    ) => Model;
    callback(): RequestListener;
    on(event: string, listener: (...values: unknown[]) => void): void;
  }
}

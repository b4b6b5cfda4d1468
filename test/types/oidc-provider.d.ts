/** The few parts of oidc-provider that the tests use; the package has no types of its own. */
declare module 'oidc-provider' {
  import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

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
    interactionDetails(
      request: IncomingMessage,
      response: ServerResponse,
    ): Promise<{ readonly params: { readonly client_id: string; readonly scope: string } }>;
    interactionFinished(request: IncomingMessage, response: ServerResponse, result: object): Promise<void>;
    callback(): RequestListener;
    on(event: string, listener: (...values: unknown[]) => void): void;
  }
}

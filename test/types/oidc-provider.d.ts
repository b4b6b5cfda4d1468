/** The few parts of oidc-provider that the tests use; the package has no types of its own. */
declare module 'oidc-provider' {
  import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

  interface Model {
    save(ttl?: number): Promise<string>;
  }

  export interface GrantContext {
    status: number;
    body: object;
    readonly oidc: {
      readonly client: { readonly clientId: string };
      readonly params: Readonly<Record<string, string | undefined>>;
    };
  }

  export const errors: { readonly InvalidTarget: new () => Error };

  export default class Provider {
    constructor(issuer: string, configuration: Readonly<Record<string, unknown>>);
    readonly Client: { find(id: string): Promise<object | undefined> };
    readonly Grant: new (
      payload: object,
    ) => Model & {
      addOIDCScope(scope: string): void;
      addResourceScope(resource: string, scope: string): void;
    };
    readonly RefreshToken: new (
      payload: object,
    ) => Model;
    interactionDetails(
      request: IncomingMessage,
      response: ServerResponse,
    ): Promise<{
      readonly params: { readonly client_id: string; readonly scope: string; readonly resource?: string };
    }>;
    interactionFinished(request: IncomingMessage, response: ServerResponse, result: object): Promise<void>;
    readonly AccessToken: {
      new (payload: object): Model;
      find(value: string): Promise<
        | {
            readonly accountId: string;
            readonly clientId: string;
            readonly grantId: string;
            readonly scope: string;
          }
        | undefined
      >;
    };
    registerGrantType(
      name: string,
      handler: (context: GrantContext) => Promise<void>,
      parameters: readonly string[],
    ): void;
    callback(): RequestListener;
    on(event: string, listener: (...values: unknown[]) => void): void;
  }
}

import type { SecretStorage } from 'vscode';
import type { SecretVault } from '../core/ports.ts';

/** VS Code's SecretStorage as the core's port. */
export function createSecretStore(secrets: SecretStorage): SecretVault {
  return {
    get: async key => secrets.get(key),
    store: async (key, value) => secrets.store(key, value),
    delete: async key => secrets.delete(key),
    // Hosts of other makers can lag behind the API they declare.
    keys: async () => (typeof secrets.keys === 'function' ? secrets.keys() : undefined),
    onDidChange: listener => {
      const subscription = secrets.onDidChange(event => listener(event.key));
      return () => subscription.dispose();
    },
  };
}

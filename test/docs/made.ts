import { commandFiles } from './commandTables.ts';
import { configSchema, withTables } from './mockTables.ts';
import { translatedFiles } from './translations.ts';

/** Every file that is made, or has tables that are: its path, and its text made anew from the one that stands there. */
export async function madeFiles(): Promise<Readonly<Record<string, (before: string) => string>>> {
  return {
    'docs/mock-issuer.md': withTables,
    'schemas/mock-issuer.json': configSchema,
    ...(await commandFiles()),
    ...translatedFiles(),
  };
}

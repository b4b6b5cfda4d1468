import { commandFiles } from './commandTables.ts';
import { configSchema, withTables } from './mockTables.ts';
import { translatedFiles } from './translations.ts';

/**
 * Every generated file and every file with generated tables: its path, and a function from its current text to its new
 * text.
 */
export async function madeFiles(): Promise<Readonly<Record<string, (before: string) => string>>> {
  return {
    'docs/mock-issuer.md': withTables,
    'schemas/mock-issuer.json': configSchema,
    ...(await commandFiles()),
    ...translatedFiles(),
  };
}

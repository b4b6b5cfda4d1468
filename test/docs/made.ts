import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as Texts from '../../src/vscode/text/varieties.ts';
import { withoutVscode } from '../support/withoutVscode.ts';
import { commandFiles } from './commandTables.ts';
import { configSchema, withTables } from './mockTables.ts';
import { translatedFiles } from './translations.ts';
import { tokensPage } from './zoo.ts';

/**
 * Every generated file and every file with generated tables: its path, and a function from its current text to its new
 * text.
 */
export async function madeFiles(): Promise<Readonly<Record<string, (before: string) => string>>> {
  return {
    'docs/mock-issuer.md': withTables,
    'schemas/mock-issuer.json': configSchema,
    ...(await commandFiles()),
    'docs/tokens.md': await tokensFile(),
    ...translatedFiles(),
  };
}

async function tokensFile(): Promise<() => string> {
  const folder = await mkdtemp(join(tmpdir(), 'tokens-'));
  try {
    const { varietyAdvice } = await withoutVscode<typeof Texts>('text/varieties', folder);
    return () => tokensPage(varietyAdvice);
  } finally {
    await rm(folder, { recursive: true });
  }
}

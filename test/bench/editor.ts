import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { Range, type TextDocument, type TextEditor, window, workspace } from 'vscode';
import { batch, inTurns, quantile } from '../../scripts/bench/measure.mjs';
import { createVerifications } from '../../src/core/checks/verifications.ts';
import { createSessions } from '../../src/core/records/sessions.ts';
import { systemClock as clock } from '../../src/core/waiting.ts';
import { registerEditorFeatures } from '../../src/vscode/editor/register.ts';
import { holdsToken, surroundingRange } from '../../src/vscode/editor/scan.ts';
import { leaksIn } from '../../src/vscode/leaks/search.ts';
import * as features from '../../src/vscode/onDemand.ts';

const megabyte = 1_000_000;
const sessions = createSessions();
const verifications = createVerifications({
  ...{ sessions, clock, allowed: () => false, log: () => {} },
  verify: () => Promise.reject(new Error('Nothing is checked here.')),
});
const parts = { sessions, clock, verifications };

/** The main file of the extension for this benchmark. It runs the editor features in a real extension host. */
export async function activate(): Promise<void> {
  const figures = {
    hover: await hover(log(500)),
    hoverLongLines: await hover(log(20_000)),
    ...(await hugeToken()),
  };
  const folder = process.env.JWT_WORKBENCH_BENCH_RESULTS ?? '';
  writeFileSync(join(folder, 'host.json'), JSON.stringify(figures));
}

/** Milliseconds until a hover in the middle of a 1 MB file is answered, in the way register.ts does it. */
async function hover(content: string): Promise<number> {
  const document = await workspace.openTextDocument({ content });
  const position = document.positionAt(content.indexOf('eyJ', content.length / 2) + 50);
  const answer = () =>
    holdsToken(document, surroundingRange(document, position)) && features.hoverAt(document, position, parts);
  if (!answer()) throw new Error('There is no token at the position.');
  const { answered } = await inTurns({ answered: batch(answer, 3) }, { rounds: 21, warmUp: 3 });
  return quantile(answered);
}

/** Milliseconds of CPU time that one step of each feature takes in a 10 MB token, including the first time. */
async function hugeToken(): Promise<Record<string, number>> {
  const { document, editor, blocked: bare } = await opened(token(10 * megabyte));
  const whole = new Range(0, 0, 0, 10 * megabyte);
  const middle = document.positionAt(5 * megabyte);
  const colors = features.createColors();
  const steps: Record<string, () => unknown> = {
    holdsToken: () => holdsToken(document),
    paint: () => colors.paint(editor, sessions, clock.now()),
    diagnostics: () => features.diagnosticsOf(document, parts),
    hints: () => features.hintsOf(document, whole, sessions, clock.now()),
    lenses: () => features.lensesOf(document, sessions),
    hoverBegin: () => features.hoverAt(document, document.positionAt(100), parts),
    hoverMiddle: () => features.hoverAt(document, middle, parts),
    leaks: () => leaksIn(document, sessions, clock.now()),
  };
  const took: Record<string, number> = {};
  for (const [name, step] of Object.entries(steps)) {
    for (let round = 0; round < 3; round++) {
      const since = process.cpuUsage();
      step();
      const { user, system } = process.cpuUsage(since);
      took[name] = Math.max(took[name] ?? 0, (user + system) / 1000);
      await pause(10);
    }
  }
  colors.dispose();
  const own: { dispose(): unknown }[] = [];
  registerEditorFeatures({
    own: disposable => {
      own.push(disposable);
      return disposable;
    },
    ...parts,
    features: async () => features,
    log: () => {},
  });
  const { blocked } = await opened(token(10 * megabyte));
  for (const each of own) each.dispose();
  return { ...took, blocked, bare };
}

/** Opens, shows and edits a document. @returns the longest time that the event loop was blocked, in milliseconds */
async function opened(content: string): Promise<{ document: TextDocument; editor: TextEditor; blocked: number }> {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const document = await workspace.openTextDocument({ language: 'jwt', content });
  const editor = await window.showTextDocument(document);
  await pause(1500);
  await editor.edit(edit => edit.insert(document.lineAt(0).range.end, 'x'));
  await pause(1500);
  delay.disable();
  return { document, editor, blocked: delay.max / 1e6 };
}

function token(size: number): string {
  const input = `${encode({ alg: 'HS256' })}.${encode({ sub: 'ada', exp: 1_900_000_000, data: 'x'.repeat(size * 0.75) })}`;
  return `${input}.${createHmac('sha256', 'secret').update(input).digest('base64url')}`;
}

/** 1 MB with a token in each line. */
function log(lineLength: number): string {
  const line = `2026-11-23T10:00:00Z INFO token=${token(200)} they knew few keys `;
  return `${line.padEnd(lineLength, 'GET /api/v1/orders?page=2 ')}\n`.repeat(megabyte / lineLength);
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

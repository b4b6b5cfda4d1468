import type { DiskTable } from './disk.ts';
import type { Cell, Row } from './matrix.ts';
import { rotations } from './matrix.ts';

const headings = ['Fault', 'Rotation', 'The refresh', 'Sent', 'Kept', 'Shown as', 'Failed checks', 'The next refresh'];

/** One line per case; rotations with the same result share a line. */
function lines(cells: readonly Cell[]): { type: string; line: string[] }[] {
  const groups = new Map<string, { cell: Cell; modes: string[] }>();
  for (const cell of cells) {
    const key = JSON.stringify([cell.type, cell.about, cell.row]);
    const group = groups.get(key) ?? { cell, modes: [] };
    group.modes.push(cell.rotation);
    groups.set(key, group);
  }
  // Sorted so that the lines of one case are adjacent.
  const order = new Map([...new Set(cells.map(caseOf))].map((each, index) => [each, index]));
  return [...groups.values()]
    .sort((a, b) => (order.get(caseOf(a.cell)) ?? 0) - (order.get(caseOf(b.cell)) ?? 0))
    .map(({ cell: { type, about, row }, modes }) => ({
      type,
      line: [about, modes.length === rotations.length ? 'any' : modes.join(', '), ...columns(row)],
    }));
}

const caseOf = ({ type, about }: Cell) => `${type} ${about}`;

function columns({ struck, sent, stored, state, checks, next }: Row): string[] {
  return [spaced(struck), String(sent), stored, state, checks, spaced(next)];
}

const spaced = (result: string) => result.replace(' ', ': ');

/** The tables for a terminal. */
export function plainTable(cells: readonly Cell[], disk: DiskTable): string {
  return [aligned([headings, ...lines(cells).map(({ line }) => line)]), aligned(diskRows(disk))].join('\n\n');
}

function diskRows({ columns, rows }: DiskTable): string[][] {
  return [['', ...columns], ...rows.map(({ about, cells }) => [about, ...cells])];
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)));
  return rows
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The whole text of docs/faults.md. */
export function document(cells: readonly Cell[], disk: DiskTable): string {
  const [head = [], ...body] = diskRows(disk).map(row => `| ${row.join(' | ')} |`);
  const rule = `|${'---|'.repeat(disk.columns.length + 1)}`;
  const table = lines(cells).map(({ type, line }) => `| \`${type}\` | ${line.join(' | ')} |`);
  return `# What a fault does to a refresh

Every fault of the mock issuer meets every way in which issuers rotate refresh tokens. Each line is a refresh under one
fault, followed 30 seconds later by another one without it: the real refresher, token client and store, and the mock
issuer in the same process. \`npm run faults\` prints this table, \`npm run faults -- --write\` writes this file, and
\`npm test\` fails where a line no longer holds.

Whatever the fault is: nothing but the newest refresh token is ever sent, a refresh sends it at most twice, the newest
one that arrived is stored before anything else is asked about the answer, and no token is in a log or an error.

| | Fault | Rotation | The refresh | Sent | Kept | Shown as | Failed checks | The next refresh |
|---|---|---|---|---|---|---|---|---|
${table.join('\n')}

**Rotation.** \`none\`: the issuer returns the same refresh token each time. \`omit\`: it returns none, and the old one
goes on. \`strict\`: each refresh brings a new one, and using an old one ends all of them. \`grace\`: the same, but the one
before stays valid for 60 seconds. \`any\`: all four end the same way.

**The refresh, the next refresh.** The outcome, and after a colon the error code. \`refreshed\`: new tokens are there.
\`retryable\`: the refresh token was not used up, or the new one is kept; trying again is safe, and is done. \`unknown\`: the
answer is lost, and with it perhaps a new refresh token; one retry is made, at once or, after a server's error, a second
later. Where its answer is lost, too, the token is not sent again by itself, but only when a user asks for it, as the
next refresh of this table does. \`reauthRequired\`: the issuer refuses the refresh token, so a new sign-in is needed;
\`answer_lost\` says that this came of an answer that never arrived.

**Sent.** How often the refresh token went to the token endpoint in that refresh.

**Kept.** What is stored afterwards: always the newest refresh token that arrived. Its generation counts up with every set
of tokens. \`answer missing\`: that is on record, after a restart as well. \`refused\`: it is never sent again.

**Failed checks.** What verification says of the tokens that are held after the refresh. A refresh stores what came;
whether it can be believed is what these checks are for. Empty: all passed.

# What a failing disk does to a refresh

Two windows as processes of their own, with the real file system, HTTP and an issuer that takes each refresh token once
and ends the session at a second use. The disk of one window fails; the store of secrets never shows the other what this
one has written. In no cell is a token sent twice. \`refreshed\` here also where a window takes the tokens that the other
one has left for it.

${[head, rule, ...body].join('\n')}

${disk.abouts.join('\n\n')}

\`npm run soak\` plays random histories of these and other failures: see [test/README.md](../test/README.md).
`;
}

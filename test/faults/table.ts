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

Every fault of the mock issuer is combined with every kind of refresh token rotation. Each line shows a refresh under one
fault, and another refresh 30 seconds later without it. They use the real refresher, token client and store, and the mock
issuer in the same process. \`npm run faults\` prints this table, \`npm run faults -- --write\` writes this file, and
\`npm test\` fails if a line is no longer true.

With every fault, only the newest refresh token is sent, and at most twice per refresh. The newest refresh token that
arrived is stored before the rest of the response is checked, and no token is in a log or an error.

| | Fault | Rotation | The refresh | Sent | Kept | Shown as | Failed checks | The next refresh |
|---|---|---|---|---|---|---|---|---|
${table.join('\n')}

**Rotation.** \`none\`: the issuer returns the same refresh token each time. \`omit\`: it returns none, and the old one stays
valid. \`strict\`: each refresh returns a new one, and using an old one revokes all of them. \`grace\`: as strict, but the
previous one stays valid for 60 seconds. \`any\`: the result is the same for all four.

**The refresh, the next refresh.** The outcome and, after a colon, the error code.

- \`refreshed\`: new tokens are stored.
- \`retryable\`: the refresh token was not used up, or the new one is stored. Trying again is safe and happens automatically.
- \`unknown\`: the response was lost, and perhaps a new refresh token with it. The refresh is retried once, at once or, after
  a server error, a second later. If that response is lost too, a token that may be used up is sent again only when a user asks for it, as
  for the next refresh in this table.
- \`reauthRequired\`: the issuer rejects the refresh token, so a new sign-in is needed. With \`answer_lost\`, the cause is a
  response that never arrived.

**Sent.** How often this refresh sent the refresh token to the token endpoint.

**Kept.** What is stored afterwards: always the newest refresh token that arrived. Its generation increases with every token
set. \`answer missing\`: the lost response is recorded, also after a restart. \`refused\`: the token is never sent again.

**Failed checks.** Checks of the stored tokens that fail or warn after the refresh. A refresh stores the tokens that arrive;
these checks show whether they can be trusted. Empty: all passed.

# What a failing disk does to a refresh

Two windows run as processes, with the real file system, HTTP and an issuer that accepts each refresh token once and ends
the session at a second use. The disk of one window fails, and neither window sees what the other has written to the secret
store. No token is ever sent twice. \`refreshed\` includes windows that take over the tokens of the other one.

${[head, rule, ...body].join('\n')}

${disk.abouts.join('\n\n')}

\`npm run soak\` plays random histories of these and other failures: see [test/README.md](../test/README.md).
`;
}

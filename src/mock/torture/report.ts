import type { Change, Comparison, TortureReport, Verdict } from './torture.ts';
/* A report in formats for people and for build servers. */

export const formats = {
  json: (report: TortureReport) => `${JSON.stringify(report, null, 2)}\n`,
  html,
  junit,
  sarif,
} as const;
export type Format = keyof typeof formats;

/** A plain-text table for a terminal. */
export function table({ results, counts }: TortureReport): string {
  const width = Math.max(8, ...results.map(({ id }) => id.length));
  const lines = results.map(({ id, verdict, title, detail }) => {
    return `${verdict.padEnd(14)} ${id.padEnd(width)}  ${title}${detail === undefined ? '' : ` – ${visible(detail)}`}`;
  });
  const sum = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([verdict, count]) => `${count} ${verdict}`);
  return [
    ...lines,
    '',
    sum.join(', ') || 'no scenario applies',
    ...(counts['not judged'] > 0
      ? ['What is not judged says nothing about the client: repeat it (--scenario) while this machine is less busy.']
      : []),
    ...(counts.hung > 0 ? ['A client whose own timeout is longer than that needs more of --patience.'] : []),
  ].join('\n');
}

/** How a report differs from an accepted one, in lines for a terminal; empty if it does not. */
export function differences({ worse, better, unjudged }: Comparison): readonly string[] {
  const line = (how: string) => (change: Change) =>
    `${how}: ${change.id}: ${change.verdict}, accepted: ${change.accepted ?? 'none'}`;
  const isOnlyBetter = worse.length + unjudged.length === 0 && better.length > 0;
  return [
    ...worse.map(line('worse')),
    ...better.map(line('better')),
    ...unjudged.map(line('unknown')),
    ...(isOnlyBetter ? ['Accept the new report (--json) instead, so that what is better now stays so.'] : []),
  ];
}

/** What a client answers must not control the terminal or turn its text around. */
export const visible = (text: string) =>
  text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, sign => `\\u{${sign.codePointAt(0)?.toString(16)}}`);

/** Brackets make a link in SARIF's messages (section 3.11.6). */
const unlinked = (text: string) => text.replace(/[\\[\]]/g, '\\$&');

const escaped = (text: string) =>
  text.replace(/[&<>"']/g, sign => `&#${sign.charCodeAt(0)};`).replace(/[^\t\n\x20-\ud7ff\ue000-\ufffd]/g, '?');

/** A self-contained HTML file without scripts. */
function html(report: TortureReport): string {
  const { results, counts, start } = report;
  const marks: Readonly<Record<Verdict, string>> = {
    pass: '✓',
    fail: '✗',
    warning: '!',
    'not exercised': '–',
    'not judged': '?',
    hung: '…',
  };
  const cells = results.map(({ id, verdict, title }) => {
    const words = escaped(`${id}: ${verdict}. ${title}`);
    return `<a class="${verdict.replace(' ', '-')}" href="#${escaped(id)}" title="${words}" aria-label="${words}">${marks[verdict]}</a>`;
  });
  const rows = results.map(
    ({ id, verdict, title, must, section, detail = '' }) =>
      `<tr id="${escaped(id)}"><td class="${verdict.replace(' ', '-')}">${marks[verdict]} ${verdict}</td><td><code>${escaped(id)}</code></td><td>${escaped(title)}</td><td>${escaped(must)}</td><td>${escaped(section)}</td><td>${escaped(detail)}</td></tr>`,
  );
  const sum = Object.entries(counts).map(([verdict, count]) => `<li>${count} ${verdict}</li>`);
  return `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Torture report</title>
<style>
:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}
body{max-width:75rem;margin:2rem auto;padding:0 1rem;background:Canvas;color:CanvasText}
.matrix{display:flex;flex-wrap:wrap;gap:.25rem}
.matrix a{width:1.75rem;height:1.75rem;display:grid;place-items:center;text-decoration:none;border:1px solid;border-radius:.25rem;font-weight:700}
.pass{color:light-dark(#116329,#56d364)}.fail,.hung{color:light-dark(#a40e26,#ff7b72)}.warning{color:light-dark(#7d4e00,#e3b341)}
table{border-collapse:collapse;width:100%;margin-top:1.5rem}th,td{text-align:left;vertical-align:top;padding:.35rem .5rem;border-bottom:1px solid GrayText}
tr:target{outline:2px solid}ul{display:flex;gap:1.5rem;list-style:none;padding:0}
</style>
<h1>Torture report</h1>
<p>Client: <code>${escaped(start)}</code></p>
<ul>${sum.join('')}</ul>
<nav class="matrix" aria-label="Scenarios">${cells.join('')}</nav>
<table><thead><tr><th>Verdict<th>Scenario<th>What the issuer did<th>What the client must do<th>Section<th>Observed</tr></thead>
<tbody>
${rows.join('\n')}
</tbody></table>
</html>
`;
}

function junit({ results }: TortureReport): string {
  const cases = results.map(({ id, family, title, verdict, detail = verdict, milliseconds }) => {
    const inside =
      verdict === 'fail' || verdict === 'hung'
        ? `<failure message="${escaped(detail)}"/>`
        : verdict === 'pass'
          ? ''
          : `<skipped message="${escaped(`${verdict}: ${detail}`)}"/>`;
    return `<testcase classname="${escaped(family)}" name="${escaped(`${id}: ${title}`)}" time="${milliseconds / 1000}">${inside}</testcase>`;
  });
  const count = (...of: readonly Verdict[]) => results.filter(({ verdict }) => of.includes(verdict)).length;
  const [failures, skipped] = [count('fail', 'hung'), count('warning', 'not exercised', 'not judged')];
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="torture" tests="${results.length}" failures="${failures}" skipped="${skipped}">
${cases.join('\n')}
</testsuite>
`;
}

/** SARIF 2.1.0. */
function sarif({ results, start }: TortureReport): string {
  const level = (verdict: Verdict) =>
    verdict === 'warning' ? 'warning' : verdict.startsWith('not ') ? 'note' : 'error';
  const rules = results.map(({ id, title, section }) => ({
    id,
    shortDescription: { text: title },
    help: { text: section },
  }));
  const found = results
    .filter(({ verdict }) => verdict !== 'pass')
    .map(({ id, title, verdict, detail = verdict }) => ({
      ruleId: id,
      level: level(verdict),
      message: { text: unlinked(`${title}: ${detail}`) },
      locations: [{ physicalLocation: { artifactLocation: { uri: start } } }],
    }));
  const driver = { name: 'mock-issuer torture', rules };
  return `${JSON.stringify({ version: '2.1.0', $schema: 'https://json.schemastore.org/sarif-2.1.0.json', runs: [{ tool: { driver }, results: found }] }, null, 2)}\n`;
}

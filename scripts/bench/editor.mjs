import { inHost } from './host.mjs';

export const title = "The editor's features in VS Code's extension host";

/** Milliseconds that a person notices as a pause. */
const noticeable = 50;

/** @param {string} temporary @returns {Promise<import('./table.mjs').Row[]>} */
export async function run(temporary) {
  const contributes = { languages: [{ id: 'jwt', extensions: ['.jwt'] }] };
  return inHost({ name: 'editor', temporary, contributes }, rowsOf);
}

/** @param {Record<string, number>} figures @returns {import('./table.mjs').Row[]} */
function rowsOf({
  hover = Number.NaN,
  hoverLongLines = Number.NaN,
  blocked = Number.NaN,
  bare = Number.NaN,
  ...steps
}) {
  /** @param {string} what @param {number} ours @param {number} limit @returns {import('./table.mjs').Row} */
  const limited = (what, ours, limit) => ({
    what,
    unit: 'ms',
    ours,
    goal: `under ${limit} ms`,
    met: ours < limit,
  });
  return [
    limited('a hover in a file of 1 MB, 2,000 tokens', hover, 5),
    limited('a hover in a file of 1 MB, lines of 20 KB', hoverLongLines, 5),
    limited('the longest step in a token of 10 MB, processor time', Math.max(...Object.values(steps)), noticeable),
    ...Object.entries(steps).map(([name, ours]) => ({
      what: `  ${names[name] ?? name}`,
      unit: /** @type {const} */ ('ms'),
      ours,
    })),
    {
      what: 'the loop stands still while it is opened and edited; rival: without us',
      unit: 'ms',
      ours: blocked,
      rival: bare,
      ratio: blocked / bare,
    },
  ];
}

/** @type {Readonly<Record<string, string>>} */
const names = {
  holdsToken: 'could it hold a token?',
  paint: 'colours',
  diagnostics: 'problems',
  hints: 'hints',
  lenses: 'lenses',
  hoverBegin: 'hover at the beginning',
  hoverMiddle: 'hover in the middle',
  leaks: 'leaks',
};

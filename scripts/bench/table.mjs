/**
 * @typedef {object} Row one line of the table
 * @property {string} what
 * @property {'ms' | 'per second' | 'KB' | 'MB/s' | ''} unit of both figures; empty for counts
 * @property {number} ours
 * @property {number} [rival]
 * @property {number} [ratio] ours divided by the rival's
 * @property {[number, number]} [middle] the interquartile range of the ratios per round
 * @property {number} [difference] ours minus the rival's, if the goal is about the difference
 * @property {string} [goal] in words; rows without a goal are for information
 * @property {boolean} [met]
 */

const headings = ['', 'ours', 'rival', 'ratio', 'goal', 'met'];

/**
 * @param {readonly { title: string, rows: readonly Row[] }[]} groups
 * @returns {string}
 */
export function table(groups) {
  const lines = groups.flatMap(({ title, rows }) => [[title], ...rows.map(cells)]);
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...lines.filter(line => line.length > 1).map(line => line[column]?.length ?? 0)),
  );
  /** @param {string[]} line */
  const aligned = line =>
    line
      .map((cell, column) =>
        column >= 1 && column <= 3 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('   ')
      .trimEnd();
  return [aligned(headings), ...lines.map(line => (line.length === 1 ? `\n${line[0]}` : aligned(line)))].join('\n');
}

/** @param {Row} row @returns {string[]} */
function cells({ what, unit, ours, rival, ratio, difference, goal, met }) {
  return [
    `  ${what}`,
    amount(ours, unit),
    rival === undefined ? '' : amount(rival, unit),
    difference !== undefined ? signed(difference, unit) : ratio === undefined ? '' : ratio.toFixed(2),
    goal ?? '',
    met === undefined ? '' : met ? 'yes' : 'NO',
  ];
}

/** @param {number} difference @param {Row['unit']} unit */
function signed(difference, unit) {
  return `${difference < 0 ? '-' : '+'}${amount(Math.abs(difference), unit)}`;
}

/** @param {number} value @param {Row['unit']} unit @returns {string} */
function amount(value, unit) {
  if (unit === '') return value.toFixed(0);
  if (unit === 'per second') return `${value.toFixed(0)} /s`;
  if (unit === 'ms' && value < 1) return `${(value * 1000).toFixed(0)} µs`;
  return `${value.toFixed(value < 10 ? 2 : 1)} ${unit}`;
}

/**
 * Figures of sides that did the same work in turns. Machines slow down and speed up by themselves, so one side is only
 * ever compared with what another did right before or after it.
 */

/**
 * @param {readonly number[]} values at least one
 * @param {number} [share] 0.5, the median, by default
 * @returns {number}
 */
export function quantile(values, share = 0.5) {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? below;
  return below + (above - below) * (at % 1);
}

/**
 * Runs every side once per round, each round beginning with another side. Sides return their figure for the round.
 * @template {string} Side
 * @template Figure
 * @param {Record<Side, () => Promise<Figure>>} sides
 * @param {{ rounds: number, warmUp: number }} options `warmUp`: rounds whose figures are dropped
 * @returns {Promise<Record<Side, Figure[]>>} one figure per side and round
 */
export async function inTurns(sides, { rounds, warmUp }) {
  const names = /** @type {Side[]} */ (Object.keys(sides));
  /** @type {Record<string, Figure[]>} */
  const figures = Object.fromEntries(names.map(name => [name, []]));
  for (let round = -warmUp; round < rounds; round++) {
    const first = Math.abs(round) % names.length;
    for (const name of [...names.slice(first), ...names.slice(0, first)]) {
      const figure = await sides[name]();
      if (round >= 0) figures[name]?.push(figure);
    }
  }
  return /** @type {Record<Side, Figure[]>} */ (figures);
}

/**
 * A batch of `times` calls, one after the other, so that what is measured is what one caller waits for.
 * @param {() => unknown} work
 * @param {number} times
 * @returns {() => Promise<number>} milliseconds per call
 */
export function batch(work, times) {
  return async () => {
    const since = performance.now();
    for (let i = 0; i < times; i++) await work();
    return (performance.now() - since) / times;
  };
}

/**
 * @typedef {object} Comparison
 * @property {number} ours the median of our rounds
 * @property {number} rival
 * @property {number} ratio the median of the rounds' own ratios, ours by the rival's
 * @property {[number, number]} middle between these lies the middle half of the ratios
 */

/**
 * @param {readonly number[]} ours
 * @param {readonly number[]} rival of the same rounds
 * @returns {Comparison}
 */
export function compared(ours, rival) {
  const ratios = ours.map((figure, round) => figure / (rival[round] ?? Number.NaN));
  return {
    ours: quantile(ours),
    rival: quantile(rival),
    ratio: quantile(ratios),
    middle: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
  };
}

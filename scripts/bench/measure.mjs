/**
 * Compares sides that did the same work in turns. The speed of a machine varies over time, so each figure is only
 * compared with one that the other side produced right before or after it.
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
 * Runs every side once per round, and starts each round with another side. Sides return their figure for the round.
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
 * A batch of `times` consecutive calls, to measure what one caller waits for.
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
 * @property {number} ours median of our rounds
 * @property {number} rival median of the rival's rounds
 * @property {number} ratio median of the ratios per round, ours divided by the rival's
 * @property {[number, number]} middle the interquartile range of the ratios
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

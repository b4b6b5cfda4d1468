/**
 * The manifest with its words in place of their `%keys%`, as VS Code puts them there.
 * @param {string} manifest text of package.json
 * @param {Record<string, string>} words what package.nls.json holds
 * @returns {any}
 */
export function withWords(manifest, words) {
  return JSON.parse(manifest, (_, value) => {
    const key = typeof value === 'string' && /^%([\w.]+)%$/.exec(value)?.[1];
    if (!key) return value;
    const word = words[key];
    if (word === undefined) throw new Error(`package.nls.json has no ${key}.`);
    return word;
  });
}

/** What only those need who have the repository. */
const ofRepository = ['Try it', 'Install', 'For those who change it'];

/**
 * The README as VS Code shows it on the page of the extension. There it finds nothing that the package lacks and
 * nothing by a relative address, so pictures would be broken and such links dead.
 * @param {string} readme
 */
export function packagedReadme(readme) {
  return readme
    .split(/^(?=## )/m)
    .filter(section => !ofRepository.includes(/^## (.+)/.exec(section)?.[1] ?? ''))
    .join('')
    .replace(/^!\[[^\]]*\]\([^)]*\)\n+/gm, '')
    .replace(/\[([^\]]+)\]\((?!https:|#)[^)]*\)/g, '$1');
}

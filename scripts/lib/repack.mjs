import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';

/** What only those need who change the extension. */
const ofDevelopers = ['scripts', 'devDependencies'];

/**
 * Packs a .vsix once more, with zopfli: it looks longer for what repeats, and any unzip reads it. It takes 4 % off.
 * @param {string} file
 */
export async function repack(file) {
  const [{ deflate }, zip] = await Promise.all([
    import('@gfx/zopfli').then(({ default: zopfli }) => ({ deflate: promisify(zopfli.deflate) })),
    import('@zip.js/zip.js'),
  ]);
  zip.configure({ useWebWorkers: false });
  const reader = new zip.ZipReader(new zip.Uint8ArrayReader(await readFile(file)));
  const packed = new zip.Uint8ArrayWriter();
  const writer = new zip.ZipWriter(packed);
  for (const entry of await reader.getEntries()) {
    if (entry.directory) continue;
    const { filename, lastModDate } = entry;
    const whole = await entry.getData(new zip.Uint8ArrayWriter());
    const content = filename === 'extension/package.json' ? manifest(whole) : whole;
    const smaller = await deflate(content, { numiterations: 15 });
    await writer.add(filename, new zip.Uint8ArrayReader(smaller), {
      ...{ lastModDate, signature: crc32(content), uncompressedSize: content.length },
      ...{ passThrough: true, compressionMethod: 8, extendedTimestamp: false, dataDescriptor: false },
    });
  }
  await writeFile(file, await writer.close());
}

/** @param {Uint8Array} text */
function manifest(text) {
  const kept = Object.entries(JSON.parse(Buffer.from(text).toString())).filter(
    ([name]) => !ofDevelopers.includes(name),
  );
  return Buffer.from(JSON.stringify(Object.fromEntries(kept)));
}

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { npm } from './npm.mjs';
import { root, UserError, withProgress } from './project.mjs';

/**
 * Runs `npm ci` unless `node_modules` already holds what package-lock.json asks for, so that `npm start` and
 * `npm test` work in a fresh clone and after every pull. Uses nothing but Node itself, for the same reason.
 * @returns {Promise<void>}
 */
export async function ensureDependencies() {
  assertNode(process.versions.node, JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node);
  if (dependenciesMatch(join(root, 'package-lock.json'), join(root, 'node_modules', '.package-lock.json'))) return;
  await withProgress('Installing the dependencies (npm ci)', () => npm(['ci'], { cwd: root, inherit: true }));
}

/**
 * @param {string} version like `20.19.0`
 * @param {string} wanted like `>=20.19`
 */
export function assertNode(version, wanted) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = wanted.replace('>=', '').split('.').map(Number);
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return;
  throw new UserError(
    `Node ${leastMajor}.${leastMinor} or later is needed, and this is ${version}. Get it from https://nodejs.org, then run this again.`,
  );
}

/**
 * Compares the lock file with the record that npm itself writes after each complete install. A stamp of our own would
 * not notice an `npm install` run by hand, and a newer modification time says nothing in a fresh checkout.
 * @param {string} wanted path of package-lock.json
 * @param {string} installed path of node_modules/.package-lock.json
 * @returns {boolean}
 */
export function dependenciesMatch(wanted, installed) {
  if (!existsSync(installed)) return false;
  const there = readPackages(installed);
  return Object.entries(readPackages(wanted)).every(([path, { version, optional, devOptional }]) => {
    const found = there[path];
    // Optional packages are those of other platforms: they may be missing, but not differ.
    if (found === undefined) return path === '' || optional === true || devOptional === true;
    return found.version === version;
  });
}

/** @typedef {{ version?: string, optional?: boolean, devOptional?: boolean }} LockedPackage */

/** @param {string} file @returns {Record<string, LockedPackage>} */
function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages ?? {};
  } catch {
    return {}; // Unreadable: as good as missing, npm will write a new one.
  }
}

import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A Chromium, Chrome or Edge that is already on this machine. CHROME_PATH goes before the well-known places.
 * @returns {{ executablePath: string, env: Record<string, string> } | undefined}
 */
export function findInstalledChromium() {
  const executablePath = [process.env.CHROME_PATH, ...wellKnownPlaces()].find(path => path && existsSync(path));
  return executablePath ? { executablePath, env: {} } : undefined;
}

/** @returns {string[]} */
function wellKnownPlaces() {
  switch (process.platform) {
    case 'darwin':
      return [
        '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
        '/Applications/Chromium.app/Contents/MacOS/Chromium',
        '/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
      ];
    case 'win32':
      return [process.env.PROGRAMFILES, process.env['PROGRAMFILES(X86)'], process.env.LOCALAPPDATA].flatMap(base =>
        base
          ? [
              join(base, 'Google', 'Chrome', 'Application', 'chrome.exe'),
              join(base, 'Microsoft', 'Edge', 'Application', 'msedge.exe'),
            ]
          : [],
      );
    default:
      return ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge'].map(
        name => `/usr/bin/${name}`,
      );
  }
}

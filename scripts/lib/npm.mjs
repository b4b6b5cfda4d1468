import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import { UserError } from './project.mjs';

/**
 * Runs npm. Under `npm start` and `npm test` the very npm that started us is used, through Node: on Windows `npm` is a
 * .cmd file, which Node starts only through a shell, and a shell would need every argument quoted.
 * @param {string[]} args
 * @param {{ cwd: string, inherit?: boolean }} options `inherit` shows npm's own progress; else its output is returned
 * @returns {Promise<string>} what npm wrote to stdout, where it is not inherited
 */
export function npm(args, { cwd, inherit = false }) {
  const cli = process.env.npm_execpath;
  const viaNode = cli !== undefined && basename(cli) === 'npm-cli.js';
  const child = spawn(viaNode ? process.execPath : 'npm', viaNode ? [cli, ...args] : args, {
    cwd,
    shell: !viaNode && process.platform === 'win32',
    stdio: inherit ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', chunk => {
    stdout += chunk;
  });
  child.stderr?.on('data', chunk => {
    stderr += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('error', error => reject(new UserError(`npm could not be started: ${error.message}`)));
    child.on('close', code => {
      if (code === 0) return resolve(stdout);
      reject(
        new UserError(
          `npm ${args.join(' ')} failed (exit code ${code}).${inherit ? ' Its own message is above.' : `\n${stderr}`}`,
        ),
      );
    });
  });
}

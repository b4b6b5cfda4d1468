import { WorkbenchError } from '../errors.ts';

/** The shells that a curl line can be written for. `sh` means every shell that reads single quotes as POSIX does. */
export const shells = ['sh', 'powershell', 'cmd'] as const;
export type Shell = (typeof shells)[number];

/** The longest line that cmd takes. */
const longestForCmd = 8191;

/**
 * A command line that sends one GET with these headers. Whatever stands in them stays one argument of curl: the shell
 * runs, expands and redirects nothing of it.
 * @throws WorkbenchError `not_quotable` with `shell` and `reason`: no quoting of that shell carries the text
 */
export function curlLine(shell: Shell, headers: readonly string[], url: string): string {
  if (!URL.canParse(url) || !/^https?:\/\//i.test(url))
    throw new WorkbenchError('not_quotable', { shell, reason: 'url' });
  const quote = quotes[shell];
  const parts = headers.map(header => `--header ${quote(header)}`);
  // Braces and brackets in an address would else be patterns of curl's.
  const globs = /[[\]{}]/.test(url) ? ['--globoff'] : [];
  const line = [shell === 'powershell' ? 'curl.exe' : 'curl', ...globs, ...parts, quote(url)].join(' ');
  if (shell === 'cmd' && line.length > longestForCmd)
    throw new WorkbenchError('not_quotable', { shell, reason: 'length' });
  return line;
}

const quotes: Readonly<Record<Shell, (text: string) => string>> = {
  sh(text) {
    assertVisible('sh', text);
    return `'${text.replaceAll("'", `'\\''`)}'`;
  },

  /** Single quotes hold everything but single quotes, and PowerShell takes the typographic ones for such, too. */
  powershell(text) {
    assertVisible('powershell', text);
    // Before 7.3 it hands double quotes, and a backslash before its own, to programs without escaping them.
    if (/"|\\$/.test(text)) throw new WorkbenchError('not_quotable', { shell: 'powershell', reason: 'quote' });
    return `'${text.replace(/['\u2018-\u201b]/g, '$&$&')}'`;
  },

  /**
   * First the quoting of the C runtime that curl reads its arguments with, then a caret before each character that cmd
   * could read. cmd replaces `%name%` before it looks at carets: one behind each percent sign makes it another name.
   */
  cmd(text) {
    assertVisible('cmd', text);
    const argument = `"${text.replace(/(\\*)("|$)/g, (_, slashes: string, end: string) => `${slashes}${slashes}${end && `\\${end}`}`)}"`;
    return argument.replace(/(?<=%)[\s\S]|[^\w.~:/=+,-]/g, '^$&');
  },
};

/** Control characters end a line, a header or an argument, and some change what a terminal does. */
function assertVisible(shell: Shell, text: string): void {
  if (/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(text)) throw new WorkbenchError('not_quotable', { shell, reason: 'control' });
}

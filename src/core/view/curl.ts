import { WorkbenchError } from '../errors.ts';

/** The shells for which a curl command can be written. `sh` means every shell with POSIX single quotes. */
export const shells = ['sh', 'powershell', 'cmd'] as const;
export type Shell = (typeof shells)[number];

/** The longest command line of cmd, in characters. */
const longestForCmd = 8191;

/**
 * A command line that sends one GET with these headers. Each header stays one argument of curl: the shell executes,
 * expands and redirects nothing in it.
 * @throws WorkbenchError `not_quotable` with `shell` and `reason`: the shell has no quoting for the text
 */
export function curlLine(shell: Shell, headers: readonly string[], url: string): string {
  if (!URL.canParse(url) || !/^https?:\/\//i.test(url))
    throw new WorkbenchError('not_quotable', { shell, reason: 'url' });
  const quote = quotes[shell];
  const parts = headers.map(header => `--header ${quote(header)}`);
  // curl would read braces and brackets in a URL as patterns.
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

  /** Single quotes protect everything but single quotes. PowerShell accepts typographic single quotes as well. */
  powershell(text) {
    assertVisible('powershell', text);
    // Before 7.3, PowerShell passes double quotes, and a backslash before its own closing quote, to programs without
    // escaping.
    if (/"|\\$/.test(text)) throw new WorkbenchError('not_quotable', { shell: 'powershell', reason: 'quote' });
    return `'${text.replace(/['\u2018-\u201b]/g, '$&$&')}'`;
  },

  /**
   * First the quoting of the C runtime, which splits curl's arguments, then a caret before each character that cmd
   * could interpret. cmd replaces `%name%` before it reads carets, so a caret after each percent sign makes it an
   * unknown name.
   */
  cmd(text) {
    assertVisible('cmd', text);
    const argument = `"${text.replace(/(?<!\\)(\\*)("|$)/g, (_, slashes: string, end: string) => `${slashes}${slashes}${end && `\\${end}`}`)}"`;
    return argument.replace(/(?<=%)[\s\S]|[^\w.~:/=+,-]/g, '^$&');
  },
};

/** Control characters end a line, a header or an argument, and some of them control the terminal. */
function assertVisible(shell: Shell, text: string): void {
  if (/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(text)) throw new WorkbenchError('not_quotable', { shell, reason: 'control' });
}

import type { LogOutputChannel } from 'vscode';
import type { Log } from '../core/ports.ts';
import { redact } from '../core/redact.ts';

/** The output channel as the core's log. Nothing reaches it but through `redact`. */
export function createLog(channel: LogOutputChannel): Log {
  return (level, event, fields) => channel[level](fields ? `${event} ${JSON.stringify(redact(fields))}` : event);
}

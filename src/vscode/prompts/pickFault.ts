import { l10n, type QuickPickItem, QuickPickItemKind } from 'vscode';
import { own } from '../../core/tokens/json.ts';
import { tryDecode } from '../../core/tokens/jwt.ts';
import type { MockClockView, MockFault } from '../../core/view/mockView.ts';
import type { AnyRow, FaultGroup } from '../../mock/faultTable.ts';
import { pick } from '../screen.ts';
import { limitText, mockClockText, mockText } from '../text/mock.ts';
import { momentText } from '../text/time.ts';

interface FaultItem extends QuickPickItem {
  readonly fault?: object;
}

interface LimitItem extends QuickPickItem {
  readonly times?: number;
}

/** A fault by what a client sees of it, and for how long; `undefined` where the user cancelled. */
export async function pickFault(
  rows: Readonly<Record<string, AnyRow>>,
): Promise<{ fault: object; words: string } | undefined> {
  const picked = await pick(faultItems(rows), {
    title: l10n.t('Inject a Mock Issuer Fault'),
    placeHolder: l10n.t('What should go wrong?'),
    matchOnDescription: true,
  });
  if (picked?.fault === undefined) return undefined;
  const limit = await pick(limitItems(), { title: picked.label });
  if (limit === undefined) return undefined;
  const { times } = limit;
  return {
    fault: { ...picked.fault, ...(times !== undefined && { times }) },
    words: `${picked.label}, ${limit.label}`,
  };
}

function limitItems(): LimitItem[] {
  return [
    { label: limitText(1), times: 1 },
    { label: limitText(3), times: 3 },
    { label: limitText(undefined), description: l10n.t('Clear Mock Issuer Faults ends it') },
  ];
}

/** The mock's own table, each row that has an example, under the heading of its group. */
function faultItems(rows: Readonly<Record<string, AnyRow>>): FaultItem[] {
  const groups: Readonly<Record<FaultGroup, string>> = {
    network: l10n.t('the network'),
    trouble: l10n.t('an issuer in trouble'),
    tokens: l10n.t('wrong tokens'),
    answers: l10n.t('odd answers'),
    browser: l10n.t('sign-in'),
    keys: l10n.t('keys'),
    metadata: l10n.t('metadata'),
  };
  return Object.entries(groups).flatMap(([group, label]) => [
    { label, kind: QuickPickItemKind.Separator },
    ...Object.entries(rows)
      .filter(([, row]) => row.group === group && row.example !== undefined)
      .map(([type, row]) => ({ label: mockText(row.title), description: type, fault: { type, ...row.example } })),
  ]);
}

/** One of the faults that are set. */
export async function pickSetFault(faults: readonly MockFault[]): Promise<{ type: string } | undefined> {
  const items = faults.map(({ type, title, left }) => ({ label: mockText(title), description: limitText(left), type }));
  return pick(items, { title: l10n.t('Remove a Mock Issuer Fault'), matchOnDescription: true });
}

/** Seconds, and whether it stands still; with neither it has the time of this machine again. */
export interface ClockMove {
  readonly advance?: number | undefined;
  readonly frozen?: boolean | undefined;
}

/** @param token the access token whose expiry is offered */
export async function pickClockMove(clock: MockClockView, token: string | undefined): Promise<ClockMove | undefined> {
  const now = Date.now();
  const mockNow = clock.frozenAt ?? now + clock.ahead;
  const decoded = token === undefined ? undefined : tryDecode(token);
  const exp = decoded && 'payload' in decoded ? Number(own(decoded.payload, 'exp')) * 1000 : Number.NaN;
  const past = exp > mockNow ? Math.ceil((exp - mockNow) / 1000) + 1 : undefined;
  const hour = 3600;
  const items: (QuickPickItem & { readonly move: ClockMove })[] = [
    ...(past === undefined
      ? []
      : [
          {
            label: l10n.t('Past the expiry of the access token'),
            description: momentText(exp, mockNow),
            move: { advance: past },
          },
        ]),
    { label: l10n.t('1 hour ahead'), move: { advance: hour } },
    { label: l10n.t('1 hour back'), move: { advance: -hour } },
    clock.frozenAt === undefined
      ? { label: l10n.t('Stop the clock'), move: { frozen: true } }
      : { label: l10n.t('Let the clock run'), move: { frozen: false } },
    { label: l10n.t('Back to the time of this machine'), move: {} },
  ];
  const title = l10n.t('Move the Clock of the Mock Issuer');
  return (await pick(items, { title, placeHolder: mockClockText(clock, now) }))?.move;
}

import { l10n, type QuickPickItem, QuickPickItemKind } from 'vscode';
import type { AnyRow, FaultGroup } from '../../mock/faultTable.ts';
import { pick } from '../screen.ts';

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
    { label: l10n.t('next request'), times: 1 },
    { label: l10n.t('next 3 requests'), times: 3 },
    { label: l10n.t('until cleared'), description: l10n.t('Clear Mock Issuer Faults ends it') },
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
      .map(([type, row]) => ({ label: l10n.t(row.title), description: type, fault: { type, ...row.example } })),
  ]);
}

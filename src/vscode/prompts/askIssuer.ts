import { l10n } from 'vscode';
import { classify, type WorkbenchError } from '../../core/errors.ts';
import { isTransient } from '../../core/errorTable.ts';
import { requireSecureUrl, withScheme } from '../../core/http/http.ts';
import type { Discovery, IssuerMetadata } from '../../core/issuer/discovery.ts';
import { issuerOfAddress } from '../../core/records/connection.ts';
import { describeError } from '../text/errors.ts';
import { type Answer, askChoice, askText, type Place, showBusyInput } from './questions.ts';

export interface AskedIssuer {
  readonly issuer: string;
  /** Without it, the user enters the token endpoint. */
  readonly metadata?: IssuerMetadata;
  /** False if the issuer was known and its metadata could be read, so the user was not asked. */
  readonly asked: boolean;
}

interface IssuerQuestion {
  /** An issuer whose metadata is tried first, without asking the user. */
  readonly known: string | undefined;
  readonly before: string | undefined;
  readonly prompt: string | undefined;
}

/** Asks for an issuer until its metadata could be read or the user gives up. */
export async function askIssuer(
  place: Place,
  discovery: Discovery,
  { known, before, prompt }: IssuerQuestion,
): Promise<Answer<AskedIssuer>> {
  let issuer = before;
  let asked = false;
  let next = known;
  for (;;) {
    if (next === undefined) {
      asked = true;
      const text = await askText({
        ...place,
        value: issuer,
        prompt:
          prompt ??
          l10n.t(
            'Enter the full URL of the issuer, for example https://login.example.com. Everything else is discovered from it.',
          ),
        placeholder: 'https://login.example.com',
        validate: text => urlFlaw(withScheme(text), 'issuer'),
      });
      if (text.turn !== 'next') return text;
      next = issuerOfAddress(withScheme(text.value));
    }
    issuer = next;
    next = undefined;
    const answer = await discover(place, discovery, issuer);
    if (answer === 'cancelled') return { turn: answer };
    if ('metadata' in answer) return { turn: 'next', value: { issuer, metadata: answer.metadata, asked } };
    const choice = await askChoice(place, choicesAfter(answer.failure, issuer), {
      placeholder: l10n.t('What next?'),
      prompt: describeError(answer.failure),
    });
    if (choice.turn === 'cancelled') return choice;
    const [chosen] = choice.turn === 'next' ? choice.value : [];
    if (chosen?.manual) return { turn: 'next', value: { issuer, asked: true } };
    next = chosen?.issuer;
    if (next !== undefined) asked = true;
  }
}

function discover(place: Place, discovery: Discovery, issuer: string): Promise<Discovered> {
  const shown = { value: issuer, prompt: l10n.t('Asking the issuer for its metadata...') };
  return showBusyInput(place, shown, async signal => {
    try {
      return { metadata: await discovery.metadata(issuer, signal) };
    } catch (error) {
      const failure = classify(error);
      return failure.code === 'cancelled' ? 'cancelled' : { failure };
    }
  });
}

type Discovered = { readonly metadata: IssuerMetadata } | { readonly failure: WorkbenchError } | 'cancelled';

interface Choice {
  readonly label: string;
  readonly description?: string;
  readonly issuer?: string;
  readonly manual?: boolean;
}

function choicesAfter(failure: WorkbenchError, issuer: string): Choice[] {
  const found = failure.code === 'issuer_mismatch' ? failure.data.found : undefined;
  // The issuer named in the metadata is only offered: its own metadata must then name the same issuer. A pattern such
  // as {tenantid} is not an address.
  const other = found !== undefined && !found.includes('{') && urlFlaw(found, 'issuer') === undefined;
  return [
    ...(other
      ? [
          {
            label: l10n.t('Use {0}', found),
            description: l10n.t("the name in the issuer's metadata and tokens"),
            issuer: found,
          },
        ]
      : []),
    ...(isTransient(failure) ? [{ label: l10n.t('Try again'), issuer }] : []),
    { label: l10n.t('Change the URL') },
    {
      label: l10n.t('Enter the token endpoint manually'),
      description: l10n.t('for issuers without metadata'),
      manual: true,
    },
  ];
}

/** What is wrong with the text as a URL, or `undefined`. */
export function urlFlaw(text: string, field: string): string | undefined {
  try {
    requireSecureUrl(text, field);
    return undefined;
  } catch (error) {
    return describeError(classify(error));
  }
}

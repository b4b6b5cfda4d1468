import { l10n, type QuickPickItem, QuickPickItemKind } from 'vscode';
import type { FaultSetting } from '../../mock/faultPlan.ts';
import type { Fault } from '../../mock/faults.ts';
import { pick } from '../screen.ts';

interface FaultItem extends QuickPickItem {
  readonly fault?: Fault;
}

interface LimitItem extends QuickPickItem {
  readonly times?: number;
}

/** A fault by what a client sees of it, and for how long; `undefined` where the user turned away. */
export async function pickFault(): Promise<{ fault: FaultSetting; words: string } | undefined> {
  const picked = await pick(faultItems(), {
    title: l10n.t('Make the Mock Issuer Fail'),
    placeHolder: l10n.t('What should go wrong?'),
    matchOnDescription: true,
    matchOnDetail: true,
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
    { label: l10n.t('until cleared'), description: l10n.t("Clear the Mock Issuer's Faults ends it") },
  ];
}

function faultItems(): FaultItem[] {
  const group = (label: string): FaultItem => ({ label, kind: QuickPickItemKind.Separator });
  const item = (label: string, fault: Fault, detail?: string): FaultItem => ({
    label,
    description: fault.type,
    fault,
    ...(detail !== undefined && { detail }),
  });
  return [
    group(l10n.t('the network')),
    item(l10n.t('Token answers come 5 s late'), { type: 'delay', ms: 5000, at: 'token' }),
    item(
      l10n.t('Connection lost before the request is handled'),
      { type: 'dropBeforeCommit', at: 'token' },
      l10n.t('Nothing was rotated, and the client cannot know it.'),
    ),
    item(
      l10n.t('Connection lost after the refresh token was rotated'),
      { type: 'dropAfterCommit', at: 'token' },
      l10n.t('The answer held the new refresh token. The old one ends unless the issuer grants a grace.'),
    ),
    item(l10n.t('Half an answer'), { type: 'truncate', at: 'token' }),

    group(l10n.t('an issuer in trouble')),
    item(l10n.t('Too many requests, wait 10 s'), { type: 'tooManyRequests', retryAfter: 10, at: 'token' }),
    item(l10n.t('Service unavailable (503)'), { type: 'serverError', status: 503, at: 'token' }),
    item(l10n.t('A web page instead of tokens'), { type: 'htmlOk', at: 'token' }),
    item(l10n.t('Invalid JSON'), { type: 'invalidJson', at: 'token' }),
    item(
      l10n.t('The refresh token is refused'),
      { type: 'oauthError', error: 'invalid_grant' },
      l10n.t('The connection has to sign in again afterwards. Start the mock issuer anew for that.'),
    ),
    item(
      l10n.t('The clock of the issuer is 93 s behind'),
      { type: 'clockSkew', by: -93 },
      l10n.t('The Date header and the times in new tokens say so.'),
    ),

    group(l10n.t('wrong tokens')),
    item(l10n.t('Signature that does not match'), { type: 'wrongSignature' }),
    item(l10n.t('Key id that nobody knows'), { type: 'unknownKid' }),
    item(l10n.t('Another issuer (iss)'), { type: 'wrongIss', token: 'access_token' }),
    item(l10n.t('Another audience (aud)'), { type: 'wrongAud', token: 'access_token' }),
    item(l10n.t('Expired at birth'), { type: 'expiredAtBirth', token: 'access_token' }),
    item(l10n.t('Valid only in an hour (nbf)'), { type: 'nbfInFuture', token: 'access_token' }),
    item(l10n.t('Not signed (alg none)'), { type: 'algNone' }),

    group(l10n.t('odd answers')),
    item(l10n.t('No lifetime (expires_in)'), { type: 'expiresInMissing' }),
    item(l10n.t('Absurd lifetime'), { type: 'expiresIn', literal: '1e400' }),
    item(l10n.t('No refresh token'), { type: 'refreshTokenMissing' }),
    item(l10n.t('No ID token'), { type: 'idTokenMissing' }),

    group(l10n.t('keys')),
    item(l10n.t('Key set cannot be had (503)'), { type: 'jwksDown' }),
    item(l10n.t('Key set comes 5 s late'), { type: 'jwksSlow', ms: 5000 }),
    item(l10n.t('Key set without the newest key'), { type: 'jwksStale' }),
    item(l10n.t('Key set is empty'), { type: 'jwksEmpty' }),
  ];
}

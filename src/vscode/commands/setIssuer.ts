import { l10n } from 'vscode';
import { classify, WorkbenchError } from '../../core/errors.ts';
import { addressMeant, requireSecureUrl } from '../../core/http/http.ts';
import { renameIssuer } from '../../core/records/storeTokens.ts';
import { textOf } from '../../core/tokens/json.ts';
import { tryDecode } from '../../core/tokens/jwt.ts';
import {
  hasPlaceholder,
  issuersMeant,
  meansSameIssuer,
  secondVersion,
  tenantPattern,
} from '../../core/tokens/tokenUse.ts';
import { changeInSettings, memberInSettings } from '../connections.ts';
import { urlFlaw } from '../prompts/askIssuer.ts';
import { pickConnection } from '../prompts/pick.ts';
import { ask, flash, pick } from '../screen.ts';
import { defineCommand, isConfirmed, labelIn, showError } from './command.ts';
import { connectionId, text, type Values } from './fields.ts';
import type { Services } from './services.ts';

const fields = { connection: connectionId, issuer: text };

type Argument = Values<typeof fields>;

/** Sets the issuer of a connection in the user's settings, to the issuer named in its metadata if that is known. */
export const setIssuer = defineCommand(
  { name: 'setIssuer', needsTrust: true, fields, returns: '`{ id, issuer }`' },
  services => {
    const { sessions, vault, connections, discovery } = services;
    const label = labelIn(services);
    return {
      async ask(node): Promise<Argument | undefined> {
        const ofProblem = node?.kind === 'problem' && node.problem.id;
        const picked = ofProblem
          ? { connection: ofProblem }
          : await pickConnection(
              sessions,
              node,
              l10n.t('Set the issuer of which connection?'),
              ({ memoryOnly }) => !memoryOnly,
            );
        const issuer = picked && (await askIssuer(services, picked.connection));
        return picked && issuer ? { ...picked, issuer } : undefined;
      },
      async confirm(argument) {
        const { connection: id, issuer } = argument;
        const before = issuerOf(id);
        const held = sessions.get(id)?.record?.tokens;
        const another = held && !meansSameIssuer(before, issuer);
        const detail = [
          l10n.t('Now: {0}', before || l10n.t('none')),
          l10n.t('New: {0}', issuer),
          ...(another
            ? [l10n.t('The stored tokens belong to the previous issuer: sign in or import tokens afterwards.')]
            : []),
        ];
        const question = l10n.t('Set the issuer of "{0}" in your settings?', label(argument));
        return (await isConfirmed(question, detail.join('\n'), l10n.t('Set Issuer'))) ? argument : undefined;
      },
      async run({ connection: id, issuer }, signal) {
        requireSecureUrl(issuer, 'issuer');
        if (memberInSettings(id, 'id') === undefined)
          throw new WorkbenchError('connection_unknown', { connection: id });
        // Written first: if settings.json cannot be written, the tokens stay bound to the issuer in the settings.
        await changeInSettings(id, { issuer });
        connections.reload();
        if (await vault.read(id)) await renameIssuer(services, id, issuer, signal);
        return { id, issuer };
      },
      labelOf: label,
      async report(_, argument) {
        try {
          await (await discovery()).metadata(argument.issuer);
          flash(l10n.t('The issuer of {0} is set, and its metadata matches.', label(argument)));
        } catch (error) {
          await showError(classify(error), { label: label(argument), id: argument.connection });
        }
      },
    };
  },
);

function issuerOf(id: string): string {
  const value = memberInSettings(id, 'issuer');
  return typeof value === 'string' ? value.trim() : '';
}

/** The issuer named in the metadata, or the one that the user types. */
async function askIssuer({ sessions, discovery }: Services, id: string): Promise<string | undefined> {
  const before = issuerOf(id);
  const address = addressMeant(before);
  if (address !== undefined) return address;
  const title = l10n.t('Issuer of {0}', sessions.get(id)?.connection.label ?? id);
  // The setting may hold the address of the metadata.
  const asked = sessions.get(id)?.connection.issuer ?? before;
  const failure = await (await discovery()).metadata(asked).then(() => undefined, classify);
  const found = failure?.code === 'issuer_mismatch' ? failure.data.found : undefined;
  if (found !== undefined) {
    const tenant = hasPlaceholder(found)
      ? (tenantOf(sessions.get(id)?.record?.tokens) ?? (await askTenant(title)))
      : '';
    if (tenant === undefined) return undefined;
    const meant = issuersMeant(asked, found, tenant).filter(each => urlFlaw(each, 'issuer') === undefined);
    const [only] = meant;
    if (meant.length === 1) return only;
    const items = meant.map(label => ({
      label,
      description: label === secondVersion(found) ? l10n.t('v2.0, takes scopes') : l10n.t('v1.0, takes a resource'),
    }));
    if (only !== undefined) return (await pick(items, { title }))?.label;
  }
  return ask({
    title,
    value: before,
    prompt: l10n.t('The issuer, as its tokens name it (iss)'),
    placeHolder: 'https://login.example.com',
    flaw: text => urlFlaw(text, 'issuer'),
  });
}

function askTenant(title: string): Promise<string | undefined> {
  return ask({
    title,
    prompt: l10n.t('The tenant ID, which the overview page of Microsoft Entra ID shows'),
    placeHolder: '00000000-0000-0000-0000-000000000000',
    flaw: text =>
      tenantPattern.test(text) ? undefined : l10n.t('A tenant ID has 32 hexadecimal digits and four dashes.'),
  });
}

/** The tenant in the stored tokens. It is unverified, but the user sees the resulting address. */
function tenantOf(tokens: { readonly id_token?: string; readonly access_token?: string } = {}): string | undefined {
  const named = [tokens.id_token, tokens.access_token].map(token => {
    const decoded = tryDecode(token ?? '');
    return 'error' in decoded || decoded.kind !== 'jws' ? undefined : textOf(decoded.payload, 'tid');
  });
  return named.find(tid => tid !== undefined && tenantPattern.test(tid));
}

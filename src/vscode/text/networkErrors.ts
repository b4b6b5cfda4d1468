import { l10n } from 'vscode';
import type { DataOf, ErrorCode } from '../../core/errors.ts';
import { arrival, joined, show } from './answerErrors.ts';
import { durationText } from './time.ts';

/** A request that came to no answer. */
export const networkSentences = {
  timeout: ({ host, after, sent }) =>
    joined(
      typeof after === 'number'
        ? l10n.t('{0} did not answer within {1}.', show(host, l10n.t('The issuer')), durationText(after))
        : l10n.t('{0} did not answer in time.', show(host, l10n.t('The issuer'))),
      arrival(sent),
      l10n.t('Check the network and try again.'),
    ),
  connection_refused: ({ host }) =>
    l10n.t(
      '{0} refuses connections, so nothing was sent. Check that the issuer is running and that the address and port are right.',
      show(host),
    ),
  host_unknown: ({ host }) =>
    l10n.t(
      'The host {0} was not found, so nothing was sent. Check the address, and whether a VPN or a proxy is needed.',
      show(host),
    ),
  connection_reset: ({ host, sent }) =>
    joined(
      l10n.t('{0} closed the connection before the answer was complete.', show(host, l10n.t('The issuer'))),
      arrival(sent),
      l10n.t('Try again.'),
    ),
  certificate_untrusted: ({ host, detail }) =>
    l10n.t(
      'The certificate of {0} is not trusted ({1}), so nothing was sent. For an issuer with its own certificate authority, add that to the system or to VS Code (http.systemCertificates).',
      show(host),
      show(detail, l10n.t('no reason given')),
    ),
  network_failed: ({ host, detail, sent }) =>
    joined(
      detail === undefined
        ? l10n.t('The request to {0} failed.', show(host, l10n.t('the issuer')))
        : l10n.t('The request to {0} failed ({1}).', show(host, l10n.t('the issuer')), show(detail)),
      arrival(sent),
      l10n.t('Check the network and the proxy settings, then try again.'),
    ),
} satisfies { readonly [C in ErrorCode]?: (data: DataOf<C>) => string };

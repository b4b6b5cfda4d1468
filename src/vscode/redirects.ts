import { type Extension, ExtensionKind, env, extensions, l10n, UIKind, Uri, workspace } from 'vscode';
import { extensionId, settings } from '../contributions.ts';
import { isLoopback } from '../core/http/http.ts';
import type { RedirectWay } from '../core/ports.ts';
import type { Arrival } from '../platform/uriRedirect.ts';
import { flash, notify } from './screen.ts';

/**
 * The address that VS Code opens with this extension, where the browser is to come back to it; `undefined` for the
 * loopback address, which suits where the browser is on the machine of the extension.
 */
export async function handledRedirectUri(
  { extensionKind }: Pick<Extension<unknown>, 'extensionKind'>,
  given: RedirectWay | undefined,
): Promise<string | undefined> {
  const set = workspace.getConfiguration(settings.section).inspect<string>(settings.redirect)?.globalValue;
  const way = given ?? set;
  if (way === 'loopback') return undefined;
  const own = Uri.from({ scheme: env.uriScheme, authority: extensionId, path: '/callback' });
  if (env.uiKind === UIKind.Desktop) {
    const isHere = env.remoteName === undefined || extensionKind === ExtensionKind.UI;
    // As it is, and not by way of asExternalUri: that adds the window's number, and issuers compare letter by letter.
    return way !== 'uri_handler' && isHere ? undefined : own.toString(true);
  }
  let external: string;
  try {
    // The text is one address in a query of another: encoded once more, it would be none.
    external = (await env.asExternalUri(own)).toString(true);
  } catch (error) {
    // Not every workbench has such addresses.
    if (way === 'uri_handler') throw error;
    return undefined;
  }
  // A workbench that is itself on the loopback address is most likely on this machine.
  return way !== 'uri_handler' && isLoopback(new URL(external)) ? undefined : external;
}

/** The redirect URI to register at an issuer for sign-ins in this window: the port of the loopback address is free (RFC 8252 §7.3). */
export async function registeredRedirectUri(): Promise<string> {
  const extension = extensions.getExtension(extensionId);
  // Where VS Code has no such address, the sign-in says so.
  const handled = extension && (await handledRedirectUri(extension, undefined).catch(() => undefined));
  return handled ?? 'http://127.0.0.1/callback';
}

/** What is there to say of an address that VS Code has opened here. */
export function reportArrival(arrival: Arrival): void {
  if (arrival === 'handed_over') {
    flash(l10n.t('The sign-in continues in the window where it started.'));
  } else if (arrival === 'foreign') {
    void notify(
      'warning',
      l10n.t(
        'No sign-in is waiting for this redirect: it has ended, or it was started on another machine. Nothing was changed. Start it again in the window where you want to be signed in.',
      ),
    );
  }
}

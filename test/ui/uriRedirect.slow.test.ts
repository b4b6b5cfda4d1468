import { type MockServer, startMockServer } from '../../src/mock/nodeServer.ts';
import { useWorkbench } from './harness.ts';

describe('a browser that is not on the machine of the extension', function () {
  this.timeout(120_000);
  // A workbench in the browser opens addresses of its server through a proxy, which breaks an address that contains
  // another one with a query. So the request is pushed.
  const connection = (label: string, pushedAuthorizationRequests: boolean) => ({
    ...{ id: label, label, issuer: mock.issuer, clientId: 'demo' },
    scope: 'openid offline_access',
    pushedAuthorizationRequests,
  });
  let mock: MockServer;
  const userSettings: Record<string, unknown> = {
    'jwtWorkbench.redirect': 'uri_handler',
    // VS Code asks once whether the extension may open its addresses.
    'extensions.confirmedUriHandlerExtensionIds': ['jwt-workbench.jwt-workbench'],
  };
  before(async () => {
    mock = await startMockServer({ signIn: 'page' });
    userSettings['jwtWorkbench.connections'] = [connection('Near', false), connection('Far', true)];
  });
  const ui = useWorkbench({ userSettings });

  it('comes back through an address that VS Code opens', async () => {
    const { page } = ui.window;
    const port = Number(new URL(mock.issuer).port);
    await page.context().route(`**/proxy/${port}/**`, route => {
      const location = route
        .request()
        .url()
        .replace(/^.*\/proxy\//, 'http://127.0.0.1:');
      return route.fulfill({ status: 302, headers: { location } });
    });
    await ui.window.openContainer('JWT Workbench');
    const signIn = async (label: string) => {
      await ui.window.expand(ui.window.treeItem(label));
      const popup = page.context().waitForEvent('page');
      await ui.window.signInBy('In the browser');
      const issuer = await popup;
      await issuer.waitForURL(/client_id=/);
      return issuer;
    };
    try {
      // The issuer rejects an unregistered address. The test then registers it, because VS Code numbers these
      // addresses.
      const refused = await signIn('Near');
      await refused.getByText('This does not work').waitFor();
      const refusedUri = new URL(refused.url()).searchParams.get('redirect_uri') ?? '';
      const [address = ''] = refusedUri.split(/\?|%3F/);
      // Tests before this one may have used numbers, too.
      const [, last] = /vscode-reqid(?:=|%3D)(\d+)/.exec(refusedUri) ?? [];
      await refused.close();
      await mock.close();
      await ui.window.collapse(ui.window.treeItem('Near'));
      const own = 'vscode-scheme=code-oss&vscode-authority=jwt-workbench.jwt-workbench&vscode-path=%2Fcallback';
      const redirect_uris = [1, 2, 3].map(
        more => `${decodeURIComponent(address)}?vscode-reqid=${Number(last) + more}&${own}`,
      );
      mock = await startMockServer({
        port,
        signIn: 'page',
        clients: [{ client_id: 'demo', redirect_uris }],
      });
      const issuer = await signIn('Far');
      await issuer.getByRole('button', { name: 'Sign in and allow' }).click();
      await issuer.getByText('You can close this page now').waitFor();
      await page.bringToFront();
      await page.locator('[role=treeitem][aria-label^="Access token"]').first().waitFor();
    } finally {
      await mock.close();
    }
  });
});

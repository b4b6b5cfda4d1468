// @ts-nocheck The packages of these clients are not dependencies of this project.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/*
 * Single-page applications. `/login` starts the sign-in, the title of the page shows the state, and drive.mjs is the
 * visitor.
 */

const scriptOf = name => readFile(fileURLToPath(new URL(name, import.meta.url)), 'utf8');

const oidcClientTs =
  scope =>
  ({ issuer, clientId, origin, redirectUri }) =>
    serve(
      'node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js',
      `const manager = new oidc.UserManager({
       authority: ${JSON.stringify(issuer)}, client_id: ${JSON.stringify(clientId)}, redirect_uri: '${redirectUri}',
       silent_redirect_uri: '${origin}/silent', post_logout_redirect_uri: '${origin}/', scope: '${scope}' });
     window.start = () => manager.signinRedirect();
     window.finish = () => manager.signinRedirectCallback();
     window.silent = () => manager.signinSilentCallback();
     window.isSignedIn = async () => {
       const user = await manager.getUser();
       if (user === null) return false;
       if (!user.expired) return true;
       const renewed = await manager.signinSilent().catch(() => null);
       return renewed !== null && !renewed.expired;
     };
     window.signOut = () => manager.signoutRedirect();`,
    );

export const pages = {
  'oidc-client-ts': oidcClientTs('openid offline_access'),
  'oidc-client-ts (renewal in a frame)': oidcClientTs('openid'),
  '@auth0/auth0-spa-js': ({ issuer, clientId, origin, redirectUri }) =>
    serve(
      'node_modules/@auth0/auth0-spa-js/dist/auth0-spa-js.production.js',
      `const client = new auth0.Auth0Client({
         domain: ${JSON.stringify(issuer.replace(/\/$/, ''))}, clientId: ${JSON.stringify(clientId)}, useRefreshTokens: true, cacheLocation: 'localstorage',
         authorizationParams: { redirect_uri: '${redirectUri}' } });
       window.start = () => client.loginWithRedirect();
       window.finish = () => client.handleRedirectCallback();
       window.isSignedIn = () => client.getTokenSilently().then(Boolean, () => false);
       window.signOut = () => client.logout({ logoutParams: { returnTo: '${origin}/' } });`,
    ),
};

async function serve(library, script) {
  const code = await scriptOf(library);
  const doing = {
    '/login': 'start()',
    '/callback': 'finish().then(() => "signed in")',
    '/silent': 'silent()',
  };
  return (request, response) => {
    const { pathname } = new URL(request.url, 'http://127.0.0.1');
    if (pathname === '/library.js') {
      response.writeHead(200, { 'content-type': 'text/javascript' }).end(code);
      return;
    }
    const then = `Promise.resolve(${doing[pathname] ?? '"there"'}).then(title => { if (title) document.title = title; }, error => { console.log(String(error)); document.title = "failed"; });`;
    const html = `<!DOCTYPE html><title>waiting</title><script src="/library.js"></script><script>${script}\n${then}</script>`;
    response.writeHead(200, { 'content-type': 'text/html' }).end(html);
  };
}

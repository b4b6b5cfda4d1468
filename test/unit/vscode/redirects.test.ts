import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as Redirects from '../../../src/vscode/signInPage.ts';
import { withoutVscode } from '../../support/withoutVscode.ts';

/** Where VS Code runs, in the terms of its API. `page`: the address of a workbench in the browser. */
interface Place {
  readonly page?: string;
  readonly remoteName?: string;
  readonly runsRemotely?: boolean;
  readonly setting?: string;
  readonly fails?: boolean;
}

const vscode = `
  export const UIKind = { Desktop: 1, Web: 2 }, ExtensionKind = { UI: 1, Workspace: 2 };
  const place = () => globalThis.redirectPlace;
  const uri = text => ({ toString: () => text });
  export const Uri = { from: ({ scheme, authority, path }) => uri(scheme + '://' + authority + path) };
  export const env = {
    uriScheme: 'vscode',
    get uiKind() { return place().page === undefined ? 1 : 2; },
    get remoteName() { return place().remoteName; },
    async asExternalUri(own) {
      if (place().fails) throw new Error('none');
      return uri(place().page + '/callback?vscode-reqid=1&of=' + encodeURIComponent(own));
    },
  };
  export const extensions = { getExtension: () => undefined };
  export const workspace = {
    getConfiguration: () => ({ inspect: () => ({ globalValue: place().setting, workspaceValue: 'loopback' }) }),
  };
  const told = globalThis.redirectsTold = [];
  export const window = {
    setStatusBarMessage: text => void told.push(text),
    showWarningMessage: async text => void told.push(text),
  };
`;

describe('the way back from the browser', function () {
  this.timeout(60_000);
  let handledRedirectUri: typeof Redirects.handledRedirectUri;
  let reportArrival: typeof Redirects.reportArrival;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'redirects-'));
    ({ handledRedirectUri, reportArrival } = await withoutVscode<typeof Redirects>('signInPage', folder, vscode));
  });
  after(() => rm(folder, { recursive: true }));

  const chosen = (place: Place, given?: 'loopback' | 'uri_handler') => {
    Object.assign(globalThis, { redirectPlace: place });
    return handledRedirectUri({ extensionKind: place.runsRemotely ? 2 : 1 }, given);
  };
  const loopback = undefined;
  const desktop = 'vscode://jwt-workbench.jwt-workbench/callback';
  const web = 'https://code.example/callback?vscode-reqid=1&of=vscode%3A%2F%2Fjwt-workbench';

  it('is the loopback address where the extension is on the machine of the browser', async () => {
    assert.equal(await chosen({}), loopback);
    assert.equal(await chosen({ remoteName: 'ssh-remote' }), loopback, 'the extension is not on the remote machine');
    assert.equal(await chosen({ page: 'http://127.0.0.1:8080' }), loopback);
  });

  it('is a URL that VS Code opens otherwise', async () => {
    assert.equal(await chosen({ remoteName: 'ssh-remote', runsRemotely: true }), desktop);
    assert.ok((await chosen({ page: 'https://code.example', remoteName: 'tunnel' }))?.startsWith(web));
    assert.equal(await chosen({ page: 'https://code.example', fails: true }), loopback, 'there is no such address');
  });

  it('says where to go in a window that has nothing to do with it, and nothing in the right one', () => {
    const told: string[] = Object(globalThis).redirectsTold;
    reportArrival('taken');
    assert.deepEqual(told, []);
    reportArrival('handed_over');
    assert.match(told[0] ?? '', /continues in the window where it started/);
    reportArrival('foreign');
    assert.match(
      told[1] ?? '',
      /was started on another machine\. Nothing was changed\. Start it again in the window where/,
    );
  });

  it("is what the caller says, then what the user's setting says, and never what a workspace says", async () => {
    assert.equal(await chosen({ setting: 'uri_handler' }), desktop);
    assert.equal(await chosen({ setting: 'uri_handler' }, 'loopback'), loopback);
    assert.equal(await chosen({}, 'uri_handler'), desktop);
    assert.equal(await chosen({ page: 'https://code.example', setting: 'loopback' }), loopback);
    assert.ok(await chosen({ page: 'https://code.example', setting: 'auto' }));
    await assert.rejects(chosen({ page: 'https://code.example', fails: true }, 'uri_handler'));
  });
});

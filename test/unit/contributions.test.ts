import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import type raw from '../../package.json';
import words from '../../package.nls.json' with { type: 'json' };
import {
  commands,
  contextKeys,
  extensionId,
  itemWords,
  settings,
  viewContainer,
  views,
} from '../../src/contributions.ts';
import { declaredCommands } from '../docs/commandTables.ts';

const source = readFileSync('package.json', 'utf8');
/** The manifest with its texts in place of the `%keys%`, as VS Code reads it. */
const manifest: typeof raw = JSON.parse(source, (_, value) => {
  const key = typeof value === 'string' && /^%([\w.]+)%$/.exec(value)?.[1];
  if (!key) return value;
  const word = (words as Record<string, string>)[key];
  if (word === undefined) throw new Error(`package.nls.json has no ${key}.`);
  return word;
});
const { contributes } = manifest;
const commandIds: readonly string[] = Object.values(commands);
const text = JSON.stringify(manifest);
const menuItems = Object.values(contributes.menus).flat() as {
  command: string;
  when?: string;
  group?: string;
}[];

/** Every `when` and `enablement` clause. */
const clauses = [...text.matchAll(/"(?:when|enablement)":("(?:[^"\\]|\\.)*")/g)].map(([, clause]) =>
  String(JSON.parse(clause ?? '""')),
);

function same(found: Iterable<string>, expected: Iterable<string>): void {
  assert.deepEqual([...found].sort(), [...expected].sort());
}

describe('package.json and src/contributions.ts', () => {
  it('name the same extension', () => {
    assert.equal(`${manifest.publisher}.${manifest.name}`, extensionId);
  });

  it('name the same commands, each once', () => {
    same(
      contributes.commands.map(({ command }) => command),
      commandIds,
    );
    for (const [name, command] of Object.entries(commands)) assert.equal(command, `${settings.section}.${name}`);
  });

  it('name the same views, in the same container', () => {
    same(Object.keys(contributes.views), [viewContainer]);
    same(
      contributes.viewsContainers.activitybar.map(({ id }) => id),
      [viewContainer],
    );
    same(
      Object.values(contributes.views)
        .flat()
        .map(({ id }) => id),
      Object.values(views),
    );
    for (const { view } of contributes.viewsWelcome) assert.ok(Object.values<string>(views).includes(view), view);
  });

  it('name the same settings', () => {
    const { section, ...names } = settings;
    same(
      Object.keys(contributes.configuration.properties),
      Object.values(names).map(name => `${section}.${name}`),
    );
  });

  it('read and set the same context keys', () => {
    const read = new Set(
      clauses
        .flatMap(clause => clause.match(/\bjwtWorkbench\.\w+/g) ?? [])
        .concat([...text.matchAll(/onContext:([\w.]+)/g)].map(([, key]) => String(key)))
        .filter(key => !Object.values<string>(views).includes(key)),
    );
    same(read, Object.values(contextKeys));
  });

  it('match rows by words that rows have', () => {
    const used = new Set<string>();
    for (const clause of clauses.filter(each => each.includes('viewItem'))) {
      const patterns = [...clause.matchAll(/viewItem =~ \/\\b\(?([\w|]+)\)?\\b\//g)];
      assert.equal(patterns.length, clause.split('viewItem').length - 1, clause);
      for (const [, pattern = ''] of patterns) for (const word of pattern.split('|')) used.add(word);
    }
    assert.ok(used.size > 0);
    for (const word of used) assert.ok(Object.keys(itemWords).includes(word), word);
    for (const [name, word] of Object.entries(itemWords)) assert.equal(name, word);
  });

  it('match no word by a part of another', () => {
    // `\b` matches at every hyphen and dot.
    for (const word of Object.keys(itemWords)) assert.match(word, /^\w+$/);
  });
});

describe('package.json', () => {
  it('puts only its own commands into menus, with an icon where only that shows', () => {
    const withIcon = new Set(contributes.commands.filter(({ icon }) => icon).map(({ command }) => command));
    for (const { command, group = '' } of menuItems) {
      assert.ok(commandIds.includes(command), command);
      if (/^(inline|navigation)/.test(group)) assert.ok(withIcon.has(command), command);
    }
  });

  /** The commands that the palette lists if these context keys are set. */
  function listed(...keys: readonly string[]): string[] {
    const holds = (term: string): boolean => {
      if (term.startsWith('!')) return !holds(term.slice(1));
      const [name = '', value] = term.split(/ (?:==|!=) /);
      return term === 'false' ? false : value === undefined ? keys.includes(name) : keys.includes(term);
    };
    const fits = (when: string) => when.split(' || ').some(all => all.split(' && ').every(holds));
    const clauseOf = new Map(contributes.menus.commandPalette.map(({ command, when }) => [command, when]));
    return Object.entries(commands).flatMap(([name, id]) => (fits(clauseOf.get(id) ?? 'true') ? [name] : []));
  }

  it('lists no command that cannot work', () => {
    const anywhere = ['decode', 'verify', 'decrypt', 'inspect', 'copyPayload', 'compare', 'openSettings', 'showLog'];
    same(listed('true'), anywhere);
    const trusted = [...anywhere, 'addConnection', 'importTokens', 'startMockIssuer', 'tortureClient'];
    same(listed('true', 'isWorkspaceTrusted'), trusted);
    same(listed('true', 'isWorkspaceTrusted', contextKeys.hasRememberedKeys), [...trusted, 'forgetKeys']);
    const { mockRunning, hasConnections, hasSignable, hasRefreshable, hasTokens, hasReplaced } = contextKeys;
    const added = ['removeConnection', 'setActive', 'showHistory', 'signOut', 'status', 'manageAccess', 'filter'];
    same(listed('true', hasConnections, hasSignable, hasRefreshable, hasTokens, hasReplaced), [...anywhere, ...added]);
    const signedOut = [...trusted, ...added, 'signIn', 'introspect', 'setIssuer'];
    const known = ['true', 'isWorkspaceTrusted', hasConnections, hasSignable];
    same(listed(...known), signedOut);
    const tokens = ['copyToken', 'copyAs', 'exchangeToken', 'userInfo', 'refresh', 'refreshAll'];
    same(listed(...known, hasRefreshable, hasTokens), [...signedOut, ...tokens]);
    const withMock = listed('true', mockRunning).filter(name => !anywhere.includes(name));
    assert.ok(withMock.includes('stopMockIssuer'));
    for (const name of withMock) assert.match(name, /Mock/);
    const faults = ['clearMockFaults', 'removeMockFault'];
    assert.ok(!faults.some(name => withMock.includes(name)));
    const { hasMockFault, hasMockFaults } = contextKeys;
    same(listed('true', mockRunning, hasMockFault, hasMockFaults), [...anywhere, ...withMock, ...faults]);
  });

  it('lists no command in Restricted Mode that is refused there', async () => {
    const { definitions } = await declaredCommands();
    const keys = Object.values(contextKeys).filter(key => key !== contextKeys.mockRunning);
    const restricted = listed('true', 'editorIsOpen', 'workspaceFolderCount != 0', ...keys);
    for (const { name, needsTrust } of definitions) assert.ok(!needsTrust || !restricted.includes(name), name);
  }).timeout(60_000);

  it('shows no menu item twice in one place', () => {
    for (const [menu, items] of Object.entries(contributes.menus)) {
      const places = (items as typeof menuItems).map(item => `${menu} ${item.command} ${item.group?.split('@')[0]}`);
      assert.equal(new Set(places).size, places.length, places.join('\n'));
    }
  });

  it('ties every view menu to its view', () => {
    for (const menu of ['view/title', 'view/item/context'] as const)
      for (const { when } of contributes.menus[menu]) assert.ok(when.includes(`view == ${views.connections}`), when);
  });

  it('links to commands that are there', () => {
    const linked = [...text.matchAll(/(?:\(command:|onCommand:)([\w.]+)/g)].map(([, command]) => String(command));
    assert.ok(linked.length > 0);
    for (const command of linked)
      assert.ok(commandIds.includes(command) || command === 'workbench.trust.manage', command);
  });

  it('gives every command a unique title, under one category', () => {
    const titles = contributes.commands.map(({ title, category }) => `${category}: ${title}`);
    assert.equal(new Set(titles).size, titles.length);
    for (const title of titles) assert.match(title, /^JWT Workbench: [A-Z](?:[^.]|\.json)*(?:\.\.\.)?$/);
  });

  it('has no command that docs/commands.md does not name', () => {
    const docs = readFileSync('docs/commands.md', 'utf8');
    for (const name of Object.keys(commands)) assert.ok(docs.includes(`\`${name}\``), name);
  });

  it('has no setting that docs/settings.md does not name', () => {
    const docs = readFileSync('docs/settings.md', 'utf8');
    for (const name of Object.keys(contributes.configuration.properties)) assert.ok(docs.includes(`\`${name}\``), name);
    const { items } = contributes.configuration.properties['jwtWorkbench.connections'];
    for (const name of Object.keys(items.properties)) assert.ok(docs.includes(`\`${name}\``), name);
  });

  it('starts when VS Code is ready, and lists no activation event that VS Code derives itself', () => {
    assert.deepEqual(manifest.activationEvents, ['onStartupFinished']);
  });

  it('runs on the user’s machine if possible, where secrets and the locks of all windows are', () => {
    assert.deepEqual(manifest.extensionKind, ['ui', 'workspace']);
  });

  it('lets only the user say where tokens go', () => {
    const { restrictedConfigurations } = manifest.capabilities.untrustedWorkspaces;
    for (const [name, { scope }] of Object.entries(contributes.configuration.properties)) {
      assert.equal(scope, 'application', name);
      assert.ok(restrictedConfigurations.includes(name), name);
    }
  });

  it('keeps its words for people in package.nls.json, each of them used, so that they can be translated', () => {
    const used = [...source.matchAll(/"%([\w.]+)%"/g)].map(([, key]) => String(key));
    same(new Set(used), Object.keys(words));
    const names = 'title|description|contents|markdownDescription|altText|(?:patternE|e)rrorMessage|label';
    const own = [...source.matchAll(new RegExp(`"(?:${names})": "([^%$][^"]*)"`, 'g'))].map(([, text]) => String(text));
    // Names that are the same in every language.
    same(new Set(own), ['JWT Workbench']);
    const lists = source.matchAll(/numDescriptions": \[([^\]]*)\]/g);
    for (const [, list = ''] of lists) assert.match(list, /^(?:\s*"%[\w.]+%",?)+\s*$/);
  });

  it('names files that are there', () => {
    const files = [...text.matchAll(/"((?:media|dist)\/[^"]+)"/g)].map(([, file]) => String(file));
    assert.ok(files.length > 0);
    for (const file of files) if (!file.startsWith('dist/')) assert.ok(existsSync(file), file);
  });
});

import { type ExtensionContext, ExtensionMode, env, commands as registry, UIKind, type Uri, workspace } from 'vscode';
import { type contextKeys, views } from './contributions.ts';
import { createVerifications } from './core/checks/verifications.ts';
import { WorkbenchError } from './core/errors.ts';
import { createDiscovery, resolveEndpoints } from './core/issuer/discovery.ts';
import type {
  Clock,
  Fetch,
  FileSearch,
  HistoryStore,
  Log,
  MutualTls,
  RedirectListener,
  RedirectPage,
  SharedLock,
  UnlockKey,
} from './core/ports.ts';
import { createLoading } from './core/records/changeRecord.ts';
import { createClockSkews, noteSkew } from './core/records/clockSkew.ts';
import { createHistories, createMemoryHistory } from './core/records/histories.ts';
import { createHandover, createJournalKeys } from './core/records/journalKeys.ts';
import { createKnownSecrets } from './core/records/knownSecrets.ts';
import type { StoredRecord } from './core/records/record.ts';
import {
  createSessions,
  isConfidential,
  isRefreshable,
  isSignable,
  isUnwritable,
  type Session,
} from './core/records/sessions.ts';
import { createVault, judgeKeeping, rememberedKeysName } from './core/records/vault.ts';
import { startAutoRefresh } from './core/refresh/autoRefresh.ts';
import { createRefresher } from './core/refresh/refresher.ts';
import { createSignIns } from './core/signIn/signOut.ts';
import { createPreviousTokens } from './core/view/sessionView.ts';
import { createLocalLock, lazy, pause, routeLock } from './core/waiting.ts';
import type { UriRedirects } from './platform/uriRedirect.ts';
import {
  type BrokerPlatform,
  createBrokerService,
  registerAuthenticationProvider,
} from './vscode/broker/brokerService.ts';
import { createConnections, createLog, createSecretStore, onDidChangeSettings } from './vscode/connections.ts';
import { setMenuKey, stepDone, tickWhenOpened } from './vscode/contextKeys.ts';
import { registerEditorFeatures } from './vscode/editor/register.ts';
import type { ConnectionsView, Services } from './vscode/frontDoor.ts';
import { createMockService, type MockService } from './vscode/mockIssuer.ts';
import { openLogChannel, viewMessage } from './vscode/screen.ts';
import { signInPage } from './vscode/signInPage.ts';
import { createStatusBar, createTicker } from './vscode/statusBar.ts';
import { memoryOnlyText, unwritableText } from './vscode/text/history.ts';
import { createTokenDocuments } from './vscode/tokenDocuments.ts';
import { createConnectionsTree } from './vscode/tree/provider.ts';

/** What differs between the Node host and the browser host. */
export interface Platform {
  readonly clock: Clock;
  /** Shared by all windows that share this window's SecretStorage. */
  readonly sharedLock: (log: Log) => SharedLock;
  readonly fetch: Fetch;
  /** Left out if client certificates are not supported. */
  readonly mutualTls?: MutualTls;
  readonly listenForRedirect: (page: (page: RedirectPage) => string, port?: number) => Promise<RedirectListener>;
  /** For redirect addresses that VS Code opens. One instance serves all sign-ins. */
  readonly uriRedirects: UriRedirects;
  /** Shared by all windows, like the lock. */
  readonly history: (log: Log) => HistoryStore;
  /** Sockets and files for the broker. */
  readonly broker: (log: Log) => BrokerPlatform;
  readonly fileSearch: (log: Log) => FileSearch;
  readonly unlockKey: UnlockKey;
  /** If set, the mock issuer starts at once with a connection named "Demo": see `demoVariable`. */
  readonly demo: string | undefined;
}

type Own = <T extends { dispose(): unknown }>(disposable: T) => T;

/**
 * Builds every service once and connects them, group by group; each group receives the earlier ones. Nothing here
 * waits.
 */
export function startExtension(context: ExtensionContext, view: ConnectionsView, platform: Platform): Services {
  const own: Own = disposable => {
    context.subscriptions.push(disposable);
    return disposable;
  };
  const onDemand = lazy(() => import('./vscode/onDemand.ts'));
  const storage = openStorage(own, context, platform);
  const issuers = reachIssuers(own, context, platform, storage, onDemand, view);
  const refreshing = keepFresh(own, platform, storage, issuers);
  const access = handOutTokens(own, context, platform, storage, issuers, refreshing);
  const mock = own(createMockService({ ...storage, ...refreshing, clock: platform.clock }));
  const secrets = own(createKnownSecrets(storage.sessions));
  const screen = showConnections(own, view, platform, storage, issuers, refreshing, access, mock, onDemand);

  const handlers = lazy(async () =>
    (await onDemand()).createHandlers({
      ...storage,
      ...issuers,
      ...refreshing,
      ...access,
      ...screen,
      own,
      mock,
      clock: platform.clock,
      secrets,
      secretStore: storage.secrets,
      discovery: async () => issuers.discovery,
      openBrowser: url => issuers.browser.open(url),
      files: platform.fileSearch(storage.log),
      unlockKey: platform.unlockKey,
      extensionUri: context.extensionUri,
      unattended: context.extensionMode === ExtensionMode.Test,
      ready: storage.loading.settled,
    }),
  );
  const { links } = registerEditorFeatures({
    own,
    sessions: storage.sessions,
    clock: platform.clock,
    verifications: issuers.verifications,
    features: onDemand,
    log: storage.log,
  });
  async function arrived(query: string): Promise<void> {
    const { reportArrival } = await onDemand();
    reportArrival(await platform.uriRedirects.arrived(new URLSearchParams(query)));
  }

  own(tickWhenOpened());
  own(onDidChangeSettings(storage.connections.reload));
  storage.connections.reload();
  if (platform.demo) startDemo(platform.demo, mock, screen.show, storage.log);
  return {
    tree: screen.tree,
    run: async (name, given) => (name === 'showLog' ? storage.channel.show() : (await handlers()).get(name)?.(given)),
    arrived,
    onDidChangeSession: listener => void own({ dispose: storage.sessions.onDidChange(listener) }),
    testing: {
      tree: screen.tree,
      secrets: context.secrets,
      browser: issuers.browser,
      handleUri: arrived,
      links,
    },
  };
}

/** From this number of connections on, the filter has a button above the view. */
const many = 8;

type SessionTest = (session: Session) => boolean;

/**
 * A context key is set while at least one connection meets its condition, so that menus list only commands that can
 * work.
 */
const menuConditions = {
  hasConnections: () => true,
  hasTokens: ({ record }) => (record?.tokens?.access_token ?? record?.tokens?.id_token) !== undefined,
  hasRefreshable: isRefreshable,
  hasSignable: isSignable,
  hasConfidential: isConfidential,
  hasReplaced: ({ record }) => record?.replaced !== undefined,
} satisfies Partial<Record<keyof typeof contextKeys, SessionTest>>;

/** The data of each connection, and where it is stored. */
function openStorage(own: Own, context: ExtensionContext, { clock, sharedLock, history }: Platform) {
  const channel = own(openLogChannel());
  const log = createLog(channel);
  const sessions = createSessions();
  const secrets = createSecretStore(context.secrets);
  const connections = createConnections(sessions, secrets);
  const vault = createVault(connections.storeFor, secrets);
  const files = sharedLock(log);
  const unshared = createLocalLock();
  const lock = routeLock(connections.isMemoryOnly, files, unshared);
  const keys = own(createJournalKeys({ secrets, lock: files, clock, log }));
  const handover = createHandover({ keys, log });
  const sharedHistory = history(log);
  // In a browser each window has its own memory; on the desktop it belongs to the process that starts extension hosts.
  const session = env.uiKind === UIKind.Web ? crypto.randomUUID() : `${process.ppid}`;
  const keeping = lazy(() => judgeKeeping({ secrets, marks: sharedHistory, clock, log, session }));
  const loading = own(createLoading({ vault, sessions, lock, handover, keeping }));
  const memoryHistory = createMemoryHistory();
  const storeFor = (id: string) => (connections.isMemoryOnly(id) ? memoryHistory : sharedHistory);
  const histories = createHistories({ storeFor, sessions, log });
  const previous = own(createPreviousTokens(sessions));

  function listChanged(): void {
    // Creates the journal's key before it is needed, while few windows are open.
    const isShared = sessions.list().some(({ memoryOnly }) => !memoryOnly);
    void loading.loadNew().then(() => (isShared ? keys.prepare() : undefined));
  }
  function tellMenus(): void {
    for (const [name, fits] of Object.entries(menuConditions) as [keyof typeof menuConditions, SessionTest][]) {
      void setMenuKey(name, sessions.list().some(fits));
    }
    void setMenuKey('hasManyConnections', sessions.list().length >= many);
    if (sessions.list().some(({ lastRefresh }) => lastRefresh?.outcome === 'refreshed')) stepDone('refreshed');
  }
  function tellRemembered(changed: string): void {
    if (changed !== rememberedKeysName) return;
    // Unreadable keys can be forgotten too, and the command reports what is wrong.
    const holds = secrets.get(changed).then(
      text => text !== undefined,
      () => true,
    );
    void holds.then(holds => setMenuKey('hasRememberedKeys', holds));
  }
  own({
    dispose: sessions.onDidChange(id => {
      if (id === undefined) listChanged();
      tellMenus();
    }),
  });
  own({ dispose: secrets.onDidChange(tellRemembered) });
  tellRemembered(rememberedKeysName);
  return {
    channel,
    log,
    sessions,
    secrets,
    connections,
    vault,
    lock,
    unshared,
    handover,
    keeping,
    loading,
    histories,
    previous,
  };
}
type Storage = ReturnType<typeof openStorage>;
type OnDemand = () => Promise<typeof import('./vscode/onDemand.ts')>;

/** Services that send requests to issuers and check their signatures. Loaded at first use. */
function reachIssuers(
  own: Own,
  context: ExtensionContext,
  platform: Platform,
  storage: Storage,
  onDemand: OnDemand,
  view: ConnectionsView,
) {
  const { clock, fetch, mutualTls, listenForRedirect, uriRedirects } = platform;
  const { sessions, histories } = storage;
  const skews = createClockSkews();
  const discovery = createDiscovery({ fetch, clock });
  // Passes the text instead of a Uri, which would encode the query differently from what issuers compare
  // (microsoft/vscode#85930).
  const browser = { open: (url: string) => env.openExternal(url as unknown as Uri) };
  const issuerClient = lazy(async () =>
    (await import('./core/signIn/signIn.ts')).createIssuerClient({
      ...storage,
      fetch,
      mutualTls,
      discovery,
      clock,
      aheadOf: connection => sessions.get(connection.id)?.clockSkew?.ahead ?? 0,
      async listen({ way, port }) {
        const uri = await (await onDemand()).handledRedirectUri(context.extension, way);
        return uri === undefined ? listenForRedirect(signInPage, port) : uriRedirects.listen(uri);
      },
      openBrowser: async url => browser.open(url),
      onAnswer(connection, answer) {
        if (answer.endpoint === 'token_endpoint') histories.noteAnswer(connection.id, answer.status, answer.receivedAt);
        noteSkew({ skews, sessions }, connection, answer);
      },
    }),
  );
  const verifier = lazy(async () => (await onDemand()).createVerifier({ fetch, clock, discovery, skews }));
  return {
    discovery,
    browser,
    issuerClient,
    verifier,
    signIns: own(createSignIns(issuerClient)),
    verifications: createVerifications({
      sessions,
      clock,
      verify: async (...asked) => (await verifier()).verifySession(...asked),
      allowed: () => view.visible && workspace.isTrusted,
      log: storage.log,
    }),
    async revoke(id: string, record: StoredRecord, signal: AbortSignal) {
      const connection = sessions.connection(id);
      return connection ? (await issuerClient()).revoke(connection, record, signal) : { revoked: false };
    },
    async proof(id: string, accessToken: string, url: string, method?: string) {
      const { connection, record } = sessions.get(id) ?? {};
      if (connection === undefined) throw new WorkbenchError('connection_unknown', { connection: id });
      return (await issuerClient()).proof(connection, record?.dpop_key, accessToken, url, method);
    },
  };
}
type Issuers = ReturnType<typeof reachIssuers>;

/** Refreshes on request, and automatically in a trusted workspace. */
function keepFresh(own: Own, { clock }: Platform, storage: Storage, { discovery, issuerClient, signIns }: Issuers) {
  const refresher = own(
    createRefresher({
      ...storage,
      clock,
      tokenClient: async () => (await issuerClient()).tokenClient,
      finished: storage.histories.add,
      discarded: signIns.cancel,
      endpointsOf: (connection, signal) => resolveEndpoints(connection, discovery, signal),
    }),
  );
  const { sessions } = storage;
  const allowed = () => workspace.isTrusted;
  const autoRefresh = own(startAutoRefresh({ sessions, refresher, clock, jitter: Math.random(), allowed }));
  own(workspace.onDidGrantWorkspaceTrust(autoRefresh.reschedule));
  return { refresher, autoRefresh };
}
type Refreshing = ReturnType<typeof keepFresh>;

/** The single place where terminals, tasks, commands and other extensions get tokens. */
function handOutTokens(
  own: Own,
  context: ExtensionContext,
  { clock, broker: platform }: Platform,
  storage: Storage,
  { proof }: Issuers,
  { refresher }: Refreshing,
) {
  const { broker, consents, workspaceAsker } = own(
    createBrokerService({
      ...storage,
      refresher,
      clock,
      proof,
      platform: platform(storage.log),
      environment: context.environmentVariableCollection,
      extensionKind: context.extension.extensionKind,
    }),
  );
  own(registerAuthenticationProvider({ ...storage, broker: () => broker }));
  return { broker: () => broker, consents: () => consents, workspaceAsker };
}
type Access = ReturnType<typeof handOutTokens>;

/** The tree, the status bar and documents with decoded tokens. */
function showConnections(
  own: Own,
  view: ConnectionsView,
  { clock }: Platform,
  storage: Storage,
  { verifications }: Issuers,
  { autoRefresh: { plan } }: Refreshing,
  { broker }: Access,
  mock: MockService,
  items: OnDemand,
) {
  const ticker = own(createTicker(clock));
  const { due } = ticker;
  const tree = own(
    createConnectionsTree({ ...storage, verifications, clock, due, plan, mock, items, broker: broker() }),
  );
  own(view.onDidExpandElement(({ element }) => tree.opened(element, true)));
  own(view.onDidCollapseElement(({ element }) => tree.opened(element, false)));
  const statusBar = own(createStatusBar(storage.sessions, clock, plan, due, verifications));
  const tick = () => view.visible && tree.tick();
  const visible = () => {
    tick();
    if (view.visible) tree.seen();
    else verifications.unseen();
  };
  ticker.onTick(tick);
  ticker.onTick(statusBar.tick);
  own(view.onDidChangeVisibility(visible));
  own(workspace.onDidGrantWorkspaceTrust(visible));
  const { sessions } = storage;
  const unwritable = () =>
    sessions.list().some(({ lastRefresh }) => lastRefresh?.error && isUnwritable(lastRefresh.error));
  let losesSecrets = false;
  function tellAbove(): void {
    // Without connections there is no message, because VS Code hides the buttons of the empty view behind it.
    const concerns = losesSecrets && sessions.list().some(({ memoryOnly }) => !memoryOnly);
    viewMessage(
      view,
      unwritable() ? unwritableText() : concerns ? memoryOnlyText(env.uiKind === UIKind.Web) : undefined,
    );
  }
  own({ dispose: sessions.onDidChange(tellAbove) });
  void storage.keeping().then(keeping => {
    losesSecrets = keeping === 'memory_only';
    if (losesSecrets) tellAbove();
  });
  return {
    tree,
    statusBar,
    documents: own(createTokenDocuments()),
    /** Selects the row of a connection and expands it. */
    async show(id: string) {
      const node = { kind: 'connection', id } as const;
      // VS Code does not expand a row that it is redrawing, as it does when tokens come in, so this is repeated.
      for (let attempt = 1; attempt <= 5; attempt++) {
        await view.reveal(node, { expand: true, focus: false });
        if (tree.isExpanded(node) || !sessions.get(id)?.record?.tokens) return;
        await pause(clock, 200);
      }
    },
  };
}

/** Starts what `npm start` shows: a mock issuer with one signed-in connection. */
function startDemo(demo: string, mock: MockService, show: (id: string) => unknown, log: Log): void {
  if (demo === 'shown') void registry.executeCommand(`${views.connections}.focus`);
  const options = { accessTokenLifetime: 60, idTokenLifetime: 60, rotation: 'strict' } as const;
  void mock
    .start(options, 'Demo')
    .then(({ connection }) => show(connection))
    .catch(error => log('error', 'the demo did not start', { error }));
}

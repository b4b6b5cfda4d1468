import { type ExtensionContext, ExtensionMode, env, commands as registry, type Uri, workspace } from 'vscode';
import { contextKeys, views } from './contributions.ts';
import { createVerifications } from './core/checks/verifications.ts';
import { WorkbenchError } from './core/errors.ts';
import { createDiscovery, resolveEndpoints } from './core/issuer/discovery.ts';
import { lazy } from './core/lazy.ts';
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
} from './core/ports.ts';
import { createClockSkews, noteSkew } from './core/records/clockSkew.ts';
import { bindingOf } from './core/records/connection.ts';
import { createHandover } from './core/records/handover.ts';
import { createJournalKeys } from './core/records/journalKeys.ts';
import { createKnownSecrets } from './core/records/knownSecrets.ts';
import { createLoading } from './core/records/loading.ts';
import { createSessions, isUnwritable } from './core/records/sessions.ts';
import { createVault } from './core/records/vault.ts';
import { startAutoRefresh } from './core/refresh/autoRefresh.ts';
import { createHistories, createMemoryHistory } from './core/refresh/histories.ts';
import { createRefresher } from './core/refresh/refresher.ts';
import { createSignIns } from './core/signIn/signIns.ts';
import { createPreviousTokens } from './core/view/previousTokens.ts';
import { createLocalLock, routeLock } from './platform/localLock.ts';
import type { UriRedirects } from './platform/uriRedirect.ts';
import { registerAuthenticationProvider } from './vscode/broker/authenticationProvider.ts';
import { type BrokerPlatform, createBrokerService } from './vscode/broker/brokerService.ts';
import { createConnections } from './vscode/connections.ts';
import { registerEditorFeatures } from './vscode/editor/register.ts';
import type { ConnectionsView, Services } from './vscode/frontDoor.ts';
import { createLog } from './vscode/log.ts';
import { createMockService } from './vscode/mockIssuer.ts';
import { openLogChannel, viewMessage } from './vscode/screen.ts';
import { createSecretStore } from './vscode/secretStore.ts';
import { onDidChangeSettings } from './vscode/settings.ts';
import { signInPage } from './vscode/signInPage.ts';
import { createStatusBar } from './vscode/statusBar.ts';
import { unwritableText } from './vscode/text/plans.ts';
import { createTicker } from './vscode/ticker.ts';
import { createTokenDocuments } from './vscode/tokenDocuments.ts';
import { createConnectionsTree } from './vscode/tree/provider.ts';

/** What differs between the Node host and the browser host. */
export interface Platform {
  readonly clock: Clock;
  /** Among all windows that share this one's SecretStorage. */
  readonly sharedLock: (log: Log) => SharedLock;
  readonly fetch: Fetch;
  /** Left out where there are no client certificates. */
  readonly mutualTls?: MutualTls;
  readonly listenForRedirect: (page: (page: RedirectPage) => string, port?: number) => Promise<RedirectListener>;
  /** For addresses that VS Code opens; one for all sign-ins. */
  readonly uriRedirects: UriRedirects;
  /** Shared by all windows, like the lock. */
  readonly history: HistoryStore;
  /** What the broker listens with. */
  readonly broker: (log: Log) => BrokerPlatform;
  readonly fileSearch: (log: Log) => FileSearch;
  /** Whether the mock issuer starts at once with a connection named "Demo": see `demoVariable`. */
  readonly demo: string | undefined;
}

/** Builds every service once and wires them. Nothing here waits. */
export function startExtension(
  context: ExtensionContext,
  view: ConnectionsView,
  {
    clock,
    sharedLock,
    fetch,
    mutualTls,
    listenForRedirect,
    uriRedirects,
    history,
    broker: brokerPlatform,
    fileSearch,
    demo,
  }: Platform,
): Services {
  const own = <T extends { dispose(): unknown }>(disposable: T): T => {
    context.subscriptions.push(disposable);
    return disposable;
  };

  // What is known and where it is kept
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
  const loading = own(createLoading({ vault, sessions, lock, handover }));

  const memoryHistory = createMemoryHistory();
  const previous = own(createPreviousTokens(sessions));
  const histories = createHistories({
    storeFor: id => (connections.isMemoryOnly(id) ? memoryHistory : history),
    sessions,
    log,
  });

  // What is loaded when somebody looks or asks
  const onDemand = lazy(() => import('./vscode/onDemand.ts'));

  // What talks to issuers
  const skews = createClockSkews();
  const discovery = createDiscovery({ fetch, clock });
  const verifier = lazy(async () =>
    (await import('./core/checks/verifier.ts')).createVerifier({ fetch, clock, discovery, skews }),
  );
  // The text and no Uri, whose way of writing a query is not everybody's (microsoft/vscode#85930).
  const browser = { open: (url: string) => env.openExternal(url as unknown as Uri) };
  const issuerClient = lazy(async () =>
    (await import('./core/signIn/issuerClient.ts')).createIssuerClient({
      fetch,
      mutualTls,
      discovery,
      clock,
      vault,
      lock,
      handover,
      sessions,
      aheadOf: connection => sessions.get(connection.id)?.clockSkew?.ahead ?? 0,
      async listen({ way, port }) {
        const uri = await (await onDemand()).handledRedirectUri(context.extension, way);
        return uri === undefined ? listenForRedirect(signInPage, port) : uriRedirects.listen(uri);
      },
      openBrowser: async url => browser.open(url),
      heard(connection, answer) {
        if (answer.endpoint === 'token_endpoint') histories.heard(connection.id, answer.status, answer.receivedAt);
        noteSkew({ skews, sessions }, connection, answer);
      },
    }),
  );
  const tokenClient = async () => (await issuerClient()).tokenClient;
  const signIns = own(createSignIns(issuerClient));
  const verifications = createVerifications({
    sessions,
    clock,
    verify: async (...asked) => (await verifier()).verifySession(...asked),
  });
  const refresher = own(
    createRefresher({
      vault,
      lock,
      unshared,
      handover,
      sessions,
      clock,
      log,
      tokenClient,
      finished: histories.add,
      discarded: signIns.cancel,
      bindingOf: async (connection, signal) =>
        bindingOf(connection, (await resolveEndpoints(connection, discovery, signal)).token_endpoint),
    }),
  );
  const autoRefresh = own(
    startAutoRefresh({
      sessions,
      refresher,
      clock,
      jitter: Math.random(),
      allowed: () => workspace.isTrusted,
    }),
  );
  own(workspace.onDidGrantWorkspaceTrust(autoRefresh.reschedule));
  async function proofOf(id: string, accessToken: string, url: string, method?: string): Promise<string> {
    const { connection, record } = sessions.get(id) ?? {};
    if (connection === undefined) throw new WorkbenchError('connection_unknown', { connection: id });
    return (await issuerClient()).proof(connection, record?.dpop_key, accessToken, url, method);
  }
  const service = own(
    createBrokerService({
      sessions,
      refresher,
      clock,
      log,
      secrets,
      platform: brokerPlatform(log),
      environment: context.environmentVariableCollection,
      extensionKind: context.extension.extensionKind,
      proof: proofOf,
    }),
  );
  own(registerAuthenticationProvider({ sessions, broker: () => service.broker }));
  const mock = own(createMockService({ vault, lock, handover, sessions, connections, histories, clock }));

  // What people see
  const ticker = own(createTicker(clock));
  const tree = own(
    createConnectionsTree({
      sessions,
      verifications,
      histories,
      clock,
      log,
      due: ticker.due,
      plan: autoRefresh.plan,
      items: onDemand,
    }),
  );
  own(view.onDidExpandElement(({ element }) => tree.opened(element, true)));
  own(view.onDidCollapseElement(({ element }) => tree.opened(element, false)));
  const statusBar = own(createStatusBar(sessions, clock, autoRefresh.plan, ticker.due));
  const documents = own(createTokenDocuments());
  const show = (id: string) => view.reveal({ kind: 'connection', id }, { expand: true, focus: false });
  const tick = () => view.visible && tree.tick();
  ticker.onTick(tick);
  ticker.onTick(statusBar.tick);
  own(view.onDidChangeVisibility(tick));
  const unwritable = () =>
    sessions.list().some(({ lastRefresh }) => lastRefresh?.error && isUnwritable(lastRefresh.error));
  const explain = () => viewMessage(view, unwritable() ? unwritableText() : undefined);
  own({ dispose: sessions.onDidChange(explain) });
  own({
    dispose: sessions.onDidChange(id => {
      if (id !== undefined) return;
      void registry.executeCommand('setContext', contextKeys.hasConnections, sessions.list().length > 0);
      // The key to what windows hand each other: made before it is needed, while few windows are open.
      const isShared = sessions.list().some(({ memoryOnly }) => !memoryOnly);
      void loading.loadNew().then(() => (isShared ? keys.prepare() : undefined));
    }),
  });

  const known = own(createKnownSecrets(sessions));
  const handlers = lazy(async () =>
    (await onDemand()).createHandlers({
      ...{ own, log, clock, sessions, connections, vault, lock, handover, histories, previous, secrets: known },
      ...{ refresher, signIns, issuerClient, verifier, mock, statusBar, documents, show, secretStore: secrets },
      files: fileSearch(log),
      extensionUri: context.extensionUri,
      unattended: context.extensionMode === ExtensionMode.Test,
      discovery: async () => discovery,
      openBrowser: url => browser.open(url),
      proof: proofOf,
      broker: () => service.broker,
      consents: () => service.consents,
      workspaceAsker: service.workspaceAsker,
      async revoke(id, record, signal) {
        const connection = sessions.connection(id);
        return connection ? (await issuerClient()).revoke(connection, record, signal) : { revoked: false };
      },
      ready: loading.settled,
    }),
  );
  const { links } = registerEditorFeatures({
    own,
    sessions,
    clock,
    features: onDemand,
  });

  own(onDidChangeSettings(connections.reload));
  connections.reload();
  if (demo) {
    if (demo === 'shown') void registry.executeCommand(`${views.connections}.focus`);
    const options = { accessTokenLifetime: 60, idTokenLifetime: 60, rotation: 'strict' } as const;
    void mock
      .start(options, 'Demo')
      .then(({ connection }) => show(connection))
      .catch(error => log('error', 'the demo did not start', { error }));
  }

  async function arrived(query: string): Promise<void> {
    const { reportArrival } = await onDemand();
    reportArrival(await uriRedirects.arrived(new URLSearchParams(query)));
  }

  return {
    tree,
    run: async (name, given) => (name === 'showLog' ? channel.show() : (await handlers()).get(name)?.(given)),
    arrived,
    onDidChangeSession: listener => void own({ dispose: sessions.onDidChange(listener) }),
    testing: { tree, secrets: context.secrets, browser, handleUri: arrived, links },
  };
}

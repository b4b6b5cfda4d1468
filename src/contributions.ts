/**
 * Every id that package.json contributes, once and typed. test/unit/contributions.test.ts checks that the manifest and
 * this file match.
 */
export const extensionId = 'jwt-workbench.jwt-workbench';
export const viewContainer = 'jwtWorkbench';

export const views = { connections: 'jwtWorkbench.connections' } as const;

export const settings = {
  section: 'jwtWorkbench',
  connections: 'connections',
  redirect: 'redirect',
  broker: 'broker',
  // How tokens are shown in documents
  hover: 'hover',
  codeLens: 'codeLens',
  inlayHints: 'inlayHints',
  colorTokens: 'colorTokens',
  diagnostics: 'diagnostics',
  terminalLinks: 'terminalLinks',
  warnWhenStaged: 'warnWhenStaged',
  confirmCommands: 'confirmCommands',
} as const;

/** Theme colours of the parts of a token, and of an expired token. */
export const colors = {
  header: 'jwtWorkbench.headerForeground',
  payload: 'jwtWorkbench.payloadForeground',
  signature: 'jwtWorkbench.signatureForeground',
  expired: 'jwtWorkbench.expiredForeground',
} as const;

export const commands = {
  addConnection: 'jwtWorkbench.addConnection',
  removeConnection: 'jwtWorkbench.removeConnection',
  setIssuer: 'jwtWorkbench.setIssuer',
  setClientSecret: 'jwtWorkbench.setClientSecret',
  importTokens: 'jwtWorkbench.importTokens',
  undoImport: 'jwtWorkbench.undoImport',
  refresh: 'jwtWorkbench.refresh',
  refreshAll: 'jwtWorkbench.refreshAll',
  signIn: 'jwtWorkbench.signIn',
  copySignInLink: 'jwtWorkbench.copySignInLink',
  signOut: 'jwtWorkbench.signOut',
  exchangeToken: 'jwtWorkbench.exchangeToken',
  introspect: 'jwtWorkbench.introspect',
  userInfo: 'jwtWorkbench.userInfo',
  copyToken: 'jwtWorkbench.copyToken',
  copyAs: 'jwtWorkbench.copyAs',
  status: 'jwtWorkbench.status',
  filter: 'jwtWorkbench.filter',
  decode: 'jwtWorkbench.decode',
  verify: 'jwtWorkbench.verify',
  decrypt: 'jwtWorkbench.decrypt',
  forgetKeys: 'jwtWorkbench.forgetKeys',
  startMockIssuer: 'jwtWorkbench.startMockIssuer',
  startMockFromFile: 'jwtWorkbench.startMockFromFile',
  stopMockIssuer: 'jwtWorkbench.stopMockIssuer',
  copyMockAddress: 'jwtWorkbench.copyMockAddress',
  setMockFaults: 'jwtWorkbench.setMockFaults',
  clearMockFaults: 'jwtWorkbench.clearMockFaults',
  removeMockFault: 'jwtWorkbench.removeMockFault',
  moveMockClock: 'jwtWorkbench.moveMockClock',
  tortureClient: 'jwtWorkbench.tortureClient',
  copyValue: 'jwtWorkbench.copyValue',
  setActive: 'jwtWorkbench.setActive',
  openSettings: 'jwtWorkbench.openSettings',
  showHistory: 'jwtWorkbench.showHistory',
  showLog: 'jwtWorkbench.showLog',
  copyPayload: 'jwtWorkbench.copyPayload',
  decodeSelection: 'jwtWorkbench.decodeSelection',
  inspect: 'jwtWorkbench.inspect',
  compare: 'jwtWorkbench.compare',
  findLeaks: 'jwtWorkbench.findLeaks',
  clearLeaks: 'jwtWorkbench.clearLeaks',
  moveToken: 'jwtWorkbench.moveToken',
  // Using tokens elsewhere
  getToken: 'jwtWorkbench.getToken',
  insertToken: 'jwtWorkbench.insertToken',
  replaceToken: 'jwtWorkbench.replaceToken',
  useInConfiguration: 'jwtWorkbench.useInConfiguration',
  manageAccess: 'jwtWorkbench.manageAccess',
} as const;
export type CommandName = keyof typeof commands;

/** The authentication provider for other extensions. */
export const authenticationProvider = 'jwtWorkbench';

/** Set with `setContext` and read by `when` clauses. */
export const contextKeys = {
  mockRunning: 'jwtWorkbench.mockRunning',
  /** The mock issuer has a fault that can be removed. */
  hasMockFault: 'jwtWorkbench.hasMockFault',
  /** The mock issuer has such a fault, or one that is used up and still shown. */
  hasMockFaults: 'jwtWorkbench.hasMockFaults',
  hasConnections: 'jwtWorkbench.hasConnections',
  /** So many that a filter helps to find one. */
  hasManyConnections: 'jwtWorkbench.hasManyConnections',
  /** A connection holds an access token or an ID token. */
  hasTokens: 'jwtWorkbench.hasTokens',
  hasRefreshable: 'jwtWorkbench.hasRefreshable',
  hasSignable: 'jwtWorkbench.hasSignable',
  hasConfidential: 'jwtWorkbench.hasConfidential',
  /** The refresh token that an import replaced can be restored. */
  hasReplaced: 'jwtWorkbench.hasReplaced',
  /** A sign-in waits for the browser. */
  signingIn: 'jwtWorkbench.signingIn',
  /** Keys are remembered, or the stored keys cannot be read. */
  hasRememberedKeys: 'jwtWorkbench.hasRememberedKeys',
  /** Find Tokens has results. */
  hasLeaks: 'jwtWorkbench.hasLeaks',
  // Steps of the walkthrough. A key is set for a moment, which ticks its step: see vscode/contextKeys.ts.
  mockStarted: 'jwtWorkbench.mockStarted',
  connected: 'jwtWorkbench.connected',
  imported: 'jwtWorkbench.imported',
  refreshed: 'jwtWorkbench.refreshed',
  used: 'jwtWorkbench.used',
} as const;

export type StepName = 'mockStarted' | 'connected' | 'imported' | 'refreshed' | 'used';

/** Words of the `viewItem` values of tree items. The manifest matches them with regular expressions. */
export const itemWords = {
  connection: 'connection',
  refreshable: 'refreshable',
  signedIn: 'signedIn',
  /** What is stored cannot be read. */
  unreadable: 'unreadable',
  signable: 'signable',
  confidential: 'confidential',
  signedOut: 'signedOut',
  /** The refresh token that an import replaced can be restored. */
  replaced: 'replaced',
  memoryOnly: 'memoryOnly',
  configured: 'configured',
  problem: 'problem',
  access_token: 'access_token',
  id_token: 'id_token',
  refresh_token: 'refresh_token',
  value: 'value',
  verification: 'verification',
  history: 'history',
  mock: 'mock',
  mockFaults: 'mockFaults',
  mockFault: 'mockFault',
  mockClock: 'mockClock',
} as const;

/**
 * If this environment variable is set, the mock issuer starts at once, with one signed-in connection named "Demo". The
 * value `shown` also opens the view.
 */
export const demoVariable = 'JWT_WORKBENCH_DEMO';

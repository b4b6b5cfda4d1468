/**
 * Every id that package.json contributes, once and typed. test/unit/contributions.test.ts holds the manifest to
 * this file and this file to the manifest.
 */
export const extensionId = 'jwt-workbench.jwt-workbench';
export const viewContainer = 'jwtWorkbench';

export const views = { connections: 'jwtWorkbench.connections' } as const;

export const settings = {
  section: 'jwtWorkbench',
  connections: 'connections',
  redirect: 'redirect',
  broker: 'broker',
  // What is shown of tokens in documents
  hover: 'hover',
  codeLens: 'codeLens',
  inlayHints: 'inlayHints',
  colorTokens: 'colorTokens',
  diagnostics: 'diagnostics',
  terminalLinks: 'terminalLinks',
  warnWhenStaged: 'warnWhenStaged',
  confirmCommands: 'confirmCommands',
} as const;

/** Theme colours of the parts of a token, and of one that has ended. */
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
  // The token where it is used
  getToken: 'jwtWorkbench.getToken',
  insertToken: 'jwtWorkbench.insertToken',
  replaceToken: 'jwtWorkbench.replaceToken',
  useInConfiguration: 'jwtWorkbench.useInConfiguration',
  manageAccess: 'jwtWorkbench.manageAccess',
} as const;
export type CommandName = keyof typeof commands;

/** The authentication provider for other extensions. */
export const authenticationProvider = 'jwtWorkbench';

/** Set with `setContext`, read by `when` clauses. */
export const contextKeys = {
  mockRunning: 'jwtWorkbench.mockRunning',
  /** The mock issuer has a fault that can be removed. */
  hasMockFault: 'jwtWorkbench.hasMockFault',
  /** Or one that is used up and still shown. */
  hasMockFaults: 'jwtWorkbench.hasMockFaults',
  hasConnections: 'jwtWorkbench.hasConnections',
  /** A connection holds an access token or an ID token. */
  hasTokens: 'jwtWorkbench.hasTokens',
  hasRefreshable: 'jwtWorkbench.hasRefreshable',
  hasSignable: 'jwtWorkbench.hasSignable',
  hasConfidential: 'jwtWorkbench.hasConfidential',
  /** The refresh token that an import replaced can be put back. */
  hasReplaced: 'jwtWorkbench.hasReplaced',
  /** A sign-in waits for the browser. */
  signingIn: 'jwtWorkbench.signingIn',
  /** A key is remembered, or something that cannot be read as keys. */
  hasRememberedKeys: 'jwtWorkbench.hasRememberedKeys',
  /** Find Tokens has listed something. */
  hasLeaks: 'jwtWorkbench.hasLeaks',
  // Steps of the walkthrough: each is set when its step is done, and ticks it.
  connected: 'jwtWorkbench.connected',
  imported: 'jwtWorkbench.imported',
  refreshed: 'jwtWorkbench.refreshed',
  used: 'jwtWorkbench.used',
} as const;

/** `viewItem` values of tree items; the manifest matches their words with regular expressions. */
export const itemWords = {
  connection: 'connection',
  refreshable: 'refreshable',
  signedIn: 'signedIn',
  signable: 'signable',
  confidential: 'confidential',
  signedOut: 'signedOut',
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

/** Where it is set the mock issuer runs at once, with one signed-in connection named "Demo"; `shown` opens the view too. */
export const demoVariable = 'JWT_WORKBENCH_DEMO';

import type { Uri } from 'vscode';
import type { Broker, Consents } from '../../core/broker/broker.ts';
import type { RememberedKeys } from '../../core/checks/rememberedKeys.ts';
import type { Verifier } from '../../core/checks/verifier.ts';
import type { Discovery } from '../../core/issuer/discovery.ts';
import type { Clock, FileSearch, Log, SharedLock, UnlockKey } from '../../core/ports.ts';
import type { Histories } from '../../core/records/histories.ts';
import type { Handover } from '../../core/records/journalKeys.ts';
import type { KnownSecrets } from '../../core/records/knownSecrets.ts';
import type { Asker, Sessions } from '../../core/records/sessions.ts';
import type { Vault } from '../../core/records/vault.ts';
import type { Refresher } from '../../core/refresh/refresher.ts';
import type { IssuerClient } from '../../core/signIn/signIn.ts';
import type { RevokingParts, SignIns } from '../../core/signIn/signOut.ts';
import type { PreviousTokens } from '../../core/view/sessionView.ts';
import type { Connections } from '../connections.ts';
import type { MockService } from '../mockIssuer.ts';
import type { KeyChooser } from '../prompts/keys.ts';
import type { StatusBar } from '../statusBar.ts';
import type { TokenDocuments } from '../tokenDocuments.ts';
import type { createLeakList } from './leaks.ts';

type LeakList = ReturnType<typeof createLeakList>;

/** The services built by src/extension.ts, by name. */
export interface Services {
  readonly own: <T extends { dispose(): unknown }>(disposable: T) => T;
  readonly log: Log;
  readonly clock: Clock;
  readonly sessions: Sessions;
  readonly connections: Connections;
  readonly vault: Vault;
  readonly lock: SharedLock;
  readonly files: FileSearch;
  readonly unlockKey: UnlockKey;
  readonly handover: Handover;
  readonly histories: Histories;
  readonly previous: PreviousTokens;
  readonly secrets: KnownSecrets;
  readonly refresher: Refresher;
  readonly signIns: SignIns;
  readonly discovery: () => Promise<Discovery>;
  readonly issuerClient: () => Promise<IssuerClient>;
  /** Creates a DPoP proof for a GET of this URL with this access token (RFC 9449). */
  readonly proof: (id: string, accessToken: string, url: string) => Promise<string>;
  readonly revoke: RevokingParts['revoke'];
  readonly broker: () => Broker;
  readonly consents: () => Consents;
  /** The asker for tasks and launch configurations of this workspace. */
  readonly workspaceAsker: () => Asker;
  readonly openBrowser: (url: string) => unknown;
  readonly verifier: () => Promise<Verifier>;
  readonly keys: KeyChooser;
  readonly remembered: RememberedKeys;
  readonly mock: MockService;
  readonly statusBar: StatusBar;
  readonly documents: TokenDocuments;
  /** The results of Find Tokens in the Problems panel. */
  readonly leakList: LeakList;
  /** Reveals a connection in the sidebar. */
  readonly show: (id: string) => unknown;
  readonly extensionUri: Uri;
  /** Resolves when the stored data was read. Commands wait for it, so that none works on partial data. */
  readonly ready: () => Promise<void>;
  /** A test runs the extension, so there is no user to answer questions. */
  readonly unattended: boolean;
}

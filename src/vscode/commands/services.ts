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

/** What src/extension.ts builds, by name. A command takes those that it needs. */
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
  /** A proof for one GET of the address with that access token (RFC 9449). */
  readonly proof: (id: string, accessToken: string, url: string) => Promise<string>;
  readonly revoke: RevokingParts['revoke'];
  readonly broker: () => Broker;
  readonly consents: () => Consents;
  /** The asker that tasks and launch configurations of this workspace are. */
  readonly workspaceAsker: () => Asker;
  readonly openBrowser: (url: string) => unknown;
  readonly verifier: () => Promise<Verifier>;
  readonly keys: KeyChooser;
  readonly remembered: RememberedKeys;
  readonly mock: MockService;
  readonly statusBar: StatusBar;
  readonly documents: TokenDocuments;
  /** What Find Tokens has listed under Problems. */
  readonly leakList: LeakList;
  /** Shows a connection in the sidebar. */
  readonly show: (id: string) => unknown;
  readonly extensionUri: Uri;
  /** Resolves when what is stored has been read: no command answers from half a picture. */
  readonly ready: () => Promise<void>;
  /** A test runs the extension: no user can answer a question. */
  readonly unattended: boolean;
}
